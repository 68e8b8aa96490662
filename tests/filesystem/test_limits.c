/* SPDX-License-Identifier: MIT */
/*
 * tests/filesystem/test_limits.c
 *
 * Goal    where the system gives no more - space, inodes, descriptors, length
 *         of files, permission - an append fails, says why, loses nothing that
 *         was acknowledged, leaks no descriptor, and works again afterwards;
 *         and no link leads out of a folder to where something is created.
 * Method  each case is a process of its own under that limit.  Those that need
 *         to mount or to be somebody else are skipped without root.
 *
 * Usage   test_limits [SWAPS]   openings while a link comes and goes; where it
 *         is given, space also ends at every 512 bytes up to 256 KiB
 */
#define _GNU_SOURCE /* unshare, renameat2 */

#include "tests/support/seglog_test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "seglog/segment.h"
#include "seglog/session.h"

#define NOBODY 65534u

static unsigned cases;
static unsigned findings;

/* -- a case ----------------------------------------------------------------- */

static void
wrong(const char *what, const struct seglog_error *err)
{
    char text[600] = "";

    if (err && err->code != SEGLOG_OK)
        seglog_error_format(err, text, sizeof text);
    printf("FINDING %s%s%s\n", what, text[0] ? ": " : "", text);
    (void)fflush(stdout);
    _exit(1);
}

static void
need(bool condition, const char *what, const struct seglog_error *err)
{
    if (!condition)
        wrong(what, err);
}

/* In a process of its own, for what a limit does stays. */
static void
case_run(const char *name, void (*run)(const char *dir, unsigned long arg),
         unsigned long arg)
{
    char *dir = test_dir_make();
    int status = 0;
    pid_t pid = 0;

    (void)chmod(dir, 0777);
    (void)fflush(stdout);
    pid = fork();
    if (pid == 0) {
        (void)alarm(120);
        run(dir, arg);
        (void)fflush(stdout);
        _exit(0);
    }
    if (waitpid(pid, &status, 0) != pid || status != 0) {
        printf("FINDING case %s %lu: status %x\n", name, arg, (unsigned)status);
        findings++;
    }
    cases++;
    test_dir_remove(dir);
}

static unsigned
descriptors_count(void)
{
    DIR *dir = opendir("/proc/self/fd");
    unsigned count = 0;

    while (dir && readdir(dir))
        count++;
    if (dir)
        (void)closedir(dir);
    return count;
}

/* -- a log under a limit ---------------------------------------------------- */

static struct seglog_store
store_open(const char *dir)
{
    struct seglog_store store = { 0 };
    struct seglog_error err = { 0 };

    if (seglog_store_file_open(dir, false, &store, &err) != SEGLOG_OK)
        wrong("the folder cannot be opened", &err);
    return store;
}

/* What an error says is to have a name in it, and a text. */
static void
error_check(const struct seglog_error *err, const char *name)
{
    char text[700];

    seglog_error_format(err, text, sizeof text);
    need(strstr(text, name) != NULL, "an error does not name the file", err);
}

static size_t
text_make(char *text, unsigned n)
{
    return (size_t)sprintf(text, "{\"n\":%u,\"text\":\"%0*u\"}", n,
                           (int)(1 + n * 37 % 400), n);
}

/* Until it fails or there are `most`.  How many were acknowledged. */
static unsigned
append_until(struct seglog_store store, unsigned from, unsigned most,
             struct seglog_error *err)
{
    const struct seglog_writer_options options = { .size = sizeof options,
                                                   .sync_log2 = 10 };
    struct seglog_writer *writer = NULL;
    char text[600];
    unsigned n = from;
    seglog_code code = seglog_writer_open(store, "log", &options, &writer, err);

    for (; code == SEGLOG_OK && n < most; n++) {
        code = seglog_writer_append(
            writer, SEGLOG_TEXT, text, text_make(text, n),
            n % 8 == 0 ? SEGLOG_LEVEL_SYNC : SEGLOG_LEVEL_FLUSH, NULL, err);
        if (code != SEGLOG_OK)
            break;
    }
    /* The limit stands in the way of a closing mark as well. */
    (void)seglog_writer_close(writer, NULL);
    return n;
}

