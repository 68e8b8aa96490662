/* SPDX-License-Identifier: MIT */
/*
 * fuzz/fuzz_uuid.c - any text as an id, and any name as that of a lane.
 *
 * What is taken is one of the four spellings, of the very bytes that a slow
 * reading of it gives; what is not taken leaves the id as it was.  A name that
 * is taken is the one name of its lane.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz/support.h"
#include "seglog/session.h"
#include "seglog/uuid.h"

#define TEXT_MAX 300u

static int
digit_value(uint8_t byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    if (byte >= 'a' && byte <= 'f')
        return byte - 'a' + 10;
    return byte >= 'A' && byte <= 'F' ? byte - 'A' + 10 : -1;
}

/* 32 digits, with hyphens at the four places or with none. */
static bool
digits_read(const uint8_t *text, size_t len, uint8_t out[16])
{
    size_t digits = 0;

    if (len != 32 && len != 36)
        return false;
    memset(out, 0, 16);
    for (size_t i = 0; i < len; i++) {
        const bool is_hyphen =
            len == 36 && (i == 8 || i == 13 || i == 18 || i == 23);
        const int value = digit_value(text[i]);

        if (is_hyphen && text[i] == '-')
            continue;
        if (is_hyphen || value < 0)
            return false;
        out[digits / 2] = (uint8_t)(out[digits / 2] << 4 | value);
        digits++;
    }
    return digits == 32;
}

static bool
text_read(const uint8_t *text, size_t len, uint8_t out[16])
{
    if (len == 38 && text[0] == '{' && text[37] == '}')
        return digits_read(text + 1, 36, out);
    if (len == 45 && memcmp(text, "urn:uuid:", 9) == 0)
        return digits_read(text + 9, 36, out);
    return digits_read(text, len, out);
}

static void
id_must_hold(const uint8_t *text, size_t len)
{
    static const struct seglog_uuid before = { { 0xEE, 1, 2, 3 } };
    struct seglog_uuid uuid = before;
    struct seglog_uuid again;
    uint8_t slow[16];
    char out[SEGLOG_UUID_TEXT_CAP];
    const bool is_id = text_read(text, len, slow);

    MUST(seglog_uuid_parse((const char *)text, len, &uuid) == is_id);
    if (!is_id) {
        MUST(memcmp(&uuid, &before, sizeof uuid) == 0);
        return;
    }
    MUST(memcmp(uuid.bytes, slow, sizeof slow) == 0);
    MUST(seglog_uuid_format(&uuid, out) == out && strlen(out) == 36);
    MUST(seglog_uuid_parse(out, 36, &again));
    MUST(seglog_uuid_compare(&uuid, &again) == 0);
    MUST(seglog_uuid_is_nil(&uuid) ==
         (strspn(out, "0-") == SEGLOG_UUID_TEXT_CAP - 1));
}

static void
lane_must_hold(const uint8_t *text, size_t len)
{
    char *name = malloc(len + 1);
    char again[SEGLOG_LANE_NAME_CAP];
    struct seglog_uuid session;
    struct seglog_uuid segment;
    enum seglog_lane lane;

    MUST(name);
    if (len > 0)
        memcpy(name, text, len);
    name[len] = '\0';
    if (seglog_lane_parse(name, &session, &segment, &lane)) {
        (void)seglog_lane_name(&session, &segment, lane, again);
        MUST(strcmp(again, name) == 0);
    }
    free(name);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *text = NULL;

    if (size > TEXT_MAX)
        return 0;
    text = exact_copy(data, size);
    id_must_hold(text, size);
    lane_must_hold(text, size);
    free(text);
    return 0;
}
