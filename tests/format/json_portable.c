/* SPDX-License-Identifier: MIT */
/* tests/format/json_portable.c - the lexer under other names, without SSE2. */
#include "tests/format/json_portable.h"

#include "format/json_state.h"

#define SLG_JSON_PORTABLE         1
#define seglog_json_line_init     portable_init
#define seglog_json_line_feed     portable_feed
#define seglog_json_line_finish   portable_finish
#define seglog_json_line_check    portable_check
#define slg_json_line_wants_value portable_wants_value
#define seglog_json_fault_text    portable_text
#include "format/json_line.c"