/* The first `count` are there, and at most one that was not acknowledged. */
static void
log_check(struct seglog_store store, unsigned count)
{
    struct seglog_reader *reader = NULL;
    struct seglog_event event;
    struct seglog_error err = { 0 };
    char text[600];
    unsigned n = 0;
    seglog_code code = seglog_reader_open(store, "log", NULL, &reader, &err);

    if (count == 0 && code != SEGLOG_OK)
        return;
    need(code == SEGLOG_OK, "the log cannot be opened to read", &err);
    while ((code = seglog_reader_next(reader, &event, &err)) == SEGLOG_OK) {
        const size_t len = text_make(text, n++);

        need(event.record.len == len &&
                 memcmp(event.record.data, text, len) == 0,
             "a record reads otherwise", NULL);
    }
    need(code == SEGLOG_END, "the log cannot be read", &err);
    need(n == count, "another number of records than acknowledged", NULL);
    seglog_reader_close(reader);
}

/* What fails, fails clearly; without the limit it goes on. */
static void
limit_try(const char *dir, unsigned most, seglog_code want,
          void (*lift)(const char *dir))
{
    struct seglog_store store = store_open(dir);
    const unsigned before = descriptors_count();
    struct seglog_error err = { 0 };
    const unsigned count = append_until(store, 0, most, &err);

    need(count == most || err.code == want, "another code", &err);
    if (count < most)
        error_check(&err, "log");
    need(descriptors_count() == before, "a descriptor is left open", NULL);
    log_check(store, count);
    lift(dir);
    need(append_until(store, count, count + 20, &err) == count + 20,
         "it does not go on", &err);
    log_check(store, count + 20);
    seglog_store_close(&store);
}

/* -- space ------------------------------------------------------------------ */

static void
tmpfs_mount(const char *dir, const char *options, unsigned long flags)
{
    need(mount("t", dir, "tmpfs", flags, options) == 0, "cannot mount", NULL);
}

static void
space_lift(const char *dir)
{
    tmpfs_mount(dir, "size=4m,nr_inodes=64", MS_REMOUNT);
}

/* Some bytes are taken already, so that every 512 of a page are the last. */
static void
no_space(const char *dir, unsigned long bytes)
{
    char options[64];
    char *path = test_path(dir, "ballast");
    char *fill = calloc(1, 4096);
    const size_t pages = (bytes + 4095) / 4096 + 1;

    (void)snprintf(options, sizeof options, "size=%zu,nr_inodes=64",
                   pages * 4096);
    tmpfs_mount(dir, options, 0);
    need(fill != NULL, "no memory", NULL);
    test_file_write(path, fill, 4096 - bytes % 4096);
    limit_try(dir, 3000, SEGLOG_NO_SPACE, space_lift);
    free(fill);
    free(path);
    (void)umount2(dir, MNT_DETACH);
}

static void
no_inodes(const char *dir, unsigned long inodes)
{
    char options[64];

    (void)snprintf(options, sizeof options, "size=4m,nr_inodes=%lu", inodes);
    tmpfs_mount(dir, options, 0);
    limit_try(dir, 50, SEGLOG_NO_SPACE, space_lift);
    (void)umount2(dir, MNT_DETACH);
}

/* -- limits of a process ---------------------------------------------------- */

static void
length_lift(const char *dir)
{
    const struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };

    (void)dir;
    (void)setrlimit(RLIMIT_FSIZE, &limit);
}

static void
file_too_long(const char *dir, unsigned long bytes)
{
    const struct rlimit limit = { bytes, RLIM_INFINITY };

    (void)signal(SIGXFSZ, SIG_IGN);
    need(setrlimit(RLIMIT_FSIZE, &limit) == 0, "cannot limit", NULL);
    limit_try(dir, 3000, SEGLOG_IO, length_lift);
}

