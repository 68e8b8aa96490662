/* SPDX-License-Identifier: MIT */
/*
 * src/columns/columns_escape.h - text in a JSON string, in one spelling.
 *
 * Layer  columns.
 */
#ifndef SLG_COLUMNS_ESCAPE_H
#define SLG_COLUMNS_ESCAPE_H

#include <stddef.h>
#include <stdint.h>

/*
 * Undo the escapes of a string, into room for len bytes and SLG_SLACK more.
 * Returns the length,
 * or 0: slg_escape() would spell it otherwise, or it holds a zero byte.
 */
size_t
slg_unescape(uint8_t *to, const uint8_t *from, size_t len);

/*
 * Escape into the room up to end, behind which there is SLG_SLACK, as there is
 * behind from.  Returns behind the last byte written; NULL: there is not so
 * much room.
 */
uint8_t *
slg_escape(uint8_t *to, const uint8_t *end, const uint8_t *from, size_t len);

#endif /* SLG_COLUMNS_ESCAPE_H */
