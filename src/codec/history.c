/* SPDX-License-Identifier: MIT */
/* src/codec/history.c - the last bytes of a stretch. */
#include "src/codec/history.h"

#include <string.h>

void
slg_history_clear(struct slg_history *history)
{
    history->len = 0;
    history->total = 0;
    history->mark++;
}

void
slg_history_add(struct slg_history *history, const void *data, size_t len)
{
    history->total += len;
    if (len >= SLG_HISTORY_BYTES) {
        memcpy(history->bytes,
               (const uint8_t *)data + (len - SLG_HISTORY_BYTES),
               SLG_HISTORY_BYTES);
        history->len = SLG_HISTORY_BYTES;
        return;
    }
    /* Half of the room is spare, so that each byte is moved once at most. */
    if (len > sizeof history->bytes - history->len) {
        memmove(history->bytes,
                history->bytes + (history->len - SLG_HISTORY_BYTES),
                SLG_HISTORY_BYTES);
        history->len = SLG_HISTORY_BYTES;
    }
    if (len > 0)
        memcpy(history->bytes + history->len, data, len);
    history->len += len;
}

void
slg_history_copy(struct slg_history *to, const struct slg_history *from)
{
    size_t len = 0;
    const uint8_t *bytes = slg_history_get(from, &len);

    memcpy(to->bytes, bytes, len);
    to->len = len;
    to->total = from->total;
    to->mark = from->mark;
}
