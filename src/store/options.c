/* SPDX-License-Identifier: MIT */
/* src/store/options.c - options structs that can grow. */
#include "src/store/options.h"

#include <string.h>

bool
slg_options_copy(void *options, size_t size, const void *given)
{
    size_t given_size;

    memset(options, 0, size);
    if (!given)
        return true;
    memcpy(&given_size, given, sizeof given_size);
    if (given_size < sizeof given_size)
        return false;
    memcpy(options, given, given_size < size ? given_size : size);
    for (size_t i = size; i < given_size; i++) {
        if (((const unsigned char *)given)[i] != 0)
            return false;
    }
    return true;
}
