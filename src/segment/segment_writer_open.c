/* SPDX-License-Identifier: MIT */
/* src/segment/segment_writer_open.c - open a segment for appending. */
#include <stdlib.h>
#include <string.h>

#include "format/checksum.h"
#include "src/codec/zrun.h"
#include "src/segment/segment_attributes.h"
#include "src/segment/segment_window.h"
#include "src/segment/segment_writer.h"
#include "src/store/fail.h"
#include "src/store/options.h"

#define LOCK_TIMEOUT_MS 10000
#define BUFFER_BYTES    ((size_t)262144)
#define MEMORY_LEAST    ((size_t)524288)
#define MEMORY_ZSTD     ((size_t)8388608)
/* Behind the chain head of a segment that nothing is before. */
#define FIRST_HEAD_END                                                         \
    (SLG_HEADER_BYTES + 2u + SLG_CHAIN_HEAD_FIXED + SLG_CHECKSUM_BYTES)
/* Below this, deflate gets along with less as well. */
#define MEMORY_SMALL ((size_t)1048576)

/* -- options -------------------------------------------------------------- */

static seglog_code
fail_option(struct seglog_error *err, const char *option, const char *rule)
{
    return slg_fail(err, SEGLOG_INVALID, NULL, "writer option %s: %s", option,
                    rule);
}

static bool
is_log2(uint8_t value, uint8_t least, uint8_t most)
{
    return value >= least && value <= most;
}

static bool
has_room_for_zstd(const struct seglog_writer_options *options)
{
    return options->memory_max == 0 || options->memory_max >= MEMORY_ZSTD;
}

static seglog_code
chain_check(const struct seglog_writer_options *options,
            struct seglog_error *err)
{
    const unsigned len = slg_chain_len(options->chain);
    const unsigned base_len =
        options->chain_base ? options->chain_base->len : 0;

    if (len == 0)
        return fail_option(err, "chain", "there is no such chain");
    if (!slg_chain_is_computable(options->chain))
        return fail_option(err, "chain", "SHA-256 needs a build with OpenSSL");
    if (base_len != 0 && (base_len != len || options->first_record == 1))
        return fail_option(err, "chain_base",
                           "it must be a hash of this chain, and nothing is "
                           "before record 1");
    return SEGLOG_OK;
}

/* Check, and put the default for what is 0. */
static seglog_code
options_settle(struct seglog_writer_options *options, struct seglog_error *err)
{
    if (options->lock_timeout_ms == 0)
        options->lock_timeout_ms = LOCK_TIMEOUT_MS;
    if (options->buffer_bytes == 0)
        options->buffer_bytes = BUFFER_BYTES;
    if (options->body_log2 == 0)
        options->body_log2 = SEGLOG_BODY_LOG2_DEFAULT;
    if (options->sync_log2 == 0)
        options->sync_log2 = SEGLOG_SYNC_LOG2_DEFAULT;
    if (options->first_record == 0)
        options->first_record = 1;
    if (options->first_line == 0)
        options->first_line = options->first_record;

    if ((unsigned)options->mode > SEGLOG_WRITER_PRIVATE)
        return fail_option(err, "mode", "there is no such mode");
    if ((unsigned)options->create > SEGLOG_CREATE_NEVER)
        return fail_option(err, "create", "there is no such way to create");
    if (!is_log2(options->body_log2, SEGLOG_BODY_LOG2_MIN,
                 SEGLOG_BODY_LOG2_MAX))
        return fail_option(err, "body_log2", "it must be 9 to 27");
    if (!is_log2(options->sync_log2, SEGLOG_SYNC_LOG2_MIN,
                 SEGLOG_SYNC_LOG2_MAX))
        return fail_option(err, "sync_log2", "it must be 9 to 20");
    if (options->first_record > SLG_NUMBER_MAX ||
        options->first_line > SLG_NUMBER_MAX)
        return fail_option(err, "first_record, first_line",
                           "they must be below 2^63");
    if (options->buffer_bytes > SIZE_MAX / 8)
        return fail_option(err, "buffer_bytes", "it is too large");
    if (options->attributes_len > SEGLOG_ATTRIBUTES_MAX ||
        options->attributes_len >= (size_t)1 << options->body_log2)
        return fail_option(err, "attributes_len",
                           "it must be at most 16384, and below 2^body_log2");
    if ((unsigned)options->codec > SEGLOG_CODEC_AUTO)
        return fail_option(err, "codec", "there is no such codec");
    if (options->memory_max != 0 && options->memory_max < MEMORY_LEAST)
        return fail_option(err, "memory_max", "it must be at least 512 KiB");
    if (options->codec == SEGLOG_CODEC_ZSTD && !has_room_for_zstd(options))
        return fail_option(err, "memory_max", "zstd needs 8 MiB");
    if (options->codec == SEGLOG_CODEC_ZSTD && !slg_zrun_is_there())
        return fail_option(err, "codec", "this build has no zstd");
    if (options->level > (options->codec == SEGLOG_CODEC_DEFLATE
                              ? SLG_LEVEL_DEFLATE_MAX
                              : SLG_LEVEL_MAX))
        return fail_option(err, "level",
                           "it must be 1 to 9 for deflate, to 19 for zstd");
    if (options->dictionary && options->codec == SEGLOG_CODEC_NONE)
        return fail_option(err, "dictionary",
                           "it needs a codec that compresses");
    if (options->attributes_len > 0 && !options->attributes)
        return fail_option(err, "attributes", "they are NULL");
    if (options->chain != 0)
        return chain_check(options, err);
    if (options->chain_base)
        return fail_option(err, "chain_base", "it needs a chain");
    return SEGLOG_OK;
}

