/* SPDX-License-Identifier: MIT */
/*
 * tests/filesystem/test_cut_power.c
 *
 * Goal    on a real file system whose power goes, whatever was synced is there
 *         afterwards, nothing is there that was not written, and the next ones
 *         go on.
 * Method  four processes do the work of tests/support/acked.h on a file system
 *         in an image; at a random moment it is told to shut down (XFS_IOC
 *         GOINGDOWN, which ext4 knows as well): nothing gets to the device any
 *         more, as if the machine had lost power.  They are killed, it is
 *         mounted again, which replays its journal, looked at, and work goes
 *         on.
 *
 * Usage   test_cut_power [ext4|xfs [CYCLES [SEED [encrypted]]]]
 *
 * Needs root and a loop device; without them it is skipped.  The image has no
 * name, the mount is in a namespace of this process and the loop device goes
 * with its last user: so nothing is left, however this ends.
 */
#define _GNU_SOURCE /* unshare, usleep */

#include "tests/support/seglog_test.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/acked.h"

#define CYCLES_DEFAULT   12u
#define LOOKS_MAX        20u /* in one folder */
#define SKIPPED          77

#define GOING_DOWN       _IOR('X', 125, uint32_t)
#define DOWN_LOG_FLUSHED 1u /* the journal gets to the device, the rest not */
#define DOWN_AT_ONCE     2u

struct cut {
    struct acked *acked;
    const char *type;
    char *top;   /* the mount point */
    char *dir;   /* in it; NULL: a new one is to be begun */
    int image;   /* without a name */
    int control; /* /dev/loop-control */
    int loop;
    char device[32];
    pid_t pids[ACKED_WORKERS];
    uint64_t seed;
    bool is_encrypted;
    uint64_t cycles;
    /* The hint of a lock file is mapped, and a file system that goes down right
     * after it was asked for the page gives SIGBUS to who touches it, or always
     * where it cannot be asked: counted, and no finding here. */
    uint64_t bus_errors;
    uint64_t unordered; /* logs that are to be repaired first */
    uint64_t corrupt;
    uint64_t lost; /* records that were told of and not synced */
    unsigned folders;
    unsigned findings;
    uint64_t done[ACKED_OPS];
};

static int
skip_all(const char *why)
{
    printf("skipped: %s: %s\n", why, strerror(errno));
    return SKIPPED;
}

/* -- the file system -------------------------------------------------------- */

/* Of memory: what a disk would cost is not the question here. */
static bool
image_make(struct cut *cut)
{
    cut->image = memfd_create("image", MFD_CLOEXEC);
    return cut->image >= 0 &&
           ftruncate(cut->image, strcmp(cut->type, "xfs") == 0
                                     ? (off_t)320 << 20
                                     : (off_t)64 << 20) == 0;
}

/* The device goes with the last who has it open. */
static bool
loop_attach(struct cut *cut)
{
    struct loop_config config = { .fd = (uint32_t)cut->image,
                                  .info.lo_flags = LO_FLAGS_AUTOCLEAR };

    for (unsigned tries = 0; tries < 20; tries++) {
        const int number = ioctl(cut->control, LOOP_CTL_GET_FREE);

        if (number < 0)
            return false;
        (void)snprintf(cut->device, sizeof cut->device, "/dev/loop%d", number);
        cut->loop = open(cut->device, O_RDWR | O_CLOEXEC);
        if (cut->loop >= 0 && ioctl(cut->loop, LOOP_CONFIGURE, &config) == 0)
            return true;
        if (cut->loop >= 0)
            (void)close(cut->loop);
        cut->loop = -1;
        if (errno != EBUSY)
            return false;
    }
    return false;
}

static int
run(const char *const *arguments)
{
    const pid_t pid = fork();
    int status = 0;

    if (pid == 0) {
        (void)execvp(arguments[0], (char *const *)arguments);
        _exit(127);
    }
    return waitpid(pid, &status, 0) == pid && WIFEXITED(status)
               ? WEXITSTATUS(status)
               : -1;
}

static bool
file_system_make(struct cut *cut)
{
    const char *const ext4[] = { "mkfs.ext4", "-q", "-F", cut->device, NULL };
    const char *const xfs[] = { "mkfs.xfs", "-q", "-f", cut->device, NULL };

    return run(strcmp(cut->type, "xfs") == 0 ? xfs : ext4) == 0;
}

/*
 * A device anew each time: what the old one kept in memory, some of it never
 * meant to be written, would be read again, which no power cut allows.
 */
static bool
file_system_mount(struct cut *cut)
{
    const bool is_mounted =
        (cut->loop >= 0 || loop_attach(cut)) &&
        mount(cut->device, cut->top, cut->type, 0, NULL) == 0;

    if (cut->loop >= 0)
        (void)close(cut->loop);
    cut->loop = -1;
    return is_mounted;
}

