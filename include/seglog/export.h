/* SPDX-License-Identifier: MIT */
/* seglog/export.h - what the shared library shows, and what must be checked. */
#ifndef SEGLOG_EXPORT_H
#define SEGLOG_EXPORT_H

#if defined(__GNUC__) || defined(__clang__)
#define SEGLOG_API        __attribute__((visibility("default")))
#define SEGLOG_MUST_CHECK __attribute__((warn_unused_result))
#else
#define SEGLOG_API
#define SEGLOG_MUST_CHECK
#endif

#endif /* SEGLOG_EXPORT_H */
