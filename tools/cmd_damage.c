/* SPDX-License-Identifier: MIT */
/* tools/cmd_damage.c - `seglog damage`: known damage, and what it must cost. */
#include <string.h>

#include "tools/cmd.h"
#include "tools/cmd_damage.h"
#include "tools/tool_stream.h"

#define ORDERS_MAX    64
#define TRIES_MAX     400u

#define KEY_ACTION(n) TOOL_KEY(n) /* the options of the actions */
#define KEY_FORCE     TOOL_KEY(100)
#define KEY_JSON      TOOL_KEY(101)
#define KEY_SEED      TOOL_KEY(102)
#define KEY_KIND      TOOL_KEY(103)
#define KEY_COUNT     TOOL_KEY(104)

struct damage {
    const char *out_path;
    bool is_forced;
    bool is_json;
    bool has_seed;
    uint64_t seed;
    uint64_t count;
    enum damage_action kind; /* with a seed; DAMAGE_ACTION_COUNT: any */
    struct damage_order orders[ORDERS_MAX];
    size_t order_count;

    struct damage_random random;
    struct damage_input input;
    struct damage_edits edits;
    struct damage_done done[ORDERS_MAX];
    struct damage_image image;
    struct damage_expectation expected;
};

static const struct tool_option OPTIONS[] = {
    { 'o', "output", true },
    { KEY_FORCE, "force", false },
    { KEY_JSON, "json", false },
    { KEY_ACTION(DAMAGE_FLIP_BIT), "flip-bit", true },
    { KEY_ACTION(DAMAGE_FLIP_AT), "flip-at", true },
    { KEY_ACTION(DAMAGE_ZERO), "zero", true },
    { KEY_ACTION(DAMAGE_ONES), "ones", true },
    { KEY_ACTION(DAMAGE_INSERT), "insert", true },
    { KEY_ACTION(DAMAGE_DELETE), "delete", true },
    { KEY_ACTION(DAMAGE_TRUNCATE), "truncate", true },
    { KEY_ACTION(DAMAGE_DUPLICATE), "duplicate", true },
    { KEY_ACTION(DAMAGE_SWAP), "swap", true },
    { KEY_ACTION(DAMAGE_DROP), "drop", true },
    { KEY_ACTION(DAMAGE_SPLICE), "splice", true },
    { KEY_ACTION(DAMAGE_LIE_LENGTH), "lie-length", true },
    { KEY_SEED, "seed", true },
    { KEY_KIND, "action", true },
    { KEY_COUNT, "count", true },
    { 0, NULL, false },
};

static enum tool_status
kind_parse(struct damage *damage, const char *value)
{
    for (int i = 0; i < DAMAGE_ACTION_COUNT; i++) {
        if (strcmp(value, damage_action_names[i]) == 0) {
            damage->kind = (enum damage_action)i;
            return TOOL_GO_ON;
        }
    }
    return tool_usage("--action does not know '%s'", value);
}

static enum tool_status
order_add(struct damage *damage, enum damage_action action, const char *value)
{
    if (damage->order_count == ORDERS_MAX)
        return tool_usage("more than %d actions", ORDERS_MAX);
    return damage_order_parse(action, value,
                              &damage->orders[damage->order_count++]);
}

static enum tool_status
on_option(void *arg, int key, const char *value)
{
    struct damage *damage = arg;

    switch (key) {
    case 'o':
        damage->out_path = value;
        return TOOL_GO_ON;
    case KEY_FORCE:
        damage->is_forced = true;
        return TOOL_GO_ON;
    case KEY_JSON:
        damage->is_json = true;
        return TOOL_GO_ON;
    case KEY_SEED:
        damage->has_seed = true;
        return tool_number("--seed", value, 0, UINT64_MAX, &damage->seed);
    case KEY_KIND:
        return kind_parse(damage, value);
    case KEY_COUNT:
        return tool_number("--count", value, 1, ORDERS_MAX, &damage->count);
    default:
        return order_add(damage, (enum damage_action)(key - KEY_ACTION(0)),
                         value);
    }
}

