/* SPDX-License-Identifier: MIT */
/* src/session/entry.c - kind, time and turn of an entry, in one pass. */
#include "src/session/entry.h"

#include <string.h>

#include "format/json_member.h"
#include "format/json_time.h"

static void
entry_set_kind(struct slg_entry *out, struct slg_json_slice body)
{
    const size_t len = slg_json_string_decode(body, (uint8_t *)out->kind,
                                              sizeof out->kind - 1);

    out->kind[len] = '\0';
    out->kind_len = len;
}

/* As slg_json_time_find does it for one of its names. */
static bool
member_time(const struct slg_json_member *member, int64_t *time_us)
{
    static const char *const names[] = { "ts", "timestamp", "time",
                                         "@timestamp", "t.$date" };
    struct slg_json_slice text = member->value;

    if (member->key_has_escape)
        return false;
    if (slg_json_key_is(member, "t"))
        return slg_json_is_object(text) &&
               slg_json_time_find(text.p, text.len, "$date", 5, time_us);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (slg_json_key_is(member, names[i])) {
            slg_json_string_body(text, &text);
            return slg_json_time_parse(text.p, text.len, time_us);
        }
    }
    return false;
}

static int64_t
ms_from_us(int64_t us)
{
    return us / 1000 - (us % 1000 < 0 ? 1 : 0);
}

void
slg_entry_look(const uint8_t *line, size_t len, struct slg_entry *out)
{
    struct slg_json_walk walk;
    struct slg_json_member member;
    struct slg_json_slice body;
    struct slg_json_slice type = { NULL, 0 };
    struct slg_json_slice kind = { NULL, 0 };
    bool has_turn = false;
    int64_t time_us;

    *out = (struct slg_entry){ .ts_ms = SLG_ENTRY_NO_TIME };
    if (!slg_json_walk_begin(&walk, line, len) || !walk.is_object)
        return;
    while (slg_json_walk_next(&walk, &member)) {
        if (out->ts_ms == SLG_ENTRY_NO_TIME && member_time(&member, &time_us))
            out->ts_ms = ms_from_us(time_us);
        else if (slg_json_key_is(&member, "kind")) {
            if (slg_json_string_body(member.value, &body))
                kind = body;
        } else if (slg_json_key_is(&member, "type")) {
            if (slg_json_string_body(member.value, &body))
                type = body;
        } else if (slg_json_key_is(&member, "turn_count")) {
            has_turn = slg_json_uint64(member.value, &out->turn) || has_turn;
        }
    }
    entry_set_kind(out, kind.p ? kind : type);
    out->has_turn = has_turn && slg_entry_is(out, "turn_end");
    if (!out->has_turn)
        out->turn = 0;
}

bool
slg_entry_is(const struct slg_entry *entry, const char *kind)
{
    return entry->kind_len == strlen(kind) &&
           memcmp(entry->kind, kind, entry->kind_len) == 0;
}

void
slg_turn_cut_init(struct slg_turn_cut *cut, uint64_t at_turn)
{
    *cut = (struct slg_turn_cut){ .at_turn = at_turn };
}

bool
slg_turn_cut_feed(struct slg_turn_cut *cut, const struct slg_entry *entry)
{
    if (cut->is_found)
        return true;
    if (cut->at_turn == 0) {
        cut->is_found = !slg_entry_is(entry, "segment_start");
        cut->keep += cut->is_found ? 0 : 1;
        return cut->is_found;
    }
    cut->keep++;
    cut->is_found = entry->has_turn && entry->turn == cut->at_turn;
    return cut->is_found;
}
