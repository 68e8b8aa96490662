/* SPDX-License-Identifier: MIT */
/*
 * tools/import_account.h - what has been seen of a file, by its bytes.
 *
 * The same figures come from a file's bytes as they become records, and from
 * the records of a segment, so that the two can be compared.
 *
 * Threads  one at a time
 */
#ifndef IMPORT_ACCOUNT_H
#define IMPORT_ACCOUNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xxhash.h>

#include "seglog/session.h"
#include "tools/import_state.h"

#define IMPORT_HEAD_BYTES ((size_t)4 * 1024)
#define IMPORT_TAIL_BYTES ((size_t)64 * 1024)

/* The first and the last bytes: enough to notice a rewrite that nobody could
 * have meant to hide, without reading everything. */
struct import_window {
    uint8_t head[IMPORT_HEAD_BYTES];
    size_t head_len;
    uint8_t tail[2 * IMPORT_TAIL_BYTES]; /* the last bytes of it count */
    size_t tail_len;
};

struct import_account {
    XXH3_state_t *digest;
    XXH3_state_t *line_digest;    /* as it was where the open line begins */
    struct import_window *window; /* NULL: not wanted */
    uint64_t bytes;
    uint64_t records;
    uint64_t lines; /* ended by a line feed */
    uint64_t open_records;
    uint64_t open_bytes;
};

/* False: out of memory. */
bool
import_account_init(struct import_account *account, bool has_window);
void
import_account_free(struct import_account *account);

/* Nothing has been seen. */
void
import_account_reset(struct import_account *account);

/* Bytes that are in already, as they stand in the file. */
void
import_account_skip(struct import_account *account, const void *bytes,
                    size_t len);

/* A record: a line, the end of one, or a part; has_lf: a line feed is behind
 * it in the file. */
void
import_account_add(struct import_account *account, const void *bytes,
                   size_t len, bool has_lf);

/* Forget the open line; call when the digest stands where a line begins, or
 * behind a line that began there. */
void
import_account_mark_line(struct import_account *account);
void
import_account_rewind(struct import_account *account, uint64_t open_bytes);

void
import_account_digest(const struct import_account *account,
                      uint8_t digest[IMPORT_DIGEST_BYTES]);

/* Take the figures over into a state, or from it. */
void
import_account_to_state(const struct import_account *account,
                        struct import_state *state);

/*
 * Read a segment, and those it continues, and account for their records, which
 * are counted in the last one alone.  CORRUPT: damaged, or with a
 * recorded gap in it, or not of lines; account is then of no use.
 */
seglog_code
import_account_segment(struct import_account *account,
                       struct seglog_session_store *sessions,
                       const struct seglog_uuid *session,
                       const struct seglog_uuid *segment,
                       struct seglog_error *err);

#endif /* IMPORT_ACCOUNT_H */
