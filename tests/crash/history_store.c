/* SPDX-License-Identifier: MIT */
/* tests/crash/history_store.c - the store of a log, perhaps encrypted; I9. */
#define _GNU_SOURCE /* memmem */

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/crypt/chunk.h"
#include "src/crypt/keys.h"
#include "tests/crash/history.h"

#define CHANCE_ROUNDS 4096u /* how many chunks are remembered, at most */
#define LOOK_BACK     2048u /* bytes below; an append may have begun there */

/* -- views ----------------------------------------------------------------- */

static const uint8_t user_key[SEGLOG_KEY_BYTES] = { 1, 2, 3 };

void
store_encrypt(struct history *history, struct seglog_store below,
              struct seglog_store *store)
{
    const struct seglog_store_key key = { .size = sizeof key, .key = user_key };

    expect_ok(history,
              seglog_encrypted_store_open(below, &key, NULL, store, NULL));
}

void
view_open(struct history *history, struct view *view)
{
    view->store = seglog_disk_start(history->disk, &view->process);
    view->is_encrypted = history->is_encrypted;
    if (view->is_encrypted)
        store_encrypt(history, view->store, &view->store);
}

void
view_close(struct view *view)
{
    if (view->is_encrypted)
        seglog_store_close(&view->store);
    view->is_encrypted = false;
}

/* -- nonces ---------------------------------------------------------------- */

struct nonce {
    uint8_t bytes[SLG_NONCE_BYTES];
    uint64_t digest; /* of the chunk; 0: a free place */
};

struct nonces {
    struct slg_crypt_suite *suite;
    size_t count;
    struct nonce table[2 * CHANCE_ROUNDS];
};

void
nonces_begin(struct watch *watch)
{
    if (!watch->nonces || watch->nonces->count == 0)
        return;
    memset(watch->nonces->table, 0, sizeof watch->nonces->table);
    watch->nonces->count = 0;
}

void
nonces_free(struct watch *watch)
{
    if (!watch->nonces)
        return;
    slg_crypt_suite_free(watch->nonces->suite);
    free(watch->nonces);
    watch->nonces = NULL;
}

static bool
suite_make(struct nonces *nonces, const uint8_t master[SLG_KEY_BYTES])
{
    static const char *const labels[] = { "seglog chunk seal",
                                          "seglog chunk head",
                                          "seglog chunk nonce" };
    uint8_t keys[3][SLG_KEY_BYTES];

    for (unsigned i = 0; i < 3; i++) {
        if (!slg_crypt_hmac(master, labels[i], strlen(labels[i]), "\1", 1,
                            keys[i]))
            return false;
    }
    slg_crypt_suite_free(nonces->suite);
    nonces->suite = slg_crypt_suite_new(keys[0], keys[1], keys[2]);
    return nonces->suite != NULL;
}

static uint64_t
digest_of(const uint8_t *bytes, size_t len)
{
    uint64_t digest = UINT64_C(0xCBF29CE484222325);

    for (size_t i = 0; i < len; i++)
        digest = (digest ^ bytes[i]) * UINT64_C(0x100000001B3);
    return digest | 1;
}

static void
nonce_check(struct history *history, const uint8_t *chunk, size_t len)
{
    struct nonces *nonces = history->watch->nonces;
    const uint8_t *bytes = chunk + 16;
    const uint64_t digest = digest_of(chunk, len);
    size_t at =
        digest_of(bytes, SLG_NONCE_BYTES) / 2 % (2 * (size_t)CHANCE_ROUNDS);

    while (nonces->table[at].digest != 0) {
        const struct nonce *other = &nonces->table[at];

        if (memcmp(other->bytes, bytes, SLG_NONCE_BYTES) == 0) {
            hold(history, I9, other->digest == digest);
            return;
        }
        at = (at + 1) % (2 * (size_t)CHANCE_ROUNDS);
    }
    history->watch->crash.checks[I9]++;
    if (nonces->count == CHANCE_ROUNDS)
        return;
    nonces->count++;
    memcpy(nonces->table[at].bytes, bytes, SLG_NONCE_BYTES);
    nonces->table[at].digest = digest;
}

/* What only looks like a chunk was torn: its tag is wrong. */
static void
chunk_look(struct history *history, const uint8_t *bytes, size_t len)
{
    static uint8_t plain[SLG_CHUNK_PLAIN_MAX];
    struct slg_chunk_head head;

    if (len < SLG_CHUNK_EXTRA_BYTES || !slg_chunk_head_parse(bytes, &head) ||
        head.len > len - SLG_CHUNK_EXTRA_BYTES ||
        !slg_chunk_open(history->watch->nonces->suite, bytes, plain))
        return;
    nonce_check(history, bytes, head.len + (size_t)SLG_CHUNK_EXTRA_BYTES);
}

