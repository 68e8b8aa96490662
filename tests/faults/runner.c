/* SPDX-License-Identifier: MIT */
/* tests/faults/runner.c - each scenario, with each failure at each place. */
#define _POSIX_C_SOURCE 200809L /* alarm */

#include "tests/faults/runner.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/faults/allocation.h"

/* How a scenario goes when nothing fails. */
struct clean {
    size_t steps;
    struct text states[STEPS_MAX + 1];
    struct text said[STEPS_MAX];
    seglog_code codes[STEPS_MAX]; /* of STEP_ENDS */
    struct text names;
    uint64_t operations;
};

struct run {
    struct runner *runner;
    const struct scenario *scenario;
    const struct clean *clean;
    struct failure failure;
    struct stage stage;
    size_t step;   /* that is under way */
    size_t synced; /* state that survives a power cut */
    bool has_finding;
};

/* -- findings -------------------------------------------------------------- */

static const struct run *running;
static volatile sig_atomic_t was_warned;

static void
failure_say(const struct run *run, FILE *to)
{
    static const char *const sources[] = { "call of the store",
                                           "call of the system", "allocation" };
    const struct failure *failure = &run->failure;

    fprintf(to, "%s on %s, %s %llu%s, way %u, errno %d", run->scenario->name,
            ground_names[run->stage.ground], sources[failure->source],
            (unsigned long long)failure->at,
            failure->is_sticky ? " and all behind it" : "", failure->way,
            failure->sys_errno);
    if (run->step < run->clean->steps)
        fprintf(to, ", step \"%s\"", run->scenario->steps[run->step].name);
    if (failure->source == FROM_SYSTEM)
        fprintf(to, ", %s", calls_name());
}

static bool
is_new_finding(struct runner *runner, const char *step, const char *what)
{
    const uint64_t hash =
        (hash_of(what, strlen(what)) ^ hash_of(step, strlen(step))) | 1;

    for (size_t i = 0; i < sizeof runner->told / sizeof runner->told[0]; i++) {
        if (runner->told[i] == hash)
            return false;
        if (runner->told[i] == 0) {
            runner->told[i] = hash;
            return true;
        }
    }
    return false;
}

static void
trace_say(struct run *run)
{
    static char trace[65536];

    if (run->stage.faults && run->failure.source == FROM_STORE) {
        (void)seglog_faults_format_trace(run->stage.faults, trace,
                                         sizeof trace);
        printf("%s", trace);
    }
}

