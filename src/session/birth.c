/* SPDX-License-Identifier: MIT */
/* src/session/birth.c - what a segment of a session says of itself. */
#include <string.h>

#include "format/bytes.h"
#include "src/session/index.h"

#define FIXED_BYTES 76

/*
 * SPEC.md 14.1: "S1", lane, lineage kind, session, segment, other segment,
 * at_turn, at_record, created_ms, label.
 */
size_t
slg_birth_encode(const struct slg_birth *birth, uint8_t *buf)
{
    const struct seglog_session_row *row = &birth->row;

    buf[0] = 'S';
    buf[1] = '1';
    buf[2] = (uint8_t)birth->lane;
    buf[3] = (uint8_t)row->lineage.kind;
    memcpy(buf + 4, row->session.bytes, SEGLOG_UUID_BYTES);
    memcpy(buf + 20, row->segment.bytes, SEGLOG_UUID_BYTES);
    memcpy(buf + 36, row->lineage.segment.bytes, SEGLOG_UUID_BYTES);
    slg_store_le64(buf + 52, row->lineage.at_turn);
    slg_store_le64(buf + 60, row->lineage.at_record);
    slg_store_le64(buf + 68, (uint64_t)row->created_ms);
    if (row->label.len > 0)
        memcpy(buf + FIXED_BYTES, row->label.data, row->label.len);
    return FIXED_BYTES + row->label.len;
}

bool
slg_birth_decode(const uint8_t *bytes, size_t len, struct slg_birth *birth)
{
    struct seglog_session_row *row = &birth->row;

    if (len < FIXED_BYTES || len - FIXED_BYTES > SEGLOG_SESSION_LABEL_MAX ||
        bytes[0] != 'S' || bytes[1] != '1' || bytes[2] > SEGLOG_LANE_NOTES ||
        bytes[3] > SEGLOG_LINEAGE_REPLACES)
        return false;
    *birth = (struct slg_birth){ .lane = (enum seglog_lane)bytes[2] };
    row->lineage.kind = (enum seglog_lineage_kind)bytes[3];
    memcpy(row->session.bytes, bytes + 4, SEGLOG_UUID_BYTES);
    memcpy(row->segment.bytes, bytes + 20, SEGLOG_UUID_BYTES);
    memcpy(row->lineage.segment.bytes, bytes + 36, SEGLOG_UUID_BYTES);
    row->lineage.at_turn = slg_load_le64(bytes + 52);
    row->lineage.at_record = slg_load_le64(bytes + 60);
    row->created_ms = (int64_t)slg_load_le64(bytes + 68);
    row->label = (struct seglog_slice){ (const char *)bytes + FIXED_BYTES,
                                        len - FIXED_BYTES };
    return true;
}
