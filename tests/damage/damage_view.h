/* SPDX-License-Identifier: MIT */
/*
 * tests/damage/damage_view.h - bytes in memory as a byte store to read from.
 *
 * Nothing is copied: the bytes of its one blob may be changed, and others be
 * put in their place, between one reading and the next.
 */
#ifndef DAMAGE_VIEW_H
#define DAMAGE_VIEW_H

#include <stddef.h>
#include <stdint.h>

#include "seglog/store.h"

#define VIEW_NAME "log"

/* The blob, and the keys of an encrypted store; borrowed. */
struct view {
    const uint8_t *bytes;
    size_t len;
    const uint8_t *keys; /* NULL: none */
    size_t keys_len;
};

/* A store over view, which outlives it. */
struct seglog_store
view_store(struct view *view);

#endif /* DAMAGE_VIEW_H */
