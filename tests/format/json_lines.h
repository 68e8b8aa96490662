/* SPDX-License-Identifier: MIT */
/* tests/format/json_lines.h - lines, and the first fault of each. */
#ifndef JSON_LINES_H
#define JSON_LINES_H

#include <stddef.h>
#include <stdint.h>

#include "seglog/json_line.h"

struct line_case {
    const char *bytes;
    size_t len;
    enum seglog_json_fault fault;
    uint64_t pos;
};

extern const struct line_case line_cases[];
extern const size_t line_case_count;

/* Where they are the first one of a file. */
extern const struct line_case first_line_cases[];
extern const size_t first_line_case_count;

#endif /* JSON_LINES_H */
