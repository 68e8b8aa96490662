/* SPDX-License-Identifier: MIT */
/*
 * src/store/options.h - options structs that can grow.
 *
 * A caller built against an older header passes a shorter struct: what is
 * missing is zero, which always means the default.  One built against a newer
 * header may pass a longer one, as long as what we do not know is zero.
 */
#ifndef SLG_STORE_OPTIONS_H
#define SLG_STORE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

/* Copy given (may be NULL) into options of `size` bytes.  Every options
 * struct starts with its size_t size.  False: it asks for what we lack. */
bool
slg_options_copy(void *options, size_t size, const void *given);

#endif /* SLG_STORE_OPTIONS_H */
