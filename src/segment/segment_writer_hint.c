/* SPDX-License-Identifier: MIT */
/*
 * src/segment/segment_writer_hint.c - what writers tell each other.
 *
 * The lock has a little memory that all its holders share.  Whoever leaves
 * says there where the segment ends, so that whoever comes next need not read.
 * Nothing depends on it: a hint that is damaged, of another segment or another
 * boot of the machine is as good as none.  (After a crash of the machine the
 * segment may end earlier than was said.)
 */
#include <assert.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "format/checksum.h"
#include "src/segment/segment_writer.h"

/* Changes with the layout: programs with different builds may share a lock. */
static const uint64_t HINT_MAGIC = UINT64_C(0x3330544E48474C53);

enum hint_flag {
    HINT_IS_AFTER_SYNC = 1,
    HINT_IS_CLOSED = 2,
    HINT_IS_CUT = 4,
    HINT_IS_UNSURE = 8
};

/* In the byte order of the machine, which all who share it are on. */
struct hint {
    uint64_t magic;
    uint64_t boot;
    uint8_t identity[SLG_IDENTITY_BYTES];
    uint64_t end;
    uint64_t number;
    uint64_t line;
    uint64_t sync_offset;
    uint64_t digest;
    uint64_t watermark;
    uint64_t epoch;
    uint64_t newest_epoch;
    uint32_t checksum;
    uint32_t flags;
    uint32_t crc; /* of all before it */
    /* Somebody writes, or died writing: it may be true no more. */
    uint32_t is_writing;
};

static_assert(sizeof(struct hint) <= SEGLOG_LOCK_HINT_BYTES,
              "the lock has no more room");

static uint64_t
boot_hash_read(void)
{
    char text[64];
    size_t len = 0;
    FILE *file = fopen("/proc/sys/kernel/random/boot_id", "rbe");

    if (!file)
        return 0;
    len = fread(text, 1, sizeof text, file);
    (void)fclose(file);
    return len > 0 ? slg_xxh3(text, len) : 0;
}

/* Read once: no process outlives the boot that it was started in. */
uint64_t
slg_boot_hash(void)
{
    static atomic_uint_least64_t known;
    uint64_t hash = atomic_load_explicit(&known, memory_order_relaxed);

    if (hash == 0) {
        hash = boot_hash_read();
        atomic_store_explicit(&known, hash, memory_order_relaxed);
    }
    return hash;
}

static uint32_t
hint_crc(const struct hint *hint)
{
    return slg_crc32(0, hint, offsetof(struct hint, crc));
}

static bool
hint_is_usable(const struct seglog_writer *writer, const struct hint *hint)
{
    return hint->magic == HINT_MAGIC && hint->boot == writer->boot &&
           hint->crc == hint_crc(hint) &&
           memcmp(hint->identity, writer->header.identity,
                  sizeof hint->identity) == 0 &&
           hint->end >= SLG_HEADER_BYTES && hint->number >= 1 &&
           hint->number <= SLG_NUMBER_MAX && hint->watermark < hint->number;
}

/* NULL where there is none, or where one could outlive the machine. */
static void *
hint_memory(const struct seglog_writer *writer)
{
    return writer->boot != 0 && writer->lock.ops
               ? seglog_lock_get_hint(writer->lock)
               : NULL;
}

bool
slg_hint_load(const struct seglog_writer *writer, struct slg_point *point)
{
    const void *memory = hint_memory(writer);
    struct hint hint;

    if (!memory)
        return false;
    memcpy(&hint, memory, sizeof hint);
    if (!hint_is_usable(writer, &hint))
        return false;
    *point = (struct slg_point){
        .end = hint.end,
        .number = hint.number,
        .line = hint.line,
        .sync_offset = hint.sync_offset,
        .digest = hint.digest,
        .watermark = hint.watermark,
        .epoch = hint.epoch,
        .newest_epoch = hint.newest_epoch,
        .salt = hint.epoch == writer->flushed.epoch
                    ? writer->flushed.salt
                    : slg_salt(writer->header.identity, hint.epoch),
        .checksum = hint.checksum,
        .is_after_sync = (hint.flags & HINT_IS_AFTER_SYNC) != 0,
        .is_closed = (hint.flags & HINT_IS_CLOSED) != 0,
        .is_cut = (hint.flags & HINT_IS_CUT) != 0,
        .is_unsure = (hint.flags & HINT_IS_UNSURE) != 0,
    };
    return true;
}

void
slg_hint_save(const struct seglog_writer *writer)
{
    const struct slg_point *at = &writer->flushed;
    void *memory = hint_memory(writer);
    struct hint hint = {
        .magic = HINT_MAGIC,
        .boot = writer->boot,
        .end = at->end,
        .number = at->number,
        .line = at->line,
        .sync_offset = at->sync_offset,
        .digest = at->digest,
        .watermark = at->watermark,
        .epoch = at->epoch,
        .newest_epoch = at->newest_epoch,
        .checksum = at->checksum,
        .flags = (at->is_after_sync ? (uint32_t)HINT_IS_AFTER_SYNC : 0) |
                 (at->is_closed ? (uint32_t)HINT_IS_CLOSED : 0) |
                 (at->is_cut ? (uint32_t)HINT_IS_CUT : 0) |
                 (at->is_unsure ? (uint32_t)HINT_IS_UNSURE : 0),
    };

    if (!memory)
        return;
    memcpy(hint.identity, writer->header.identity, sizeof hint.identity);
    hint.crc = hint_crc(&hint);
    memcpy(memory, &hint, sizeof hint);
}

/*
 * Also where this writer makes no use of hints, because it was not told which
 * boot this is: the others rely on being told.
 */
void
slg_hint_begin_write(const struct seglog_writer *writer)
{
    static const uint32_t is_writing = 1;
    uint8_t *memory =
        writer->lock.ops ? seglog_lock_get_hint(writer->lock) : NULL;

    if (memory)
        memcpy(memory + offsetof(struct hint, is_writing), &is_writing,
               sizeof is_writing);
}

bool
slg_hint_is_writing(const struct seglog_writer *writer)
{
    const uint8_t *memory = hint_memory(writer);
    uint32_t is_writing = 1;

    if (memory)
        memcpy(&is_writing, memory + offsetof(struct hint, is_writing),
               sizeof is_writing);
    return is_writing != 0;
}
