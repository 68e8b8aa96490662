/* SPDX-License-Identifier: MIT */
/* tests/segment/codec_support.c - tests that run once for each codec. */
#include "tests/segment/codec_support.h"

#include <stdio.h>

#include "src/codec/zrun.h"

enum seglog_codec codec;

int
codecs_run(const char *name, const struct CMUnitTest *tests, size_t count)
{
    static const struct {
        enum seglog_codec codec;
        const char *name;
    } codecs[] = {
        { SEGLOG_CODEC_DEFLATE, "deflate" },
        { SEGLOG_CODEC_ZSTD, "zstd" },
        { SEGLOG_CODEC_AUTO, "auto" },
    };
    int failed = 0;

    for (size_t i = 0; i < COUNT_OF(codecs); i++) {
        char group[64];

        if (codecs[i].codec != SEGLOG_CODEC_DEFLATE && !slg_zrun_is_there())
            break;
        codec = codecs[i].codec;
        (void)snprintf(group, sizeof group, "%s %s", name, codecs[i].name);
        failed += _cmocka_run_group_tests(group, tests, count, NULL, NULL);
    }
    return failed;
}
