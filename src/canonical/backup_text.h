/* SPDX-License-Identifier: MIT */
/*
 * src/canonical/backup_text.h - the words of a manifest (SPEC.md 18.2).
 *
 * What is written and what is read: there is no other way to say the same.
 *
 * Layer  canonical.
 */
#ifndef SLG_CANONICAL_BACKUP_TEXT_H
#define SLG_CANONICAL_BACKUP_TEXT_H

/* Room for what is formatted at once, of a line. */
#define SLG_BACKUP_LINE_MAX  160u

#define SLG_BACKUP_NAME      "{\"seglog\":\"backup\",\"version\":"
#define SLG_BACKUP_VERSION   "1"
#define SLG_BACKUP_NUMBER    ",\"number\":"
#define SLG_BACKUP_HEAD      SLG_BACKUP_NAME SLG_BACKUP_VERSION SLG_BACKUP_NUMBER
#define SLG_BACKUP_BASE      ",\"base\":"
#define SLG_BACKUP_CREATED   ",\"created_ms\":"
#define SLG_BACKUP_DURATION  ",\"duration_ms\":"
#define SLG_BACKUP_MOMENT    ",\"one_moment\":"
#define SLG_BACKUP_POSITION  ",\"position\":"
#define SLG_BACKUP_TEXT      ",\"text\":"
#define SLG_BACKUP_PARTS     ",\"parts\":"
#define SLG_BACKUP_BLOBS     ",\"blobs\":"

#define SLG_BACKUP_PART      "{\"part\":"
#define SLG_BACKUP_SIZE      ",\"size\":"
#define SLG_BACKUP_DIGEST    ",\"digest\":"

#define SLG_BACKUP_BLOB      "{\"blob\":"
#define SLG_BACKUP_PIECES    ",\"pieces\":"

#define SLG_BACKUP_PIECE     "{\"piece\":"
#define SLG_BACKUP_IN        ",\"part\":"
#define SLG_BACKUP_AT        ",\"at\":"
#define SLG_BACKUP_STORED_AS ",\"stored\":"
#define SLG_BACKUP_CODEC     ",\"codec\":"

#define SLG_BACKUP_END       "{\"end\":"

#endif /* SLG_CANONICAL_BACKUP_TEXT_H */
