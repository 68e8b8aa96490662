/* SPDX-License-Identifier: MIT */
/* tests/faults/scenes_store.c - byte stores themselves, and keys. */
#include "tests/faults/scenes.h"

#include <string.h>

/* -- blobs ----------------------------------------------------------------- */

static seglog_code
blob_want(struct stage *stage, struct seglog_error *err)
{
    if (stage->blob.ops)
        return SEGLOG_OK;
    return seglog_blob_open(stage->store, "blob",
                            SEGLOG_OPEN_WRITE | SEGLOG_OPEN_CREATE,
                            &stage->blob, err);
}

static seglog_code
step_put(struct stage *stage, struct seglog_error *err)
{
    uint64_t size = 0;
    uint64_t at = 0;
    seglog_code code = blob_want(stage, err);

    if (code == SEGLOG_OK)
        code = seglog_blob_get_size(stage->blob, &size, NULL, err);
    if (code == SEGLOG_OK && size < stage->arg)
        code = seglog_blob_append(stage->blob, size, "some bytes of a blob", 20,
                                  &at, err);
    return code;
}

static seglog_code
step_put_synced(struct stage *stage, struct seglog_error *err)
{
    seglog_code code = step_put(stage, err);

    if (code == SEGLOG_OK)
        code = seglog_blob_flush(stage->blob, err);
    return code == SEGLOG_OK ? seglog_blob_sync(stage->blob, err) : code;
}

static seglog_code
step_get(struct stage *stage, struct seglog_error *err)
{
    char bytes[40];
    uint64_t size = 0;
    bool is_replaced = false;
    seglog_code code = blob_want(stage, err);

    if (code == SEGLOG_OK)
        code = seglog_blob_get_size(stage->blob, &size, &is_replaced, err);
    if (code == SEGLOG_OK)
        code = seglog_blob_read_at(stage->blob, 3, bytes, stage->arg, err);
    if (code == SEGLOG_OK)
        say(stage, "%llu %d %016llx\n", (unsigned long long)size, is_replaced,
            (unsigned long long)hash_of(bytes, stage->arg));
    return code;
}

static seglog_code
step_cut(struct stage *stage, struct seglog_error *err)
{
    seglog_code code = blob_want(stage, err);

    if (code == SEGLOG_OK)
        code = seglog_blob_truncate(stage->blob, stage->arg, err);
    return code == SEGLOG_OK ? seglog_blob_sync(stage->blob, err) : code;
}

static seglog_code
step_close_blob(struct stage *stage, struct seglog_error *err)
{
    return seglog_blob_close(&stage->blob, err);
}

static seglog_code
step_replace(struct stage *stage, struct seglog_error *err)
{
    return seglog_store_replace(stage->store, "blob", "other", err);
}

static seglog_code
step_remove(struct stage *stage, struct seglog_error *err)
{
    return seglog_store_remove(stage->store, "other", err);
}

static bool
name_say(void *arg, const char *name)
{
    say(arg, "%s\n", name);
    return true;
}

static seglog_code
step_info(struct stage *stage, struct seglog_error *err)
{
    struct seglog_blob_info info = { .size = 0 };
    struct seglog_stamp stamp;
    seglog_code code =
        seglog_store_list(stage->store, "b", name_say, stage, err);

    if (code == SEGLOG_OK)
        code = seglog_store_get_info(stage->store, "blob", &info, err);
    if (code == SEGLOG_OK)
        code = seglog_store_get_stamp(stage->store, &stamp, err);
    say(stage, "%llu\n", (unsigned long long)info.size);
    return code;
}

static seglog_code
step_lock(struct stage *stage, struct seglog_error *err)
{
    seglog_code code = SEGLOG_OK;

    if (!stage->lock.ops)
        code = seglog_lock_open(stage->store, "blob", &stage->lock, err);
    if (code == SEGLOG_OK)
        code = seglog_lock_acquire(stage->lock, 50, err);
    if (code == SEGLOG_OK && stage->arg)
        code = seglog_lock_discard(stage->lock, err);
    if (code != SEGLOG_OK) {
        seglog_lock_close(&stage->lock);
        return code;
    }
    code = seglog_lock_release(stage->lock, err);
    if (code != SEGLOG_OK)
        seglog_lock_close(&stage->lock);
    return code;
}

static const struct scenario blobs = {
    .name = "blobs",
    .flags = SCENE_GROWS | SCENE_BYTES,
    .look = look_at_blobs,
    .steps = { { "lock", step_lock, 0, 0 },
               { "create and append", step_put_synced, 20, STEP_SYNCED },
               { "append", step_put, 40, 0 },
               { "sync", step_put_synced, 40, STEP_SYNCED },
               { "read", step_get, 30, 0 },
               { "cut", step_cut, 27, STEP_SYNCED },
               { "append behind it", step_put_synced, 47, STEP_SYNCED },
               { "read again", step_get, 40, 0 },
               { "look", step_info, 0, 0 },
               { "close", step_close_blob, 0, STEP_SYNCED },
               { "rename", step_replace, 0, STEP_SYNCED },
               { "remove", step_remove, 0, STEP_SYNCED },
               { "discard the lock", step_lock, 1, 0 } },
};

