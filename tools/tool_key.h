/* SPDX-License-Identifier: MIT */
/*
 * tools/tool_key.h - --key-file and --passphrase-fd, stores opened by them, and
 * keys that sign.
 *
 * Every program takes both options (tools/tool_options.c).  A key is never on a
 * command line, which others can read.
 *
 * Threads  one
 */
#ifndef TOOL_KEY_H
#define TOOL_KEY_H

#include <stdbool.h>

#include "seglog/encrypted_store.h"
#include "seglog/session.h"
#include "seglog/stream.h"
#include "tools/tool_common.h"

/* What somebody has given. */
struct tool_key {
    bool is_given;
    bool is_passphrase;
    uint8_t key[SEGLOG_KEY_BYTES];
    char passphrase[SEGLOG_PASSPHRASE_MAX];
    size_t passphrase_len;
};

/*
 * Read a key from a file, or a passphrase from a descriptor: one line, or all
 * up to the end.  Returns TOOL_GO_ON, or the status after saying what is wrong.
 */
enum tool_status
tool_key_from_file(struct tool_key *key, const char *path);
enum tool_status
tool_key_from_fd(struct tool_key *key, const char *option, const char *text);

/*
 * Read an Ed25519 key from a file; without a path there is nothing to read.
 * Returns TOOL_GO_ON, or the status after saying what is wrong.  The caller wipes
 * the key.
 */
enum tool_status
tool_key_read_sign(const char *path, bool is_private,
                   uint8_t key[SEGLOG_SIGN_KEY_BYTES]);

struct seglog_store_key
tool_key_of(const struct tool_key *key);

/* What the common options have given; wiped when the program ends. */
extern struct tool_key tool_key;

enum tool_store_use {
    TOOL_STORE_READ,     /* with a key: it must be encrypted */
    TOOL_STORE_WRITE,    /* with a key: an empty one becomes encrypted */
    TOOL_STORE_CREATE,   /* the same; a folder that is missing is made */
    TOOL_STORE_PRIVATE,  /* the same, of files that nobody else may read */
    TOOL_STORE_AS_IT_IS, /* to read: encrypted or not, with a key or without */
    TOOL_STORE_PLAIN     /* text: never encrypted */
};

/*
 * Open the store of a folder, with the key if one was given.  An encrypted one
 * without a key is an error that says so.
 */
seglog_code
tool_key_store_open(const char *dir, enum tool_store_use use,
                    struct seglog_store *store, struct seglog_error *err);

/* With another key than the common one. */
seglog_code
tool_key_store_open_by(const struct tool_key *key, const char *dir,
                       enum tool_store_use use, struct seglog_store *store,
                       struct seglog_error *err);

/* The same for a session store. */
seglog_code
tool_key_sessions_open(const char *dir,
                       const struct seglog_session_store_options *options,
                       struct seglog_session_store **sessions,
                       struct seglog_error *err);

#endif /* TOOL_KEY_H */
