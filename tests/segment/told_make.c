/* SPDX-License-Identifier: MIT */
/* tests/segment/told_make.c - damaged segments that follow from a number. */
#include "tests/segment/told_support.h"

#include "src/segment/segment_chain_writer.h"

#define GROUP_MAX 6u

struct maker {
    enum told_kind kind;
    uint64_t seed;
    struct forge forge;
    struct forge other; /* what strays come from; may be empty */
    uint8_t *bytes;
    size_t len;
};

static size_t
pick(struct maker *maker, size_t below)
{
    return below == 0 ? 0 : (size_t)(test_random(&maker->seed) % below);
}

/* -- sound segments -------------------------------------------------------- */

static size_t
record_len(struct maker *maker)
{
    if (maker->kind != TOLD_LONG)
        return 8 + pick(maker, pick(maker, 6) == 0 ? 700 : 60);
    return pick(maker, 3) == 0 ? 11440 + pick(maker, 9000)
                               : 8 + pick(maker, 300);
}

static void
items_fill(struct maker *maker, struct seglog_item *items, size_t count,
           uint8_t bytes[GROUP_MAX][24])
{
    for (size_t i = 0; i < count; i++) {
        test_fill(bytes[i], sizeof bytes[i], maker->seed + i);
        items[i] =
            (struct seglog_item){ pick(maker, 4) == 0 ? SEGLOG_PART
                                                      : SEGLOG_BYTES,
                                  bytes[i], pick(maker, sizeof bytes[i]) };
        for (size_t k = 0; k < sizeof bytes[i]; k++)
            bytes[i][k] |= 0x80;
    }
}

static void
records_add(struct maker *maker, struct forge *forge)
{
    struct seglog_item items[GROUP_MAX];
    uint8_t bytes[GROUP_MAX][24];
    const size_t count = 1 + pick(maker, GROUP_MAX - 1);
    uint8_t data[64];

    if (maker->kind == TOLD_SEALED) {
        if (pick(maker, 12) != 0)
            (void)forge_sync(forge);
        items_fill(maker, items, count, bytes);
        (void)forge_block_of(forge, items, count);
    } else if (maker->kind == TOLD_COMPRESSED && pick(maker, 3) != 0) {
        test_fill(data, sizeof data, maker->seed);
        for (size_t i = 0; i < sizeof data; i++)
            data[i] |= 0x80;
        (void)forge_deflated(forge, data, pick(maker, sizeof data));
    } else if (pick(maker, 7) == 0) {
        items_fill(maker, items, count + 1, bytes);
        (void)forge_group(forge, items, count + 1);
    } else if (pick(maker, 20) == 0) {
        (void)forge_put(forge, pick(maker, 2) == 0 ? SEGLOG_PART : SEGLOG_TAIL,
                        "piece", pick(maker, 6));
    } else {
        forge_fill(forge, 1, record_len(maker));
    }
}

static void
control_add(struct maker *maker, struct forge *forge)
{
    const struct slg_gap gap = { .verdict = SEGLOG_VERDICT_CORRUPT,
                                 .cause = SEGLOG_CAUSE_CHECKSUM,
                                 .count = 1 + pick(maker, 5),
                                 .lines = 1,
                                 .shift = INT64_MIN };

    switch (pick(maker, 8)) {
    case 0:
        (void)forge_gap(forge, &gap);
        break;
    case 1:
        (void)forge_close(forge);
        break;
    case 2:
        if (maker->kind != TOLD_SEALED)
            (void)forge_unknown(forge, 1 + pick(maker, 30));
        break;
    case 3:
        forge->watermark = forge->number - 1;
        forge->is_durable = maker->kind != TOLD_SEALED &&
                            forge->number > forge->header.first_record;
        break;
    case 4:
        forge->is_durable = false;
        break;
    default:
        (void)forge_sync(forge);
        if (maker->kind == TOLD_LONG && pick(maker, 3) == 0)
            forge_fill(forge, 1, 65537 + pick(maker, 9000));
        break;
    }
}

static void
frames_add(struct maker *maker, struct forge *forge, size_t frames)
{
    const size_t rare = maker->kind == TOLD_STRETCHES ? 4 : 10;

    for (size_t i = 0; i < frames; i++) {
        if (pick(maker, rare) == 0)
            control_add(maker, forge);
        else
            records_add(maker, forge);
    }
}

