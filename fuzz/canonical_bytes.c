/* SPDX-License-Identifier: MIT */
/* fuzz/canonical_bytes.c - keys, values and events. */
#include "fuzz/canonical_world.h"

#include <stdlib.h>
#include <string.h>

static uint8_t key_bytes[KEYS][SEGLOG_KEY_MAX];
static size_t key_lens[KEYS];
unsigned key_order[KEYS];

struct seglog_slice
bytes_make(struct bytes bytes, char room[VALUE_MAX + 100])
{
    for (size_t i = 0; i < bytes.len; i++)
        room[i] = (char)(bytes.seed + i * 7 + i / 256);
    return (struct seglog_slice){ room, bytes.len };
}

void
bytes_must_be(struct seglog_slice slice, struct bytes bytes)
{
    static char room[VALUE_MAX + 100];

    MUST(slice.len == bytes.len);
    (void)bytes_make(bytes, room);
    MUST(bytes.len == 0 || memcmp(slice.data, room, bytes.len) == 0);
}

struct bytes
bytes_take(struct input *input)
{
    const uint8_t byte = input_byte(input);
    const size_t large = (size_t)(byte & 31) * 190;

    return (struct bytes){ byte < 0xE0 ? byte % 40 : large,
                           (uint8_t)(byte * 3 + input->left) };
}

struct seglog_slice
key_of(unsigned key)
{
    return (struct seglog_slice){ (char *)key_bytes[key], key_lens[key] };
}

int
key_compare(struct seglog_slice a, struct seglog_slice b)
{
    const size_t len = a.len < b.len ? a.len : b.len;
    const int order = memcmp(a.data, b.data, len);

    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static int
key_order_compare(const void *a, const void *b)
{
    const unsigned *one = a;
    const unsigned *other = b;

    return key_compare(key_of(*one), key_of(*other));
}

/* Some that begin alike, some with zeros, some as long as may be. */
void
keys_make(void)
{
    for (unsigned i = 0; i < KEYS; i++) {
        key_lens[i] = i % 8 == 5 ? SEGLOG_KEY_MAX : 1 + i % 5;
        for (size_t k = 0; k < key_lens[i]; k++)
            key_bytes[i][k] = (uint8_t)(i % 8 == 6 ? 0xFF * (k % 2) : 'a');
        key_bytes[i][key_lens[i] - 1] = (uint8_t)(i * 11);
        key_order[i] = i;
    }
    qsort(key_order, KEYS, sizeof key_order[0], key_order_compare);
}

unsigned
key_take(struct world *world)
{
    return input_byte(&world->input) % KEYS;
}
