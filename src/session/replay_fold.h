/* SPDX-License-Identifier: MIT */
/*
 * src/session/replay_fold.h - a replay from inside, for its two source files.
 *
 * Layer  session
 */
#ifndef SLG_SESSION_REPLAY_FOLD_H
#define SLG_SESSION_REPLAY_FOLD_H

#include "seglog/replay.h"

#include "src/session/replay_keep.h"

struct slg_replay_arrays {
    struct slg_array history;
    struct slg_array user_segments;
    struct slg_array usage;
    struct slg_array extensions;
    struct slg_array others;
};

struct seglog_replay {
    /* Without its arrays, which are filled in when somebody looks. */
    struct seglog_replay_state state;
    struct slg_replay_arrays arrays;
    struct slg_keep keep;
    bool has_failed;      /* an allocation, in the entry being added */
    bool is_incomplete;   /* the entry lacks something: it is also an other */
    void *history_before; /* replaced by the entry being added */
};

/*
 * Fold one entry into the state.  line is one JSON object and stays where it
 * is as long as the replay.  After has_failed the state is half done.
 */
void
slg_replay_fold(struct seglog_replay *replay, const char *line, size_t len);

#endif /* SLG_SESSION_REPLAY_FOLD_H */
