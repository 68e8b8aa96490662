/* SPDX-License-Identifier: MIT */
/*
 * seglog/dictionary.h - what small segments have in common, kept once.
 *
 * A compressed segment (seglog/segment.h) refers to what stands before it, and
 * behind each sync point there is nothing.  A dictionary stands there instead:
 * bytes that are like those to come.  It is a blob in the same byte store,
 * named by its digest, and a segment made with it says so: without it the
 * segment cannot be read.  So a dictionary must stay as long as any segment
 * that was made with it, and go where that goes.
 *
 * It pays for segments of few hundred KiB, for which it stands at the only
 * beginning there is; of larger ones it saves some per cent.
 */
#ifndef SEGLOG_DICTIONARY_H
#define SEGLOG_DICTIONARY_H

#include <stddef.h>
#include <stdint.h>

#include "seglog/error.h"
#include "seglog/export.h"
#include "seglog/store.h"

#ifdef __cplusplus
extern "C" {
#endif

/* 32 hex digits, ".dict", and the NUL behind. */
#define SEGLOG_DICTIONARY_NAME_BYTES 38
#define SEGLOG_DICTIONARY_MAX        ((size_t)1048576)

struct seglog_dictionary_options {
    size_t size;
    size_t size_bytes;   /* of the dictionary, at most; 0: 112 KiB */
    size_t sample_bytes; /* how much is looked at; 0: 8 MiB, at most 64 MiB */
};

/*
 * Make a dictionary of what segments hold, and keep it in the same store.
 *
 *   names, count  segments; those that are missing, damaged or no segments are
 *                 passed over where there is at least one other
 *   name          filled with the name of the dictionary; the same bytes have
 *                 the same name, so making one twice keeps it once
 * Samples are taken evenly from all that is there, and the same segments lead
 * to the same dictionary.
 *
 * Returns
 *   NOT_FOUND  there is too little to learn from: some hundred records or
 *              64 KiB are needed
 *   INVALID    no name is given, or this build has no zstd
 *   NO_MEMORY, IO, ...  whatever failed: it never leads to another dictionary
 * Memory   three times sample_bytes, and 20 MiB
 * Cost     all segments are read twice, and learning is done twice: what is
 *          found both times was not found for want of memory for a better one
 * Since    0.1
 */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_dictionary_train(struct seglog_store store, const char *const *names,
                        size_t count,
                        const struct seglog_dictionary_options *options,
                        char name[SEGLOG_DICTIONARY_NAME_BYTES],
                        struct seglog_error *err);

/* Keep bytes as a dictionary: up to SEGLOG_DICTIONARY_MAX of them, and those
 * that are like most of what is to come at the end. */
SEGLOG_API SEGLOG_MUST_CHECK seglog_code
seglog_dictionary_put(struct seglog_store store, const void *bytes, size_t len,
                      char name[SEGLOG_DICTIONARY_NAME_BYTES],
                      struct seglog_error *err);

#ifdef __cplusplus
}
#endif
#endif /* SEGLOG_DICTIONARY_H */