/* -- a new segment -------------------------------------------------------- */

static uint16_t
features_for(const struct seglog_writer_options *options)
{
    unsigned features = options->no_xxh3 ? SLG_REFUSE_NO_XXH3 : 0;

    if (options->codec != SEGLOG_CODEC_NONE)
        features |= SLG_REFUSE_COMPRESSED;
    /* Without zstd, auto is deflate. */
    if (options->dictionary)
        features |= SLG_REFUSE_REFERS;
    if (options->chain != 0)
        features |= SLG_REFUSE_CHAINED;
    if (options->codec == SEGLOG_CODEC_ZSTD ||
        (options->codec == SEGLOG_CODEC_AUTO && slg_zrun_is_there() &&
         has_room_for_zstd(options)))
        features |= SLG_REFUSE_ZSTD;
    return (uint16_t)features;
}

static seglog_code
header_init(struct slg_header *header,
            const struct seglog_writer_options *options,
            struct seglog_error *err)
{
    uint32_t random = options->epoch_random;

    *header = (struct slg_header){
        .version = SLG_VERSION,
        .body_log2 = options->body_log2,
        .sync_log2 = options->sync_log2,
        .features_refuse = features_for(options),
        .first_record = options->first_record,
    };
    if (options->identity)
        memcpy(header->identity, options->identity, sizeof header->identity);
    if ((!options->identity &&
         !slg_writer_random(header->identity, sizeof header->identity)) ||
        (!options->is_epoch_given &&
         !slg_writer_random(&random, sizeof random)))
        return slg_fail(err, SEGLOG_IO, NULL,
                        "the system gives no random bytes for an identity");
    header->epoch = random;
    return SEGLOG_OK;
}

static void
header_take(struct seglog_writer *writer, const struct slg_header *header)
{
    writer->header = *header;
    writer->limits = slg_header_limits(header);
    writer->sync_interval = UINT64_C(1) << header->sync_log2;
    writer->durable_from = header->first_record;
    writer->is_chained = slg_header_is_chained(header);
}

/* What the creator says of the chain. */
static void
chain_begin(struct seglog_writer *writer, struct slg_point *at,
            const struct seglog_writer_options *options)
{
    writer->chain = (uint8_t)options->chain;
    at->is_chain_known = true;
    at->chain = (struct seglog_chain_hash){ .len = 0 };
    if (options->chain_base && options->chain_base->len > 0)
        at->chain = *options->chain_base;
}

static void
put_predecessor(struct seglog_writer *writer,
                const struct seglog_predecessor *given)
{
    struct slg_predecessor predecessor = { .number = 0 };

    if (!given)
        return;
    memcpy(predecessor.identity, given->identity, sizeof predecessor.identity);
    predecessor.epoch = given->epoch;
    predecessor.number = given->number;
    predecessor.end = given->end;
    predecessor.last_checksum = given->checksum;
    slg_writer_put_predecessor(writer, &predecessor);
}