/* -- keys ------------------------------------------------------------------ */

static const uint8_t other_key[SEGLOG_KEY_BYTES] = { 9, 9, 9 };

static seglog_code
keys_open(struct stage *stage, const uint8_t *bytes, bool create,
          struct seglog_error *err)
{
    const struct seglog_store_key key = { .size = sizeof key, .key = bytes };
    const struct seglog_encrypted_store_options options = { .size =
                                                                sizeof options,
                                                            .create = create };
    seglog_code code = SEGLOG_OK;

    if (stage->has_encrypted)
        return code;
    code = seglog_encrypted_store_open(stage->below, &key, &options,
                                       &stage->store, err);
    stage->has_encrypted = code == SEGLOG_OK;
    if (code != SEGLOG_OK)
        stage->store = stage->below;
    return code;
}

static seglog_code
step_keys(struct stage *stage, struct seglog_error *err)
{
    return keys_open(stage, stage_key, true, err);
}

/* With an old key or the new one, whichever it is. */
static seglog_code
keys_want(struct stage *stage, struct seglog_error *err)
{
    struct seglog_error ignored;
    seglog_code code = keys_open(stage, other_key, false, &ignored);

    if (code == SEGLOG_AUTH)
        return keys_open(stage, stage_key, false, err);
    if (code != SEGLOG_OK)
        *err = ignored;
    return code;
}

static seglog_code
step_put_encrypted(struct stage *stage, struct seglog_error *err)
{
    seglog_code code = keys_want(stage, err);

    if (code == SEGLOG_OK)
        code = step_put_synced(stage, err);
    if (code != SEGLOG_OK)
        return code;
    code = step_get(stage, err);
    return code == SEGLOG_OK ? step_close_blob(stage, err) : code;
}

static seglog_code
step_rekey(struct stage *stage, struct seglog_error *err)
{
    const struct seglog_store_key old = { .size = sizeof old,
                                          .key = stage_key };
    const struct seglog_store_key new = { .size = sizeof new,
                                          .key = other_key };
    const seglog_code code =
        seglog_encrypted_store_rekey(stage->below, &old, &new, NULL, err);

    /* It was done the first time. */
    return stage->is_again && code == SEGLOG_AUTH ? SEGLOG_OK : code;
}

static seglog_code
step_close_encrypted(struct stage *stage, struct seglog_error *err)
{
    (void)err;
    (void)seglog_blob_close(&stage->blob, NULL);
    if (stage->has_encrypted)
        seglog_store_close(&stage->store);
    stage->has_encrypted = false;
    stage->store = stage->below;
    return SEGLOG_OK;
}

static seglog_code
step_detect(struct stage *stage, struct seglog_error *err)
{
    bool is_encrypted = false;
    const seglog_code code =
        seglog_encrypted_store_detect(stage->below, &is_encrypted, err);

    say(stage, "%d\n", is_encrypted);
    return code;
}

/* What the blobs say to whoever has either key. */
static void
look_at_keys(struct stage *stage, struct seglog_store store, struct text *seen)
{
    const uint8_t *const keys[] = { stage_key, other_key };

    for (size_t i = 0; i < 2; i++) {
        const struct seglog_store_key key = { .size = sizeof key,
                                              .key = keys[i] };
        struct seglog_store opened;
        struct seglog_error err;
        const seglog_code code =
            seglog_encrypted_store_open(store, &key, NULL, &opened, &err);

        if (code != SEGLOG_NOT_FOUND)
            text_add(seen, "key %zu: %s\n", i, seglog_code_name(code));
        if (code != SEGLOG_OK)
            continue;
        look_at_blobs(stage, opened, seen);
        /* Which closes what is around the base alone. */
        seglog_store_close(&opened);
    }
}

static const struct scenario keys = {
    .name = "keys",
    .flags = SCENE_BELOW | SCENE_GROWS | SCENE_BYTES,
    .look = look_at_keys,
    .steps = { { "make keys", step_keys, 0, STEP_SYNCED },
               { "close", step_close_encrypted, 0, STEP_SYNCED },
               { "detect", step_detect, 0, 0 },
               { "append", step_put_encrypted, 17, STEP_SYNCED },
               { "close again", step_close_encrypted, 0, STEP_SYNCED },
               { "another key", step_rekey, 0, STEP_SYNCED },
               { "append with it", step_put_encrypted, 37, STEP_SYNCED } },
};

const struct scenario *const store_scenarios[] = { &blobs, &keys, NULL };