/* Whoever was killed may take a moment to let go. */
static bool
file_system_unmount(struct cut *cut)
{
    for (unsigned tries = 0; tries < 200; tries++) {
        if (umount2(cut->top, 0) == 0)
            return true;
        if (errno != EBUSY)
            return false;
        (void)usleep(5000);
    }
    return false;
}

static bool
file_system_cut(const struct cut *cut, uint32_t how)
{
    const int fd = open(cut->top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool is_done = fd >= 0 && ioctl(fd, GOING_DOWN, &how) == 0;

    if (fd >= 0)
        (void)close(fd);
    return is_done;
}

/* -- a cycle ---------------------------------------------------------------- */

/* What it is about is kept, for the file system goes with this process. */
static void
finding_tell(struct cut *cut, const char *what, uint64_t seed)
{
    char *kept = test_dir_make();
    const char *const copy[] = { "cp", "-a", cut->dir ? cut->dir : cut->top,
                                 kept, NULL };

    cut->findings++;
    printf("FINDING %s, cycle %llu, seed %llu, %s%s: %s; copied to %s%s\n",
           cut->type, (unsigned long long)cut->cycles, (unsigned long long)seed,
           what, cut->acked->is_encrypted ? " (encrypted)" : "",
           cut->acked->failure, kept, run(copy) == 0 ? "" : " (not all of it)");
    free(kept);
}

static void
workers_start(struct cut *cut)
{
    for (unsigned i = 0; i < ACKED_WORKERS; i++) {
        const uint64_t seed = test_random(&cut->seed);

        (void)fflush(NULL);
        cut->pids[i] = fork();
        if (cut->pids[i] != 0)
            continue;
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        acked_work(cut->acked, i, cut->dir, seed, UINT64_MAX, NULL, NULL);
        _exit(0);
    }
}

/* The signal that one of them died by; 0: none but ours. */
static int
workers_stop(struct cut *cut)
{
    int died_by = 0;

    for (unsigned i = 0; i < ACKED_WORKERS; i++)
        (void)kill(cut->pids[i], SIGKILL);
    for (unsigned i = 0; i < ACKED_WORKERS; i++) {
        int status = 0;

        if (waitpid(cut->pids[i], &status, 0) == cut->pids[i] &&
            WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)
            died_by = WTERMSIG(status);
    }
    return died_by;
}

static uint64_t
told_sum(const struct acked *acked)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < ACKED_WORKERS; i++)
        sum += atomic_load(&acked->slots[i].own.told) +
               atomic_load(&acked->slots[i].session.told);
    return sum;
}