static void
few_descriptors(const char *dir, unsigned long most)
{
    const struct rlimit limit = { most, 4096 };
    const struct rlimit enough = { 4096, 4096 };
    struct seglog_store store = { 0 };
    struct seglog_error err = { 0 };
    const unsigned before = descriptors_count();
    unsigned count = 0;

    need(setrlimit(RLIMIT_NOFILE, &limit) == 0, "cannot limit", NULL);
    if (seglog_store_file_open(dir, false, &store, &err) == SEGLOG_OK) {
        count = append_until(store, 0, 20, &err);
        if (count < 20)
            error_check(&err, "log");
        seglog_store_close(&store);
    } else {
        error_check(&err, dir);
    }
    need(setrlimit(RLIMIT_NOFILE, &enough) == 0, "cannot lift", NULL);
    need(descriptors_count() == before, "a descriptor is left open", NULL);
    store = store_open(dir);
    need(append_until(store, count, count + 20, &err) == count + 20,
         "it does not go on", &err);
    log_check(store, count + 20);
    seglog_store_close(&store);
}

/* -- permission ------------------------------------------------------------- */

/* 0: the folder, 1: the log, 2: the lock may not be written; 3: the log may
 * not even be read.  All of it is somebody else's. */
static void
others_files(const char *dir, unsigned long which)
{
    static const char *const names[] = { ".", "log", "log.lock", "log" };
    static const mode_t modes[] = { 0555, 0444, 0444, 0 };
    struct seglog_store store = store_open(dir);
    struct seglog_error err = { 0 };
    char *path = test_path(dir, names[which]);
    unsigned count = append_until(store, 0, 10, &err);
    unsigned more = 0;

    need(count == 10, "the log cannot be made", &err);
    need(chmod(path, modes[which]) == 0, "chmod", NULL);
    if (which == 0) {
        char *log = test_path(dir, "log");

        need(unlink(log) == 0, "unlink", NULL);
        free(log);
        count = 0;
    }
    need(setresuid(NOBODY, NOBODY, 0) == 0, "cannot be somebody else", NULL);
    more = append_until(store, count, count + 5, &err);
    need(more == count, "it could be written to", NULL);
    need(err.code == SEGLOG_READ_ONLY || err.code == SEGLOG_IO, "another code",
         &err);
    error_check(&err, "log");
    need(setresuid(0, 0, 0) == 0, "cannot be root again", NULL);
    need(chmod(path, which == 0 ? 0777 : 0666) == 0, "chmod", NULL);
    need(append_until(store, count, count + 5, &err) == count + 5,
         "it does not go on", &err);
    log_check(store, count + 5);
    seglog_store_close(&store);
    free(path);
}

static mode_t
mode_of(const char *dir, const char *name)
{
    char *path = test_path(dir, name);
    struct stat status;

    need(stat(path, &status) == 0, "stat", NULL);
    free(path);
    return status.st_mode & 0777;
}

/* Files of a store of sessions are their owner's, whatever the umask. */
static void
modes(const char *dir, unsigned long mask)
{
    const struct seglog_uuid id = { { 1 } };
    struct seglog_session_store *sessions = NULL;
    struct seglog_store store = store_open(dir);
    struct seglog_error err = { 0 };
    char lane[SEGLOG_LANE_NAME_CAP];
    char *path = test_path(dir, "sessions");

    (void)umask((mode_t)mask);
    need(append_until(store, 0, 10, &err) == 10, "append", &err);
    need(mode_of(dir, "log") == (0666 & ~mask) &&
             mode_of(dir, "log.lock") == (0666 & ~mask),
         "another mode of a log", NULL);
    need(seglog_session_store_open_dir(path, NULL, &sessions, &err) ==
                 SEGLOG_OK &&
             seglog_session_append(sessions, &id, &id, "1", 1, NULL, NULL,
                                   &err) == SEGLOG_OK,
         "append to a session", &err);
    need(mode_of(dir, "sessions") == (0700 & ~mask), "mode of the folder",
         NULL);
    need(mode_of(path, seglog_lane_name(&id, &id, SEGLOG_LANE_ENTRIES, lane)) ==
                 (0600 & ~mask) &&
             mode_of(path, "index.seg") == (0600 & ~mask),
         "another mode of a session", NULL);
    need(seglog_session_store_close(sessions, &err) == SEGLOG_OK, "close",
         &err);
    seglog_store_close(&store);
    free(path);
}

