/* SPDX-License-Identifier: MIT */
/*
 * src/crypt/chunk_index.h - where the chunks of a blob lie (ENCRYPTION.md 4).
 *
 * Layer  crypt.  Made by walking the heads of the chunks from the start of the
 * blob.  What it says follows from the bytes alone, so that all who read a blob
 * agree on its size and on which ranges are damaged.
 */
#ifndef SLG_CRYPT_CHUNK_INDEX_H
#define SLG_CRYPT_CHUNK_INDEX_H

#include "seglog/store.h"
#include "src/crypt/chunk.h"

/* A stretch gets no further chunk once it has this many bytes. */
#define SLG_STRETCH_BYTES     65536u
#define SLG_STRETCH_BYTES_MAX (SLG_STRETCH_BYTES + SLG_CHUNK_BYTES_MAX)

/*
 * Chunks that lie behind one another, each linked to the one before; or (bad)
 * a range of the plain bytes of which nothing authentic is left.
 */
struct slg_stretch {
    uint64_t plain; /* up to the plain of the next one, or the size */
    uint64_t at;    /* in the blob below */
    uint64_t end;
    uint8_t first_mac[SLG_MAC_BYTES];
    bool is_bad;
    bool is_unreadable; /* bad, because the store below cannot read it */
    bool is_torn;       /* bad as a crash leaves it: reads as zeros */
};

/* Where the walk stands. */
struct slg_chunk_index {
    struct slg_stretch *stretches; /* plain and at ascend */
    size_t count;
    size_t cap;
    uint64_t size;  /* plain */
    uint64_t below; /* size of the blob below as it was walked */
    uint64_t end;   /* what follows is a tail */
    /* Behind the last chunk.  Junk may stand between it and a torn one that is
     * linked to it: cut off with that one, as it would be damage without it. */
    uint64_t linked_end;
    bool is_loaded;
    bool has_id;
    /* Without one: that of the first chunk, which a crash has torn. */
    bool has_torn_id;
    bool is_tail_bad; /* the last stretch; the next chunk begins a new cut */
    uint8_t id[SLG_CHUNK_ID_BYTES]; /* or the torn one */
    uint8_t mac[SLG_MAC_BYTES];     /* of the last chunk; zeros: none */
    uint32_t cut;
    /* The last chunk, to see whether the blob is still the same. */
    uint64_t last_at;
    uint8_t last_head[SLG_CHUNK_HEAD_BYTES];
    bool has_last;
    /* Where the blob ends has decided what a chunk is that cannot be decrypted:
     * the blob is walked anew when it has grown. */
    bool is_unsure;
};

/* What a walk needs; borrowed. */
struct slg_chunk_source {
    struct seglog_blob below;
    struct slg_crypt_suite *suite;
    const char *name;
    uint8_t *raw; /* SLG_STRETCH_BYTES_MAX */
    uint8_t *out; /* SLG_CHUNK_PLAIN_MAX */
};

void
slg_chunk_index_reset(struct slg_chunk_index *index);

/* The store below cannot read the end: the next update tries again. */
bool
slg_chunk_index_is_tail_unread(const struct slg_chunk_index *index);

/* Ask the blob below for its size and take in what has changed. */
seglog_code
slg_chunk_index_update(struct slg_chunk_index *index,
                       const struct slg_chunk_source *source, bool *is_replaced,
                       struct seglog_error *err);

/* The stretch that plain offset lies in; it is less than the size. */
const struct slg_stretch *
slg_chunk_index_find(const struct slg_chunk_index *index, uint64_t offset);

/* Where the plain bytes of a stretch end. */
uint64_t
slg_stretch_end(const struct slg_chunk_index *index,
                const struct slg_stretch *stretch);

/*
 * Take in a chunk that stands at index->end and whose head is known to be
 * right: one that was just appended, or linked.
 */
seglog_code
slg_chunk_index_add(struct slg_chunk_index *index,
                    const struct slg_chunk_source *source, const uint8_t *bytes,
                    const struct slg_chunk_head *head,
                    struct seglog_error *err);

/*
 * Read below, passing over what it cannot read, which becomes zeros.
 * *has_failed is set then, and left alone otherwise.
 */
seglog_code
slg_chunk_read(const struct slg_chunk_source *source, uint64_t at, uint8_t *buf,
               size_t len, bool *has_failed, struct seglog_error *err);

#endif /* SLG_CRYPT_CHUNK_INDEX_H */