/* Behind the header, or behind the sync point there. */
static void
put_attributes(struct seglog_writer *writer,
               const struct seglog_writer_options *options)
{
    if (options->attributes_len > 0)
        slg_writer_put_attributes(writer, options->attributes,
                                  options->attributes_len);
}

/*
 * The header is written at once: from then on the blob is a segment.  A sync
 * point goes with it where the header does not say it all (SPEC.md 3), and so
 * do the attributes.
 */
static seglog_code
segment_create(struct seglog_writer *writer,
               const struct seglog_writer_options *options,
               struct seglog_error *err)
{
    struct slg_header header;
    seglog_code code = header_init(&header, options, err);

    if (code != SEGLOG_OK)
        return code;
    header_take(writer, &header);
    if (options->dictionary)
        code = slg_dictionary_load(writer->store, options->dictionary, NULL,
                                   &writer->dictionary, err);
    if (code == SEGLOG_OK)
        code = slg_writer_begin_packing(writer, NULL, err);
    if (code == SEGLOG_OK)
        code = slg_frames_reserve(
            &writer->frames,
            SLG_HEADER_BYTES + SLG_PREDECESSOR_BYTES +
                slg_attributes_len(options->attributes_len, &writer->limits),
            err);
    if (code != SEGLOG_OK)
        return code;
    slg_header_encode(&header, writer->frames.bytes);
    writer->frames.len = SLG_HEADER_BYTES;
    writer->planned = (struct slg_point){
        .end = SLG_HEADER_BYTES,
        .number = options->first_record,
        .line = options->first_line,
        .epoch = header.epoch,
        .salt = slg_salt(header.identity, header.epoch),
    };
    if (writer->is_chained)
        chain_begin(writer, &writer->planned, options);
    if (options->first_record != 1 || options->first_line != 1) {
        slg_writer_put_sync_point(writer);
    } else {
        if (writer->is_chained)
            slg_writer_put_chain_head(writer);
        slg_writer_put_reference(writer);
    }
    put_predecessor(writer, options->predecessor);
    put_attributes(writer, options);
    code = slg_writer_write(writer, err);
    /* Should the machine crash, what is left must not be a file of zeros. */
    return code == SEGLOG_OK && writer->mode != SEGLOG_WRITER_PRIVATE
               ? slg_writer_sync(writer, err)
               : code;
}

/* -- an existing one ------------------------------------------------------ */

/*
 * What an earlier writer of this boot has left to be done, or knew.  A cut is
 * synced before anything is appended (SPEC.md 7.3): it may not have got to it.
 */
static seglog_code
hint_adopt(struct seglog_writer *writer, const struct slg_point *hinted,
           struct seglog_error *err)
{
    struct slg_point *at = &writer->flushed;

    if (hinted->end != at->end || hinted->epoch != at->epoch ||
        hinted->number != at->number || hinted->digest != at->digest)
        return SEGLOG_OK;
    at->is_cut |= hinted->is_cut;
    at->newest_epoch = hinted->newest_epoch;
    if (at->watermark < hinted->watermark)
        at->watermark = hinted->watermark;
    return hinted->is_cut ? slg_writer_sync(writer, err) : SEGLOG_OK;
}

/*
 * Attributes are given, and the segment has neither any nor anything else:
 * whoever created it may not have got to them.
 */
static seglog_code
attributes_ask(const struct seglog_writer *writer,
               const struct seglog_writer_options *options, bool *are_due,
               struct seglog_error *err)
{
    const uint64_t end = writer->flushed.end;
    uint8_t *bytes = NULL;
    seglog_code code = SEGLOG_OK;

    *are_due = false;
    if (options->attributes_len == 0 ||
        options->create == SEGLOG_CREATE_NEVER ||
        options->attributes_len >= writer->limits.body_max ||
        writer->flushed.number != writer->header.first_record ||
        end > SLG_ATTRIBUTES_READ)
        return SEGLOG_OK;
    bytes = malloc((size_t)end);
    if (!bytes)
        return slg_fail(err, SEGLOG_NO_MEMORY, NULL, "no memory for a header");
    code = slg_blob_read(writer->blob, 0, bytes, (size_t)end, err);
    if (code == SEGLOG_OK)
        *are_due = slg_attributes_are_due(&writer->header, bytes, (size_t)end);
    free(bytes);
    return code;
}

