/* SPDX-License-Identifier: MIT */
/* tools/cmd_damage_order.c - orders from the command line. */
#include "tools/cmd_damage.h"

#include <string.h>

const char *const damage_action_names[DAMAGE_ACTION_COUNT] = {
    [DAMAGE_FLIP_BIT] = "flip-bit", [DAMAGE_FLIP_AT] = "flip-at",
    [DAMAGE_ZERO] = "zero",         [DAMAGE_ONES] = "ones",
    [DAMAGE_INSERT] = "insert",     [DAMAGE_DELETE] = "delete",
    [DAMAGE_TRUNCATE] = "truncate", [DAMAGE_DUPLICATE] = "duplicate",
    [DAMAGE_SWAP] = "swap",         [DAMAGE_DROP] = "drop",
    [DAMAGE_SPLICE] = "splice",     [DAMAGE_LIE_LENGTH] = "lie-length",
};

/* splitmix64: every seed is a good one. */
uint64_t
damage_random_next(struct damage_random *random)
{
    uint64_t z = random->state += UINT64_C(0x9E3779B97F4A7C15);

    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

uint64_t
damage_random_below(struct damage_random *random, uint64_t below)
{
    return damage_random_next(random) % below;
}

/* ---------------------------------------------------------------------------
 * Orders from text: numbers with one separator between them
 */

/* Take a number from *text; false when there is none. */
static bool
text_take_number(const char **text, uint64_t *value)
{
    uint64_t number = 0;
    const char *p = *text;

    if (*p < '0' || *p > '9')
        return false;
    for (; *p >= '0' && *p <= '9'; p++) {
        const uint64_t digit = (uint64_t)(*p - '0');

        if (number > (UINT64_MAX - digit) / 10)
            return false;
        number = number * 10 + digit;
    }
    *text = p;
    *value = number;
    return true;
}

static bool
text_take_fill(const char *text, enum damage_fill *fill)
{
    if (strcmp(text, ":random") == 0)
        *fill = DAMAGE_FILL_RANDOM;
    else if (strcmp(text, ":zeros") == 0)
        *fill = DAMAGE_FILL_ZEROS;
    else if (strcmp(text, ":ones") == 0)
        *fill = DAMAGE_FILL_ONES;
    else
        return false;
    return true;
}

static bool
second_is_needed(enum damage_action action)
{
    return action == DAMAGE_FLIP_AT || action == DAMAGE_INSERT ||
           action == DAMAGE_DELETE || action == DAMAGE_SWAP;
}

static bool
second_is_possible(enum damage_action action)
{
    return second_is_needed(action) || action == DAMAGE_FLIP_BIT ||
           action == DAMAGE_ZERO || action == DAMAGE_ONES ||
           action == DAMAGE_DROP || action == DAMAGE_LIE_LENGTH;
}

enum tool_status
damage_order_parse(enum damage_action action, const char *text,
                   struct damage_order *order)
{
    static const char *const FORMS[DAMAGE_ACTION_COUNT] = {
        [DAMAGE_FLIP_BIT] = "RECORD or RECORD:BIT",
        [DAMAGE_FLIP_AT] = "BYTE:BIT",
        [DAMAGE_ZERO] = "RECORD or BYTE:COUNT",
        [DAMAGE_ONES] = "RECORD or BYTE:COUNT",
        [DAMAGE_INSERT] = "BYTE:COUNT or BYTE:COUNT:zeros|ones|random",
        [DAMAGE_DELETE] = "BYTE:COUNT",
        [DAMAGE_TRUNCATE] = "BYTE",
        [DAMAGE_DUPLICATE] = "RECORD",
        [DAMAGE_SWAP] = "RECORD:RECORD",
        [DAMAGE_DROP] = "RECORD or RECORD-RECORD",
        [DAMAGE_SPLICE] = "RECORD",
        [DAMAGE_LIE_LENGTH] = "RECORD or RECORD:LENGTH",
    };
    const char separator = action == DAMAGE_DROP ? '-' : ':';
    const char *p = text;
    bool is_good = false;

    *order = (struct damage_order){ .action = action };
    is_good = text_take_number(&p, &order->a);
    if (is_good && *p == separator && second_is_possible(action)) {
        p++;
        order->has_b = true;
        is_good = text_take_number(&p, &order->b);
    }
    if (is_good && *p == ':' && action == DAMAGE_INSERT)
        is_good = text_take_fill(p, &order->fill);
    else
        is_good = is_good && *p == '\0';
    if (!is_good || (second_is_needed(action) && !order->has_b))
        return tool_usage("--%s needs %s, not '%s'",
                          damage_action_names[action], FORMS[action], text);
    order->is_record =
        (action == DAMAGE_ZERO || action == DAMAGE_ONES) && !order->has_b;
    return TOOL_GO_ON;
}
