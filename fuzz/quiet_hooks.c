/* SPDX-License-Identifier: MIT */
/*
 * fuzz/quiet_hooks.c - libFuzzer does not look at compared strings.
 *
 * It notes what memcmp and strcmp are given, which takes a tenth of the time of
 * the targets.  Calls come here by the linker's --wrap, in builds without
 * sanitizers, which do not trace other comparisons either: the builds that do
 * hand on what they find, as do the dictionaries.
 */
#include <stddef.h>

void
__wrap___sanitizer_weak_hook_memcmp(void *caller, const void *a, const void *b,
                                    size_t len, int result);
void
__wrap___sanitizer_weak_hook_strcmp(void *caller, const char *a, const char *b,
                                    int result);
void
__wrap___sanitizer_weak_hook_strncmp(void *caller, const char *a, const char *b,
                                     size_t len, int result);

void
__wrap___sanitizer_weak_hook_memcmp(void *caller, const void *a, const void *b,
                                    size_t len, int result)
{
    (void)caller, (void)a, (void)b, (void)len, (void)result;
}

void
__wrap___sanitizer_weak_hook_strcmp(void *caller, const char *a, const char *b,
                                    int result)
{
    (void)caller, (void)a, (void)b, (void)result;
}

void
__wrap___sanitizer_weak_hook_strncmp(void *caller, const char *a, const char *b,
                                     size_t len, int result)
{
    (void)caller, (void)a, (void)b, (void)len, (void)result;
}