/* Cut back some records, leaving what a store that cannot cut leaves. */
static void
epoch_begin(struct maker *maker, struct forge *forge)
{
    const uint64_t first = forge->header.first_record;
    const uint64_t back = pick(maker, 8);
    uint64_t number =
        forge->number - first > back ? forge->number - back : first;
    const struct forge_frame *frame = NULL;

    /* Nobody cuts a group, or what is not there, in two. */
    for (size_t i = 0; i < forge->frame_count; i++) {
        if (forge->frames[i].number + forge->frames[i].count > number &&
            forge->frames[i].count > 0) {
            frame = &forge->frames[i];
            break;
        }
    }
    if (!frame || pick(maker, 2) == 0) {
        if (pick(maker, 2) == 0)
            forge_raw(forge, "torn, and not cut", 1 + pick(maker, 17));
        forge->watermark = forge->watermark < forge->number ? forge->watermark
                                                            : forge->number - 1;
        (void)forge_new_epoch(forge, forge->number);
        return;
    }
    number = frame->number;
    forge->len = frame->offset;
    while (forge->frame_count > 0 &&
           forge->frames[forge->frame_count - 1].offset >= forge->len)
        forge->frame_count--;
    if (forge->watermark >= number)
        forge->watermark = number - 1;
    (void)forge_new_epoch(forge, number);
}

/* What a writer of a chained segment may be asked for. */
static void
chained_step(struct maker *maker, struct seglog_writer *writer)
{
    struct seglog_writer_state now;
    struct slg_tombstone stone = { .algorithm = SEGLOG_CHAIN_XXH3,
                                   .before = { 16, { 1 } },
                                   .hash = { 16, { 2 } } };
    const struct slg_signature signature = { .bytes = { 3 } };
    struct seglog_finding gap = { .verdict = SEGLOG_VERDICT_CORRUPT,
                                  .cause = SEGLOG_CAUSE_CHECKSUM,
                                  .lines = 1 };
    uint8_t data[60];

    seglog_writer_get_state(writer, &now);
    switch (pick(maker, 12)) {
    case 0:
        assert_ok(seglog_writer_sync(writer, NULL));
        break;
    case 1:
        stone.number = 1 + pick(maker, (size_t)now.next_record - 1);
        if (now.next_record > 1)
            assert_ok(slg_writer_put_tombstone(writer, &stone, NULL));
        break;
    case 2:
        assert_ok(slg_writer_put_signature(writer, &signature, NULL));
        break;
    case 3:
        gap.first_record = now.next_record;
        gap.last_record = now.next_record + pick(maker, 4);
        if (pick(maker, 3) == 0) {
            assert_ok(seglog_writer_append_gap(writer, &gap, NULL));
            assert_ok(seglog_writer_flush(writer, NULL));
        }
        break;
    default:
        test_fill(data, sizeof data, maker->seed);
        assert_ok(seglog_writer_append(writer, SEGLOG_BYTES, data,
                                       pick(maker, sizeof data),
                                       SEGLOG_LEVEL_FLUSH, NULL, NULL));
        break;
    }
}

static bool
frame_keep(void *arg, const struct seglog_frame *frame)
{
    struct forge *forge = arg;

    forge->frames[forge->frame_count++] = (struct forge_frame){
        .offset = (size_t)frame->offset,
        .len = (size_t)frame->len,
        .number = frame->first_record,
        .count = frame->count,
        .kind = (uint8_t)(frame->head >> SLG_HEAD_KIND_SHIFT),
        .control = frame->control,
    };
    forge->number = frame->first_record + frame->count;
    return true;
}

static void
chained_make(struct maker *maker)
{
    const struct seglog_writer_options options = {
        .size = sizeof options,
        .mode = SEGLOG_WRITER_PRIVATE,
        .create = SEGLOG_CREATE_NEW,
        .identity = forge_identity,
        .is_epoch_given = true,
        .epoch_random = (uint32_t)FORGE_EPOCH,
        .sync_log2 = (uint8_t)(9 + pick(maker, 2)),
        .no_closing_mark = pick(maker, 2) == 0,
        .chain = SEGLOG_CHAIN_XXH3,
    };
    const struct slg_header header = forge_header();
    struct forge *forge = &maker->forge;
    struct seglog_writer *writer;
    struct seglog_store store;

    assert_ok(seglog_store_memory_open(&store, NULL));
    assert_ok(seglog_writer_open(store, "log", &options, &writer, NULL));
    for (size_t steps = 4 + pick(maker, 40); steps > 0; steps--)
        chained_step(maker, writer);
    assert_ok(seglog_writer_close(writer, NULL));
    forge_start_with(forge, &header);
    free(forge->bytes);
    forge->bytes = blob_read(store, "log", &forge->len);
    forge->frames = calloc(forge->len / SLG_FRAME_MIN, sizeof *forge->frames);
    assert_non_null(forge->frames);
    const struct seglog_scan_options frames = { .size = sizeof frames,
                                                .on_frame = frame_keep,
                                                .arg = forge };
    struct seglog_scan_summary summary;
    assert_ok(seglog_scan(store, "log", &frames, &summary, NULL));
    seglog_store_close(&store);
    /* What strays are from. */
    forge_start_with(&maker->other, &header);
    frames_add(maker, &maker->other, 12);
}