static const struct tool_spec SPEC = {
    .name = "seglog damage",
    .usage = "FILE -o OUT ACTION...",
    .help =
        "Copy a whole segment with damage of a known kind, and say what a "
        "right checker\n"
        "must find in the copy.  That is worked out from the layout of FILE "
        "and the rules\n"
        "of SPEC.md 8 to 10; the copy is not scanned for it.\n"
        "\n"
        "Actions.  RECORD is a record number and means its frame; BYTE counts "
        "from 0.\n"
        "All of them refer to FILE as it is and must not overlap.\n"
        "  --flip-bit RECORD[:BIT]        flip a bit of a frame (no BIT: any)\n"
        "  --flip-at BYTE:BIT             flip bit 0 to 7 of a byte\n"
        "  --zero RECORD | BYTE:COUNT     overwrite with zeros\n"
        "  --ones RECORD | BYTE:COUNT     overwrite with 0xFF\n"
        "  --insert BYTE:COUNT[:WHAT]     put bytes in; WHAT is random, zeros "
        "or ones\n"
        "  --delete BYTE:COUNT            take bytes out\n"
        "  --truncate BYTE                cut everything from there\n"
        "  --duplicate RECORD             the frame twice\n"
        "  --swap RECORD:RECORD           two frames in each other's place\n"
        "  --drop RECORD[-RECORD]         frames of records taken out\n"
        "  --splice RECORD                half a frame, glued to the next\n"
        "  --lie-length RECORD[:LENGTH]   another legal length in its head\n"
        "\n"
        "By chance instead of by order:\n"
        "      --seed S       choose action and place; the same S does the "
        "same "
        "again\n"
        "      --action NAME  only actions of this name, such as zero\n"
        "      --count N      this many at once (default 1)\n"
        "\n"
        "  -o, --output OUT   the damaged copy; - is standard output\n"
        "      --force        replace OUT if it is there\n"
        "      --json         report as one JSON object:\n"
        "        {\"damage\":{\"action\",\"first_byte\",\"byte_count\","
        "\"changed\",\"inserted\",\n"
        "          \"removed\",\"first_record\",\"last_record\",\"bit\"},\n"
        "         \"expect\":{\"verdict\",\"lost\":[[first,last],...],"
        "\"records\",\"lost_count\",\n"
        "          \"shift\",\"findings\",\"closed\"}}\n"
        "        With several actions \"damage\" has \"action\":\"several\" "
        "and "
        "\"actions\".\n"
        "        shift is that of the only finding.  The verdict FORMAT means "
        "that no\n"
        "        segment is left to be recognised.  \"expect\" is null where "
        "SPEC.md leaves\n"
        "        more than one answer; \"reason\" says why then.\n"
        "\n"
        "Example: seglog damage log.seg -o bad.seg --zero 4096:512 && seglog "
        "check bad.seg\n",
    .options = OPTIONS,
    .operand_min = 1,
    .operand_max = 1,
    .on_option = on_option,
};

static void
report(const struct damage *damage)
{
    /* Standard output may be where the copy has gone. */
    FILE *file = strcmp(damage->out_path, "-") == 0 ? stderr : stdout;

    if (damage->is_json)
        damage_report_json(file, damage->done, damage->order_count,
                           &damage->expected);
    else
        damage_report_text(file, damage->done, damage->order_count,
                           &damage->expected);
}

/* ---------------------------------------------------------------------------
 * Work
 */

static void
damage_forget(struct damage *damage)
{
    damage_edits_free(&damage->edits);
    damage_image_free(&damage->image);
    damage_expectation_free(&damage->expected);
}

/* Carry out the orders in memory.  Returns NULL, or why that is impossible. */
static const char *
damage_make(struct damage *damage)
{
    static const char NO_MEMORY[] = "out of memory";

    for (size_t i = 0; i < damage->order_count; i++) {
        const char *reason = damage_order_plan(
            &damage->input, &damage->orders[i], &damage->random, &damage->edits,
            &damage->done[i]);

        if (reason)
            return reason;
    }
    if (!damage_edits_sort(&damage->edits))
        return "two of these actions overlap";
    if (!damage_image_make(&damage->input, &damage->edits, &damage->image) ||
        !damage_predict(&damage->input, &damage->image, &damage->expected))
        return NO_MEMORY;
    return NULL;
}