/* -- links ------------------------------------------------------------------ */

static void
outside_check(const char *outside)
{
    DIR *dir = opendir(outside);
    const struct dirent *entry = NULL;

    need(dir != NULL, "outside is gone", NULL);
    while ((entry = readdir(dir)))
        need(entry->d_name[0] == '.', "something was made outside", NULL);
    (void)closedir(dir);
}

/* A link that leads nowhere: what it names is not created. */
static void
dangling_link(const char *dir, unsigned long which)
{
    static const char *const names[] = { "log", "log.lock", "log.torn" };
    char *outside = test_path(dir, "outside");
    char *target = test_path(outside, "made");
    char *inside = test_path(dir, "inside");
    char *link = test_path(inside, names[which]);
    struct seglog_store store = { 0 };
    struct seglog_error err = { 0 };
    unsigned count = 0;

    need(mkdir(outside, 0777) == 0 && mkdir(inside, 0777) == 0 &&
             symlink(target, link) == 0,
         "cannot prepare", NULL);
    store = store_open(inside);
    count = append_until(store, 0, 5, &err);
    need(which == 2 || count == 0, "it wrote through a link", NULL);
    if (count == 0)
        error_check(&err, "log");
    outside_check(outside);
    seglog_store_close(&store);
    free(link);
    free(inside);
    free(target);
    free(outside);
}

/* While a name is a link, then none, then a link: nothing is made outside. */
static void
link_race(const char *dir, unsigned long swaps)
{
    char *outside = test_path(dir, "outside");
    char *target = test_path(outside, "made");
    char *inside = test_path(dir, "inside");
    char *link = test_path(inside, "log");
    struct seglog_store store = { 0 };
    pid_t swapper = 0;

    need(mkdir(outside, 0777) == 0 && mkdir(inside, 0777) == 0,
         "cannot prepare", NULL);
    swapper = fork();
    if (swapper == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;) {
            (void)!symlink(target, link);
            (void)unlink(link);
        }
    }
    store = store_open(inside);
    for (unsigned long i = 0; i < swaps; i++) {
        struct seglog_blob blob = { 0 };

        (void)!seglog_blob_open(
            store, "log", SEGLOG_OPEN_WRITE | SEGLOG_OPEN_CREATE, &blob, NULL);
        (void)seglog_blob_close(&blob, NULL);
    }
    (void)kill(swapper, SIGKILL);
    (void)waitpid(swapper, NULL, 0);
    outside_check(outside);
    seglog_store_close(&store);
    free(link);
    free(inside);
    free(target);
    free(outside);
}

/* -- files that are not as they were ---------------------------------------- */

/* Longer than 4 GiB, most of it a hole: damage far behind is found there. */
static void
sparse_file(const char *dir, unsigned long gigabytes)
{
    struct seglog_store store = store_open(dir);
    struct seglog_error err = { 0 };
    struct seglog_blob blob = { 0 };
    char *path = test_path(dir, "log");
    const uint64_t end = (uint64_t)gigabytes << 30;
    uint64_t size = 0;
    uint64_t at = 0;
    char byte = 1;

    need(append_until(store, 0, 10, &err) == 10, "append", &err);
    need(truncate(path, (off_t)end) == 0, "truncate", NULL);
    need(seglog_blob_open(store, "log", SEGLOG_OPEN_WRITE, &blob, &err) ==
                 SEGLOG_OK &&
             seglog_blob_append(blob, end, "x", 1, &at, &err) == SEGLOG_OK &&
             seglog_blob_get_size(blob, &size, NULL, &err) == SEGLOG_OK &&
             seglog_blob_read_at(blob, end, &byte, 1, &err) == SEGLOG_OK,
         "a long file", &err);
    need(at == end && size == end + 1 && byte == 'x', "an offset is cut off",
         NULL);
    need(seglog_blob_truncate(blob, end - 1, &err) == SEGLOG_OK &&
             seglog_blob_get_size(blob, &size, NULL, &err) == SEGLOG_OK &&
             size == end - 1,
         "cut a long file", &err);
    (void)seglog_blob_close(&blob, NULL);
    seglog_store_close(&store);
    free(path);
}