/* The bytes below, and how many there are; they are read again each time. */
static uint8_t *
below_read(struct history *history, uint64_t from, size_t *len, uint8_t id[8])
{
    struct seglog_disk_process process;
    struct seglog_blob blob = { 0 };
    uint64_t size = 0;
    uint8_t *bytes = NULL;

    *len = 0;
    if (seglog_blob_open(seglog_disk_start(history->disk, &process),
                         history->name, SEGLOG_OPEN_READ, &blob,
                         NULL) != SEGLOG_OK)
        return NULL;
    expect_ok(history, seglog_blob_get_size(blob, &size, NULL, NULL));
    if (size > from && size >= SLG_CHUNK_EXTRA_BYTES) {
        *len = (size_t)(size - from);
        bytes = malloc(*len);
        expect(history, bytes != NULL);
        expect_ok(history, seglog_blob_read_at(blob, from, bytes, *len, NULL));
        expect_ok(history, seglog_blob_read_at(blob, 16, id, 8, NULL));
    }
    (void)seglog_blob_close(&blob, NULL);
    return bytes;
}

void
nonces_watch(struct history *history)
{
    const uint64_t from =
        history->nonces_end < LOOK_BACK ? 0 : history->nonces_end - LOOK_BACK;
    uint8_t id[8];
    size_t len = 0;
    uint8_t *bytes = NULL;

    if (!history->is_encrypted)
        return;
    bytes = below_read(history, from, &len, id);
    for (size_t at = 0; at + SLG_CHUNK_EXTRA_BYTES <= len;) {
        const uint8_t *hit = memmem(bytes + at + 16, len - at - 16, id, 8);

        if (!hit)
            break;
        at = (size_t)(hit - bytes) - 16;
        chunk_look(history, bytes + at, len - at);
        at++;
    }
    free(bytes);
    history->nonces_end = from + len;
}

void
nonces_pass_over(struct history *history)
{
    struct seglog_disk_process process;
    struct seglog_blob_info info;

    if (history->is_encrypted &&
        seglog_store_get_info(seglog_disk_start(history->disk, &process),
                              history->name, &info, NULL) == SEGLOG_OK)
        history->nonces_end = info.size;
}

/* -- stale bytes ----------------------------------------------------------- */

#define STALE_FRAMES 64u

struct stale {
    uint64_t at[STALE_FRAMES];
    uint64_t len[STALE_FRAMES];
    unsigned count;
    uint64_t end; /* of the last frame */
};

static bool
stale_frame(void *arg, const struct seglog_frame *frame)
{
    struct stale *stale = arg;
    const unsigned at = stale->count % STALE_FRAMES;

    stale->end = frame->offset + frame->len;
    stale->at[at] = frame->offset;
    stale->len[at] = frame->len;
    stale->count++;
    return true;
}

void
stale_put(struct history *history, uint64_t synced, uint64_t seed)
{
    struct stale stale = { .count = 0 };
    const struct seglog_scan_options options = { .size = sizeof options,
                                                 .on_frame = stale_frame,
                                                 .arg = &stale };
    struct seglog_scan_summary summary;
    struct seglog_disk_process process;
    struct seglog_store store = seglog_disk_start(history->disk, &process);
    struct seglog_blob blob = { 0 };
    uint8_t bytes[512];
    uint64_t at = 0;

    if (!history->is_made || history->is_encrypted)
        return;
    expect_ok(history,
              seglog_scan(store, history->name, &options, &summary, NULL));
    if (stale.count == 0)
        return;
    at = seed % (stale.count < STALE_FRAMES ? stale.count : STALE_FRAMES);
    if (stale.end < synced || stale.len[at] > sizeof bytes ||
        stale.end + stale.len[at] > summary.bytes)
        return;
    expect_ok(history, seglog_blob_open(store, history->name, SEGLOG_OPEN_READ,
                                        &blob, NULL));
    expect_ok(history, seglog_blob_read_at(blob, stale.at[at], bytes,
                                           (size_t)stale.len[at], NULL));
    (void)seglog_blob_close(&blob, NULL);
    history->has_stale = true;
    history_say(history, "stale frame of %llu",
                (unsigned long long)stale.at[at]);
    expect(history, seglog_disk_damage(history->disk, history->name, stale.end,
                                       bytes, (size_t)stale.len[at]));
}

/* -- beginning ------------------------------------------------------------- */

static void
keys_begin(struct history *history)
{
    const struct seglog_store_key key = { .size = sizeof key, .key = user_key };
    const struct seglog_encrypted_store_options options = { .size =
                                                                sizeof options,
                                                            .create = true };
    struct seglog_disk_process process;
    struct seglog_store below = seglog_disk_start(history->disk, &process);
    struct seglog_store store;
    uint8_t master[SLG_KEY_BYTES];

    expect_ok(history,
              seglog_encrypted_store_open(below, &key, &options, &store, NULL));
    seglog_store_close(&store);
    if (!history->watch->nonces)
        history->watch->nonces = calloc(1, sizeof *history->watch->nonces);
    expect(history, history->watch->nonces != NULL);
    below = seglog_disk_start(history->disk, &process);
    expect_ok(history, slg_keys_load(below, &key, master, NULL));
    expect(history, suite_make(history->watch->nonces, master));
}

/* Like what is appended, see content_make. */
static void
dictionary_begin(struct history *history)
{
    struct view view;
    char bytes[700];

    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)('a' + i / 27);
    view_open(history, &view);
    expect_ok(history, seglog_dictionary_put(view.store, bytes, sizeof bytes,
                                             history->dictionary, NULL));
    view_close(&view);
}

void
store_begin(struct history *history)
{
    if (history->is_encrypted)
        keys_begin(history);
    if (chance(history, 6) == 0 && !history->watch->is_plain)
        dictionary_begin(history);
}
