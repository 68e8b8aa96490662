/* SPDX-License-Identifier: MIT */
/* src/testing/refuse.h - errors of the stores for tests. */
#ifndef SLG_TESTING_REFUSE_H
#define SLG_TESTING_REFUSE_H

#include "seglog/error.h"

struct slg_refusal {
    seglog_code code;
    int sys_errno;
    const char *name;
    uint64_t offset; /* SEGLOG_NO_OFFSET: none */
    uint64_t actual;
    const char *what;
};

/* Fill err (may be NULL) and return the code. */
seglog_code
slg_refuse(struct seglog_error *err, struct slg_refusal refusal);

/* The name of a code that a store returns. */
const char *
slg_refusal_name(seglog_code code);

#endif /* SLG_TESTING_REFUSE_H */
