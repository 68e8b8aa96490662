/* SPDX-License-Identifier: MIT */
/* tests/format/json_portable.h - the lexer under other names, without SSE2. */
#ifndef JSON_PORTABLE_H
#define JSON_PORTABLE_H

#include "seglog/json_line.h"

void
portable_init(struct seglog_json_line *s, bool is_first);
void
portable_feed(struct seglog_json_line *s, const uint8_t *bytes, size_t len);
enum seglog_json_fault
portable_finish(const struct seglog_json_line *s, uint64_t *fault_pos);
enum seglog_json_fault
portable_check(const uint8_t *bytes, size_t len, bool is_first,
               uint64_t *fault_pos);
bool
portable_wants_value(const struct seglog_json_line *s);
const char *
portable_text(enum seglog_json_fault fault);

#endif /* JSON_PORTABLE_H */
