/* SPDX-License-Identifier: MIT */
/*
 * tests/kill/make_kill_at.c - run a command and kill it at a call of the system.
 *
 *   make_kill_at FILE K before|half COMMAND [ARGUMENT...]
 *
 * Counted are the calls that change files: write and its kin, fsync, rename,
 * truncate, unlink, link, mkdir, and open where it may create.  The K-th of
 * them, by whichever thread, is not carried out, or (half, of a write) with
 * half of its bytes, and SIGKILL ends the command.  FILE gets how many there
 * were.  A K of 0 kills nobody.
 *
 * The status is that of the command, or 100 if it was killed, 101 if half of
 * the K-th call cannot be, 77 where this cannot be done.
 */
#define _GNU_SOURCE /* ptrace events */

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define KILLED  100
#define NO_HALF 101
#define SKIPPED 77

/* Of the second and third argument, the half that holds the flags of open. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define LOW_WORD 0
#else
#define LOW_WORD 4
#endif

#define ARGUMENT(n)                                                            \
    ((uint32_t)(offsetof(struct seccomp_data, args) + 8 * (n) + LOW_WORD))

#define TRACE_CALL(number)                                                     \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (number), 0, 1),                       \
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE)

static bool
filter_set(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        TRACE_CALL(__NR_write),
        TRACE_CALL(__NR_pwrite64),
        TRACE_CALL(__NR_writev),
        TRACE_CALL(__NR_fsync),
        TRACE_CALL(__NR_fdatasync),
        TRACE_CALL(__NR_ftruncate),
        TRACE_CALL(__NR_fallocate),
#ifdef __NR_rename
        TRACE_CALL(__NR_rename),
        TRACE_CALL(__NR_unlink),
        TRACE_CALL(__NR_link),
        TRACE_CALL(__NR_mkdir),
#endif
#ifdef __NR_renameat
        TRACE_CALL(__NR_renameat),
#endif
        TRACE_CALL(__NR_renameat2),
        TRACE_CALL(__NR_unlinkat),
        TRACE_CALL(__NR_linkat),
        TRACE_CALL(__NR_mkdirat),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_openat, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ARGUMENT(2)),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, O_CREAT, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = { sizeof code / sizeof code[0], code };

    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

/* Half as many bytes.  False: it writes none, or nobody knows how. */
static bool
write_halve(pid_t pid)
{
#ifdef __x86_64__
    struct user_regs_struct regs;

    if (ptrace(PTRACE_GETREGS, pid, NULL, &regs) != 0 ||
        (regs.orig_rax != __NR_write && regs.orig_rax != __NR_pwrite64) ||
        regs.rdx < 2)
        return false;
    regs.rdx /= 2;
    return ptrace(PTRACE_SETREGS, pid, NULL, &regs) == 0;
#else
    (void)pid;
    return false;
#endif
}

struct run {
    pid_t child;
    unsigned long calls;
    unsigned long at;
    bool is_half;
    pid_t halved; /* its call is under way, and the last one */
    int result;   /* -1: it goes on */
};

static void
run_end(struct run *run, int result)
{
    (void)kill(run->child, SIGKILL);
    run->result = result;
}

/* What to go on with. */
static int
call_stopped(struct run *run, pid_t pid)
{
    run->calls++;
    if (run->calls != run->at)
        return PTRACE_CONT;
    if (!run->is_half) {
        run_end(run, KILLED);
        return PTRACE_CONT;
    }
    if (!write_halve(pid)) {
        run_end(run, NO_HALF);
        return PTRACE_CONT;
    }
    run->halved = pid;
    return PTRACE_SYSCALL;
}

static void
stopped(struct run *run, pid_t pid, int status)
{
    const int sig = WSTOPSIG(status);
    long signal_on = 0;
    int how = PTRACE_CONT;

    if (status >> 8 == (SIGTRAP | PTRACE_EVENT_SECCOMP << 8)) {
        how = call_stopped(run, pid);
    } else if (pid == run->halved && sig == (SIGTRAP | 0x80)) {
        run_end(run, KILLED);
    } else if (sig != SIGTRAP && sig != (SIGTRAP | 0x80) && sig != SIGSTOP) {
        signal_on = sig;
    }
    if (how == PTRACE_CONT)
        (void)ptrace(PTRACE_CONT, pid, NULL, signal_on);
    else
        (void)ptrace(PTRACE_SYSCALL, pid, NULL, signal_on);
}

static int
run_all(struct run *run)
{
    for (;;) {
        int status = 0;
        const pid_t pid = waitpid(-1, &status, __WALL);

        if (pid < 0)
            return run->result < 0 ? SKIPPED : run->result;
        if (WIFSTOPPED(status)) {
            stopped(run, pid, status);
            continue;
        }
        if (pid != run->child)
            continue;
        if (run->result >= 0)
            return run->result;
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
}

static pid_t
command_start(char **arguments)
{
    const pid_t pid = fork();
    int status = 0;

    if (pid == 0) {
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0 || raise(SIGSTOP) != 0 ||
            !filter_set())
            _exit(SKIPPED);
        (void)execvp(arguments[0], arguments);
        _exit(127);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status) ||
        ptrace(PTRACE_SETOPTIONS, pid, NULL,
               PTRACE_O_TRACESECCOMP | PTRACE_O_TRACECLONE |
                   PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
                   PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL) != 0)
        return -1;
    (void)ptrace(PTRACE_CONT, pid, NULL, 0L);
    return pid;
}

int
main(int argc, char **argv)
{
    struct run run = { .result = -1 };
    FILE *file = NULL;
    int result = 0;

    if (argc < 5)
        return 2;
    run.at = strtoul(argv[2], NULL, 10);
    run.is_half = strcmp(argv[3], "half") == 0;
    run.child = command_start(argv + 4);
    if (run.child < 0)
        return SKIPPED;
    result = run_all(&run);
    file = fopen(argv[1], "w");
    if (!file || fprintf(file, "%lu\n", run.calls) < 0 || fclose(file) != 0)
        return SKIPPED;
    return result;
}
