/* SPDX-License-Identifier: MIT */
/* tests/canonical/test_preflight.c - plans: what is checked, what is written. */
#include "tests/canonical/plan_support.h"

#include <inttypes.h>
#include <stdio.h>

/* -- what passes ----------------------------------------------------------- */

static seglog_code
transfer_write(void *arg, struct seglog_plan_txn *txn, struct seglog_error *err)
{
    seglog_code code =
        seglog_plan_txn_put(txn, text_slice("to"), text_slice("60"), err);

    (void)arg;
    if (code == SEGLOG_OK)
        code = seglog_plan_txn_delete(txn, text_slice("from"), err);
    if (code == SEGLOG_OK)
        code = seglog_plan_txn_append_event(txn, text_slice("moved"), err);
    if (code == SEGLOG_OK)
        code = seglog_plan_txn_append_event(txn, text_slice("paid"), err);
    return code;
}

static void
plan__without_validators__passes_and_is_written(void **state)
{
    struct fixture *fixture = *state;
    struct planned planned;

    (void)commit_one(fixture->canonical, "from", "10", "first");
    planned_make(&planned, "from", "to", NULL, transfer_write, NULL);
    assert_code_err(planned_run(&planned, fixture->canonical), SEGLOG_OK,
                    &planned.err);
    assert_true(planned.result.is_valid);
    assert_true(planned.result.is_committed);
    assert_int_equal(planned.result.message_count, 0);
    assert_keys(planned.result.write_keys, planned.result.write_key_count,
                "to from");
    assert_int_equal(planned.result.read_key_count, 0);
    assert_int_equal(planned.result.info.writes, 2);
    assert_int_equal(planned.result.info.events, 2);
    assert_int_equal(planned.result.info.first_event, 1);
    assert_int_equal(planned.result.info.last_event, 2);
    assert_int_equal(planned.result.attempts, 1);
    assert_false(planned.result.info.is_durable);
    assert_state(fixture->canonical, NULL, "to=60");
    assert_events(fixture->canonical, 0, SEGLOG_EVENT_END,
                  "0:first 1:moved 2:paid");
    planned_free(&planned);
}

static void
plan__that_is_synced__is_durable(void **state)
{
    struct fixture *fixture = *state;
    struct planned planned;

    planned_make(&planned, "n", NULL, NULL, plan_increment, "n");
    planned.plan.is_synced = true;
    assert_ok(planned_run(&planned, fixture->canonical));
    assert_true(planned.result.info.is_durable);
    assert_value(fixture->canonical, "n", "1");
    planned_free(&planned);
}

static void
plan__of_nothing__is_valid_and_not_committed(void **state)
{
    struct fixture *fixture = *state;
    const uint64_t position = meta_of(fixture->canonical).position;
    struct planned planned;

    planned_make(&planned, NULL, NULL, NULL, NULL, NULL);
    assert_ok(planned_run(&planned, fixture->canonical));
    assert_true(planned.result.is_valid);
    assert_false(planned.result.is_committed);
    assert_int_equal(planned.result.attempts, 1);
    assert_int_equal(meta_of(fixture->canonical).position, position);
    planned_free(&planned);
}

static seglog_code
event_write(void *arg, struct seglog_plan_txn *txn, struct seglog_error *err)
{
    return seglog_plan_txn_append_event(txn, text_slice(arg), err);
}

static void
plan__without_keys__appends_events(void **state)
{
    struct fixture *fixture = *state;
    struct planned planned;

    planned_make(&planned, NULL, NULL, NULL, event_write, "alone");
    assert_ok(planned_run(&planned, fixture->canonical));
    assert_true(planned.result.is_committed);
    assert_events(fixture->canonical, 0, SEGLOG_EVENT_END, "0:alone");
    planned_free(&planned);
}

/* -- what is read ---------------------------------------------------------- */

static seglog_code
reads_check(void *arg, struct seglog_preflight *preflight,
            struct seglog_error *err)
{
    struct seglog_slice value;
    bool is_there = false;

