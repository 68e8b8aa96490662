/* SPDX-License-Identifier: MIT */
/* hostile_kit.c - the pieces that hostile segments are put together from. */
#include "tests/bench/hostile.h"

#include <stdlib.h>
#include <string.h>

#include "format/checksum.h"
#include "tests/bench/bench.h"

/* An island and a closing mark. */
#define END_BYTES ((size_t)512)

static struct hostile_salt
salt_make(uint8_t first, uint64_t epoch)
{
    struct hostile_salt salt = { .epoch = epoch };

    for (size_t i = 0; i < sizeof(salt.identity); i++)
        salt.identity[i] = (uint8_t)(first + i);
    salt.salt = slg_salt(salt.identity, epoch);
    return salt;
}

void
hostile_start(struct hostile *file, size_t cap)
{
    memset(file, 0, sizeof(*file));
    file->self = salt_make(0x00, UINT64_C(0x00000000C0FFEE01));
    file->neighbour = salt_make(0x40, UINT64_C(0x0000000012345678));
    file->next = 1;
    file->random = UINT64_C(0xBADC0DEBADC0DE11);
    file->cap = cap;
    file->bytes = malloc(cap);
    if (file->bytes == NULL || cap < 4096)
        bench_fail("hostile files have at least 4096 bytes");

    struct slg_header header = {
        .version = SLG_VERSION,
        .body_log2 = 23,
        .sync_log2 = 16,
        .epoch = file->self.epoch,
        .first_record = 1,
    };
    memcpy(header.identity, file->self.identity, sizeof(header.identity));
    file->limits = slg_header_limits(&header);
    slg_header_encode(&header, file->bytes);
    file->len = SLG_HEADER_BYTES;
    hostile_put_good(file, 4);
}

bool
hostile_has_room(const struct hostile *file, size_t bytes)
{
    return file->cap - file->len >= bytes + END_BYTES;
}

uint64_t
hostile_random(struct hostile *file)
{
    return bench_random(&file->random);
}

uint64_t
hostile_below(struct hostile *file, uint64_t below)
{
    return (hostile_random(file) >> 16) % below;
}

static uint8_t *
hostile_reserve(struct hostile *file, size_t len)
{
    uint8_t *at = file->bytes + file->len;

    if (len > file->cap - file->len)
        bench_fail("a flavour wrote past its room");
    file->len += len;
    return at;
}

void
hostile_put(struct hostile *file, const void *bytes, size_t len)
{
    memcpy(hostile_reserve(file, len), bytes, len);
}

void
hostile_put_byte(struct hostile *file, unsigned byte)
{
    *hostile_reserve(file, 1) = (uint8_t)byte;
}

void
hostile_put_random(struct hostile *file, size_t len)
{
    uint8_t *at = hostile_reserve(file, len);

    for (size_t i = 0; i < len; i++)
        at[i] = (uint8_t)(hostile_random(file) >> 32);
}

void
hostile_put_frame(struct hostile *file, const struct hostile_salt *salt,
                  unsigned kind, uint64_t number, uint32_t body_len)
{
    uint8_t *at =
        hostile_reserve(file, (size_t)slg_frame_len(body_len, &file->limits));
    const size_t head_len = slg_frame_put_head(at, kind, false, body_len);

    for (uint32_t i = 0; i < body_len; i++)
        at[head_len + i] = (uint8_t)('a' + hostile_random(file) % 26);
    slg_frame_finish(at, head_len, body_len, &file->limits, number, salt->salt);
}

void
hostile_put_mark(struct hostile *file, const struct hostile_salt *salt,
                 unsigned type, uint64_t number)
{
    struct slg_mark mark = {
        .type = (uint8_t)type,
        .epoch = salt->epoch,
        .number = number,
        .line = number,
        .offset = file->len,
    };

    memcpy(mark.identity, salt->identity, sizeof(mark.identity));
    slg_mark_encode(&mark, hostile_reserve(file, slg_mark_len(type)));
}

void
hostile_put_good(struct hostile *file, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        hostile_put_frame(file, &file->self, SLG_FRAME_TEXT, file->next++, 8);
}

void
hostile_put_island(struct hostile *file)
{
    file->next++;
    hostile_put_mark(file, &file->self, SLG_CONTROL_SYNC_POINT, file->next);
    hostile_put_good(file, 2);
}

void
hostile_shuffle(struct hostile *file, void *items, size_t count, size_t size)
{
    uint8_t *bytes = items;
    uint8_t held[64];

    for (size_t i = count; i > 1; i--) {
        uint8_t *a = bytes + (i - 1) * size;
        uint8_t *b = bytes + (size_t)hostile_below(file, i) * size;

        memcpy(held, a, size);
        memmove(a, b, size);
        memcpy(b, held, size);
    }
}