/*
 * It refers to a dictionary, and whoever created it did not get further than
 * the header.
 */
static seglog_code
dictionary_renew(struct seglog_writer *writer,
                 const struct seglog_writer_options *options, bool *is_due,
                 struct seglog_error *err)
{
    const uint64_t end = writer->flushed.end;
    seglog_code code = SEGLOG_OK;

    *is_due = (writer->header.features_refuse & SLG_REFUSE_REFERS) != 0 &&
              !writer->dictionary && options->dictionary &&
              (end == SLG_HEADER_BYTES ||
               (writer->is_chained && end == FIRST_HEAD_END));
    if (!*is_due)
        return SEGLOG_OK;
    code = slg_dictionary_load(writer->store, options->dictionary, writer->name,
                               &writer->dictionary, err);
    return code == SEGLOG_OK ? slg_writer_begin_packing(writer, NULL, err)
                             : code;
}

/* The same of a chain, whose first head is missing. */
static seglog_code
chain_renew(struct seglog_writer *writer,
            const struct seglog_writer_options *options, bool *is_due,
            struct seglog_error *err)
{
    const struct slg_place place = { .name = writer->name,
                                     .offset = SLG_HEADER_BYTES };

    *is_due = !slg_writer_knows_chain(writer, &writer->flushed);
    if (!*is_due)
        return SEGLOG_OK;
    if (options->chain == 0 || options->create == SEGLOG_CREATE_NEVER)
        return slg_fail(err, SEGLOG_CORRUPT, &place,
                        "it is chained, and whoever created it did not get to "
                        "the chain: create it again");
    chain_begin(writer, &writer->flushed, options);
    return SEGLOG_OK;
}

/* After a cut the segment is not left without its sync point (SPEC.md 7.3). */
static seglog_code
segment_go_on(struct seglog_writer *writer,
              const struct seglog_writer_options *options,
              struct seglog_error *err)
{
    bool are_due = false;
    bool is_reference_due = false;
    bool is_chain_due = false;
    seglog_code code = attributes_ask(writer, options, &are_due, err);

    if (code == SEGLOG_OK)
        code = dictionary_renew(writer, options, &is_reference_due, err);
    if (code == SEGLOG_OK)
        code = chain_renew(writer, options, &is_chain_due, err);
    if (code != SEGLOG_OK)
        return code;
    /* Its sync point was lost when it was created (SPEC.md 3). */
    writer->flushed.wants_sync = writer->flushed.end == SLG_HEADER_BYTES &&
                                 writer->header.first_record != 1;
    code = slg_writer_rebase(writer, err);
    if (code != SEGLOG_OK || (!writer->planned.wants_sync && !are_due &&
                              !is_reference_due && !is_chain_due))
        return code;
    are_due |= is_reference_due || is_chain_due;
    code = slg_frames_reserve(
        &writer->frames,
        slg_attributes_len(options->attributes_len, &writer->limits), err);
    if (code != SEGLOG_OK)
        return code;
    if (writer->planned.wants_sync) {
        slg_writer_put_sync_point(writer);
    } else {
        if (is_chain_due)
            slg_writer_put_chain_head(writer);
        if (is_reference_due)
            slg_writer_put_reference(writer);
    }
    if (are_due)
        put_attributes(writer, options);
    code = slg_writer_write(writer, err);
    /* As when it is created. */
    return code == SEGLOG_OK && are_due && writer->mode != SEGLOG_WRITER_PRIVATE
               ? slg_writer_sync(writer, err)
               : code;
}

/*
 * Whoever created or replaced it may not have got to the sync of its name:
 * opening to create does that.
 */
static seglog_code
name_sync(const struct seglog_writer *writer, struct seglog_error *err)
{
    struct seglog_blob blob = { 0 };
    const seglog_code code =
        seglog_blob_open(writer->store, writer->name,
                         SEGLOG_OPEN_WRITE | SEGLOG_OPEN_CREATE, &blob, err);

    return code == SEGLOG_OK ? seglog_blob_close(&blob, err) : code;
}

