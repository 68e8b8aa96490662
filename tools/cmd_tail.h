/* SPDX-License-Identifier: MIT */
/*
 * tools/cmd_tail.h - the parts of `seglog tail`.
 *
 *   cmd_tail.c         segments
 *   cmd_tail_stream.c  streams
 *
 * Threads  one
 */
#ifndef CMD_TAIL_H
#define CMD_TAIL_H

#include "tools/tool_common.h"

struct tail_options {
    bool is_following;
    uint64_t count;
};

/* SIGINT and SIGTERM end what follows. */
void
tail_signals_catch(void);
bool
tail_is_stopping(void);

/*
 * While waiting there is nothing to finish: all output is flushed.  A signal
 * ends the process right there then, so that there is no moment at which it
 * could be missed.
 */
void
tail_set_waiting(bool is_waiting);

/* STORE:STREAM */
enum tool_status
tail_stream(const char *path, const struct tail_options *options);

#endif /* CMD_TAIL_H */