    (void)arg;
    assert_ok(
        seglog_preflight_exists(preflight, text_slice("b"), &is_there, err));
    assert_false(is_there);
    assert_ok(seglog_preflight_get(preflight, text_slice("a"), &value, err));
    assert_int_equal(value.len, 1);
    assert_memory_equal(value.data, "1", 1);
    assert_ok(
        seglog_preflight_exists(preflight, text_slice("a"), &is_there, err));
    assert_true(is_there);
    assert_code(seglog_preflight_get(preflight, text_slice("b"), &value, err),
                SEGLOG_NOT_FOUND);
    assert_int_equal(err->code, SEGLOG_OK);
    return SEGLOG_OK;
}

static void
read_keys__are_recorded_once_in_their_order(void **state)
{
    struct fixture *fixture = *state;
    struct planned planned;

    (void)commit_one(fixture->canonical, "a", "1", NULL);
    planned_make(&planned, "a", "b", reads_check, plan_increment, "a");
    planned.keys[2] = text_slice("c");
    planned.keys[3] = text_slice("a"); /* again */
    planned.plan.key_count = 4;
    assert_ok(planned_run(&planned, fixture->canonical));
    assert_keys(planned.result.read_keys, planned.result.read_key_count, "b a");
    assert_keys(planned.result.write_keys, planned.result.write_key_count, "a");
    assert_value(fixture->canonical, "a", "2");
    planned_free(&planned);
}

/* Every read sees what was written last. */
static seglog_code
own_write(void *arg, struct seglog_plan_txn *txn, struct seglog_error *err)
{
    const struct seglog_slice key = text_slice("a");
    struct seglog_slice value;
    bool is_there = false;

    (void)arg;
    assert_ok(seglog_plan_txn_get(txn, key, &value, err));
    assert_memory_equal(value.data, "old", 3);
    assert_ok(seglog_plan_txn_put(txn, key, text_slice("new"), err));
    assert_ok(seglog_plan_txn_get(txn, key, &value, err));
    assert_int_equal(value.len, 3);
    assert_memory_equal(value.data, "new", 3);
    assert_ok(seglog_plan_txn_put(txn, key, value, err));
    assert_ok(seglog_plan_txn_get(txn, key, &value, err));
    assert_memory_equal(value.data, "new", 3);
    assert_ok(seglog_plan_txn_delete(txn, key, err));
    assert_code(seglog_plan_txn_get(txn, key, &value, err), SEGLOG_NOT_FOUND);
    assert_ok(seglog_plan_txn_exists(txn, key, &is_there, err));
    assert_false(is_there);
    assert_ok(seglog_plan_txn_put(txn, key, text_slice(""), err));
    assert_ok(seglog_plan_txn_get(txn, key, &value, err));
    assert_int_equal(value.len, 0);
    assert_ok(seglog_plan_txn_exists(txn, key, &is_there, err));
    assert_true(is_there);
    return SEGLOG_OK;
}

static void
own_writes__are_seen(void **state)
{
    struct fixture *fixture = *state;
    struct planned planned;

    (void)commit_one(fixture->canonical, "a", "old", NULL);
    planned_make(&planned, "a", NULL, NULL, own_write, NULL);
    assert_code_err(planned_run(&planned, fixture->canonical), SEGLOG_OK,
                    &planned.err);
    assert_int_equal(planned.result.info.writes, 4);
    assert_keys(planned.result.write_keys, planned.result.write_key_count, "a");
    assert_value(fixture->canonical, "a", "");
    planned_free(&planned);
}

/* -- what fails ------------------------------------------------------------ */

static seglog_code
all_wrong_check(void *arg, struct seglog_preflight *preflight,
                struct seglog_error *err)
{
    (void)arg;
    (void)err;
    assert_false(seglog_preflight_require(preflight, false, "not this"));
    assert_true(seglog_preflight_require(preflight, true, "but this"));
    assert_false(seglog_preflight_require(preflight, false, NULL));
    assert_false(
        seglog_preflight_require_exists(preflight, text_slice("none")));
    assert_true(seglog_preflight_require_exists(preflight, text_slice("ten")));
    assert_false(
        seglog_preflight_require_min(preflight, text_slice("ten"), 50));
    assert_false(
        seglog_preflight_require_max(preflight, text_slice("ten"), -3));
    assert_false(
        seglog_preflight_require_min(preflight, text_slice("none"), 1));
    assert_false(
        seglog_preflight_require_max(preflight, text_slice("text"), 7));
    return SEGLOG_OK;
}

static seglog_code
last_check(void *arg, struct seglog_preflight *preflight,
           struct seglog_error *err)
{
    (void)arg;
    (void)err;
    seglog_preflight_fail(preflight, "and the second one");
    return SEGLOG_OK;
}