static bool
damage_is_visible(const struct damage *damage)
{
    return damage->image.size != damage->input.size ||
           memcmp(damage->image.bytes, damage->input.bytes,
                  (size_t)damage->input.size) != 0;
}

/* Draw until something has changed and it is certain what must be said. */
static enum tool_status
damage_draw(struct damage *damage, const char *shown)
{
    for (unsigned i = 0; i < TRIES_MAX; i++) {
        const char *reason = NULL;

        damage_forget(damage);
        damage->order_count = (size_t)damage->count;
        for (size_t k = 0; k < damage->order_count; k++)
            damage_order_pick(&damage->input, damage->kind, &damage->random,
                              &damage->orders[k]);
        reason = damage_make(damage);
        if (!reason && !damage->expected.unknown && damage_is_visible(damage))
            return TOOL_GO_ON;
    }
    tool_say("%s: no damage of this kind has a certain outcome here; try "
             "another --seed, --action or --count",
             shown);
    return TOOL_FAILED;
}

static enum tool_status
damage_write(struct damage *damage)
{
    struct tool_target target = { 0 };
    struct tool_output output = { 0 };
    enum tool_status status = tool_target_open(
        damage->out_path,
        TOOL_TARGET_BINARY | (damage->is_forced ? TOOL_TARGET_REPLACE : 0),
        &target);

    if (status == TOOL_GO_ON &&
        (!tool_output_open(&output, &target) ||
         !tool_output_write(&output, damage->image.bytes,
                            (size_t)damage->image.size) ||
         !tool_output_finish(&output)))
        status = tool_fail(target.shown, &output.err);
    tool_output_close(&output);
    tool_target_close(&target);
    return status;
}

static enum tool_status
damage_run(struct damage *damage, const char *path)
{
    const char *shown = strcmp(path, "-") == 0 ? TOOL_STDIN_NAME : path;
    enum tool_status status =
        damage_input_read(path, damage->out_path, &damage->input);

    if (status != TOOL_GO_ON)
        return status;
    damage->random.state = damage->seed;
    if (damage->order_count == 0) {
        status = damage_draw(damage, shown);
    } else {
        const char *reason = damage_make(damage);

        if (reason) {
            tool_say("%s: %s", shown, reason);
            status = TOOL_FAILED;
        }
    }
    if (status == TOOL_GO_ON)
        status = damage_write(damage);
    if (status == TOOL_GO_ON) {
        report(damage);
        status = TOOL_OK;
    }
    return status;
}

static enum tool_status
damage_check_usage(const struct damage *damage, const char *path)
{
    if (!damage->out_path)
        return tool_usage("-o OUT is needed");
    if (tool_is_same_file(path, damage->out_path))
        return tool_usage("FILE and OUT are the same file");
    if (damage->order_count == 0 && !damage->has_seed)
        return tool_usage("which damage? Name an action or --seed");
    if (damage->order_count > 0 &&
        (damage->kind != DAMAGE_ACTION_COUNT || damage->count != 1))
        return tool_usage("--action and --count go with --seed alone");
    return TOOL_GO_ON;
}

int
cmd_damage(int argc, char **argv)
{
    static struct damage damage; /* too large for a stack frame */
    char **operands = NULL;
    enum tool_status status = TOOL_GO_ON;

    damage = (struct damage){ .kind = DAMAGE_ACTION_COUNT, .count = 1 };
    status = tool_parse(&SPEC, argc, argv, &damage, &operands);
    if (status == TOOL_GO_ON)
        status = damage_check_usage(&damage, operands[0]);
    if (status != TOOL_GO_ON)
        return (int)status;
    status = damage_run(&damage, operands[0]);
    damage_forget(&damage);
    damage_input_free(&damage.input);
    return tool_end(status);
}
