/* SPDX-License-Identifier: MIT */
/*
 * src/segment/segment_dictionary.h - SPEC.md 7.6: what stands at every mark.
 *
 * Layer    segment.
 * Threads  one dictionary is used by one reader or writer, like that itself.
 */
#ifndef SLG_SEGMENT_DICTIONARY_H
#define SLG_SEGMENT_DICTIONARY_H

#include "format/control.h"
#include "seglog/dictionary.h"

struct slg_dictionary {
    unsigned refs;
    char name[SEGLOG_DICTIONARY_NAME_BYTES];
    uint8_t digest[SLG_REFERENCE_DIGEST_BYTES];
    size_t len;
    uint8_t bytes[];
};

/* The name of a dictionary with these bytes. */
void
slg_dictionary_name(const void *bytes, size_t len,
                    char name[SEGLOG_DICTIONARY_NAME_BYTES]);

/*
 * Read one and check that it is what its name says.
 *
 *   for_name  the segment that needs it; NULL: none does yet
 * Returns
 *   NOT_FOUND  there is none of that name, and no segment that needs it
 *   CORRUPT    its bytes are others; or the segment that needs it is there, and
 *              it is not.  (NOT_FOUND would say that the segment is not.)
 *   INVALID    the name is none of a dictionary
 */
seglog_code
slg_dictionary_load(struct seglog_store store, const char *name,
                    const char *for_name, struct slg_dictionary **dictionary,
                    struct seglog_error *err);

static inline struct slg_dictionary *
slg_dictionary_hold(struct slg_dictionary *dictionary)
{
    if (dictionary)
        dictionary->refs++;
    return dictionary;
}

/* Accepts NULL. */
void
slg_dictionary_release(struct slg_dictionary *dictionary);

#endif /* SLG_SEGMENT_DICTIONARY_H */