static seglog_code
never_write(void *arg, struct seglog_plan_txn *txn, struct seglog_error *err)
{
    (void)arg;
    (void)txn;
    (void)err;
    fail_msg("a plan that must not write does");
    return SEGLOG_OK;
}

static void
validation__that_fails__says_all_and_writes_nothing(void **state)
{
    static const char *const wanted[] = {
        "not this",
        "a requirement is not met",
        "the key \"none\" must exist",
        "the key \"ten\" is 10, and must be at least 50",
        "the key \"ten\" is 10, and must be at most -3",
        "the key \"none\" does not exist, and must be at least 1",
        "the key \"text\" is no decimal integer, and must be at most 7",
        "and the second one",
    };
    const struct seglog_validator both[] = { { all_wrong_check, NULL },
                                             { last_check, NULL } };
    struct fixture *fixture = *state;
    struct planned planned;
    uint64_t position = 0;

    (void)commit_one(fixture->canonical, "ten", "10", NULL);
    (void)commit_one(fixture->canonical, "text", "ten", NULL);
    position = meta_of(fixture->canonical).position;
    planned_make(&planned, "none", "ten", all_wrong_check, never_write, NULL);
    planned.keys[planned.plan.key_count++] = text_slice("text");
    planned.plan.validators = both;
    planned.plan.validator_count = 2;
    assert_ok(planned_run(&planned, fixture->canonical));
    assert_false(planned.result.is_valid);
    assert_false(planned.result.is_committed);
    assert_int_equal(planned.result.message_count, COUNT_OF(wanted));
    for (size_t i = 0; i < COUNT_OF(wanted); i++)
        assert_string_equal(planned.result.messages[i], wanted[i]);
    assert_keys(planned.result.read_keys, planned.result.read_key_count,
                "none ten text");
    assert_int_equal(planned.result.write_key_count, 0);
    assert_int_equal(meta_of(fixture->canonical).position, position);
    planned_free(&planned);
}

struct bound {
    const char *value;
    int64_t bound;
    bool is_min;
    bool holds;
};

static seglog_code
bound_check(void *arg, struct seglog_preflight *preflight,
            struct seglog_error *err)
{
    const struct bound *bound = arg;
    const struct seglog_slice key = text_slice("n");

    (void)err;
    assert_int_equal(
        bound->is_min
            ? seglog_preflight_require_min(preflight, key, bound->bound)
            : seglog_preflight_require_max(preflight, key, bound->bound),
        bound->holds);
    return SEGLOG_OK;
}

static void
bounds__of_decimal_integers__are_inclusive(void **state)
{
    static struct bound bounds[] = {
        { "50", 50, true, true },
        { "49", 50, true, false },
        { "50", 50, false, true },
        { "51", 50, false, false },
        { "-17", -17, true, true },
        { "-18", -17, true, false },
        { "-0", 0, true, true },
        { "007", 7, false, true },
        { "9223372036854775807", INT64_MAX, true, true },
        { "9223372036854775808", INT64_MIN, true, false },
        { "-9223372036854775808", INT64_MIN, false, true },
        { "-9223372036854775809", INT64_MAX, false, false },
        { "92233720368547758070", INT64_MIN, true, false },
        { "", 0, false, false },
        { "-", 0, false, false },
        { "+1", 5, false, false },
        { " 1", 5, false, false },
        { "1 ", 5, false, false },
        { "1.5", 5, false, false },
        { "1:", 50, false, false },
        { "1/", 50, false, false },
        { "0x1", 5, false, false },
    };
    struct fixture *fixture = *state;

    for (size_t i = 0; i < COUNT_OF(bounds); i++) {
        struct planned planned;

        (void)commit_one(fixture->canonical, "n", bounds[i].value, NULL);
        planned_make(&planned, "n", NULL, bound_check, NULL, &bounds[i]);
        assert_ok(planned_run(&planned, fixture->canonical));
        assert_int_equal(planned.result.is_valid, bounds[i].holds);
        planned_free(&planned);
    }
}

/* -- keys that are not declared -------------------------------------------- */

/* What to do with which key; the code that comes is passed over or not. */
struct misuse {
    struct seglog_slice key;
    int what;
    bool is_passed_on;
};