/* Cut under a reader to every length: no signal, no wrong record. */
static void
cut_under_reader(const char *dir, unsigned long step)
{
    struct seglog_store store = store_open(dir);
    struct seglog_error err = { 0 };
    char *path = test_path(dir, "log");
    struct stat status;

    need(append_until(store, 0, 40, &err) == 40, "append", &err);
    need(stat(path, &status) == 0, "stat", NULL);
    for (off_t size = status.st_size; size >= 0; size -= (off_t)step) {
        struct seglog_reader *reader = NULL;
        struct seglog_event event;
        char text[600];
        unsigned n = 0;

        if (seglog_reader_open(store, "log", NULL, &reader, &err) != SEGLOG_OK)
            break;
        if (n < 3 && seglog_reader_next(reader, &event, &err) == SEGLOG_OK)
            n++;
        need(truncate(path, size) == 0, "truncate", NULL);
        while (seglog_reader_next(reader, &event, &err) == SEGLOG_OK) {
            const size_t len = text_make(text, n++);

            need(event.record.len == len &&
                     memcmp(event.record.data, text, len) == 0,
                 "a record reads otherwise", NULL);
        }
        seglog_reader_close(reader);
    }
    seglog_store_close(&store);
    free(path);
}

static void
hostile_names(const char *dir, unsigned long which)
{
    static const char *const names[] = {
        "", ".", "..", "a/b", "/a", "../a", "a/", "x.lock", "./a", "a/../b"
    };
    struct seglog_store store = store_open(dir);
    struct seglog_blob blob = { 0 };
    struct seglog_error err = { 0 };
    char longest[300];

    memset(longest, 'a', sizeof longest);
    longest[256] = '\0';
    need(seglog_blob_open(store,
                          which < COUNT_OF(names) ? names[which] : longest,
                          SEGLOG_OPEN_WRITE | SEGLOG_OPEN_CREATE, &blob,
                          &err) == SEGLOG_INVALID,
         "a name that is none was taken", NULL);
    seglog_store_close(&store);
}

/* -------------------------------------------------------------------------- */

static void
root_cases(unsigned long step)
{
    const bool is_root = geteuid() == 0;

    if (is_root && unshare(CLONE_NEWNS) == 0 &&
        mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0) {
        for (unsigned long bytes = 0; bytes <= 256 * 1024; bytes += step)
            case_run("no_space", no_space, bytes);
        for (unsigned long inodes = 1; inodes <= 8; inodes++)
            case_run("no_inodes", no_inodes, inodes);
    } else {
        printf("skipped: no right to mount\n");
    }
    for (unsigned long which = 0; is_root && which < 4; which++)
        case_run("others_files", others_files, which);
}

int
main(int argc, char **argv)
{
    const unsigned long swaps = argc > 1 ? strtoul(argv[1], NULL, 10) : 3000;

    for (unsigned long bytes = 0; bytes <= 8192; bytes += 331)
        case_run("file_too_long", file_too_long, bytes);
    for (unsigned long most = 3; most <= 20; most++)
        case_run("few_descriptors", few_descriptors, most);
    case_run("modes", modes, 0000);
    case_run("modes", modes, 0022);
    case_run("modes", modes, 0077);
    for (unsigned long which = 0; which < 3; which++)
        case_run("dangling_link", dangling_link, which);
    case_run("link_race", link_race, swaps);
    case_run("sparse_file", sparse_file, 5);
    case_run("cut_under_reader", cut_under_reader, 13);
    for (unsigned long which = 0; which <= 10; which++)
        case_run("hostile_names", hostile_names, which);
    root_cases(argc > 1 ? 512 : 13 * 512);
    printf("score: limits count=%u findings=%u\n", cases, findings);
    return findings != 0;
}
