/* SPDX-License-Identifier: MIT */
/*
 * peer_leveldb - LevelDB's write-ahead log, through its public interface.  The
 * write buffer is so large that nothing leaves the log; what the memory table
 * costs is part of what a user of LevelDB pays.
 *
 * Arguments: dir, records, size, batch (1), sync (0 or 1).
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <leveldb/c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/bench.h"

struct peer {
    leveldb_t *db;
    leveldb_options_t *options;
    leveldb_writeoptions_t *write_options;
    char *path;
};

static void
peer_must(char *err)
{
    if (err != NULL)
        bench_fail(err);
}

static void
peer_destroy(struct peer *peer)
{
    char *err = NULL;

    leveldb_destroy_db(peer->options, peer->path, &err);
    peer_must(err);
}

static struct peer
peer_open(void)
{
    struct peer peer = {
        .options = leveldb_options_create(),
        .write_options = leveldb_writeoptions_create(),
        .path = bench_path("peer.leveldb"),
    };
    char *err = NULL;

    leveldb_options_set_create_if_missing(peer.options, 1);
    leveldb_options_set_write_buffer_size(peer.options, (size_t)1 << 30);
    leveldb_options_set_compression(peer.options, leveldb_no_compression);
    leveldb_writeoptions_set_sync(peer.write_options,
                                  bench_number("sync", 0) != 0);
    peer_destroy(&peer);
    peer.db = leveldb_open(peer.options, peer.path, &err);
    peer_must(err);
    return peer;
}

static void
key_make(char key[8], uint64_t number)
{
    for (int i = 7; i >= 0; i--, number >>= 8)
        key[i] = (char)(unsigned char)(number & 0xFF);
}

static void
put_single(const struct peer *peer, const struct bench_payloads *payloads,
           uint64_t records)
{
    char *err = NULL;
    char key[8];

    for (uint64_t i = 0; i < records; i++) {
        key_make(key, i);
        leveldb_put(peer->db, peer->write_options, key, sizeof(key),
                    (const char *)bench_payload(payloads, i), payloads->len,
                    &err);
        peer_must(err);
    }
}

static void
put_batches(const struct peer *peer, const struct bench_payloads *payloads,
            uint64_t records, uint64_t batch_size)
{
    leveldb_writebatch_t *batch = leveldb_writebatch_create();
    char *err = NULL;
    char key[8];

    for (uint64_t i = 0; i < records; i++) {
        key_make(key, i);
        leveldb_writebatch_put(batch, key, sizeof(key),
                               (const char *)bench_payload(payloads, i),
                               payloads->len);
        if ((i + 1) % batch_size != 0 && i + 1 != records)
            continue;
        leveldb_write(peer->db, peer->write_options, batch, &err);
        peer_must(err);
        leveldb_writebatch_clear(batch);
    }
    leveldb_writebatch_destroy(batch);
}

/* Bytes in the write-ahead log alone. */
static uint64_t
log_bytes(const char *path)
{
    DIR *dir = opendir(path);
    const struct dirent *entry;
    uint64_t bytes = 0;

    if (dir == NULL)
        bench_fail_sys(path);
    while ((entry = readdir(dir)) != NULL) {
        const size_t len = strlen(entry->d_name);
        char *name = NULL;

        if (len < 4 || strcmp(entry->d_name + len - 4, ".log") != 0)
            continue;
        if (asprintf(&name, "%s/%s", path, entry->d_name) < 0)
            bench_fail("no memory");
        bytes += bench_file_size(name);
        free(name);
    }
    closedir(dir);
    return bytes;
}

int
main(int argc, char **argv)
{
    bench_init(argc, argv);
    const struct bench_payloads payloads = bench_payloads_make();
    const uint64_t records = bench_number("records", 100000);
    const uint64_t batch = bench_number("batch", 1);
    struct peer peer = peer_open();

    bench_start();
    if (batch > 1)
        put_batches(&peer, &payloads, records, batch);
    else
        put_single(&peer, &payloads, records);
    bench_stop();
    bench_report("records", (double)records);
    bench_report("bytes", (double)log_bytes(peer.path));

    leveldb_close(peer.db);
    peer_destroy(&peer);
    return 0;
}