static seglog_code
misuse_check(void *arg, struct seglog_preflight *preflight,
             struct seglog_error *err)
{
    const struct misuse *misuse = arg;
    struct seglog_slice value;
    bool is_there = true;
    seglog_code code = SEGLOG_INVALID;

    if (misuse->what == 0)
        code = seglog_preflight_get(preflight, misuse->key, &value, err);
    else if (misuse->what == 1)
        code = seglog_preflight_exists(preflight, misuse->key, &is_there, NULL);
    else if (misuse->what == 2)
        assert_false(seglog_preflight_require_exists(preflight, misuse->key));
    else
        assert_false(seglog_preflight_require_min(preflight, misuse->key, 0));
    assert_code(code, SEGLOG_INVALID);
    return misuse->is_passed_on ? code : SEGLOG_OK;
}

static seglog_code
misuse_write(void *arg, struct seglog_plan_txn *txn, struct seglog_error *err)
{
    const struct misuse *misuse = arg;
    struct seglog_slice value;
    bool is_there = true;
    seglog_code code = SEGLOG_OK;

    assert_ok(seglog_plan_txn_put(txn, text_slice("a"), text_slice("1"), err));
    if (misuse->what == 0)
        code = seglog_plan_txn_put(txn, misuse->key, text_slice("2"), err);
    else if (misuse->what == 1)
        code = seglog_plan_txn_delete(txn, misuse->key, err);
    else if (misuse->what == 2)
        code = seglog_plan_txn_get(txn, misuse->key, &value, NULL);
    else
        code = seglog_plan_txn_exists(txn, misuse->key, &is_there, err);
    assert_code(code, SEGLOG_INVALID);
    return misuse->is_passed_on ? code : SEGLOG_OK;
}

static void
undeclared__is_invalid_and_named(struct fixture *fixture, bool is_write,
                                 struct seglog_slice key, const char *text)
{
    char message[256];

    (void)snprintf(message, sizeof message,
                   "the key %s is not declared by the plan", text);
    for (int i = 0; i < 8; i++) {
        struct misuse misuse = { key, i % 4, i >= 4 };
        struct planned planned;

        planned_make(&planned, "a", "b", is_write ? NULL : misuse_check,
                     is_write ? misuse_write : never_write, &misuse);
        assert_code(planned_run(&planned, fixture->canonical), SEGLOG_INVALID);
        assert_int_equal(planned.err.code, SEGLOG_INVALID);
        assert_string_equal(planned.err.message, message);
        assert_empty(&planned.result);
        assert_state(fixture->canonical, NULL, "c=1");
        planned_free(&planned);
    }
}

static void
undeclared_read__is_invalid_and_named(void **state)
{
    struct fixture *fixture = *state;

    (void)commit_one(fixture->canonical, "c", "1", NULL);
    undeclared__is_invalid_and_named(fixture, false, text_slice("c"), "\"c\"");
}

static void
undeclared_write__is_invalid_and_named(void **state)
{
    struct fixture *fixture = *state;

    (void)commit_one(fixture->canonical, "c", "1", NULL);
    undeclared__is_invalid_and_named(fixture, true, text_slice("c"), "\"c\"");
    undeclared__is_invalid_and_named(fixture, true, text_slice("aa"), "\"aa\"");
    undeclared__is_invalid_and_named(fixture, true, text_slice(""), "\"\"");
}

static void
undeclared__key_of_any_bytes__is_printable(void **state)
{
    static const char odd[] = "a\"b\\c\n\x7F\xFF\0 ~";
    struct fixture *fixture = *state;
    const struct seglog_slice key = { odd, sizeof odd - 1 };
    char zeros[600] = "";
    char text[256] = "\"";

    (void)commit_one(fixture->canonical, "c", "1", NULL);
    undeclared__is_invalid_and_named(fixture, false, key,
                                     "\"a\\\"b\\\\c\\x0a\\x7f\\xff\\x00 ~\"");
    for (int i = 0; i < 30; i++)
        (void)snprintf(text + 1 + (size_t)i * 4, 5, "\\x00");
    (void)snprintf(text + 121, 5, "\"...");
    undeclared__is_invalid_and_named(
        fixture, false, (struct seglog_slice){ zeros, sizeof zeros }, text);
}

