/* SPDX-License-Identifier: MIT */
/* tests/faults/scenes.h - the scenarios, and steps that several of them have. */
#ifndef FAULTS_SCENES_H
#define FAULTS_SCENES_H

#include "tests/faults/stage.h"

#define RECORD_ROOM 200u

/* Lists that end with NULL. */
extern const struct scenario *const log_scenarios[];
extern const struct scenario *const read_scenarios[];
extern const struct scenario *const repair_scenarios[];
extern const struct scenario *const seal_scenarios[];
extern const struct scenario *const session_scenarios[];
extern const struct scenario *const store_scenarios[];
extern const struct scenario *const replay_scenarios[];
extern const struct scenario *const stream_scenarios[];
extern const struct scenario *const backup_scenarios[];
extern const struct scenario *const canonical_scenarios[];

/* The record of that number, the same always. */
size_t
record_make(char text[RECORD_ROOM], uint64_t number);

/* Open the writer of the scenario on "log", where it is not. */
seglog_code
scene_writer(struct stage *stage, struct seglog_writer **writer,
             struct seglog_error *err);

/* Records up to number stage->arg are flushed. */
seglog_code
step_append(struct stage *stage, struct seglog_error *err);
seglog_code
step_close(struct stage *stage, struct seglog_error *err);

#endif /* FAULTS_SCENES_H */
