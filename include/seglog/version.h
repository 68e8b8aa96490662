/* SPDX-License-Identifier: MIT */
/*
 * seglog/version.h - the only place where the version is written.
 *
 * Two versions are kept apart: the library's, below, and the format's, which
 * stands in every segment header and changes far more slowly (SPEC.md 12).
 */
#ifndef SEGLOG_VERSION_H
#define SEGLOG_VERSION_H

#define SEGLOG_VERSION_MAJOR  0
#define SEGLOG_VERSION_MINOR  1
#define SEGLOG_VERSION_PATCH  0
#define SEGLOG_VERSION_STRING "0.1.0"

/* The version of the format that this library writes (SPEC.md 3). */
#define SEGLOG_FORMAT_VERSION 1

#endif /* SEGLOG_VERSION_H */
