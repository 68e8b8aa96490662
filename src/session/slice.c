/* SPDX-License-Identifier: MIT */
/* src/session/slice.c - memory that calls hand out is given back here. */
#include "seglog/slice.h"

#include <stdlib.h>

void
seglog_free(void *memory)
{
    free(memory);
}
