/* SPDX-License-Identifier: MIT */
/*
 * fuzz/fuzz_main.c - runs a fuzz target over saved inputs, with any compiler.
 *
 * Usage: fuzz_NAME [FILE|DIRECTORY]...  Directories are searched to the end.
 * The empty input always runs first.  A target reports a finding by abort(),
 * as it does under a fuzzer, and the last name printed is the input's.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Read a whole file into a block of exactly its size, for the sanitizer. */
static uint8_t *
file_read(const char *path, size_t size)
{
    uint8_t *data = malloc(size ? size : 1);
    FILE *file = fopen(path, "rb");
    size_t got = data && file ? fread(data, 1, size, file) : 0;

    if (file)
        fclose(file);
    if (!data || !file || got != size) {
        free(data);
        return NULL;
    }
    return data;
}

static bool
file_run(const char *path, size_t size, unsigned long *count)
{
    uint8_t *data = file_read(path, size);

    if (!data) {
        fprintf(stderr, "%s: cannot be read\n", path);
        return false;
    }
    /* Flushed first: after a crash the last name is the one that matters. */
    printf("%s\n", path);
    fflush(stdout);
    (void)LLVMFuzzerTestOneInput(data, size);
    free(data);
    (*count)++;
    return true;
}

static bool
path_run(const char *path, unsigned long *count);

/* Run what a directory holds, in the order of the names. */
static bool
directory_run(const char *path, unsigned long *count)
{
    struct dirent **entries;
    int n = scandir(path, &entries, NULL, alphasort);
    bool ok = true;

    if (n < 0) {
        perror(path);
        return false;
    }
    for (int i = 0; i < n; i++) {
        char *child;

        if (entries[i]->d_name[0] != '.') {
            if (asprintf(&child, "%s/%s", path, entries[i]->d_name) < 0)
                abort();
            ok = path_run(child, count) && ok;
            free(child);
        }
        free(entries[i]);
    }
    free(entries);
    return ok;
}

static bool
path_run(const char *path, unsigned long *count)
{
    struct stat st;

    if (stat(path, &st) != 0) {
        perror(path);
        return false;
    }
    if (S_ISDIR(st.st_mode))
        return directory_run(path, count);
    return file_run(path, (size_t)st.st_size, count);
}

int
main(int argc, char **argv)
{
    static const uint8_t nothing[1];
    unsigned long count = 1;
    bool ok = true;

    (void)LLVMFuzzerTestOneInput(nothing, 0);
    for (int i = 1; i < argc; i++)
        ok = path_run(argv[i], &count) && ok;
    printf("%lu inputs, no finding\n", count);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
