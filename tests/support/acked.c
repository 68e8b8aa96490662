/* SPDX-License-Identifier: MIT */
/* tests/support/acked.c - what is noted, and what records are made of. */
#define _GNU_SOURCE /* MAP_ANONYMOUS */

#include "tests/support/acked.h"

#include "tests/support/seglog_test.h"

#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "seglog/encrypted_store.h"

struct acked *
acked_new(void)
{
    void *memory = mmap(NULL, sizeof(struct acked), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    return memory == MAP_FAILED ? NULL : memory;
}

void
acked_free(struct acked *acked)
{
    if (acked)
        (void)munmap(acked, sizeof *acked);
}

/* -- records ---------------------------------------------------------------- */

size_t
acked_text(uint64_t id, char *text)
{
    static const size_t most[] = { 16, 16, 32, 32, 64, 64, 900, 900, 20000 };
    uint64_t seed = id;
    size_t len = (size_t)snprintf(text, 64,
                                  "{\"kind\":\"event\",\"id\":\"%020llu\","
                                  "\"fill\":\"",
                                  (unsigned long long)id);
    size_t fill = 0;

    /* A long one now and then; of it alone many pages are written. */
    fill = most[test_random(&seed) % (test_random(&seed) % 32 == 0 ? 9 : 8)];
    fill = test_random(&seed) % fill;
    for (size_t i = 0; i < fill; i++)
        text[len++] = (char)('a' + (seed >> (i % 32)) % 16 + (i + id) % 9);
    memcpy(text + len, "\"}", 2);
    return len + 2;
}

uint64_t
acked_id(const void *data, size_t len)
{
    static const char lead[] = "{\"kind\":\"event\",\"id\":\"";
    const size_t lead_len = sizeof lead - 1;
    char text[ACKED_TEXT_CAP];
    char number[21] = "";
    uint64_t id = 0;

    if (len < lead_len + 20 || memcmp(data, lead, lead_len) != 0)
        return 0;
    memcpy(number, (const char *)data + lead_len, 20);
    id = strtoull(number, NULL, 10);
    return acked_text(id, text) == len && memcmp(text, data, len) == 0 ? id : 0;
}

struct seglog_uuid
acked_session(unsigned worker)
{
    return (struct seglog_uuid){ { 1, 0x9a, 0, 0, 0, 0, 0x70, 0, 0x80, 0, 0, 0,
                                   0, 0, 1, (uint8_t)worker } };
}

struct seglog_uuid
acked_segment(unsigned worker)
{
    return (struct seglog_uuid){ { 1, 0x9a, 0, 0, 0, 0, 0x70, 0, 0x80, 0, 0, 0,
                                   0, 0, 2, (uint8_t)worker } };
}

struct seglog_uuid
acked_fork(unsigned worker, uint64_t serial)
{
    return (struct seglog_uuid){
        { 1, 0x9a, 0, 0, 0, 0, 0x70, 0, 0x80, 0, 0, (uint8_t)(serial >> 16),
          (uint8_t)(serial >> 8), (uint8_t)serial, 3, (uint8_t)worker }
    };
}

/* -- the folder ------------------------------------------------------------- */

static bool
file_store_open(const char *dir, const char *name, acked_wrap wrap, void *arg,
                struct seglog_store *store)
{
    char path[512];
    struct seglog_error err;

    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    if (seglog_store_file_open(path, false, store, &err) != SEGLOG_OK)
        return false;
    if (wrap)
        *store = wrap(*store, arg);
    return store->ops != NULL;
}

/* The key is no secret. */
static seglog_code
encrypt(struct seglog_store below, bool create, struct seglog_store *store,
        struct seglog_error *err)
{
    static const uint8_t key[SEGLOG_KEY_BYTES] = { 1, 2, 3 };
    const struct seglog_store_key how = { .size = sizeof how, .key = key };
    const struct seglog_encrypted_store_options options = { .size =
                                                                sizeof options,
                                                            .create = create };

    return seglog_encrypted_store_open(below, &how, &options, store, err);
}

/* No table of operations: it cannot be opened. */
struct seglog_store
acked_logs_open(const struct acked *acked, const char *dir, acked_wrap wrap,
                void *arg)
{
    struct seglog_store below = { 0 };
    struct seglog_store logs = { 0 };

    if (!file_store_open(dir, "logs", wrap, arg, &below) ||
        !acked->is_encrypted)
        return below;
    if (encrypt(below, false, &logs, NULL) != SEGLOG_OK)
        seglog_store_close(&below);
    return logs;
}

void
acked_begin(struct acked *acked, const char *dir, bool is_encrypted)
{
    struct seglog_store below = { 0 };
    struct seglog_store logs = { 0 };
    const bool is_cut_power = acked->is_cut_power;
    char path[512];

    memset(acked, 0, sizeof *acked);
    acked->is_cut_power = is_cut_power;
    (void)snprintf(path, sizeof path, "%s/logs", dir);
    (void)mkdir(path, 0777);
    (void)snprintf(path, sizeof path, "%s/sessions", dir);
    (void)mkdir(path, 0777);
    if (!is_encrypted || !file_store_open(dir, "logs", NULL, NULL, &below))
        return;
    /* A library without encryption says so, and goes on without. */
    if (encrypt(below, true, &logs, NULL) == SEGLOG_OK) {
        acked->is_encrypted = true;
        below = logs;
    }
    seglog_store_close(&below);
}

bool
acked_is_full(const struct acked *acked)
{
    return atomic_load(&acked->generation) + 2 >= ACKED_GENERATIONS ||
           atomic_load(&acked->session_must[ACKED_SHARED_MAX - 64]) != 0;
}

bool
acked_expect(struct acked *acked, bool condition, const char *what,
             const struct seglog_error *err)
{
    char text[300] = "";

    if (condition || acked->failure[0] != '\0' || atomic_load(&acked->is_over))
        return condition;
    if (err && err->code != SEGLOG_OK)
        seglog_error_format(err, text, sizeof text);
    (void)snprintf(acked->failure, sizeof acked->failure, "%.560s%s%.300s",
                   what, text[0] ? ": " : "", text);
    return false;
}

void
acked_step_note(struct acked_log *log, char what, uint64_t count)
{
    const uint32_t at = atomic_fetch_add(&log->step_count, 1) % ACKED_STEPS;

    log->steps[at] = (struct acked_step){ what, (uint32_t)count };
}