static void
undeclared__key_that_is_null__is_invalid(void **state)
{
    struct fixture *fixture = *state;
    struct misuse misuse = { { NULL, 1 }, 0, false };
    struct planned planned;

    planned_make(&planned, "a", NULL, misuse_check, never_write, &misuse);
    assert_code(planned_run(&planned, fixture->canonical), SEGLOG_INVALID);
    planned_free(&planned);
}

/* -- codes of callbacks ---------------------------------------------------- */

struct answer {
    seglog_code code;
    const char *message; /* NULL: not a word */
};

static seglog_code
answer_check(void *arg, struct seglog_preflight *preflight,
             struct seglog_error *err)
{
    const struct answer *answer = arg;

    seglog_preflight_fail(preflight, "of no use");
    if (answer->message) {
        err->code = answer->code;
        (void)snprintf(err->message, sizeof err->message, "%s",
                       answer->message);
    }
    return answer->code;
}

static seglog_code
answer_write(void *arg, struct seglog_plan_txn *txn, struct seglog_error *err)
{
    const struct answer *answer = arg;

    assert_ok(seglog_plan_txn_put(txn, text_slice("a"), text_slice("1"), err));
    assert_ok(seglog_plan_txn_append_event(txn, text_slice("e"), err));
    if (answer->message) {
        err->code = answer->code;
        (void)snprintf(err->message, sizeof err->message, "%s",
                       answer->message);
    }
    return answer->code;
}

static seglog_code
never_check(void *arg, struct seglog_preflight *preflight,
            struct seglog_error *err)
{
    (void)arg;
    (void)preflight;
    (void)err;
    fail_msg("a validator behind one that ended the plan is called");
    return SEGLOG_OK;
}

static void
answer__ends_the_plan(struct fixture *fixture, bool is_write,
                      struct answer answer, const char *message)
{
    struct seglog_validator validators[] = { { answer_check, &answer },
                                             { never_check, NULL } };
    struct planned planned;

    planned_make(&planned, "a", NULL, NULL,
                 is_write ? answer_write : never_write, &answer);
    planned.plan.validators = validators;
    planned.plan.validator_count = is_write ? 0 : 2;
    assert_code(planned_run(&planned, fixture->canonical), answer.code);
    assert_string_equal(planned.err.message, message);
    assert_empty(&planned.result);
    assert_state(fixture->canonical, NULL, "");
    assert_events(fixture->canonical, 0, SEGLOG_EVENT_END, "");
    planned_free(&planned);
}

static void
code__of_a_callback__ends_the_plan_with_it(void **state)
{
    struct fixture *fixture = *state;

    answer__ends_the_plan(fixture, false,
                          (struct answer){ SEGLOG_IO, "no line" }, "no line");
    answer__ends_the_plan(fixture, true,
                          (struct answer){ SEGLOG_PAUSED, "later" }, "later");
    answer__ends_the_plan(fixture, false,
                          (struct answer){ SEGLOG_NOT_FOUND, NULL },
                          "a validator has returned NOT_FOUND");
    answer__ends_the_plan(fixture, true, (struct answer){ SEGLOG_AUTH, NULL },
                          "the writing function of the plan has returned AUTH");
    answer__ends_the_plan(fixture, false, (struct answer){ SEGLOG_END, NULL },
                          "");
    answer__ends_the_plan(fixture, true, (struct answer){ SEGLOG_END, NULL },
                          "");
}

/* It is not the CONFLICT of a commit: the plan is not run again. */
static void
conflict__of_a_callback__is_returned_at_once(void **state)
{
    struct fixture *fixture = *state;

    answer__ends_the_plan(fixture, true,
                          (struct answer){ SEGLOG_CONFLICT, "mine" }, "mine");
}

/* -- limits and arguments -------------------------------------------------- */

static seglog_code
too_large_write(void *arg, struct seglog_plan_txn *txn,
                struct seglog_error *err)
{
    static const char bytes[101];
    const struct seglog_slice value = { bytes, sizeof bytes };
    struct seglog_slice got;

    (void)arg;
    assert_code(seglog_plan_txn_put(txn, text_slice("a"), value, NULL),
                SEGLOG_TOO_LARGE);
    assert_code(seglog_plan_txn_get(txn, text_slice("a"), &got, NULL),
                SEGLOG_NOT_FOUND);
    assert_code(seglog_plan_txn_append_event(txn, value, NULL),
                SEGLOG_TOO_LARGE);
    return seglog_plan_txn_put(txn, text_slice("b"), text_slice("1"), err);
}