static void
segment_make(struct maker *maker)
{
    struct slg_header header = forge_header();
    struct forge *forge = &maker->forge;

    if (maker->kind == TOLD_CHAINED) {
        chained_make(maker);
        return;
    }
    if (pick(maker, 4) == 0)
        header.first_record = 1 + pick(maker, 400);
    if (maker->kind == TOLD_COMPRESSED)
        header.features_refuse = SLG_REFUSE_COMPRESSED;
    if (maker->kind == TOLD_SEALED)
        header.features_refuse = SLG_REFUSE_SEALED;
    else if (pick(maker, 8) == 0)
        header.features_refuse |= SLG_REFUSE_NO_XXH3;
    forge_start_with(forge, &header);
    frames_add(maker, forge, 4 + pick(maker, 40));
    /* As it was before: this segment, or a stranger. */
    if (maker->kind == TOLD_CUT) {
        forge_start_with(&maker->other, &header);
        free(maker->other.bytes);
        maker->other.bytes = forge_copy(forge);
        maker->other.len = maker->other.cap = forge->len;
        epoch_begin(maker, forge);
        frames_add(maker, forge, 2 + pick(maker, 20));
    } else {
        memcpy(header.identity, forge_stranger, sizeof header.identity);
        forge_start_with(&maker->other, &header);
        frames_add(maker, &maker->other, 12);
    }
    if (maker->kind == TOLD_SEALED && pick(maker, 5) != 0)
        (void)forge_footer(forge, NULL);
    if (maker->kind == TOLD_SEALED || pick(maker, 2) == 0)
        (void)forge_close(forge);
}

/* -- damage ---------------------------------------------------------------- */

/* Often where a frame starts, behind the header. */
static size_t
place_pick(struct maker *maker)
{
    const struct forge *forge = &maker->forge;

    if (pick(maker, 4) != 0 && forge->frame_count > 0) {
        const size_t offset =
            forge->frames[pick(maker, forge->frame_count)].offset;

        if (offset < maker->len)
            return offset;
    }
    return SLG_HEADER_BYTES + pick(maker, maker->len - SLG_HEADER_BYTES);
}

/* Often some whole frames, or a stretch, from there on. */
static size_t
length_pick(struct maker *maker, size_t at)
{
    const struct forge *forge = &maker->forge;
    const bool is_stretch = maker->kind == TOLD_STRETCHES;
    size_t more = 1 + pick(maker, 4);
    size_t end = at;

    if (pick(maker, 4) == 0)
        return 1 + pick(maker, 600);
    for (size_t i = 0; more > 0 && i < forge->frame_count; i++) {
        const struct forge_frame *frame = &forge->frames[i];

        if (frame->offset < at)
            continue;
        if (!is_stretch || frame->control == SLG_CONTROL_SYNC_POINT)
            more--;
        end = frame->offset + frame->len;
        if (is_stretch && frame->control == SLG_CONTROL_SYNC_POINT && end > at)
            end = frame->offset;
    }
    return end > at ? end - at : 1;
}

static void
bytes_remove(struct maker *maker, size_t at, size_t len)
{
    memmove(maker->bytes + at, maker->bytes + at + len, maker->len - at - len);
    maker->len -= len;
}

static void
bytes_insert(struct maker *maker, size_t at, const uint8_t *bytes, size_t len)
{
    maker->bytes = realloc(maker->bytes, maker->len + len);
    assert_non_null(maker->bytes);
    memmove(maker->bytes + at + len, maker->bytes + at, maker->len - at);
    memcpy(maker->bytes + at, bytes, len);
    maker->len += len;
}