/*
 * Behind the end there may be what an earlier boot had written and lost: cutting
 * at the end clears it (store_file_write.c), before anything is appended.
 */
static seglog_code
end_clear(const struct seglog_writer *writer, struct seglog_error *err)
{
    uint64_t size = 0;
    seglog_code code = SEGLOG_OK;

    if (!slg_blob_can_cut(writer->blob))
        return SEGLOG_OK;
    code = seglog_blob_get_size(writer->blob, &size, NULL, err);
    return code == SEGLOG_OK ? seglog_blob_truncate(writer->blob, size, err)
                             : code;
}

/*
 * What an earlier writer has left may only be in the cache of the system, its
 * name too, if it did not leave in order, or before this boot: it is synced
 * before anything is built on it.
 */
static seglog_code
segment_sync_left(struct seglog_writer *writer, bool has_hint,
                  struct seglog_error *err)
{
    seglog_code code = SEGLOG_OK;

    if (writer->mode == SEGLOG_WRITER_PRIVATE ||
        (has_hint && !slg_hint_is_writing(writer)))
        return SEGLOG_OK;
    if (!has_hint)
        code = end_clear(writer, err);
    if (code == SEGLOG_OK)
        code = seglog_blob_sync(writer->blob, err);
    return code == SEGLOG_OK ? name_sync(writer, err) : code;
}

/* Whoever created it did not get to the end of the header. */
static seglog_code
segment_create_again(struct seglog_writer *writer,
                     const struct seglog_writer_options *options, uint64_t torn,
                     struct seglog_error *err)
{
    const struct slg_place place = { .name = writer->name };
    seglog_code code = SEGLOG_OK;

    if (writer->expect > 0 && writer->expect >= options->first_record)
        return slg_fail(err, SEGLOG_CORRUPT, &place,
                        "its header is missing, and so are the records that "
                        "are known to have been in it");
    code = name_sync(writer, err);
    if (code == SEGLOG_OK && torn > 0)
        code = slg_writer_cut(writer, 0, torn, err);
    return code == SEGLOG_OK ? segment_create(writer, options, err) : code;
}

/*
 * A machine that loses power while it is created may keep its size and none of
 * its bytes (ext4 allots the space first): zeros, no more than what is written
 * at once.  Nothing behind them can have been there, for the header is synced
 * before anything else is appended.  FORMAT if it is not that.
 */
static seglog_code
segment_check_zeros(const struct seglog_writer *writer, uint64_t *size,
                    struct seglog_error *err)
{
    static const uint8_t zeros[4096];
    uint8_t bytes[sizeof zeros];
    seglog_code code = seglog_blob_get_size(writer->blob, size, NULL, err);

    if (code == SEGLOG_OK && (*size == 0 || *size > SLG_ATTRIBUTES_READ))
        return SEGLOG_FORMAT;
    for (uint64_t at = 0; at < *size && code == SEGLOG_OK; at += sizeof bytes) {
        const uint64_t left = *size - at;
        const size_t len = left < sizeof bytes ? (size_t)left : sizeof bytes;

        code = seglog_blob_read_at(writer->blob, at, bytes, len, err);
        if (code == SEGLOG_OK && memcmp(bytes, zeros, len) != 0)
            code = SEGLOG_FORMAT;
    }
    return code;
}

/* What its end takes to be read is more than there may be. */
static seglog_code
segment_check_memory(const struct seglog_writer *writer,
                     struct seglog_error *err)
{
    const struct slg_place place = { .name = writer->name,
                                     .offset = SEGLOG_NO_OFFSET };
    uint8_t bytes[SLG_HEADER_BYTES];
    struct slg_header header;
    uint64_t size = 0;
    seglog_code code = seglog_blob_get_size(writer->blob, &size, NULL, err);

    if (code != SEGLOG_OK || size < sizeof bytes)
        return code;
    code = seglog_blob_read_at(writer->blob, 0, bytes, sizeof bytes, err);
    if (code != SEGLOG_OK ||
        slg_header_decode(bytes, &header) == SLG_HEADER_DAMAGED ||
        !slg_header_limits(&header).may_zstd)
        return code;
    return slg_fail(err, SEGLOG_NO_MEMORY, &place,
                    "its records may be compressed by zstd, which takes more "
                    "memory than memory_max; give it 8 MiB");
}

