/* SPDX-License-Identifier: MIT */
/* tests/segment/codec_support.h - tests that run once for each codec. */
#ifndef CODEC_SUPPORT_H
#define CODEC_SUPPORT_H

#include "tests/support/seglog_test.h"

#include "seglog/segment.h"

/* That of the tests that run. */
extern enum seglog_codec codec;

/* As cmocka_run_group_tests_name, with each codec of this build. */
int
codecs_run(const char *name, const struct CMUnitTest *tests, size_t count);

#endif /* CODEC_SUPPORT_H */
