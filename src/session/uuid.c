/* SPDX-License-Identifier: MIT */
/* src/session/uuid.c - ids of sessions and segments (RFC 9562). */
#define _POSIX_C_SOURCE 200809L /* clock_gettime, pthread */

#include "src/session/uuid.h"

#include <pthread.h>
#include <string.h>
#include <time.h>

#include "src/segment/segment_writer.h"

/* The last id of this process: its time, and the counter behind it. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static uint64_t last_ms;
static unsigned last_counter;

static const unsigned COUNTER_MAX = 0xFFF;

static uint64_t
now_ms(void)
{
    struct timespec now;

    if (clock_gettime(CLOCK_REALTIME, &now) != 0 || now.tv_sec < 0)
        return 0;
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/*
 * RFC 9562, 6.2, method 1: the twelve bits behind the time count within a
 * millisecond.  They begin in their lower half, so that there is room to count.
 */
static void
counter_next(uint64_t *ms, unsigned *counter, unsigned chance)
{
    (void)pthread_mutex_lock(&mutex);
    if (*ms > last_ms) {
        last_ms = *ms;
        last_counter = chance & (COUNTER_MAX >> 1);
    } else if (last_counter < COUNTER_MAX) {
        last_counter++;
    } else {
        last_ms++;
        last_counter = chance & (COUNTER_MAX >> 1);
    }
    *ms = last_ms;
    *counter = last_counter;
    (void)pthread_mutex_unlock(&mutex);
}

void
slg_uuid_forget(void)
{
    (void)pthread_mutex_lock(&mutex);
    last_ms = 0;
    last_counter = 0;
    (void)pthread_mutex_unlock(&mutex);
}

bool
seglog_uuid_new(struct seglog_uuid *uuid)
{
    uint64_t ms = now_ms();
    unsigned counter = 0;
    uint8_t *b = uuid->bytes;

    if (!slg_writer_random(b, SEGLOG_UUID_BYTES))
        return false;
    counter_next(&ms, &counter, (unsigned)b[6] << 8 | b[7]);
    for (unsigned i = 0; i < 6; i++)
        b[i] = (uint8_t)(ms >> (40 - 8 * i));
    b[6] = (uint8_t)(0x70 | counter >> 8);
    b[7] = (uint8_t)(counter & 0xFF);
    b[8] = (uint8_t)(0x80 | (b[8] & 0x3F));
    return true;
}

/* -- text ----------------------------------------------------------------- */

static int
hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static bool
is_hyphen_place(size_t i)
{
    return i == 8 || i == 13 || i == 18 || i == 23;
}

/* 36 characters with hyphens or 32 without. */
static bool
plain_parse(const char *text, size_t len, struct seglog_uuid *uuid)
{
    struct seglog_uuid parsed = { { 0 } };
    size_t digits = 0;

    if (len != 36 && len != 32)
        return false;
    for (size_t i = 0; i < len; i++) {
        const int value = hex_value(text[i]);

        if (len == 36 && is_hyphen_place(i)) {
            if (text[i] != '-')
                return false;
            continue;
        }
        if (value < 0)
            return false;
        parsed.bytes[digits / 2] =
            (uint8_t)(parsed.bytes[digits / 2] << 4 | value);
        digits++;
    }
    *uuid = parsed;
    return true;
}

bool
seglog_uuid_parse(const char *text, size_t len, struct seglog_uuid *uuid)
{
    static const char urn[] = "urn:uuid:";
    const size_t urn_len = sizeof urn - 1;

    if (!text || !uuid)
        return false;
    if (len == 38 && text[0] == '{' && text[37] == '}')
        return plain_parse(text + 1, 36, uuid);
    if (len == 36 + urn_len && memcmp(text, urn, urn_len) == 0)
        return plain_parse(text + urn_len, 36, uuid);
    return plain_parse(text, len, uuid);
}

char *
seglog_uuid_format(const struct seglog_uuid *uuid,
                   char text[SEGLOG_UUID_TEXT_CAP])
{
    static const char digits[] = "0123456789abcdef";
    size_t at = 0;

    for (size_t i = 0; i < SEGLOG_UUID_BYTES; i++) {
        if (is_hyphen_place(at))
            text[at++] = '-';
        text[at++] = digits[uuid->bytes[i] >> 4];
        text[at++] = digits[uuid->bytes[i] & 0xF];
    }
    text[at] = '\0';
    return text;
}

int
seglog_uuid_compare(const struct seglog_uuid *a, const struct seglog_uuid *b)
{
    return memcmp(a->bytes, b->bytes, SEGLOG_UUID_BYTES);
}

bool
seglog_uuid_is_nil(const struct seglog_uuid *uuid)
{
    static const struct seglog_uuid nil = { { 0 } };

    return seglog_uuid_compare(uuid, &nil) == 0;
}