static seglog_code
segment_take_over(struct seglog_writer *writer,
                  const struct seglog_writer_options *options,
                  struct slg_history *history, struct seglog_error *err)
{
    const struct slg_place place = { .name = writer->name,
                                     .offset = SEGLOG_NO_OFFSET };
    const struct slg_walk_source source = { .store = &writer->store };
    struct slg_tail tail = { 0 };
    struct slg_point hinted;
    bool has_hint = false;
    uint64_t zeros = 0;
    seglog_code code = has_room_for_zstd(options)
                           ? SEGLOG_OK
                           : segment_check_memory(writer, err);

    if (code == SEGLOG_OK)
        code = slg_tail_find_history(writer->blob, writer->name, writer->expect,
                                     &source, history, &tail, err);
    writer->dictionary = tail.dictionary;

    if (code == SEGLOG_FORMAT && options->create != SEGLOG_CREATE_NEVER &&
        segment_check_zeros(writer, &zeros, NULL) == SEGLOG_OK)
        return segment_create_again(writer, options, zeros, err);
    /* What is sealed takes no more, also if its blocks are of a version that is
     * not known: they may stand behind damage, where a scan does not look. */
    if (code != SEGLOG_OK && (code != SEGLOG_FORMAT || !tail.limits.is_sealed))
        return code;
    if (code == SEGLOG_OK && tail.verdict == SEGLOG_VERDICT_TORN &&
        tail.end == 0)
        return segment_create_again(writer, options, tail.size, err);
    if ((tail.header.features_read_only & ~SLG_READ_ONLY_KNOWN) != 0)
        return slg_fail(err, SEGLOG_READ_ONLY, &place,
                        "it has features (0x%x) that this version may read "
                        "but not append to",
                        tail.header.features_read_only);
    if (tail.limits.is_sealed)
        return slg_fail(err, SEGLOG_SEALED, &place,
                        "it is sealed: go on in a new segment");
    header_take(writer, &tail.header);
    writer->limits = tail.limits;
    /* A hint is of this boot: the machine has not crashed since. */
    has_hint = slg_hint_load(writer, &hinted) && hinted.end <= tail.size;
    if (has_hint)
        tail.is_unsure |= hinted.is_unsure;
    else
        code = slg_tail_check(writer->blob, writer->name, writer->expect,
                              &source, &tail, err);
    if (code == SEGLOG_OK)
        code = segment_sync_left(writer, has_hint, err);
    if (code == SEGLOG_OK)
        code = slg_writer_settle(writer, &tail, err);
    if (code == SEGLOG_OK)
        code = slg_writer_begin_packing(writer,
                                        tail.has_history ? history : NULL, err);
    if (code == SEGLOG_OK && has_hint)
        code = hint_adopt(writer, &hinted, err);
    return code == SEGLOG_OK ? segment_go_on(writer, options, err) : code;
}

static seglog_code
segment_adopt(struct seglog_writer *writer,
              const struct seglog_writer_options *options,
              struct seglog_error *err)
{
    struct slg_history history;
    seglog_code code = SEGLOG_OK;

    slg_history_init(&history, 0);
    code = segment_take_over(writer, options, &history, err);
    slg_history_reset(&history);
    return code;
}

/* -- opening -------------------------------------------------------------- */

/*
 * In every mode nobody else appends while this writer relies on the end, so
 * the store need not ask the system for it at each append.
 */
static seglog_code
blob_open(struct seglog_writer *writer, enum seglog_writer_create create,
          bool *is_new, struct seglog_error *err)
{
    const unsigned flags = SEGLOG_OPEN_WRITE | SEGLOG_OPEN_LOCK_HELD;
    struct seglog_error existing;
    seglog_code code = SEGLOG_NOT_FOUND;

    *is_new = false;
    if (create != SEGLOG_CREATE_NEW)
        code = seglog_blob_open(writer->store, writer->name, flags,
                                &writer->blob, &existing);
    if (code == SEGLOG_OK)
        return code;
    if (create == SEGLOG_CREATE_NEVER || code != SEGLOG_NOT_FOUND) {
        if (err)
            *err = existing;
        return code;
    }
    code = seglog_blob_open(writer->store, writer->name,
                            flags | SEGLOG_OPEN_CREATE_EXCLUSIVE, &writer->blob,
                            err);
    *is_new = code == SEGLOG_OK;
    return code;
}

