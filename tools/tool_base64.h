/* SPDX-License-Identifier: MIT */
/* tools/tool_base64.h - RFC 4648 base64 with padding, one legal spelling. */
#ifndef TOOL_BASE64_H
#define TOOL_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Characters that len bytes become. */
static inline size_t
tool_base64_len(size_t len)
{
    return (len + 2) / 3 * 4;
}

/* out has room for tool_base64_len(len) characters; nothing is terminated. */
void
tool_base64_encode(const uint8_t *bytes, size_t len, char *out);

/* True when text is base64, with padding and without unused bits set. */
bool
tool_base64_check(const uint8_t *text, size_t len);

/* The size of what tool_base64_check has accepted. */
size_t
tool_base64_decoded_len(const uint8_t *text, size_t len);

/* Decode what has been checked; out may be where text begins, or before. */
void
tool_base64_decode(const uint8_t *text, size_t len, uint8_t *out);

#endif /* TOOL_BASE64_H */
