/* SPDX-License-Identifier: MIT */
/* tests/faults/runner_check.c - what is there afterwards, and does it go on. */
#include "tests/faults/runner_parts.h"

#include <string.h>

#include "tests/faults/allocation.h"

/* -- steps ----------------------------------------------------------------- */

seglog_code
run_step(struct run *run, bool is_again, struct seglog_error *err)
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

void
run_check_error(struct run *run, seglog_code code,
                const struct seglog_error *err)
{
    const seglog_code expected = failure_code(&run->failure);

    if (code != expected && code != SEGLOG_POISONED &&
        !((code == SEGLOG_CONFLICT || code == SEGLOG_NOT_FOUND) &&
          (failure_is_lie(&run->failure) || run_is_done_already(run))) &&
        !(code == SEGLOG_IO && err->sys_errno == run->failure.sys_errno))
        run_finding(run, "fails as %s (%s) instead of %s",
                    seglog_code_name(code), err->message,
                    seglog_code_name(expected));
    if (err->code != code)
        run_finding(run, "returns %s, and err->code is %s",
                    seglog_code_name(code), seglog_code_name(err->code));
    if (err->message[0] == '\0')
        run_finding(run, "%s without a message", seglog_code_name(code));
    /* The fault store knows no name for a list. */
    if (err->name[0] == '\0' && code != SEGLOG_NO_MEMORY &&
        strcmp(err->message, "told to fail") != 0)
        run_finding(run, "%s of nothing: %s", seglog_code_name(code),
                    err->message);
    if (failure_is_hidden(&run->failure))
        run_finding(run, "a short or interrupted call is a failure: %s",
                    err->message);
}

bool
run_is_as_ever(const struct run *run, seglog_code code)
{
    return code == run->clean->codes[run->step];
}

void
run_check_said(struct run *run)
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
    run_finding(run, "from byte %zu on it says\n%.200s\ninstead of\n%.200s", at,
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

    if (!failure_is_lie(&run->failure) ||
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

bool
run_check_state(struct run *run, size_t first, size_t last, const char *when,
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
        run_finding(run, "%s: what is there is no state from %zu to %zu", when,
                    first, last);
        if (run->runner->findings > before) {
            run_tell_trace(run);
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
            run_finding(run,
                        "after a power cut it goes on elsewhere without %.*s",
                        (int)oddity.len - 1, oddity.line);
        text_free(&seen);
    }
    return is_elsewhere || code == SEGLOG_CORRUPT || code == SEGLOG_AUTH ||
           (code == SEGLOG_FORMAT && from == 0);
}

void
run_go_on(struct run *run, size_t from, bool may_be_poisoned, bool is_after_cut,
          const char *when)
{
    struct seglog_error err;

    for (run->step = from; run->step < run->clean->steps; run->step++) {
        seglog_code code = run_step(run, true, &err);

        if (!run_is_as_ever(run, code) && may_be_poisoned) {
            size_t state = 0;

            if (code != SEGLOG_POISONED &&
                !(failure_is_lie(&run->failure) && code == SEGLOG_CONFLICT))
                run_finding(run, "%s: the handle fails as %s: %s", when,
                            seglog_code_name(code), err.message);
            stage_let_go(&run->stage);
            may_be_poisoned = false;
            if (!run_check_state(run, run->step, run->step + 1, when, &state))
                return;
            if (state > run->step)
                continue;
            code = run_step(run, true, &err);
        }
        if (is_after_cut && has_met_hole(run, code, from)) {
            run->has_finding = true;
            return;
        }
        if (!run_is_as_ever(run, code)) {
            run_finding(run, "%s: cannot go on: %s: %s: %s", when,
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
        run_finding(run, "the lock of %s is still held", name);
    seglog_lock_close(&lock);
    return true;
}

void
run_check_end(struct run *run)
{
    struct seglog_error err;
    struct text names = { 0 };
    size_t state = 0;

    /* All there is is in memory. */
    if (run->scenario->flags & SCENE_NO_STORE) {
        (void)run_check_state(run, run->clean->steps, run->clean->steps,
                              "at the end", &state);
        return;
    }
    stage_let_go(&run->stage);
    must(seglog_store_list(run->stage.base, "", lock_check, run, &err), &err);
    if (run_check_state(run, run->clean->steps, run->clean->steps, "at the end",
                        &state)) {
        stage_names(&run->stage, &names);
        if (!text_is(&names, &run->clean->names) &&
            !(run->scenario->flags & SCENE_ROTATES) &&
            !(failure_is_lie(&run->failure) && run->failure.is_sticky))
            run_finding(run,
                        "at the end: the blobs are\n%.400sinstead of\n%.400s",
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
    run_finding(run, "after a power cut %s: %.*s",
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
            run_go_on(&after, state, false, true, "after a power cut");
            if (!after.has_finding)
                run_check_end(&after);
        }
    }
    text_free(&seen);
    stage_end(&after.stage);
}

void
run_cut_power(struct run *run)
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