/* Moved or copied, between or over. */
static void
bytes_displace(struct maker *maker, size_t at, size_t len)
{
    uint8_t *copy = exact_copy(maker->bytes + at, len);
    size_t to;

    if (pick(maker, 2) == 0 && maker->len - len > SLG_HEADER_BYTES)
        bytes_remove(maker, at, len);
    to = place_pick(maker);
    if (pick(maker, 3) != 0 || len > maker->len - to)
        bytes_insert(maker, to, copy, len);
    else
        memcpy(maker->bytes + to, copy, len);
    free(copy);
}

static void
stray_put(struct maker *maker, size_t at)
{
    const struct forge *other = &maker->other;
    const size_t from = pick(maker, 8) == 0 ? 0 : pick(maker, other->len - 1);
    size_t start = from;
    size_t len = 60 + pick(maker, 400);

    /* Whole frames of it, where they are known. */
    if (pick(maker, 3) != 0 && other->frame_count > 3) {
        const size_t i = pick(maker, other->frame_count - 3);

        start = other->frames[i].offset;
        len = other->frames[i + 3].offset - start;
    }
    if (len > other->len - start)
        len = other->len - start;
    if (pick(maker, 2) == 0)
        bytes_insert(maker, at, other->bytes + start, len);
    else if (len <= maker->len - at)
        memcpy(maker->bytes + at, other->bytes + start, len);
}

static void
blank_put(struct maker *maker, size_t at, size_t len)
{
    const int byte = pick(maker, 2) == 0 ? 0 : 0xFF;

    if (pick(maker, 2) == 0) {
        at = (at + 511) / 512 * 512;
        len = 512 * (1 + pick(maker, 2));
    }
    if (at >= maker->len)
        return;
    memset(maker->bytes + at, byte,
           len < maker->len - at ? len : maker->len - at);
}

/* The end, as a power cut may leave it. */
static void
end_damage(struct maker *maker)
{
    const size_t room = maker->len - SLG_HEADER_BYTES;
    const size_t most = room < 90 ? room : 90;
    const size_t part = 1 + pick(maker, most);

    if (pick(maker, 3) != 0)
        maker->len -= part;
    else
        memset(maker->bytes + maker->len - part, 0,
               pick(maker, 2) == 0 ? part : part / 2);
    if (pick(maker, 3) == 0)
        bytes_insert(maker, maker->len, (const uint8_t *)"\xC0\x40\x02\xB7z",
                     5);
}

static void
damage_once(struct maker *maker)
{
    const size_t at = place_pick(maker);
    size_t len = length_pick(maker, at);

    if (len > maker->len - at)
        len = maker->len - at;
    switch (pick(maker, 13)) {
    case 0:
    case 1:
    case 2:
        maker->bytes[at + pick(maker, len)] ^= (uint8_t)(1u << pick(maker, 8));
        break;
    case 3:
        test_fill(maker->bytes + at, len, maker->seed);
        break;
    case 4:
        blank_put(maker, at, len);
        break;
    case 5:
        bytes_remove(maker, at, len);
        break;
    case 6:
    case 7:
    case 8:
        bytes_displace(maker, at, len);
        break;
    case 9:
        stray_put(maker, at);
        break;
    case 10:
        end_damage(maker);
        break;
    case 11:
        maker->bytes[at] = (uint8_t)pick(maker, 256);
        break;
    default:
        if (pick(maker, 3) == 0)
            maker->bytes[pick(maker, SLG_HEADER_BYTES)] ^= 4;
        if (pick(maker, 12) == 0)
            memset(maker->bytes, 'x', SLG_HEADER_BYTES);
        break;
    }
}

struct told_segment
told_make(enum told_kind kind, uint64_t seed)
{
    struct maker maker = { .kind = kind, .seed = seed * 7919 + kind + 1 };
    struct told_segment segment = { .expect = 0 };

    segment_make(&maker);
    maker.bytes = forge_copy(&maker.forge);
    maker.len = maker.forge.len;
    for (size_t times = pick(&maker, 5) + (seed > 2);
         times > 0 && maker.len > SLG_HEADER_BYTES; times--)
        damage_once(&maker);
    if (pick(&maker, 6) == 0)
        segment.expect = maker.forge.number - 1 + pick(&maker, 3);
    if (pick(&maker, 12) == 0) {
        segment.bad_start = pick(&maker, maker.len);
        segment.bad_end = segment.bad_start + 1 + pick(&maker, 300);
    }
    segment.part = maker.len > SLG_HEADER_BYTES ? place_pick(&maker) : 0;
    segment.bytes = maker.bytes;
    segment.len = maker.len;
    forge_free(&maker.forge);
    forge_free(&maker.other);
    return segment;
}
