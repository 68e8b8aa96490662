/* SPDX-License-Identifier: MIT */
/*
 * src/columns/columns_choice.h - a column's texts on their way into streams.
 *
 * Layer  columns.
 */
#ifndef SLG_COLUMNS_CHOICE_H
#define SLG_COLUMNS_CHOICE_H

#include "src/columns/columns_stream.h"

/* Texts on their way into streams, and what they were best so far. */
struct slg_choice {
    struct slg_encoder *encoder;
    const struct slg_values *values;
    const struct slg_text *texts; /* whole */
    const struct slg_text *inner; /* without what all begin and end with */
    size_t count;
    size_t prefix, suffix;
    struct slg_out *best, *trial;
    size_t best_cost;
    size_t distinct;  /* texts of the dictionary that is the best */
    bool is_quick;    /* the first that fits is taken, with few exceptions */
    int64_t *numbers; /* room for count */
    struct slg_context context, best_context;
};

/* What every column begins with; of affixes, if it can have them. */
void
slg_choice_head(const struct slg_choice *choice, struct slg_out *out,
                unsigned type, bool has_affix);
/* The trial is the best. */
void
slg_choice_take(struct slg_choice *choice);
/* The trial is complete: keep it if it is the best. */
void
slg_choice_judge(struct slg_choice *choice);
/* The trial is complete, and if there is little time it is good enough. */
bool
slg_choice_suit(struct slg_choice *choice);

/* -- columns_forms.c ------------------------------------------------------- */

/* Each: false: the texts are none of these. */
bool
slg_choice_decimal(struct slg_choice *choice);
bool
slg_choice_time(struct slg_choice *choice);
bool
slg_choice_uuid(struct slg_choice *choice);
bool
slg_choice_hex(struct slg_choice *choice);
bool
slg_choice_base64(struct slg_choice *choice);
/* Texts that repeat values of their lines, if they are. */
void
slg_choice_woven(struct slg_choice *choice);

#endif /* SLG_COLUMNS_CHOICE_H */
