/* SPDX-License-Identifier: MIT */
/*
 * format/json_member.h - walk the members of an object, the items of an array.
 *
 * Made for text that seglog_json_line_check has passed: nothing is checked a
 * second time, values are passed over by brackets and quotes alone.  Given any
 * other bytes a walk ends somewhere inside them; what it gave until then lies
 * inside them, too, and is all that can be said of it.
 *
 * Layer    format: pure, no allocation, no recursion, freestanding
 * Threads  any
 */
#ifndef SLG_FORMAT_JSON_MEMBER_H
#define SLG_FORMAT_JSON_MEMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of somebody else's, as they stand in the text. */
struct slg_json_slice {
    const uint8_t *p;
    size_t len;
};

/* An item of an array has an empty key. */
struct slg_json_member {
    struct slg_json_slice key; /* between the quotes */
    bool key_has_escape;
    struct slg_json_slice value; /* brackets or quotes included, no space */
};

/* Where a walk stands; read is_whole, the rest is its own. */
struct slg_json_walk {
    const uint8_t *p;
    const uint8_t *end;
    bool is_object;
    bool is_first;
    bool is_whole; /* it has ended at the closing bracket */
};

/*
 * Begin at the first object or array bracket; a byte order mark and white
 * space may stand before it.
 *
 * Returns  false when something else comes first; the walk is then empty
 */
bool
slg_json_walk_begin(struct slg_json_walk *walk, const uint8_t *text,
                    size_t len);

/*
 * Step to the next member or item.
 *
 * Returns  false when there is none; member is then undefined
 * Cost     O(bytes passed over)
 */
bool
slg_json_walk_next(struct slg_json_walk *walk, struct slg_json_member *member);

/* Whether the key is this name; escapes in it are decoded. */
bool
slg_json_key_is(const struct slg_json_member *member, const char *name);

/* What a value is, by its first byte. */
bool
slg_json_is_object(struct slg_json_slice value);
bool
slg_json_is_array(struct slg_json_slice value);
bool
slg_json_is_null(struct slg_json_slice value);

/* What stands between the quotes of a string; false when it is none. */
bool
slg_json_string_body(struct slg_json_slice value, struct slg_json_slice *body);

/*
 * Decode the body of a string to UTF-8.
 *
 * A surrogate without its other half becomes the three bytes that it would
 * have if it were a character (WTF-8); an escape that is none stays as it is.
 *
 *   buf   may be NULL if cap is 0; body.len bytes are always enough
 * Returns the bytes written, as many whole characters as there is room for
 */
size_t
slg_json_string_decode(struct slg_json_slice body, uint8_t *buf, size_t cap);

/* The body of a string is this text, once it is decoded. */
bool
slg_json_body_is(struct slg_json_slice body, const char *text);

/*
 * A number that is an integer in its spelling: no fraction, no exponent, and
 * within the range.  Returns false for everything else; out is unchanged.
 */
bool
slg_json_uint64(struct slg_json_slice value, uint64_t *out);
bool
slg_json_int64(struct slg_json_slice value, int64_t *out);

/* true or false; false for everything else, and out is unchanged. */
bool
slg_json_bool(struct slg_json_slice value, bool *out);

#endif /* SLG_FORMAT_JSON_MEMBER_H */