static seglog_code
segment_open(struct seglog_writer *writer,
             const struct seglog_writer_options *options,
             struct seglog_error *err)
{
    bool is_new = false;
    seglog_code code = blob_open(writer, options->create, &is_new, err);

    if (code != SEGLOG_OK)
        return code;
    code = is_new ? segment_create(writer, options, err)
                  : segment_adopt(writer, options, err);
    if (code != SEGLOG_OK && is_new) {
        (void)seglog_blob_close(&writer->blob, NULL);
        (void)!seglog_store_remove(writer->store, writer->name, NULL);
    }
    return code;
}

static seglog_code
lock_and_open(struct seglog_writer *writer,
              const struct seglog_writer_options *options,
              struct seglog_error *err)
{
    seglog_code code = SEGLOG_OK;

    if (writer->mode == SEGLOG_WRITER_PRIVATE)
        return segment_open(writer, options, err);
    writer->boot = slg_boot_hash();
    code = seglog_lock_open(writer->store, writer->name, &writer->lock, err);
    if (code == SEGLOG_OK)
        code = seglog_lock_acquire(writer->lock, writer->lock_timeout_ms, err);
    if (code == SEGLOG_OK)
        code = segment_open(writer, options, err);
    if (code != SEGLOG_OK)
        return code;
    /* Also before an exclusive writer goes on: should it be killed, nobody is
     * to take what was said before it for what it has left. */
    slg_hint_save(writer);
    if (writer->mode == SEGLOG_WRITER_EXCLUSIVE)
        slg_hint_begin_write(writer);
    slg_writer_leave(writer);
    return SEGLOG_OK;
}

static size_t
larger_of(size_t a, size_t b)
{
    return a > b ? a : b;
}

static struct seglog_writer *
writer_new(struct seglog_store store, const char *name,
           const struct seglog_writer_options *options)
{
    struct seglog_writer *writer = calloc(1, sizeof *writer);

    if (!writer)
        return NULL;
    writer->store = store;
    writer->mode = options->mode;
    writer->lock_timeout_ms = options->lock_timeout_ms;
    writer->epoch_random = options->epoch_random;
    writer->is_epoch_given = options->is_epoch_given;
    writer->buffer_bytes = options->buffer_bytes;
    if (options->memory_max > 0 &&
        writer->buffer_bytes > options->memory_max / 16)
        writer->buffer_bytes = options->memory_max / 16;
    writer->is_small =
        options->memory_max > 0 && options->memory_max < MEMORY_SMALL;
    writer->codec = options->codec;
    writer->level = options->level;
    writer->buffer_cap_max =
        (writer->is_small ? 2 : 4) * larger_of(writer->buffer_bytes, 4096);
    writer->keeps_torn_tail = !options->drop_torn_tail;
    writer->appends_to_damaged = options->append_to_damaged;
    writer->has_closing_mark = !options->no_closing_mark;
    writer->expect = options->expect;
    memcpy(writer->name, name, strlen(name) + 1);
    return writer;
}

seglog_code
seglog_writer_open(struct seglog_store store, const char *name,
                   const struct seglog_writer_options *options,
                   struct seglog_writer **writer, struct seglog_error *err)
{
    struct seglog_writer_options settled;
    struct seglog_writer *opened = NULL;
    seglog_code code = SEGLOG_OK;

    if (!writer)
        return slg_fail(err, SEGLOG_INVALID, NULL, "writer is NULL");
    *writer = NULL;
    if (!slg_options_copy(&settled, sizeof settled, options))
        return fail_option(err, "size", "not that of a struct of this version");
    code = slg_name_check(name, err);
    if (code == SEGLOG_OK)
        code = options_settle(&settled, err);
    if (code != SEGLOG_OK)
        return code;
    opened = writer_new(store, name, &settled);
    if (!opened)
        return slg_fail(err, SEGLOG_NO_MEMORY, NULL, "no memory for a writer");
    code = lock_and_open(opened, &settled, err);
    if (code != SEGLOG_OK) {
        (void)slg_writer_free(opened, NULL);
        return code;
    }
    *writer = opened;
    return SEGLOG_OK;
}
