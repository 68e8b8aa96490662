/* SPDX-License-Identifier: MIT */
/* tests/faults/allocation.c - allocations that fail when told to. */
#define _GNU_SOURCE /* dladdr */

#include "tests/faults/allocation.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) ||           \
    !defined(__GLIBC__)
#define OURS(name) __wrap_##name
#define REAL(name) __real_##name
#else
#define OURS(name) name
#define REAL(name) __libc_##name
#endif

/* Seen by the libraries as well. */
#define SEEN __attribute__((visibility("default")))

void *REAL(malloc)(size_t size);
void *REAL(calloc)(size_t count, size_t size);
void *REAL(realloc)(void *block, size_t size);
void REAL(free)(void *block);
void *OURS(malloc)(size_t size);
void *OURS(calloc)(size_t count, size_t size);
void *OURS(realloc)(void *block, size_t size);
void OURS(free)(void *block);

#define SITES 4096u

static atomic_bool is_watching;
static atomic_bool is_sticky;
static atomic_uint_fast64_t fails_at;
static atomic_uint_fast64_t counted;
static atomic_uint_fast64_t hits;
static atomic_int_fast64_t live;

struct site {
    uintptr_t address;
    uint64_t calls;
    uint64_t failed;
    bool is_spared;
};

static atomic_flag sites_lock = ATOMIC_FLAG_INIT;
static struct site sites[SITES];
static size_t site_count;

/* -- sites ----------------------------------------------------------------- */

/*
 * ZDICT_trainFromBuffer of zstd 1.5.4 does not look whether it got what it asks
 * ZSTD_createCDict for, which it then uses.  The library never calls that.
 */
static bool
is_spared(uintptr_t address)
{
    Dl_info info;

    return dladdr((const void *)address, &info) != 0 && info.dli_sname &&
           strcmp(info.dli_sname, "ZSTD_createCDict_advanced2") == 0;
}

/* Under the lock. */
static struct site *
site_find(uintptr_t address)
{
    size_t at = (size_t)(address * 2654435761u) % SITES;

    while (sites[at].address != 0 && sites[at].address != address)
        at = (at + 1) % SITES;
    if (sites[at].address == 0 && site_count < SITES - 1) {
        sites[at].address = address;
        sites[at].is_spared = is_spared(address);
        site_count++;
    }
    return &sites[at];
}

/* Whether the call that returns to that address is to fail. */
static bool
is_told(const void *address)
{
    struct site *site = NULL;
    uint64_t number = 0;
    bool fails = false;

    if (!atomic_load(&is_watching))
        return false;
    while (atomic_flag_test_and_set(&sites_lock))
        ;
    site = site_find((uintptr_t)address);
    site->calls++;
    if (!site->is_spared) {
        const uint64_t at = atomic_load(&fails_at);

        number = atomic_fetch_add(&counted, 1) + 1;
        fails = at != 0 &&
                (number == at || (number > at && atomic_load(&is_sticky)));
    }
    if (fails)
        site->failed++;
    atomic_flag_clear(&sites_lock);
    if (fails) {
        (void)atomic_fetch_add(&hits, 1);
        errno = ENOMEM;
    }
    return fails;
}

size_t
allocation_sites(struct allocation_site *out, size_t cap)
{
    size_t count = 0;

    for (size_t i = 0; i < SITES; i++) {
        if (sites[i].address == 0)
            continue;
        if (count < cap)
            out[count] = (struct allocation_site){ .address = sites[i].address,
                                                   .calls = sites[i].calls,
                                                   .failed = sites[i].failed };
        count++;
    }
    return count;
}

/* -- malloc and its kin ---------------------------------------------------- */

static void *
count_up(void *block)
{
    if (block)
        (void)atomic_fetch_add(&live, 1);
    return block;
}

SEEN void *
OURS(malloc)(size_t size)
{
    if (is_told(__builtin_return_address(0)))
        return NULL;
    return count_up(REAL(malloc)(size));
}

SEEN void *
OURS(calloc)(size_t count, size_t size)
{
    if (is_told(__builtin_return_address(0)))
        return NULL;
    return count_up(REAL(calloc)(count, size));
}

SEEN void *
OURS(realloc)(void *block, size_t size)
{
    void *moved = NULL;

    if (is_told(__builtin_return_address(0)))
        return NULL;
    moved = REAL(realloc)(block, size);
    if (!block)
        (void)count_up(moved);
    else if (!moved && size == 0)
        (void)atomic_fetch_sub(&live, 1);
    return moved;
}

SEEN void
OURS(free)(void *block)
{
    if (block)
        (void)atomic_fetch_sub(&live, 1);
    REAL(free)(block);
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) ||           \
    !defined(__GLIBC__)
char *OURS(strdup)(const char *text);

/* The C library's own would not ask. */
char *
OURS(strdup)(const char *text)
{
    const size_t size = strlen(text) + 1;
    char *copy = is_told(__builtin_return_address(0))
                     ? NULL
                     : count_up(REAL(malloc)(size));

    return copy ? memcpy(copy, text, size) : NULL;
}
#endif

void *
kit_resize(void *block, size_t size)
{
    void *moved = REAL(realloc)(block, size);

    if (!moved)
        abort();
    return moved;
}

void
kit_free(void *block)
{
    REAL(free)(block);
}

/* -- orders ---------------------------------------------------------------- */

void
allocation_fail(uint64_t at, bool is_from_then_on)
{
    atomic_store(&fails_at, at);
    atomic_store(&is_sticky, is_from_then_on);
    atomic_store(&counted, 0);
    atomic_store(&hits, 0);
}

bool
allocation_watch(bool on)
{
    return atomic_exchange(&is_watching, on);
}

uint64_t
allocation_count(void)
{
    return atomic_load(&counted);
}

uint64_t
allocation_hits(void)
{
    return atomic_load(&hits);
}

int64_t
allocation_live(void)
{
    return atomic_load(&live);
}
