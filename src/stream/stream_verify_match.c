/* SPDX-License-Identifier: MIT */
/* src/stream/stream_verify_match.c - what was dropped, and its tombstones. */
#include "src/segment/segment_chain.h"
#include "src/store/fail.h"
#include "src/stream/stream_verify.h"

static seglog_code
fail_memory(struct seglog_error *err)
{
    return slg_fail(err, SEGLOG_NO_MEMORY, NULL,
                    "no memory for what was found");
}

/* Those of all parts: they stand in whatever segment grew at their time. */
static bool
tombs_unite(const struct slg_verified_part *parts, size_t count,
            struct slg_tombs *all)
{
    for (size_t i = 0; i < count; i++) {
        const struct slg_tombs *tombs = &parts[i].tombs;

        for (size_t k = 0; k < tombs->count; k++) {
            if (!slg_tombs_add(all, &tombs->items[k]))
                return false;
        }
    }
    return slg_tombs_settle(all);
}

/* The heads behind each of them are those that their tombstones say. */
static void
kept_look(const struct slg_verify_job *job, const struct slg_tombs *tombs,
          const struct slg_dropped *dropped, struct slg_verified_part *part)
{
    for (size_t i = 0; i < job->kept_count; i++) {
        const struct seglog_stream_end *kept = &job->kept[i].end;
        const struct seglog_chain_hash *at =
            dropped->is_before_known ? &dropped->before : NULL;

        for (uint64_t n = dropped->first;
             n <= dropped->last && n <= kept->next_offset; n++) {
            const struct slg_tombstone *tomb = slg_tombs_match(tombs, n, at);

            if (!tomb)
                break;
            at = &tomb->hash;
            if (n == kept->next_offset &&
                slg_chain_hash_is_same(at, &kept->hash))
                part->is_seen[i] = true;
        }
    }
}

/* is_lacking: something is not vouched for. */
static seglog_code
dropped_check(const struct slg_verify_job *job, const struct slg_tombs *tombs,
              struct slg_verified_part *part, bool is_told, bool *is_lacking,
              struct seglog_error *err)
{
    for (size_t i = 0; i < part->tombs.dropped_count; i++) {
        const struct slg_dropped *dropped = &part->tombs.dropped[i];

        if (slg_tombs_vouch(tombs, dropped)) {
            kept_look(job, tombs, dropped, part);
            continue;
        }
        *is_lacking = true;
        if (is_told && !slg_verify_add(part, SEGLOG_STREAM_FAULT_DROPPED,
                                       dropped->first - 1, dropped->last - 1))
            return fail_memory(err);
    }
    return SEGLOG_OK;
}

static seglog_code
parts_check(const struct slg_verify_job *job, const struct slg_tombs *tombs,
            struct slg_verified_part *parts, size_t count, bool is_told,
            bool *is_lacking, struct seglog_error *err)
{
    seglog_code code = SEGLOG_OK;

    *is_lacking = false;
    for (size_t i = 0; i < count && code == SEGLOG_OK; i++)
        code = dropped_check(job, tombs, &parts[i], is_told, is_lacking, err);
    return code;
}

seglog_code
slg_verify_match(const struct slg_verify_job *job,
                 struct slg_verified_part *parts, size_t count,
                 struct seglog_error *err)
{
    struct slg_tombs tombs = { 0 };
    bool is_lacking = false;
    seglog_code code =
        tombs_unite(parts, count, &tombs) ? SEGLOG_OK : fail_memory(err);

    if (code == SEGLOG_OK)
        code = parts_check(job, &tombs, parts, count, false, &is_lacking, err);
    /* It may have been marked, and dropped, behind the end that was read. */
    if (code == SEGLOG_OK && is_lacking) {
        tombs.next = parts[count - 1].next_record;
        code = slg_tombs_collect(&tombs, job->streams->store, job->stream, err);
        if (code == SEGLOG_OK)
            code =
                parts_check(job, &tombs, parts, count, true, &is_lacking, err);
    }
    slg_tombs_reset(&tombs);
    return code;
}

seglog_code
slg_verify_match_part(const struct slg_verify_job *job, struct slg_tombs *tombs,
                      struct slg_verified_part *part, struct seglog_error *err)
{
    bool is_lacking = false;
    seglog_code code = SEGLOG_OK;

    if (part->tombs.dropped_count == 0)
        return SEGLOG_OK;
    code = slg_tombs_collect(tombs, job->streams->store, job->stream, err);
    return code == SEGLOG_OK
               ? dropped_check(job, tombs, part, true, &is_lacking, err)
               : code;
}