static void
too_large__put_and_event__can_be_passed_over(void **state)
{
    struct fixture *fixture = *state;
    struct planned planned;

    fixture->options.value_bytes_max = 100;
    fixture->options.event_bytes_max = 100;
    store_reopen(fixture);
    planned_make(&planned, "a", "b", NULL, too_large_write, NULL);
    assert_code_err(planned_run(&planned, fixture->canonical), SEGLOG_OK,
                    &planned.err);
    assert_int_equal(planned.result.info.writes, 1);
    assert_int_equal(planned.result.info.events, 0);
    assert_state(fixture->canonical, NULL, "b=1");
    planned_free(&planned);
}

static seglog_code
all_check(void *arg, struct seglog_preflight *preflight,
          struct seglog_error *err)
{
    const struct seglog_plan *plan = arg;
    struct seglog_slice value;
    seglog_code code = SEGLOG_NOT_FOUND;

    for (size_t i = 0; i < plan->key_count && code == SEGLOG_NOT_FOUND; i++)
        code = seglog_preflight_get(preflight, plan->keys[i], &value, err);
    return code == SEGLOG_NOT_FOUND ? SEGLOG_OK : code;
}

static seglog_code
all_write(void *arg, struct seglog_plan_txn *txn, struct seglog_error *err)
{
    const struct seglog_plan *plan = arg;
    seglog_code code = SEGLOG_OK;

    for (size_t i = 0; i < plan->key_count && code == SEGLOG_OK; i++)
        code = seglog_plan_txn_put(txn, plan->keys[i], plan->keys[i], err);
    return code;
}

static void
plan__of_as_many_keys_as_may_be__and_one_more(void **state)
{
    static char bytes[SEGLOG_PLAN_KEYS_MAX + 1][8];
    static struct seglog_slice keys[SEGLOG_PLAN_KEYS_MAX + 1];
    struct fixture *fixture = *state;
    struct planned planned;

    for (unsigned i = 0; i < COUNT_OF(keys); i++) {
        const int len = snprintf(bytes[i], sizeof bytes[i], "%u", i * 7919u);

        keys[i] = (struct seglog_slice){ bytes[i], (size_t)len };
    }
    planned_make(&planned, NULL, NULL, all_check, all_write, &planned.plan);
    planned.validator.arg = &planned.plan;
    planned.plan.keys = keys;
    planned.plan.key_count = 10000;
    assert_code_err(planned_run(&planned, fixture->canonical), SEGLOG_OK,
                    &planned.err);
    assert_int_equal(planned.result.read_key_count, 10000);
    assert_int_equal(planned.result.write_key_count, 10000);
    assert_int_equal(planned.result.info.writes, 10000);
    assert_int_equal(meta_of(fixture->canonical).keys, 10000);
    assert_keys(planned.result.write_keys, 3, "0 7919 15838");
    planned_free(&planned);
    planned.plan.key_count = 10001;
    assert_code(seglog_canonical_execute(fixture->canonical, &planned.plan,
                                         &planned.result, &planned.err),
                SEGLOG_TOO_LARGE);
    assert_int_equal(planned.err.actual, 10000);
}

static void
plan__with_bad_arguments__is_refused(void **state)
{
    static const char long_key[SEGLOG_KEY_MAX + 1];
    struct fixture *fixture = *state;
    struct seglog_validator none = { NULL, NULL };
    struct planned planned;

    planned_make(&planned, "a", NULL, NULL, never_write, NULL);
    assert_code(
        seglog_canonical_execute(NULL, &planned.plan, &planned.result, NULL),
        SEGLOG_INVALID);
    assert_code(seglog_canonical_execute(fixture->canonical, NULL,
                                         &planned.result, NULL),
                SEGLOG_INVALID);
    assert_code(
        seglog_canonical_execute(fixture->canonical, &planned.plan, NULL, NULL),
        SEGLOG_INVALID);
    planned.plan.size = 0;
    assert_code(planned_run(&planned, fixture->canonical), SEGLOG_INVALID);
    planned.plan.size = sizeof planned.plan;
    planned.plan.validators = &none;
    planned.plan.validator_count = 1;
    assert_code(planned_run(&planned, fixture->canonical), SEGLOG_INVALID);
    planned.plan.validators = NULL;
    assert_code(planned_run(&planned, fixture->canonical), SEGLOG_INVALID);
    planned.plan.validator_count = 0;
    planned.keys[0] = (struct seglog_slice){ long_key, 0 };
    assert_code(planned_run(&planned, fixture->canonical), SEGLOG_INVALID);
    planned.keys[0].len = SEGLOG_KEY_MAX + 1;
    assert_code(planned_run(&planned, fixture->canonical), SEGLOG_TOO_LARGE);
    planned.plan.keys = NULL;
    assert_code(seglog_canonical_execute(fixture->canonical, &planned.plan,
                                         &planned.result, NULL),
                SEGLOG_INVALID);
    assert_empty(&planned.result);
}

