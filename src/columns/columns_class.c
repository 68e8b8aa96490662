/* SPDX-License-Identifier: MIT */
/* src/columns/columns_class.c - which texts of a path share a column. */
#include <stdlib.h>
#include <string.h>

#include "src/columns/columns_scalar.h"
#include "src/columns/columns_stream.h"

/* Values of one sort that are fewer share the column of the others. */
#define CLASS_MIN 8u
/* Base64 that is worth a column is long enough for one text to be. */
#define BASE64_BYTES_MIN 256u

/* Strings are told apart only where that makes a column of one sort. */
enum text_class {
    CLASS_OTHER,
    CLASS_UUID,
    CLASS_BASE64,
    CLASS_INTEGER,
    CLASS_TIME /* and those behind it: one for each way to write it */
};

_Static_assert(CLASS_TIME + SLG_TIMES_MAX == SLG_CLASS_COUNT,
               "one class for each way to write times");

static bool
is_base64(const struct slg_event *event)
{
    uint8_t start[BASE64_BYTES_MIN];

    if (event->len < BASE64_BYTES_MIN || event->len % 4 != 0 ||
        slg_base64_read(event->at, 64, start) == SIZE_MAX)
        return false;
    uint8_t *bytes = malloc(event->len);
    const bool is_it =
        bytes && slg_base64_read(event->at, event->len, bytes) != SIZE_MAX;
    free(bytes);
    return is_it;
}

/* Times with one separator and zone. */
struct times {
    struct slg_time format;
    size_t counts[SLG_TIME_DIGITS_MAX + 1]; /* by digits of the fraction */
    bool has_zeros; /* at the end of a fraction: they are not left out */
    bool is_mixed;  /* then only those with the usual digits are of the class */
    uint8_t usual;
};

static unsigned
class_of_time(struct times *times, const struct slg_event *event)
{
    struct slg_time own;

    if (!slg_time_guess(event->at, event->len, &own))
        return CLASS_OTHER;
    for (unsigned i = 0; i < SLG_TIMES_MAX; i++) {
        struct slg_time *format = &times[i].format;
        if (format->separator == 0)
            *format = own;
        if (format->separator != own.separator ||
            format->zone_len != own.zone_len ||
            memcmp(format->zone, own.zone, own.zone_len) != 0)
            continue;
        times[i].counts[own.digits]++;
        times[i].has_zeros |=
            own.digits > 0 && event->at[event->len - own.zone_len - 1u] == '0';
        return CLASS_TIME + i;
    }
    return CLASS_OTHER;
}

/* Where zeros are written, most times have the same number of digits. */
static void
times_settle(struct times *times)
{
    unsigned kinds = 0;

    for (uint8_t i = 0; i <= SLG_TIME_DIGITS_MAX; i++) {
        kinds += times->counts[i] > 0;
        if (times->counts[i] > times->counts[times->usual])
            times->usual = i;
    }
    times->is_mixed = times->has_zeros && kinds > 1;
}

static bool
is_usual_time(const struct times *times, const struct slg_event *event)
{
    struct slg_time own;

    return !times->is_mixed || (slg_time_guess(event->at, event->len, &own) &&
                                own.digits == times->usual);
}

static unsigned
class_of(struct times *times, const struct slg_event *event)
{
    uint8_t uuid[SLG_UUID_BYTES];
    int64_t number;
    const enum slg_value value = slg_event_value(event);

    if (value == SLG_VALUE_BARE) {
        const struct slg_decimal integer = { 0 };
        return slg_decimal_read(event->at, event->len, integer, &number)
                   ? CLASS_INTEGER
                   : CLASS_OTHER;
    }
    if (value != SLG_VALUE_STRING)
        return CLASS_OTHER;
    if (event->len == SLG_UUID_LEN && event->at[8] == '-' &&
        slg_uuid_read(event->at, event->len, uuid))
        return CLASS_UUID;
    if (is_base64(event))
        return CLASS_BASE64;
    return class_of_time(times, event);
}

void
slg_classes_set(const struct slg_parse *parse, const uint32_t *ids,
                size_t count, uint8_t *classes)
{
    size_t counts[SLG_CLASS_COUNT] = { 0 };
    struct times times[SLG_TIMES_MAX] = { 0 };

    for (size_t i = 0; i < count; i++) {
        const unsigned class = class_of(times, &parse->events[ids[i]]);
        classes[i] = (uint8_t) class;
        counts[class]++;
    }
    for (unsigned i = 0; i < SLG_TIMES_MAX; i++)
        times_settle(&times[i]);
    for (size_t i = 0; i < count; i++) {
        const unsigned class = classes[i];
        if ((counts[class] < CLASS_MIN && class != CLASS_BASE64) ||
            (class >= CLASS_TIME && !is_usual_time(&times[class - CLASS_TIME],
                                                   &parse->events[ids[i]])))
            classes[i] = CLASS_OTHER;
    }
}
