/* SPDX-License-Identifier: MIT */
/* tools/import_account.c - digests and counts of files and of segments. */
#define _GNU_SOURCE
#include "tools/import_account.h"

#include <stdlib.h>
#include <string.h>

#include "tools/import_chain.h"
#include "tools/tool_common.h"

bool
import_account_init(struct import_account *account, bool has_window)
{
    *account = (struct import_account){ 0 };
    account->digest = XXH3_createState();
    account->line_digest = XXH3_createState();
    if (has_window)
        account->window = malloc(sizeof *account->window);
    if (!account->digest || !account->line_digest ||
        (has_window && !account->window)) {
        import_account_free(account);
        return false;
    }
    import_account_reset(account);
    return true;
}

void
import_account_free(struct import_account *account)
{
    (void)XXH3_freeState(account->digest);
    (void)XXH3_freeState(account->line_digest);
    free(account->window);
    *account = (struct import_account){ 0 };
}

void
import_account_reset(struct import_account *account)
{
    (void)XXH3_128bits_reset(account->digest);
    (void)XXH3_128bits_reset(account->line_digest);
    account->bytes = 0;
    account->records = 0;
    account->lines = 0;
    account->open_records = 0;
    account->open_bytes = 0;
    if (account->window) {
        account->window->head_len = 0;
        account->window->tail_len = 0;
    }
}

static void
window_add(struct import_window *window, const uint8_t *bytes, size_t len)
{
    const size_t room = IMPORT_HEAD_BYTES - window->head_len;
    const size_t some = len < room ? len : room;

    memcpy(window->head + window->head_len, bytes, some);
    window->head_len += some;
    if (len > IMPORT_TAIL_BYTES) {
        bytes += len - IMPORT_TAIL_BYTES;
        len = IMPORT_TAIL_BYTES;
        window->tail_len = 0;
    }
    if (window->tail_len + len > sizeof window->tail) {
        const size_t keep = IMPORT_TAIL_BYTES;

        memmove(window->tail, window->tail + window->tail_len - keep, keep);
        window->tail_len = keep;
    }
    memcpy(window->tail + window->tail_len, bytes, len);
    window->tail_len += len;
}

void
import_account_skip(struct import_account *account, const void *bytes,
                    size_t len)
{
    if (len == 0)
        return;
    (void)XXH3_128bits_update(account->digest, bytes, len);
    account->bytes += len;
    if (account->window)
        window_add(account->window, bytes, len);
}

void
import_account_mark_line(struct import_account *account)
{
    XXH3_copyState(account->line_digest, account->digest);
}

void
import_account_add(struct import_account *account, const void *bytes,
                   size_t len, bool has_lf)
{
    if (!has_lf && account->open_records == 0)
        import_account_mark_line(account);
    import_account_skip(account, bytes, len);
    account->records++;
    if (!has_lf) {
        account->open_records++;
        account->open_bytes += len;
        return;
    }
    import_account_skip(account, "\n", 1);
    account->lines++;
    account->open_records = 0;
    account->open_bytes = 0;
}

void
import_account_rewind(struct import_account *account, uint64_t open_bytes)
{
    struct import_window *window = account->window;

    XXH3_copyState(account->digest, account->line_digest);
    account->bytes -= open_bytes;
    account->records -= account->open_records;
    account->open_records = 0;
    account->open_bytes = 0;
    if (!window)
        return;
    window->tail_len -=
        open_bytes < window->tail_len ? (size_t)open_bytes : window->tail_len;
    if (account->bytes < window->head_len)
        window->head_len = (size_t)account->bytes;
}

void
import_account_digest(const struct import_account *account,
                      uint8_t digest[IMPORT_DIGEST_BYTES])
{
    XXH128_canonical_t canonical;

    XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(account->digest));
    memcpy(digest, canonical.digest, IMPORT_DIGEST_BYTES);
}

void
import_account_to_state(const struct import_account *account,
                        struct import_state *state)
{
    state->records = account->records;
    state->bytes = account->bytes;
    state->lines = account->lines;
    state->open_records = account->open_records;
    state->open_bytes = account->open_bytes;
    import_account_digest(account, state->digest);
}

/* ---------------------------------------------------------------------------
 * Segments
 */

static seglog_code
fail_foreign(struct seglog_error *err)
{
    return tool_error_set(err, SEGLOG_CORRUPT, "segment",
                          "it does not hold the lines of a file any more");
}

/* Where one segment ends and the next begins no line is open, and the numbers
 * begin anew. */
static bool
next_link(struct import_account *account, const struct import_reader *reader,
          size_t *at)
{
    if (reader->at == *at)
        return true;
    *at = reader->at;
    account->records = 0;
    return account->open_records == 0;
}

static seglog_code
records_account(struct import_account *account, struct import_reader *reader,
                struct seglog_error *err)
{
    size_t at = 0;

    for (;;) {
        struct seglog_event event;
        const seglog_code code = import_reader_next(reader, &event, err);
        const struct seglog_record *record = &event.record;

        if (code != SEGLOG_OK && code != SEGLOG_END)
            return code;
        if (!next_link(account, reader, &at))
            return fail_foreign(err);
        if (code == SEGLOG_END)
            return SEGLOG_OK;
        if (event.type != SEGLOG_EVENT_RECORD)
            return fail_foreign(err);
        /* A TAIL is the last record, and an import makes no BYTES. */
        if (record->kind == SEGLOG_BYTES ||
            record->record_no != account->records + 1)
            return fail_foreign(err);
        import_account_add(account, record->data, record->len,
                           record->kind == SEGLOG_TEXT);
    }
}

seglog_code
import_account_segment(struct import_account *account,
                       struct seglog_session_store *sessions,
                       const struct seglog_uuid *session,
                       const struct seglog_uuid *segment,
                       struct seglog_error *err)
{
    struct import_reader reader = { 0 };
    struct import_chain chain;
    seglog_code code =
        import_chain_read(sessions, session, segment, &chain, err);

    import_account_reset(account);
    if (code == SEGLOG_OK)
        code = import_reader_open(&reader, sessions, &chain, false, err);
    if (code == SEGLOG_OK)
        code = records_account(account, &reader, err);
    import_reader_close(&reader);
    import_chain_free(&chain);
    return code;
}