static seglog_code
null_check(void *arg, struct seglog_preflight *preflight,
           struct seglog_error *err)
{
    const struct seglog_slice key = text_slice("a");
    struct seglog_slice value;

    (void)arg;
    assert_code(seglog_preflight_get(preflight, key, NULL, err),
                SEGLOG_INVALID);
    assert_code(seglog_preflight_exists(preflight, key, NULL, err),
                SEGLOG_INVALID);
    assert_code(seglog_preflight_get(NULL, key, &value, err), SEGLOG_INVALID);
    seglog_preflight_fail(NULL, "nobody hears it");
    assert_false(seglog_preflight_require(NULL, false, "nobody"));
    return SEGLOG_OK;
}

static seglog_code
null_write(void *arg, struct seglog_plan_txn *txn, struct seglog_error *err)
{
    const struct seglog_slice key = text_slice("a");
    struct seglog_slice value;

    (void)arg;
    assert_code(seglog_plan_txn_get(txn, key, NULL, err), SEGLOG_INVALID);
    assert_code(seglog_plan_txn_exists(txn, key, NULL, err), SEGLOG_INVALID);
    assert_code(seglog_plan_txn_get(NULL, key, &value, err), SEGLOG_INVALID);
    assert_code(seglog_plan_txn_put(NULL, key, key, err), SEGLOG_INVALID);
    assert_code(seglog_plan_txn_delete(NULL, key, err), SEGLOG_INVALID);
    assert_code(seglog_plan_txn_append_event(NULL, key, err), SEGLOG_INVALID);
    value = (struct seglog_slice){ NULL, 1 };
    assert_code(seglog_plan_txn_put(txn, key, value, err), SEGLOG_INVALID);
    return SEGLOG_OK;
}

static void
null__in_callbacks__is_invalid_and_nothing_more(void **state)
{
    struct fixture *fixture = *state;
    struct planned planned;

    planned_make(&planned, "a", NULL, null_check, null_write, NULL);
    assert_ok(planned_run(&planned, fixture->canonical));
    assert_true(planned.result.is_valid);
    assert_false(planned.result.is_committed);
    planned_free(&planned);
    seglog_plan_result_free(NULL);
    assert_null(seglog_canonical_get_locks(NULL));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CANONICAL_TEST(plan__without_validators__passes_and_is_written),
        CANONICAL_TEST(plan__that_is_synced__is_durable),
        CANONICAL_TEST(plan__of_nothing__is_valid_and_not_committed),
        CANONICAL_TEST(plan__without_keys__appends_events),
        CANONICAL_TEST(read_keys__are_recorded_once_in_their_order),
        CANONICAL_TEST(own_writes__are_seen),
        CANONICAL_TEST(validation__that_fails__says_all_and_writes_nothing),
        CANONICAL_TEST(bounds__of_decimal_integers__are_inclusive),
        CANONICAL_TEST(undeclared_read__is_invalid_and_named),
        CANONICAL_TEST(undeclared_write__is_invalid_and_named),
        CANONICAL_TEST(undeclared__key_of_any_bytes__is_printable),
        CANONICAL_TEST(undeclared__key_that_is_null__is_invalid),
        CANONICAL_TEST(code__of_a_callback__ends_the_plan_with_it),
        CANONICAL_TEST(conflict__of_a_callback__is_returned_at_once),
        CANONICAL_TEST(too_large__put_and_event__can_be_passed_over),
        CANONICAL_TEST(plan__of_as_many_keys_as_may_be__and_one_more),
        CANONICAL_TEST(plan__with_bad_arguments__is_refused),
        CANONICAL_TEST(null__in_callbacks__is_invalid_and_nothing_more),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
