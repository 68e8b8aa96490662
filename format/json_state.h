/* SPDX-License-Identifier: MIT */
/*
 * format/json_state.h - what the lexer tells the rest of format/.
 *
 * Layer  format: pure
 */
#ifndef SLG_FORMAT_JSON_STATE_H
#define SLG_FORMAT_JSON_STATE_H

#include "seglog/json_line.h"

/* True when the next byte may begin a value inside an array or object. */
bool
slg_json_line_wants_value(const struct seglog_json_line *s);

#endif /* SLG_FORMAT_JSON_STATE_H */