/* Nobody has promised that a new folder survives: it is synced here. */
static bool
folder_begin(struct cut *cut)
{
    char name[32];
    int fd = -1;
    bool is_synced = false;

    if (cut->dir)
        return true;
    (void)snprintf(name, sizeof name, "%u", cut->folders++);
    cut->dir = test_path(cut->top, name);
    if (mkdir(cut->dir, 0777) != 0)
        return false;
    acked_begin(cut->acked, cut->dir, cut->is_encrypted);
    fd = open(cut->top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    is_synced = fd >= 0 && syncfs(fd) == 0;
    if (fd >= 0)
        (void)close(fd);
    return is_synced;
}

static void
folder_end(struct cut *cut)
{
    const bool is_right = acked_tidy(cut->acked, cut->dir);

    if (!is_right)
        finding_tell(cut, "at the end of a folder", cut->seed);
    for (unsigned op = 0; op < ACKED_OPS; op++)
        cut->done[op] += atomic_load(&cut->acked->done[op]);
    test_dir_remove(cut->dir);
    cut->dir = NULL;
}

static bool
cycle(struct cut *cut)
{
    const uint32_t how =
        test_random(&cut->seed) % 4 == 0 ? DOWN_LOG_FLUSHED : DOWN_AT_ONCE;
    uint64_t told = 0;
    bool is_cut = false;
    bool is_back = false;
    int died_by = 0;
    char text[64];

    workers_start(cut);
    (void)usleep((useconds_t)(test_random(&cut->seed) % 60000));
    atomic_store(&cut->acked->is_over, true);
    is_cut = file_system_cut(cut, how);
    died_by = workers_stop(cut);
    is_back = file_system_unmount(cut) && file_system_mount(cut);
    atomic_store(&cut->acked->is_over, false);
    (void)snprintf(text, sizeof text, "a worker died by signal %d", died_by);
    if (!acked_expect(cut->acked, is_cut, "cannot shut it down", NULL) ||
        !acked_expect(cut->acked, is_back, "cannot mount it again", NULL) ||
        !acked_expect(cut->acked, died_by == 0 || died_by == SIGBUS, text,
                      NULL))
        return false;
    cut->bus_errors += died_by == SIGBUS;
    told = told_sum(cut->acked);
    if (!acked_look(cut->acked, cut->dir, true))
        return false;
    if (told_sum(cut->acked) < told)
        cut->lost += told - told_sum(cut->acked);
    return true;
}

static void
cycles_run(struct cut *cut, uint64_t cycles)
{
    unsigned looks = 0;

    for (; cut->cycles < cycles && cut->findings < 5; cut->cycles++) {
        const uint64_t seed = cut->seed;
        const bool is_new = !cut->dir;

        looks = is_new ? 1 : looks + 1;
        if (!folder_begin(cut)) {
            finding_tell(cut, "a folder cannot be made", seed);
            return;
        }
        if (!cycle(cut)) {
            finding_tell(cut, "after a cut", seed);
            free(cut->dir);
            cut->dir = NULL;
        } else if (cut->acked->unordered + cut->acked->corrupt > 0) {
            /* Some log has to be repaired before anybody appends. */
            cut->unordered += cut->acked->unordered;
            cut->corrupt += cut->acked->corrupt;
            test_dir_remove(cut->dir);
            cut->dir = NULL;
        } else if (looks >= LOOKS_MAX || acked_is_full(cut->acked) ||
                   cut->cycles + 1 == cycles) {
            folder_end(cut);
        }
    }
}

/* -------------------------------------------------------------------------- */

static int
prepare(struct cut *cut)
{
    if (geteuid() != 0) {
        errno = EPERM;
        return skip_all("only root may mount");
    }
    cut->control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
    if (cut->control < 0)
        return skip_all("no loop devices");
    if (unshare(CLONE_NEWNS) != 0 ||
        mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        return skip_all("no namespace of its own for mounts");
    if (!image_make(cut))
        return skip_all("no image");
    if (!loop_attach(cut))
        return skip_all("no loop device to be had");
    if (!file_system_make(cut))
        return skip_all("mkfs is not there, or fails");
    cut->top = test_dir_make();
    if (!file_system_mount(cut))
        return skip_all("it cannot be mounted");
    /* An emulator does not hand that call on. */
    if (!file_system_cut(cut, DOWN_AT_ONCE))
        return skip_all("file systems cannot be shut down here");
    if (!file_system_unmount(cut) || !file_system_mount(cut))
        return skip_all("it cannot be mounted again");
    return 0;
}

static void
result_tell(const struct cut *cut, uint64_t seed, int64_t spent_ms)
{
    uint64_t steps = 0;

    for (unsigned op = 0; op < ACKED_OPS; op++)
        steps += cut->done[op];
    printf("%llu steps, %llu records told of were not synced and are gone, "
           "%llu logs UNORDERED, %llu CORRUPT, "
           "%llu times SIGBUS while it went down, %lld ms\n",
           (unsigned long long)steps, (unsigned long long)cut->lost,
           (unsigned long long)cut->unordered, (unsigned long long)cut->corrupt,
           (unsigned long long)cut->bus_errors, (long long)spent_ms);
    printf("score: %s_cuts count=%llu findings=%u seeds=%llu-%llu "
           "note=\"%lld s\"\n",
           cut->type, (unsigned long long)cut->cycles, cut->findings,
           (unsigned long long)seed, (unsigned long long)seed,
           (long long)spent_ms / 1000);
}

int
main(int argc, char **argv)
{
    const uint64_t cycles =
        argc > 2 ? strtoull(argv[2], NULL, 10) : CYCLES_DEFAULT;
    const uint64_t seed =
        argc > 3 ? strtoull(argv[3], NULL, 10) : (uint64_t)time(NULL);
    struct cut cut = { .type = argc > 1 ? argv[1] : "ext4",
                       .image = -1,
                       .loop = -1,
                       .is_encrypted = argc > 4,
                       .seed = seed };
    const int64_t start_ms = test_now_ms();
    int status = 0;

    if (strcmp(cut.type, "ext4") != 0 && strcmp(cut.type, "xfs") != 0) {
        fprintf(stderr, "usage: %s [ext4|xfs [CYCLES [SEED [encrypted]]]]\n",
                argv[0]);
        return 2;
    }
    cut.acked = acked_new();
    if (!cut.acked)
        return 1;
    cut.acked->is_cut_power = true;
    status = prepare(&cut);
    if (status == 0) {
        printf("%s, seed %llu\n", cut.type, (unsigned long long)seed);
        cycles_run(&cut, cycles);
        result_tell(&cut, seed, test_now_ms() - start_ms);
        (void)file_system_unmount(&cut);
        status = cut.findings != 0;
    }
    if (cut.top)
        (void)rmdir(cut.top);
    free(cut.top);
    free(cut.dir);
    acked_free(cut.acked);
    return status;
}
