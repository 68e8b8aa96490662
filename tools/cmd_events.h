/* SPDX-License-Identifier: MIT */
/*
 * tools/cmd_events.h - the parts of `seglog events`.
 *
 * Threads  one
 */
#ifndef SEGLOG_CMD_EVENTS_H
#define SEGLOG_CMD_EVENTS_H

#include "tools/tool_canonical.h"

/* Each is a command of its own: `seglog events append`. */
int
events_append(int argc, char **argv);
int
events_seal(int argc, char **argv);
int
events_unseal(int argc, char **argv);
int
events_pause(int argc, char **argv);
int
events_resume(int argc, char **argv);
int
events_retain(int argc, char **argv);
int
events_consumers(int argc, char **argv);
int
events_dead(int argc, char **argv);

#endif /* SEGLOG_CMD_EVENTS_H */
