/* SPDX-License-Identifier: MIT */
/* src/canonical/preflight.c - what validators see, and what they say. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/canonical/plan.h"
#include "src/store/fail.h"

#define KEY_TEXT_CAP 128u /* of a key in a message */

/* -- keys ------------------------------------------------------------------ */

int
slg_plan_key_compare(struct seglog_slice a, struct seglog_slice b)
{
    const size_t len = a.len < b.len ? a.len : b.len;
    const int order = len > 0 ? memcmp(a.data, b.data, len) : 0;

    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

/* As a C string would be written; "..." stands for a rest that is too long. */
static void
key_print(struct seglog_slice key, char text[KEY_TEXT_CAP])
{
    static const char hex[] = "0123456789abcdef";
    size_t len = 0;
    size_t i = 0;

    text[len++] = '"';
    for (; i < key.len && len < KEY_TEXT_CAP - 9; i++) {
        const unsigned char c = (unsigned char)key.data[i];

        if (c < 0x20 || c > 0x7E) {
            text[len++] = '\\';
            text[len++] = 'x';
            text[len++] = hex[c >> 4];
            text[len++] = hex[c & 15];
            continue;
        }
        if (c == '"' || c == '\\')
            text[len++] = '\\';
        text[len++] = (char)c;
    }
    text[len++] = '"';
    memcpy(text + len, i < key.len ? "..." : "", i < key.len ? 4 : 1);
}

seglog_code
slg_preflight_end(struct seglog_preflight *preflight,
                  const struct seglog_error *error, struct seglog_error *err)
{
    if (preflight->code == SEGLOG_OK) {
        preflight->code = error->code;
        preflight->error = *error;
    }
    if (err)
        *err = *error;
    return error->code;
}

static seglog_code
end_no_memory(struct seglog_preflight *preflight)
{
    struct seglog_error error = { 0 };

    (void)slg_fail(&error, SEGLOG_NO_MEMORY, NULL, "no memory for a message");
    return slg_preflight_end(preflight, &error, NULL);
}

seglog_code
slg_preflight_find(struct seglog_preflight *preflight, struct seglog_slice key,
                   struct slg_plan_key **found, struct seglog_error *err)
{
    struct seglog_error error = { 0 };
    char text[KEY_TEXT_CAP];
    size_t low = 0;
    size_t high = preflight->key_count;

    if (key.len > 0 && !key.data) {
        (void)slg_fail(&error, SEGLOG_INVALID, NULL, "the key is NULL");
        return slg_preflight_end(preflight, &error, err);
    }
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        struct slg_plan_key *at = &preflight->keys[middle];
        const int order = slg_plan_key_compare(at->key, key);

        if (order == 0) {
            *found = at;
            return SEGLOG_OK;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    key_print(key, text);
    (void)slg_fail(&error, SEGLOG_INVALID, NULL,
                   "the key %s is not declared by the plan", text);
    return slg_preflight_end(preflight, &error, err);
}

seglog_code
slg_preflight_read(struct seglog_preflight *preflight, struct slg_plan_key *key,
                   struct seglog_error *err)
{
    struct seglog_error error = { 0 };
    seglog_code code = SEGLOG_OK;

    if (key->is_read)
        return SEGLOG_OK;
    code = seglog_read_txn_get(preflight->txn, key->key, &key->value, &error);
    if (code != SEGLOG_OK && code != SEGLOG_NOT_FOUND)
        return slg_preflight_end(preflight, &error, err);
    key->is_there = code == SEGLOG_OK;
    key->is_read = true;
    preflight->read[preflight->read_count++] = key;
    return SEGLOG_OK;
}

seglog_code
seglog_preflight_get(struct seglog_preflight *preflight,
                     struct seglog_slice key, struct seglog_slice *value,
                     struct seglog_error *err)
{
    struct slg_plan_key *found = NULL;
    seglog_code code = SEGLOG_OK;

    if (!preflight || !value)
        return slg_fail(err, SEGLOG_INVALID, NULL,
                        "the preflight or the place for the value is NULL");
    code = slg_preflight_find(preflight, key, &found, err);
    if (code == SEGLOG_OK)
        code = slg_preflight_read(preflight, found, err);
    if (code != SEGLOG_OK)
        return code;
    if (!found->is_there)
        return SEGLOG_NOT_FOUND;
    *value = found->value;
    return SEGLOG_OK;
}

seglog_code
seglog_preflight_exists(struct seglog_preflight *preflight,
                        struct seglog_slice key, bool *is_there,
                        struct seglog_error *err)
{
    struct seglog_slice value;
    seglog_code code = SEGLOG_OK;

    if (!is_there)
        return slg_fail(err, SEGLOG_INVALID, NULL, "is_there is NULL");
    code = seglog_preflight_get(preflight, key, &value, err);
    *is_there = code == SEGLOG_OK;
    return code == SEGLOG_NOT_FOUND ? SEGLOG_OK : code;
}

/* -- messages -------------------------------------------------------------- */

static bool
messages_grow(struct seglog_preflight *preflight)
{
    const size_t cap = preflight->message_cap * 2 + 4;
    char **grown = NULL;

    if (preflight->message_count < preflight->message_cap)
        return true;
    grown = realloc(preflight->messages, cap * sizeof *grown);
    if (!grown)
        return false;
    preflight->messages = grown;
    preflight->message_cap = cap;
    return true;
}

void
seglog_preflight_fail(struct seglog_preflight *preflight, const char *message)
{
    const char *text = message ? message : "a requirement is not met";
    const size_t size = strlen(text) + 1;
    char *copy = NULL;

    if (!preflight)
        return;
    copy = messages_grow(preflight) ? malloc(size) : NULL;
    if (!copy) {
        (void)end_no_memory(preflight);
        return;
    }
    memcpy(copy, text, size);
    preflight->messages[preflight->message_count++] = copy;
}

bool
seglog_preflight_require(struct seglog_preflight *preflight, bool condition,
                         const char *message)
{
    if (!condition)
        seglog_preflight_fail(preflight, message);
    return condition;
}

/* -- requirements of keys --------------------------------------------------- */

static void
fail_of_key(struct seglog_preflight *preflight, struct seglog_slice key,
            const char *what)
{
    char text[KEY_TEXT_CAP];
    char message[256];

    key_print(key, text);
    (void)snprintf(message, sizeof message, "the key %s %s", text, what);
    seglog_preflight_fail(preflight, message);
}

bool
seglog_preflight_require_exists(struct seglog_preflight *preflight,
                                struct seglog_slice key)
{
    bool is_there = false;

    if (seglog_preflight_exists(preflight, key, &is_there, NULL) != SEGLOG_OK)
        return false;
    if (!is_there)
        fail_of_key(preflight, key, "must exist");
    return is_there;
}

/* Summed up below zero, where there is one more. */
static bool
number_parse(struct seglog_slice text, int64_t *number)
{
    const bool is_negative = text.len > 0 && text.data[0] == '-';
    size_t i = is_negative;
    int64_t sum = 0;

    if (i == text.len)
        return false;
    for (; i < text.len; i++) {
        const int digit = text.data[i] - '0';

        if (digit < 0 || digit > 9 || sum < INT64_MIN / 10 ||
            sum * 10 < INT64_MIN + digit)
            return false;
        sum = sum * 10 - digit;
    }
    if (!is_negative && sum == INT64_MIN)
        return false;
    *number = is_negative ? sum : -sum;
    return true;
}

static bool
require_bound(struct seglog_preflight *preflight, struct seglog_slice key,
              int64_t bound, bool is_min)
{
    const char *side = is_min ? "least" : "most";
    struct seglog_slice value = { 0 };
    int64_t number = 0;
    char what[96];
    const seglog_code code = seglog_preflight_get(preflight, key, &value, NULL);

    if (code != SEGLOG_OK && code != SEGLOG_NOT_FOUND)
        return false;
    if (code == SEGLOG_NOT_FOUND)
        (void)snprintf(what, sizeof what,
                       "does not exist, and must be at %s %" PRId64, side,
                       bound);
    else if (!number_parse(value, &number))
        (void)snprintf(what, sizeof what,
                       "is no decimal integer, and must be at %s %" PRId64,
                       side, bound);
    else if (is_min ? number >= bound : number <= bound)
        return true;
    else
        (void)snprintf(what, sizeof what,
                       "is %" PRId64 ", and must be at %s %" PRId64, number,
                       side, bound);
    fail_of_key(preflight, key, what);
    return false;
}

bool
seglog_preflight_require_min(struct seglog_preflight *preflight,
                             struct seglog_slice key, int64_t min)
{
    return require_bound(preflight, key, min, true);
}

bool
seglog_preflight_require_max(struct seglog_preflight *preflight,
                             struct seglog_slice key, int64_t max)
{
    return require_bound(preflight, key, max, false);
}