/* The first of its kind is printed. */
static void
finding(struct run *run, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void
finding(struct run *run, const char *format, ...)
{
    const bool was_on = allocation_watch(false);
    char what[1024];
    char place[256];
    va_list more;

    va_start(more, format);
    (void)vsnprintf(what, sizeof what, format, more);
    va_end(more);
    run->has_finding = true;
    (void)snprintf(place, sizeof place, "%s/%s", run->scenario->name,
                   run->step < run->clean->steps
                       ? run->scenario->steps[run->step].name
                       : "");
    if (is_new_finding(run->runner, place, what)) {
        run->runner->findings++;
        printf("FINDING ");
        failure_say(run, stdout);
        printf(": %s\n", what);
        if (run->runner->only_at != 0)
            trace_say(run);
        (void)fflush(stdout);
    }
    (void)allocation_watch(was_on);
}

/* -- failures -------------------------------------------------------------- */

static void
failure_arm(struct run *run)
{
    const struct failure *failure = &run->failure;
    const struct seglog_fault fault = {
        .at = failure->at,
        .from_then_on = failure->is_sticky,
        .way = (enum seglog_fault_way)failure->way,
        .sys_errno = failure->sys_errno,
        .part = 7,
    };
    const struct calls_plan plan = {
        .at = failure->at,
        .is_sticky = failure->is_sticky,
        .way = (enum calls_way)failure->way,
        .sys_errno = failure->sys_errno,
    };

    seglog_faults_reset_counts(run->stage.faults);
    if (failure->source == FROM_STORE && failure->at != 0)
        (void)seglog_faults_add(run->stage.faults, &fault);
    else if (failure->source == FROM_SYSTEM)
        calls_fail(&plan);
    else if (failure->source == FROM_ALLOCATIONS)
        allocation_fail(failure->at, failure->is_sticky);
}

static void
failure_disarm(struct run *run)
{
    seglog_faults_clear(run->stage.faults);
    calls_fail(&(struct calls_plan){ 0 });
    allocation_fail(0, false);
}

static uint64_t
failure_hits(const struct run *run)
{
    switch (run->failure.source) {
    case FROM_STORE:
        return seglog_faults_get_hits(run->stage.faults);
    case FROM_SYSTEM:
        return calls_hits();
    default:
        return allocation_hits();
    }
}

static uint64_t
operations_count(const struct run *run)
{
    switch (run->failure.source) {
    case FROM_STORE:
        return seglog_faults_get_count(run->stage.faults, SEGLOG_FAULT_OPS);
    case FROM_SYSTEM:
        return calls_count();
    default:
        return allocation_count();
    }
}

static seglog_code
code_expected(const struct failure *failure)
{
    if (failure->source == FROM_ALLOCATIONS)
        return SEGLOG_NO_MEMORY;
    switch (failure->sys_errno) {
    case ENOSPC:
    case EDQUOT:
        return SEGLOG_NO_SPACE;
    case EROFS:
    case EACCES:
        return SEGLOG_READ_ONLY;
    case ENOMEM:
        return SEGLOG_NO_MEMORY;
    default:
        return SEGLOG_IO;
    }
}

/*
 * Retried by whoever calls the system: nobody learns of it.  But a sync is not:
 * whether a second one says the truth nobody knows.
 */
static bool
is_hidden(const struct failure *failure)
{
    return failure->source == FROM_SYSTEM &&
           (failure->way == CALLS_SHORT ||
            (failure->sys_errno == EINTR && !failure->is_sticky &&
             !strstr(calls_name(), "sync")));
}

/* A store that does what it says it has not done keeps no promise: what the
 * writer finds then is as if somebody else had written. */
static bool
is_lie(const struct failure *failure)
{
    return (failure->source == FROM_STORE &&
            failure->way == SEGLOG_FAULT_AFTER) ||
           (failure->source == FROM_SYSTEM && failure->way == CALLS_AFTER);
}

/* Only calls that wait are interrupted.  Where the sync behind a renaming is,
 * the name has moved, and doing that again finds it gone. */
static bool
is_done_already(const struct run *run)
{
    return run->stage.is_again && run->failure.source == FROM_SYSTEM &&
           run->failure.sys_errno == EINTR && run->failure.is_sticky;
}

/* -- steps ----------------------------------------------------------------- */

static seglog_code
step_run(struct run *run, bool is_again, struct seglog_error *err)
{
    const struct step *step = &run->scenario->steps[run->step];
    seglog_code code = SEGLOG_OK;

    memset(err, 0, sizeof *err);
    run->stage.arg = step->arg;
    run->stage.is_again = is_again;
    run->stage.said.len = 0;
    (void)allocation_watch(run->failure.source == FROM_ALLOCATIONS);
    (void)calls_watch(run->failure.source == FROM_SYSTEM);
    code = step->run(&run->stage, err);
    (void)allocation_watch(false);
    (void)calls_watch(false);
    return code;
}

static void
error_check(struct run *run, seglog_code code, const struct seglog_error *err)
{
    const seglog_code expected = code_expected(&run->failure);

    if (code != expected && code != SEGLOG_POISONED &&
        !((code == SEGLOG_CONFLICT || code == SEGLOG_NOT_FOUND) &&
          (is_lie(&run->failure) || is_done_already(run))) &&
        !(code == SEGLOG_IO && err->sys_errno == run->failure.sys_errno))
        finding(run, "fails as %s (%s) instead of %s", seglog_code_name(code),
                err->message, seglog_code_name(expected));
    if (err->code != code)
        finding(run, "returns %s, and err->code is %s", seglog_code_name(code),
                seglog_code_name(err->code));
    if (err->message[0] == '\0')
        finding(run, "%s without a message", seglog_code_name(code));
    /* The fault store knows no name for a list. */
    if (err->name[0] == '\0' && code != SEGLOG_NO_MEMORY &&
        strcmp(err->message, "told to fail") != 0)
        finding(run, "%s of nothing: %s", seglog_code_name(code), err->message);
    if (is_hidden(&run->failure))
        finding(run, "a short or interrupted call is a failure: %s",
                err->message);
}

/* Whether it went as it does when nothing fails. */
static bool
is_as_ever(const struct run *run, seglog_code code)
{
    return code == run->clean->codes[run->step];
}

static void
said_check(struct run *run)
{
    const struct step *step = &run->scenario->steps[run->step];
    const struct text *said = &run->stage.said;
    const struct text *clean = &run->clean->said[run->step];
    size_t at = 0;

    if (text_is(said, clean))
        return;
    if ((step->flags & STEP_SALVAGES) && said->len > 0 &&
        strstr(said->bytes, "IO "))
        return;
    while (at < said->len && at < clean->len &&
           said->bytes[at] == clean->bytes[at])
        at++;
    finding(run, "from byte %zu on it says\n%.200s\ninstead of\n%.200s", at,
            at < said->len ? said->bytes + at : "nothing",
            at < clean->len ? clean->bytes + at : "nothing");
}

/* -- states ---------------------------------------------------------------- */

struct oddity {
    const char *line;
    size_t len;
    bool is_gone;
};

/* All lines that each of these states has are there, and none that none has. */
static bool
is_between(const struct run *run, const struct text *seen, size_t first,
           size_t last, unsigned passes, struct oddity *oddity)
{
    const struct text *states = run->clean->states;

    for (size_t i = first; i <= last; i++) {
        if (text_is(seen, &states[i]))
            return true;
    }
    for (unsigned pass = 0; pass < passes; pass++) {
        const struct text *lines = pass == 0 ? &states[first] : seen;
        size_t near[STEPS_MAX + 2] = { 0 };

        for (size_t at = 0; at < lines->len; at += oddity->len) {
            const char *line = lines->bytes + at;
            size_t having = 0;

            *oddity = (struct oddity){
                line,
                (size_t)((char *)memchr(line, '\n', lines->len - at) - line) +
                    1,
                pass == 0
            };
            for (size_t i = first; i <= last; i++)
                having +=
                    text_has_line(&states[i], line, oddity->len, &near[i]);
            if (pass == 0 ? having == last + 1 - first &&
                                !text_has_line(seen, line, oddity->len,
                                               &near[STEPS_MAX + 1])
                          : having == 0)
                return false;
        }
    }
    return true;
}

/*
 * Which state this is, from first to last: the last one that it is.  One that
 * lies between two is the first of them.  SIZE_MAX: none.
 */
static size_t
state_find(const struct run *run, const struct text *seen, size_t first,
           size_t last)
{
    const struct text *states = run->clean->states;
    struct oddity oddity;

    for (size_t i = last + 1; i > first; i--) {
        if (text_is(seen, &states[i - 1]))
            return i - 1;
    }
    if ((run->scenario->flags & SCENE_PARTS) &&
        is_between(run, seen, first, last, 2, &oddity))
        return first;
    if (!(run->scenario->flags & SCENE_GROWS))
        return SIZE_MAX;
    for (size_t i = last; i > first; i--) {
        const struct text *a = &states[i - 1];
        const struct text *b = &states[i];

        if ((text_begins(seen, a) && text_begins(b, seen)) ||
            (text_begins(seen, b) && text_begins(a, seen)))
            return i - 1;
    }
    return SIZE_MAX;
}

static void
state_say(const char *what, const struct text *text)
{
    printf("%s:\n%.2000s", what, text->len ? text->bytes : "");
}

/*
 * A shared writer takes what it was told is not there, and is, for somebody
 * else's: it writes it again, behind that, and the steps, which go by numbers,
 * leave as many out.  But nothing else is there.
 */
static bool
is_repeated(const struct run *run, const struct text *seen)
{
    const struct text *last = &run->clean->states[run->clean->steps];

    if (!is_lie(&run->failure) ||
        run->scenario->writer.mode != SEGLOG_WRITER_SHARED)
        return false;
    for (size_t at = 0; at < seen->len;) {
        const char *line = seen->bytes + at;
        const char *kind = strstr(line, " kind ");
        const char *end = strchr(line, '\n');
        char what[64];

        if (!kind || kind > end)
            return false;
        (void)snprintf(what, sizeof what, "%.*s", (int)(end - kind), kind);
        if (!strstr(last->bytes, what))
            return false;
        at += (size_t)(end + 1 - line);
    }
    return true;
}

/* What is there is right for a step that failed; gives the state. */
static bool
state_check(struct run *run, size_t first, size_t last, const char *when,
            size_t *state)
{
    struct text seen = { 0 };
    const uint64_t before = run->runner->findings;

    stage_look(&run->stage, &seen);
    *state = state_find(run, &seen, first, last);
    if (*state == SIZE_MAX && first == run->clean->steps &&
        is_repeated(run, &seen))
        *state = first;
    if (*state == SIZE_MAX) {
        finding(run, "%s: what is there is no state from %zu to %zu", when,
                first, last);
        if (run->runner->findings > before) {
            trace_say(run);
            state_say("is there", &seen);
            state_say("first", &run->clean->states[first]);
            state_say("last", &run->clean->states[last]);
        }
    }
    text_free(&seen);
    return *state != SIZE_MAX;
}

/* -- going on -------------------------------------------------------------- */

/*
 * A power cut may have left a hole where nothing was promised, which to append
 * behind is CORRUPT, or the step does that elsewhere.  Whatever there was
 * before is there.
 */
static bool
has_met_hole(struct run *run, seglog_code code, size_t from)
{
    const bool is_elsewhere =
        code == SEGLOG_OK &&
        (run->scenario->steps[run->step].flags & STEP_ROLLS) &&
        !text_is(&run->stage.said, &run->clean->said[run->step]);
    struct text seen = { 0 };
    struct oddity oddity;

    if (is_elsewhere) {
        stage_look(&run->stage, &seen);
        if (!is_between(run, &seen, run->step, run->step, 1, &oddity))
            finding(run, "after a power cut it goes on elsewhere without %.*s",
                    (int)oddity.len - 1, oddity.line);
        text_free(&seen);
    }
    return is_elsewhere || code == SEGLOG_CORRUPT || code == SEGLOG_AUTH ||
           (code == SEGLOG_FORMAT && from == 0);
}

/* From a state to the end, without failures.  Handles may be poisoned. */
static void
go_on(struct run *run, size_t from, bool may_be_poisoned, bool is_after_cut,
      const char *when)
{
    struct seglog_error err;

    for (run->step = from; run->step < run->clean->steps; run->step++) {
        seglog_code code = step_run(run, true, &err);

        if (!is_as_ever(run, code) && may_be_poisoned) {
            size_t state = 0;

            if (code != SEGLOG_POISONED &&
                !(is_lie(&run->failure) && code == SEGLOG_CONFLICT))
                finding(run, "%s: the handle fails as %s: %s", when,
                        seglog_code_name(code), err.message);
            stage_let_go(&run->stage);
            may_be_poisoned = false;
            if (!state_check(run, run->step, run->step + 1, when, &state))
                return;
            if (state > run->step)
                continue;
            code = step_run(run, true, &err);
        }
        if (is_after_cut && has_met_hole(run, code, from)) {
            run->has_finding = true;
            return;
        }
        if (!is_as_ever(run, code)) {
            finding(run, "%s: cannot go on: %s: %s: %s", when,
                    seglog_code_name(code), err.name, err.message);
            return;
        }
    }
}

static bool
lock_check(void *arg, const char *name)
{
    struct run *run = arg;
    struct seglog_lock lock = { 0 };
    struct seglog_error err;

    if (name_has_end(name, ".torn"))
        return true;
    if (seglog_lock_open(run->stage.base, name, &lock, &err) != SEGLOG_OK ||
        seglog_lock_acquire(lock, 0, &err) != SEGLOG_OK)
        finding(run, "the lock of %s is still held", name);
    seglog_lock_close(&lock);
    return true;
}

static void
end_check(struct run *run)
{
    struct seglog_error err;
    struct text names = { 0 };
    size_t state = 0;

    /* All there is is in memory. */
    if (run->scenario->flags & SCENE_NO_STORE) {
        (void)state_check(run, run->clean->steps, run->clean->steps,
                          "at the end", &state);
        return;
    }
    stage_let_go(&run->stage);
    must(seglog_store_list(run->stage.base, "", lock_check, run, &err), &err);
    if (state_check(run, run->clean->steps, run->clean->steps, "at the end",
                    &state)) {
        stage_names(&run->stage, &names);
        if (!text_is(&names, &run->clean->names) &&
            !(run->scenario->flags & SCENE_ROTATES) &&
            !(is_lie(&run->failure) && run->failure.is_sticky))
            finding(run, "at the end: the blobs are\n%.400sinstead of\n%.400s",
                    names.len ? names.bytes : "",
                    run->clean->names.len ? run->clean->names.bytes : "");
        text_free(&names);
    }
}

/* -- power cuts ------------------------------------------------------------ */

/* Bytes without frames may be torn; that shows in what is gone. */
static bool
image_check(struct run *run, const struct text *seen)
{
    const unsigned passes = run->scenario->flags & SCENE_BYTES ? 1 : 2;
    struct oddity oddity;

    if (is_between(run, seen, run->synced, run->step + 1, passes, &oddity))
        return true;
    if (run->runner->only_at != 0)
        state_say("after a power cut there is", seen);
    finding(run, "after a power cut %s: %.*s",
            oddity.is_gone ? "is gone" : "is there", (int)oddity.len - 1,
            oddity.line);
    return false;
}

static void
image_play(struct run *run, struct seglog_disk *disk)
{
    struct run after = *run;
    struct text seen = { 0 };
    size_t state = 0;

    run->runner->images++;
    after.has_finding = false;
    after.failure.at = 0;
    if (!stage_start_on(&after.stage, run->scenario, run->stage.ground, disk))
        return;
    after.stage.was_cut = true;
    stage_look(&after.stage, &seen);
    after.stage.was_cut = false;
    after.stage.had_cut = true;
    after.stage.is_sticky = run->failure.is_sticky;
    after.failure = run->failure;
    if (image_check(&after, &seen)) {
        state = state_find(&after, &seen, after.synced, after.step + 1);
        /* What nobody promised may have left a hole. */
        if (state == after.synced && after.synced == after.step) {
            go_on(&after, state, false, true, "after a power cut");
            if (!after.has_finding)
                end_check(&after);
        }
    }
    text_free(&seen);
    stage_end(&after.stage);
}

static void
power_cut(struct run *run)
{
    for (unsigned i = 0; i < (run->runner->is_all ? 4u : 2u); i++) {
        const struct seglog_disk_cut cut = {
            .seed = run->failure.at * 31 + i,
            .lost_percent = i % 2 == 0 ? 50 : 100,
        };
        struct seglog_disk *image = seglog_disk_image(run->stage.disk, &cut);

        if (image)
            image_play(run, image);
    }
}

/* -- one run --------------------------------------------------------------- */

static unsigned
files_open(void)
{
    DIR *folder = opendir("/proc/self/fd");
    unsigned count = 0;

    while (folder && readdir(folder))
        count++;
    if (folder)
        (void)closedir(folder);
    return count;
}

/* A step has failed: what is there, and does it go on? */
static void
failed_step(struct run *run, seglog_code code, struct seglog_error *err)
{
    size_t state = 0;

    run->runner->failed_runs++;
    error_check(run, code, err);
    if (run->failure.is_sticky) {
        const seglog_code again = step_run(run, true, err);

        if (!is_as_ever(run, again))
            error_check(run, again, err);
    }
    if (run->stage.disk)
        power_cut(run);
    failure_disarm(run);
    if (!state_check(run, run->step, run->step + 1, "after the failure",
                     &state))
        return;
    go_on(run, state, true, false, "after the failure");
}

static void
run_steps(struct run *run)
{
    struct seglog_error err;

    for (run->step = 0; run->step < run->clean->steps; run->step++) {
        const struct step *step = &run->scenario->steps[run->step];
        const seglog_code code = step_run(run, false, &err);

        if (!is_as_ever(run, code)) {
            failed_step(run, code, &err);
            break;
        }
        said_check(run);
        if (step->flags & STEP_SYNCED)
            run->synced = run->step + 1;
    }
}

/* OpenSSL keeps what it has to say of its errors; absent without it. */
void
ERR_clear_error(void) __attribute__((weak));

/* Whether the failure came to pass. */
static bool
run_once(struct run *run, const struct prepared *prepared)
{
    bool was_hit = false;

    if (!stage_start(&run->stage, run->scenario, run->stage.ground, prepared))
        return false;
    run->synced = 0;
    run->has_finding = false;
    run->stage.sys_errno = run->failure.sys_errno;
    run->stage.is_sticky = run->failure.is_sticky;
    running = run;
    was_warned = 0;
    (void)alarm(60);
    if (run->runner->is_talking)
        must(seglog_faults_trace(run->stage.faults, 1000) ? SEGLOG_OK
                                                          : SEGLOG_NO_MEMORY,
             &(struct seglog_error){ 0 });
    failure_arm(run);
    run_steps(run);
    was_hit = failure_hits(run) > 0 || run->step < run->clean->steps;
    failure_disarm(run);
    if (!run->has_finding)
        end_check(run);
    stage_end(&run->stage);
    if (ERR_clear_error)
        ERR_clear_error();
    run->runner->runs++;
    return was_hit;
}

static bool
run_checked(struct run *run, const struct prepared *prepared)
{
    const bool is_files = run->stage.ground == ON_FILES;
    int64_t live = allocation_live();
    unsigned files = is_files ? files_open() : 0;
    const bool was_hit = run_once(run, prepared);

    if (run->has_finding)
        return was_hit;
    if (is_files && files_open() != files)
        finding(run, "leaves files open");
    if (allocation_live() == live)
        return was_hit;
    /* What the libraries keep for ever they ask for once. */
    live = allocation_live();
    (void)run_once(run, prepared);
    if (!run->has_finding && allocation_live() != live)
        finding(run, "leaves %lld blocks of memory",
                (long long)(allocation_live() - live));
    return was_hit;
}

/* -- all of them ----------------------------------------------------------- */

static bool
clean_play(struct run *run, struct clean *clean,
           const struct prepared *prepared)
{
    struct stage *stage = &run->stage;
    struct seglog_error err;
    bool is_ok = true;

    while (clean->steps < STEPS_MAX && run->scenario->steps[clean->steps].run)
        clean->steps++;
    if (!stage_start(stage, run->scenario, stage->ground, prepared))
        return false;
    failure_arm(run);
    stage_look(stage, &clean->states[0]);
    for (run->step = 0; run->step < clean->steps && is_ok; run->step++) {
        const seglog_code code = step_run(run, false, &err);

        clean->codes[run->step] = code;
        is_ok = code == SEGLOG_OK ||
                (run->scenario->steps[run->step].flags & STEP_ENDS);
        if (!is_ok)
            finding(run, "without any failure: %s: %s: %s",
                    seglog_code_name(code), err.name, err.message);
        text_copy(&clean->said[run->step], &stage->said);
        stage_look(stage, &clean->states[run->step + 1]);
    }
    clean->operations = operations_count(run);
    stage_let_go(stage);
    stage_names(stage, &clean->names);
    stage_end(stage);
    return is_ok;
}

static void
clean_free(struct clean *clean)
{
    for (size_t i = 0; i < STEPS_MAX; i++) {
        text_free(&clean->states[i]);
        text_free(&clean->said[i]);
    }
    text_free(&clean->states[STEPS_MAX]);
    text_free(&clean->names);
}

static const struct failure store_failures[] = {
    { FROM_STORE, 0, false, SEGLOG_FAULT_BEFORE, EIO },
    { FROM_STORE, 0, true, SEGLOG_FAULT_BEFORE, EIO },
    { FROM_STORE, 0, false, SEGLOG_FAULT_AFTER, EIO },
    { FROM_STORE, 0, false, SEGLOG_FAULT_PARTLY, EIO },
    { FROM_STORE, 0, false, SEGLOG_FAULT_BEFORE, ENOSPC },
    { FROM_STORE, 0, true, SEGLOG_FAULT_BEFORE, ENOSPC },
    { FROM_STORE, 0, false, SEGLOG_FAULT_BEFORE, EROFS },
    { FROM_STORE, 0, true, SEGLOG_FAULT_BEFORE, EROFS },
    { FROM_STORE, 0, false, SEGLOG_FAULT_BEFORE, EDQUOT },
    { FROM_STORE, 0, false, SEGLOG_FAULT_BEFORE, EFBIG },
    { FROM_STORE, 0, false, SEGLOG_FAULT_BEFORE, EINTR },
    { FROM_STORE, 0, true, SEGLOG_FAULT_BEFORE, EINTR },
    { FROM_STORE, 0, true, SEGLOG_FAULT_PARTLY, EIO },
    { FROM_STORE, 0, true, SEGLOG_FAULT_AFTER, EIO },
};

static const struct failure system_failures[] = {
    { FROM_SYSTEM, 0, false, CALLS_BEFORE, EIO },
    { FROM_SYSTEM, 0, true, CALLS_BEFORE, EIO },
    { FROM_SYSTEM, 0, false, CALLS_AFTER, EIO },
    { FROM_SYSTEM, 0, false, CALLS_SHORT, EIO },
    { FROM_SYSTEM, 0, true, CALLS_SHORT, EIO },
    { FROM_SYSTEM, 0, false, CALLS_BEFORE, ENOSPC },
    { FROM_SYSTEM, 0, true, CALLS_BEFORE, ENOSPC },
    { FROM_SYSTEM, 0, false, CALLS_BEFORE, EINTR },
    { FROM_SYSTEM, 0, true, CALLS_BEFORE, EINTR },
    { FROM_SYSTEM, 0, false, CALLS_BEFORE, EROFS },
    { FROM_SYSTEM, 0, true, CALLS_BEFORE, EROFS },
    { FROM_SYSTEM, 0, false, CALLS_BEFORE, EDQUOT },
    { FROM_SYSTEM, 0, false, CALLS_BEFORE, EFBIG },
    { FROM_SYSTEM, 0, true, CALLS_AFTER, EIO },
};

static const struct failure allocation_failures[] = {
    { FROM_ALLOCATIONS, 0, false, 0, ENOMEM },
    { FROM_ALLOCATIONS, 0, true, 0, ENOMEM },
};

struct failures {
    const struct failure *list;
    size_t count;
};

static struct failures
failures_of(enum source source)
{
#define LIST(list)                                                             \
    (struct failures)                                                          \
    {                                                                          \
        list, sizeof(list) / sizeof(list)[0]                                   \
    }
    return source == FROM_STORE    ? LIST(store_failures)
           : source == FROM_SYSTEM ? LIST(system_failures)
                                   : LIST(allocation_failures);
#undef LIST
}

/*
 * Of many kinds one or two at each place, unless all are wanted; and where runs
 * take long, not at each place.
 */
static bool
is_wanted(const struct run *run, const struct failures *failures, size_t kind,
          uint64_t at)
{
    const enum ground ground = run->stage.ground;
    const bool is_encrypted =
        ground == ON_DISK_ENCRYPTED || ground == ON_MEMORY_ENCRYPTED;
    const unsigned step = (run->scenario->flags & SCENE_SLOW ? 8u : 1u) *
                          (is_encrypted ? 5u : 1u);
    const uint64_t turn = at / step;

    if (run->runner->is_all)
        return true;
    if (at % step != 0)
        return false;
    return kind == turn % failures->count ||
           (step == 1 && kind == (turn + 5) % failures->count);
}

static void
places_play(struct run *run, const struct prepared *prepared)
{
    const struct failures failures = failures_of(run->failure.source);
    struct runner *runner = run->runner;
    const uint64_t last = run->clean->operations;

    for (uint64_t at = 1; at <= last; at++) {
        if (runner->only_at != 0 && at != runner->only_at)
            continue;
        for (size_t kind = 0; kind < failures.count; kind++) {
            if (!is_wanted(run, &failures, kind, at))
                continue;
            run->failure = failures.list[kind];
            run->failure.at = at;
            (void)run_checked(run, prepared);
        }
    }
}

void
runner_play(struct runner *runner, const struct scenario *scenario,
            enum ground ground, enum source source)
{
    struct clean clean = { 0 };
    struct prepared prepared;
    struct run run = { .runner = runner,
                       .scenario = scenario,
                       .clean = &clean,
                       .failure = { .source = source },
                       .stage = { .ground = ground } };

    if (!stage_prepare(&prepared, scenario, ground))
        return;
    running = &run;
    if (clean_play(&run, &clean, &prepared)) {
        runner->operations += clean.operations;
        runner->scenarios++;
        places_play(&run, &prepared);
    }
    running = NULL;
    clean_free(&clean);
    prepared_free(&prepared);
}

static void
signal_catch(int number)
{
    /* The first time it may be the machine that was stopped. */
    if (number == SIGALRM && !was_warned) {
        was_warned = 1;
        (void)alarm(60);
        return;
    }
    if (running) {
        fprintf(stderr, "signal %d: ", number);
        failure_say(running, stderr);
        fprintf(stderr, "\n");
    }
    (void)signal(number, SIG_DFL);
    (void)raise(number);
}

void
runner_catch_signals(void)
{
    static const int signals[] = { SIGALRM, SIGSEGV, SIGABRT, SIGBUS, SIGFPE };

    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
        (void)signal(signals[i], signal_catch);
}
