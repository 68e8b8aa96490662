#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the golden vectors and the worked examples of SPEC.md.

    generate.py           write good/, bad/ and unsupported/, and into
                          deflated.json what zlib made of compressed bodies
    generate.py --check   compare instead, and SPEC.md too; status 1 if not
    generate.py --spec    print what SPEC.md section A and the table of
                          section 2 say

For each vector, NAME.hex holds the bytes, NAME.findings what `seglog check
--json` says of them, and NAME.jsonl what `seg2json` writes. NAME.expect, if
there, holds the argument of --expect; NAME.gaps.jsonl, if there, what
`seg2json --gaps` writes; NAME.attributes, if there, the attributes; NAME.dictionary the dictionary. The findings are stated here by hand, from what was
damaged: they come from no reader. README.md describes the notation.
"""

import json
import os
import sys
import zlib

import encoder
from encoder import BYTES, FIRST, NEXT, PART, TAIL, TEXT, Log, plain, u

HERE = os.path.dirname(os.path.abspath(__file__))
SPEC = os.path.join(HERE, '..', '..', 'SPEC.md')
OTHER = bytes(range(0xA0, 0xB0))            # the identity of another segment
NEXT_EPOCH = 1 << 32 | 0xBADCAB1E           # ordinal 1
JUNK = b'xxxx'                              # 0x78 is no legal head

vectors = {}                                # file name: bytes


DEFLATED = os.path.join(HERE, 'deflated.json')


# ---- how a vector is written down

def hex_of(raw):
    """Byte pairs; a run of one byte as HH*COUNT."""
    out, at = [], 0
    while at < len(raw):
        run = len(raw[at:]) - len(raw[at:].lstrip(raw[at:at + 1]))
        if run >= 24:
            out.append('%02X*%d' % (raw[at], run))
            at += run
        else:
            out.append('%02X' % raw[at])
            at += 1
    return ' '.join(out)


def hex_file(why, log):
    lines, at = ['# ' + line for line in why], 0
    for part in log.parts:
        lines.append('')
        lines.append('# %d: %s' % (at, part.name))
        for raw, meaning in part.fields:
            if not raw:
                continue
            lines.append('%-47s  # %d %s' % (hex_of(raw), at, meaning))
            at += len(raw)
    return '\n'.join(lines) + '\n'


def finding(verdict, cause, span, lost=None, line=None, shift=0,
            durable='unknown', depends_on=None):
    """lost: (first, last) or None; span: (first byte, last byte)"""
    first, last = lost or (None, None)
    return dict(verdict=verdict, cause=cause, blob=None, first_record=first,
                last_record=last, line=line, first_byte=span[0],
                last_byte=span[1], shift=shift, durable=durable,
                depends_on=depends_on)


def compact(value):
    return json.dumps(value, separators=(',', ':'), ensure_ascii=False)


def exported(log, numbers):
    """SPEC.md 11 for the records of these numbers."""
    out = b''
    for i, number in enumerate(numbers):
        kind, body = log.records[number]
        follows = numbers[i + 1:i + 2]
        out += body
        if kind in (TEXT, BYTES) or follows and (
                kind == TAIL or follows != [number + 1]):
            out += b'\n'
    return out


def vector(name, why, log, findings=(), verdict='OK', records=None,
           closed=True, first=1, following=None, expect=0, gaps=None,
           attributes=None):
    """records: numbers of the good ones, all that were written if None."""
    if records is None:
        records = sorted(log.records)
    if following is None:
        following = log.number
    raw = log.raw()
    lines = []
    for f in findings:
        lines.append(compact({**f, 'blob': os.path.basename(name) + '.seg'}))
    lost = sum(f['last_record'] - f['first_record'] + 1 for f in findings
               if f['last_record'] is not None)
    lines.append(compact({'summary': dict(
        verdict=verdict, records=len(records), lost=lost, bytes=len(raw),
        findings=len(findings), closed=closed, first_record=first,
        next_record=following)}))
    why = why.split('\n')
    if expect:
        why.append('Checked with --expect %d.' % expect)
        vectors[name + '.expect'] = b'%d\n' % expect
    vectors[name + '.hex'] = hex_file(why, log).encode()
    vectors[name + '.findings'] = ('\n'.join(lines) + '\n').encode()
    vectors[name + '.jsonl'] = exported(log, records)
    if gaps is not None:
        vectors[name + '.gaps.jsonl'] = gaps
    if attributes is not None:
        vectors[name + '.attributes'] = attributes


def unsupported(name, why, log):
    vectors[name + '.hex'] = hex_file(why.split('\n'), log).encode()
    vectors[name + '.findings'] = b'FORMAT\n'


# ---- segments to start from

def line(n):
    return b'{"n":%d,"say":"%s"}' % (n, b'abcdefghij'[:n % 7])


def five(close=True, count=5, **options):
    log = Log(**options)
    for n in range(1, count + 1):
        log.record(line(n))
    if close:
        log.closing()
    return log


def with_sync():
    """Two records, a sync point, two records, a closing mark."""
    log = five(close=False, count=2)
    log.sync()
    log.record(line(3))
    log.record(line(4))
    log.closing()
    return log


# ---- good/: nothing is wrong

def good():
    vector('good/empty', 'A header and nothing else: no record, not closed.',
           Log(), closed=False)

    vector('good/one-text', 'One text record, closed.', five(count=1))

    log = Log(body_log2=9)
    log.record(b'{"kind":"text"}')
    log.record(b'')
    log.record(b'line one\nline two\x00\xFF', BYTES)
    log.record(b'p' * 512, PART)
    log.record(b'and the rest')
    log.record(b'{"seglog":"looks typed"}')
    log.record(b'no line feed behind this', TAIL)
    log.record(b'until something follows')
    log.record(b'the end', TAIL)
    log.closing()
    vector('good/kinds', 'Each kind of record, an empty one too.', log,
           gaps=b'{"kind":"text"}\n\n'
           b'{"seglog":"bytes","base64":"bGluZSBvbmUKbGluZSB0d28A/w=="}\n'
           b'{"seglog":"part","base64":"' + b'cHBw' * 170 + b'cHA="}\n'
           b'and the rest\n'
           b'{"seglog":"text","base64":"eyJzZWdsb2ciOiJsb29rcyB0eXBlZCJ9"}\n'
           b'{"seglog":"tail","base64":"bm8gbGluZSBmZWVkIGJlaGluZCB0aGlz"}\n'
           b'until something follows\nthe end')

    for name, body, coded in (('typed', b'{"seglog":"', b'eyJzZWdsb2ciOiI='),
                              ('empty', b'', b'')):
        log = Log()
        log.record(line(1))
        log.record(body, TAIL)
        log.closing()
        vector('good/tail-' + name, 'A last line without a line feed that '
               'cannot be written\nas it is between typed lines.', log,
               gaps=line(1) + b'\n{"seglog":"tail","base64":"' + coded
               + b'"}\n')

    log = Log(body_log2=9)
    log.record(b'q' * 512, PART)
    log.record(b'r' * 512, PART)
    log.record(b's')
    log.record(b'odd', PART)
    log.record(b'size')
    log.closing()
    vector('good/parts', 'Two lines in parts: records 1 to 3 and 4 to 5.\n'
           'The size of record 4 is not 2^body_log2.', log,
           gaps=b'{"seglog":"part","base64":"' + b'cXFx' * 170 + b'cXE="}\n'
           b'{"seglog":"part","base64":"' + b'cnJy' * 170 + b'cnI="}\ns\n'
           b'{"seglog":"part","base64":"b2Rk"}\nsize\n')

    log = Log()
    log.record(line(1))
    log.group([line(2), (BYTES, b'\x00\x01'), b'', line(5)])
    log.record(line(6))
    log.closing()
    vector('good/group', 'Records 2 to 5 in one frame.', log)

    log = Log(sync_log2=9, auto_sync=True)
    for n in range(1, 41):
        log.record(line(n))
    log.closing()
    vector('good/sync-points', 'Sync points about every 512 bytes.', log)

    log = Log()
    log.record(line(1))
    log.record(line(2), durable=True)
    log.record(line(3))
    log.sync(watermark=3)
    log.group([line(4), line(5)], durable=True)
    vector('good/durable', 'DURABLE heads and a watermark; not closed.', log,
           closed=False)

    log = Log()
    log.record(line(1))
    log.gap(2, 13, 0, count=2, lines=2, first_byte=81, byte_count=47,
            shift=-3)
    log.record(line(4))
    log.gap(3, 9, 1, count=1, lines=1, first_byte=512, byte_count=1024,
            shift=-1 << 63)
    log.closing()
    vector('good/recorded-gap', 'Records 2 to 3 and 5 were lost before.',
           log, gaps=line(1) + b'\n'
           b'{"seglog":"gap","first":2,"last":3,"lines":2,'
           b'"verdict":"CORRUPT","cause":"checksum","durable":"unknown",'
           b'"first_byte":81,"bytes":47,"shift":-3,"depends_on":null}\n'
           + line(4) + b'\n'
           b'{"seglog":"gap","first":5,"last":5,"lines":1,'
           b'"verdict":"UNORDERED","cause":"zeros","durable":"no",'
           b'"first_byte":512,"bytes":1024,"shift":null,'
           b'"depends_on":null}\n')

    log = Log(first_record=41)
    log.sync(line=52)
    log.predecessor(OTHER, 0x5EED, 41, 8192, 0x12345678)
    log.record(line(41))
    log.closing()
    vector('good/predecessor', 'The segment that follows on record 40, with\n'
           'line 52; it names the one before.', log, first=41)

    said = b'{"of":"whoever uses the segment"}'
    log = Log()
    log.attributes(said)
    log.record(line(1))
    log.record(line(2))
    log.closing()
    vector('good/attributes', 'Attributes directly behind the header.', log,
           attributes=said)

    log = Log(first_record=41)
    log.sync(line=52)
    log.predecessor(OTHER, 0x5EED, 41, 8192, 0x12345678)
    log.attributes(said)
    log.attributes(b'only the first ones count')
    log.record(line(41))
    log.closing()
    vector('good/attributes-behind-sync', 'Attributes behind the sync point\n'
           'of a segment that starts with record 41, and its predecessor.\n'
           'A second frame of them says nothing.', log, first=41,
           attributes=said)

    log = Log()
    log.record(b'd' * 11441)
    log.record(b'n' * 11440)
    log.closing()
    vector('good/long-body', 'A body with a digest, and the longest without.',
           log)

    log = Log(refuse=1)
    log.record(b'd' * 11441)
    log.sync()
    log.record(line(2))
    log.closing()
    vector('good/no-xxh3', 'Feature NO_XXH3: no digest, stretch digests 0.',
           log)

    log = Log()
    log.sync()
    log.record(b'w' * 70000)
    log.record(line(2))
    log.closing()
    vector('good/wide-body', 'A body over 65,536 bytes behind a sync point.',
           log)

    log = five(close=False, count=3)
    log.sync(epoch=NEXT_EPOCH)
    log.record(line(4))
    log.closing()
    vector('good/new-epoch', 'Torn bytes were cut behind record 3: a sync\n'
           'point with a new epoch, and record 4 under its salt.', log)

    log = five(count=2)
    log.record(line(3), durable=True)
    log.closing()
    vector('good/reopened', 'Closed, opened again and closed again.', log)

    log = Log(ignore=0x8000, read_only=0x4000)
    log.record(line(1))
    log.control(9, b'from a later version')
    log.record(line(2))
    log.closing()
    vector('good/unknown-skipped', 'Unknown features that a reader may\n'
           'ignore, and a control frame of an unknown type.', log)


# ---- bad/: one vector for each cause, and a few more

def bad_frames():
    log = five()
    log.part('record 3').flip('record 3', 3)
    vector('bad/checksum', 'One bit of record 3 is wrong.', log, [
        finding('CORRUPT', 'checksum', log.span('record 3'), (3, 3), 3,
                durable='yes')], 'CORRUPT', [1, 2, 4, 5],
        gaps=line(1) + b'\n' + line(2) + b'\n'
        b'{"seglog":"gap","first":3,"last":3,"lines":1,"verdict":"CORRUPT",'
        b'"cause":"checksum","durable":"yes","first_byte":%d,"bytes":%d,'
        b'"shift":0,"depends_on":null}\n' % (
            log.span('record 3')[0], len(log.part('record 3')))
        + line(4) + b'\n' + line(5) + b'\n')

    log = Log()
    log.attributes(b'{"of":"nobody any more"}')
    log.record(line(1))
    log.closing()
    log.part('attributes').flip('attributes', 7)
    vector('bad/attributes', 'One bit of the attributes is wrong: there are\n'
           'none. No record is lost.', log, [
               finding('CORRUPT', 'inserted', log.span('attributes'))],
           'CORRUPT', attributes=b'')

    log = five()
    log.part('record 3').flip('length')
    vector('bad/length', 'The length of record 3 is wrong by one.', log, [
        finding('CORRUPT', 'length', log.span('record 3'), (3, 3), 3,
                durable='yes')], 'CORRUPT', [1, 2, 4, 5])

    log = Log()
    for n in range(1, 6):
        log.record(b'%d' % n * 10)          # frames of 16 bytes
    log.closing()
    log.part('record 2').flip('length', mask=0x10)
    vector('bad/length-to-boundary', 'The length of record 2 claims the end\n'
           'of record 3. Only record 2 is lost.', log, [
               finding('CORRUPT', 'length', log.span('record 2'), (2, 2), 2,
                       durable='yes')], 'CORRUPT', [1, 3, 4, 5])

    log = five()
    log.part('record 3').flip('head', mask=0x08)
    vector('bad/head', 'The head of record 3 is not legal.', log, [
        finding('CORRUPT', 'head', log.span('record 3'), (3, 3), 3,
                durable='yes')], 'CORRUPT', [1, 2, 4, 5])

    log = five()
    log.part('record 3').flip('head', mask=0xF0)
    vector('bad/head-control-durable', 'The head of record 3 is D0: CONTROL\n'
           'with DURABLE is not legal.', log, [
               finding('CORRUPT', 'head', log.span('record 3'), (3, 3), 3,
                       durable='yes')], 'CORRUPT', [1, 2, 4, 5])

    log = Log()
    log.record(line(1))
    log.group([line(2), line(3), line(4)])
    log.record(line(5))
    log.closing()
    log.part('records 2-4').flip('record 3', 2)
    vector('bad/group', 'One byte of a group of three is wrong.', log, [
        finding('CORRUPT', 'checksum', log.span('records 2-4'), (2, 4), 2,
                durable='yes')], 'CORRUPT', [1, 5])

    log = Log(body_log2=9)
    log.record(line(1))
    log.record(b'q' * 512, PART)
    log.record(b'r' * 512, PART)
    log.record(b's')
    log.record(line(5))
    log.closing()
    log.part('record 3').flip('checksum', 1)
    log.part('record 5').flip('record 5', 2)
    vector('bad/part', 'Record 3, a part of line 2, is damaged, and so is\n'
           'record 5. A lost record counts as a line until a mark says\n'
           'better, so record 5 is said to be line 4.', log, [
               finding('CORRUPT', 'checksum', log.span('record 3'), (3, 3), 2,
                       durable='yes'),
               finding('CORRUPT', 'checksum', log.span('record 5'), (5, 5), 4,
                       durable='yes')], 'CORRUPT', [1, 2, 4])

    log = Log()
    log.record(line(1))
    part = log.record(b'd' * 12000)
    log.record(line(3))
    log.closing()
    part.put('digest', bytes(8))
    crc = zlib.crc32(part.raw()[:-4])
    part.put('checksum', u(4, crc ^ encoder.mix(2, log.identity, log.epoch)))
    vector('bad/long-body-digest', 'The digest of record 2 does not match,\n'
           'the checksum does.', log, [
               finding('CORRUPT', 'checksum', log.span('record 2'), (2, 2), 2,
                       durable='yes')], 'CORRUPT', [1, 3])

    for byte, cause in ((0x00, 'zeros'), (0xFF, 'ones')):
        log = five(count=80)
        log.overwrite(512, bytes([byte]) * 512)
        # Bytes 512 to 1023: from within record 19 to within record 38.
        first, last = 19, 38
        assert log.span('record 19')[0] < 512 < log.span('record 19')[1]
        assert log.span('record 38')[0] < 1024 < log.span('record 38')[1]
        vector('bad/' + cause, 'A page of %02X, records 19 to 38.' % byte,
               log, [finding('CORRUPT', cause,
                             log.span('record 19', 'record 38'),
                             (first, last), 19, durable='yes')],
               'CORRUPT', [*range(1, 19), *range(39, 81)])

    log = five(count=80, close=False)
    log.overwrite(512, bytes(512))
    vector('bad/unordered', 'A page of zeros and no mark of any kind: later\n'
           'bytes reached the device first.', log, [
               finding('UNORDERED', 'zeros',
                       log.span('record 19', 'record 38'), (19, 38), 19,
                       shift=None, durable='no')],
           'UNORDERED', [*range(1, 19), *range(39, 81)], closed=False)

    log = Log()
    for n in range(1, 81):
        log.record(line(n), durable=n == 60)
    log.overwrite(512, bytes(512))
    vector('bad/zeros-durable', 'As unordered, but the head of record 60\n'
           'tells that all before it were durable.', log, [
               finding('CORRUPT', 'zeros',
                       log.span('record 19', 'record 38'), (19, 38), 19,
                       shift=None, durable='yes')],
           'CORRUPT', [*range(1, 19), *range(39, 81)], closed=False)


def bad_places():
    log = five()
    at = log.index('record 3')
    log.parts[at:at + 2] = [log.parts[at + 1], log.parts[at]]
    vector('bad/order', 'Records 3 and 4 have changed places.', log, [
        finding('CORRUPT', 'order', log.span('record 4'))], 'CORRUPT')

    log = five(close=False)
    at = log.index('record 4')
    log.parts[at:at + 2] = [log.parts[at + 1], log.parts[at]]
    vector('bad/order-at-end', 'The last two records have changed places;\n'
           'nothing follows.', log, [
               finding('CORRUPT', 'order', log.span('record 5'),
                       shift=None)], 'CORRUPT', closed=False)

    again = [part.copy(part.name + ' again') for part in log.parts[1:]]
    log.parts += again
    vector('bad/order-at-end-twice', 'As order-at-end, and then all records\n'
           'again in that order: they fill no hole any more.', log, [
               finding('CORRUPT', 'order', log.span('record 5'), shift=None),
               finding('TORN', 'torn', log.span('record 1 again',
                                                'record 4 again'),
                       line=6, shift=None, durable='no')
               | {'first_record': 6}], 'CORRUPT', closed=False, following=6)

    log = five(close=False, count=6)
    log.parts.append(log.parts.pop(log.index('record 4')))
    last = log.span('record 4')
    vector('bad/order-tail', 'Record 4 stands behind record 6, the last.\n'
           'Nothing else is behind it.', log, [
               finding('CORRUPT', 'order', last, shift=None)], 'CORRUPT',
           closed=False)

    vector('bad/order-tail-cut', 'As order-tail, but 8 records are known to\n'
           'have existed.', log, [
               finding('CORRUPT', 'order', last, shift=None),
               finding('CORRUPT', 'cut', (log.size, log.size - 1), (7, 8), 7,
                       None, 'yes')], 'CORRUPT', closed=False, following=9,
           expect=8)

    log = five(close=False)
    log.add(log.part('record 5').copy('record 5 again'))
    vector('bad/copy-at-end', 'Record 5 again, with nothing behind it: that\n'
           'fills no hole, so it is a tail like any other.', log, [
               finding('TORN', 'torn', log.span('record 5 again'), line=6,
                       shift=None, durable='no') | {'first_record': 6}],
           'TORN', closed=False)

    log = five(close=False, count=4)
    log.sync()
    log.record(line(5))
    log.record(line(6))
    log.sync()
    log.record(line(7))
    log.closing()
    at = log.index('sync point before 5')
    log.parts[at:at + 5] = log.parts[at + 3:at + 5] + log.parts[at:at + 3]
    moved = sum(len(part) for part in log.parts[at + 2:at + 5])
    mark = log.span('sync point before 7')[0]
    vector('bad/order-stretch', 'Two stretches have changed places: the sync\n'
           'point before 7 is early, that before 5 late. Records 5 and 6\n'
           'come from a passed run.', log, [
               finding('CORRUPT', 'shift', (mark, mark - 1), shift=-moved),
               finding('CORRUPT', 'order',
                       log.span('sync point before 5', 'record 6'),
                       shift=moved)],
           'CORRUPT')

    log = five()
    at = log.index('record 3')
    log.parts.insert(at + 1, log.parts[at].copy('record 3 again'))
    vector('bad/copy', 'Record 3 is there twice.', log, [
        finding('CORRUPT', 'copy', log.span('record 3 again'),
                shift=len(log.part('record 3')))], 'CORRUPT')

    log = five()
    missing = log.parts.pop(log.index('record 3'))
    at = log.span('record 4')[0]
    vector('bad/missing', 'The frame of record 3 is gone.', log, [
        finding('CORRUPT', 'missing', (at, at - 1), (3, 3), 3,
                -len(missing), 'yes')], 'CORRUPT', [1, 2, 4, 5])

    log = five()
    log.parts.insert(log.index('record 4'), plain('junk', JUNK))
    vector('bad/inserted', 'Four bytes too many behind record 3.', log, [
        finding('CORRUPT', 'inserted', log.span('junk'), shift=4)],
        'CORRUPT')

    log = five(count=30)
    at = log.index('record 4')
    gone = sum(len(part) for part in log.parts[at:at + 20])
    log.parts[at:at + 20] = [plain('junk', JUNK)]
    vector('bad/wide', 'Four bytes in the place of 20 records: more than\n'
           'the gap can hold, so record 24 is a wide candidate.', log, [
               finding('CORRUPT', 'head', log.span('junk'), (4, 23), 4,
                       4 - gone, 'yes')],
           'CORRUPT', [1, 2, 3, *range(24, 31)])

    log = five(count=7)
    log.part('record 3').flip('head', mask=0x08)
    log.part('record 5').flip('record 5', 2)
    span = log.span('record 3', 'record 5')
    vector('bad/lone', 'Records 3 and 5 are damaged; 4 stands alone between\n'
           'them and is returned, unconfirmed.', log, [
               finding('CORRUPT', 'head', span, (3, 3), 3, durable='yes'),
               finding('CORRUPT', 'head', span, (5, 5), 5, durable='yes')],
           'CORRUPT', [1, 2, 4, 6, 7])

    log = five()
    log.part('record 3').flip('head', mask=0x08)
    log.parts.insert(log.index('record 5'), plain('junk', JUNK))
    vector('bad/lone-junk', 'Record 3 is damaged, and behind 4 are four bytes\n'
           'too many: 4 stands alone.', log, [
               finding('CORRUPT', 'head', log.span('record 3', 'junk'), (3, 3),
                       3, 4, 'yes')], 'CORRUPT', [1, 2, 4, 5])

    log = five(close=False, count=3)
    log.part('record 3').flip('head', mask=0x08)
    log.group([line(4), (BYTES, b'\n'), line(6)])
    log.record(line(7))
    log.record(line(8))
    log.record(line(9))
    log.closing()
    log.part('record 7').flip('record 7', 2)
    span = log.span('record 3', 'record 7')
    vector('bad/lone-group', 'As lone, but what stands alone is a group.',
           log, [
               finding('CORRUPT', 'head', span, (3, 3), 3, durable='yes'),
               finding('CORRUPT', 'head', span, (7, 7), 7, durable='yes')],
           'CORRUPT', [1, 2, 4, 5, 6, 8, 9])

    log = five(close=False, count=4)
    log.sync()
    log.record(line(5))
    log.record(line(6))
    again = [part.copy(part.name + ' again') for part in log.parts[-3:]]
    log.record(line(7))
    log.closing()
    at = log.index('record 7')
    log.parts[at:at] = [plain('junk', JUNK), *again]
    more = 4 + sum(len(part) for part in again)
    vector('bad/passed-run', 'Behind record 6 junk, then a copy that starts\n'
           'with a sync point. It is read and dropped; where it has caught\n'
           'up, reading simply goes on.', log, [
               finding('CORRUPT', 'inserted', log.span('junk')),
               finding('CORRUPT', 'copy', log.span(
                   'sync point before 5 again', 'record 6 again'),
                       shift=more)], 'CORRUPT')

    log = five(close=False, count=4)
    log.sync()
    log.record(line(5))
    log.record(line(6))
    log.sync()
    log.record(line(7))
    log.closing()
    again = [part.copy(part.name + ' again') for part in log.parts[5:8]]
    at = log.index('closing mark')
    log.parts[at:at] = [plain('junk', JUNK), *again]
    vector('bad/passed-run-ends', 'As passed-run, but the copy ends before\n'
           'it has caught up: the closing mark goes on behind record 7.',
           log, [finding('CORRUPT', 'inserted', log.span('junk')),
                 finding('CORRUPT', 'copy', log.span(
                     'sync point before 5 again', 'record 6 again'),
                         shift=more)], 'CORRUPT')

    del log.parts[5:8]
    moved = more - 4
    mark = log.span('sync point before 7')[0]
    vector('bad/passed-run-fills', 'As passed-run-ends, but records 5 and 6\n'
           'are nowhere else: they are taken from the passed run.', log, [
               finding('CORRUPT', 'shift', (mark, mark - 1), shift=-moved),
               finding('CORRUPT', 'inserted', log.span('junk')),
               finding('CORRUPT', 'order', log.span(
                   'sync point before 5 again', 'record 6 again'),
                       shift=more)], 'CORRUPT')

    log = five(close=False, count=4)
    log.sync()
    log.record(line(5))
    log.record(line(6))
    again = [part.copy(part.name + ' again') for part in log.parts[-3:]]
    log.sync()
    log.record(line(7))
    log.record(line(8))
    log.closing()
    at = log.index('record 8')
    log.parts[at:at] = again
    vector('bad/passed-run-goes-on', 'A copy directly behind record 7, and\n'
           'record 8 behind the copy: it continues the main run.', log, [
               finding('CORRUPT', 'copy', log.span(
                   'sync point before 5 again', 'record 6 again'),
                       shift=sum(len(part) for part in again))], 'CORRUPT')


def bad_headers():
    log = five()
    log.part('header').flip('identity', 5, 0x40)
    vector('bad/header-one-bit', 'One bit of the header is wrong.', log, [
        finding('CORRUPT', 'header', (0, 53))], 'CORRUPT')

    log = five()
    log.overwrite(0, bytes(54))
    vector('bad/header-mark', 'No header; the closing mark has identity and\n'
           'epoch.', log, [finding('CORRUPT', 'header', (0, 53))], 'CORRUPT')

    log = five(close=False)
    log.overwrite(0, bytes(54))
    vector('bad/header-salt', 'No header and no mark: the salt is solved\n'
           'from records 1 to 3.', log, [
               finding('CORRUPT', 'header', (0, 53), shift=None)],
           'CORRUPT', closed=False)

    log = Log(first_record=41)
    log.sync(line=52)
    log.record(line(41))
    log.closing()
    log.overwrite(0, bytes(54))
    vector('bad/header-first-41', 'No header; the sync point at offset 54\n'
           'tells that record 41 is the first.', log, [
               finding('CORRUPT', 'header', (0, 53))], 'CORRUPT', first=41)

    log = five()
    del log.parts[0]
    vector('bad/header-gone', 'The header was cut off, so record 1 is at\n'
           'offset 0. It fills the hole that opens there.', log, [
               finding('CORRUPT', 'header', log.span('record 1'),
                       shift=-54)], 'CORRUPT')

    log = five(close=False)
    log.parts[0] = plain('zeros', bytes(5054))
    vector('bad/header-salt-far', 'As header-salt, but the first frame is far\n'
           'behind the place of the header.', log, [
               finding('CORRUPT', 'header', (0, 5053), shift=None)],
           'CORRUPT', closed=False)

    log = five()
    log.overwrite(0, bytes(54 + len(log.part('record 1'))))
    end = log.span('record 1')[1]
    vector('bad/header-record-1', 'Neither a header nor record 1.', log, [
        finding('CORRUPT', 'header', (0, end), (1, 1), 1, durable='yes')],
        'CORRUPT', [2, 3, 4, 5])


def bad_marks():
    log = with_sync()
    log.part('sync point before 3').flip('identity', 7)
    vector('bad/mark', 'The sync point is damaged; no record is lost.', log, [
        finding('CORRUPT', 'mark', log.span('sync point before 3'))],
        'CORRUPT')

    log = with_sync()
    again = log.part('sync point before 3').copy('sync point again')
    log.parts.insert(log.index('record 4'), again)
    vector('bad/mark-again', 'The sync point again, alone, behind record 3:\n'
           'what follows does not confirm it.', log, [
               finding('CORRUPT', 'mark', log.span('sync point again'),
                       shift=82)], 'CORRUPT')

    log = five(close=False, count=8)
    log.sync(watermark=8)
    log.parts[log.index('record 3'):-1] = []
    gone = sum(len(part) for part in five(count=8).parts[3:-1])
    log.parts.append(plain('junk', JUNK))
    at = log.span('sync point before 9')[0]
    vector('bad/mark-ahead', 'Behind record 2 a sync point that nothing\n'
           'confirms, then junk: for want of anything better reading goes\n'
           'on at the sync point.', log, [
               finding('CORRUPT', 'missing', (at, at - 1), (3, 8), 3, -gone,
                       'yes'),
               finding('TORN', 'torn', log.span('junk'), line=9, shift=None,
                       durable='no') | {'first_record': 9}],
           'CORRUPT', [1, 2], closed=False)

    log = five(close=False, count=1)
    log.sync()
    log.record(b'w' * 70000)
    log.record(line(3))
    log.closing()
    log.part('sync point before 2').flip('identity', 7)
    vector('bad/mark-wide-body', 'The sync point that a long body follows is\n'
           'damaged; no record is lost.', log, [
               finding('CORRUPT', 'mark', log.span('sync point before 2'))],
           'CORRUPT')

    log = five(close=False, count=2)
    log.sync(offset=log.size - 8)
    log.record(line(3))
    log.closing()
    at = log.span('sync point before 3')[0]
    vector('bad/shift', 'The sync point was written 8 bytes further up, and\n'
           'no gap explains it; the closing mark is right again.', log, [
               finding('CORRUPT', 'shift', (at, at - 1), shift=8),
               finding('CORRUPT', 'shift', (log.size - 70, log.size - 71),
                       shift=-8)], 'CORRUPT')

    log = five(close=False, count=2)
    log.sync(digest=log.stretch ^ 1)
    log.record(line(3))
    log.closing()
    vector('bad/digest', 'The stretch digest of the sync point is not that\n'
           'of records 1 and 2, although each of them is valid.', log, [
               finding('CORRUPT', 'digest',
                       log.span('record 1', 'record 2'))], 'CORRUPT')

    log = five()
    log.part('closing mark').flip('digest', 4)
    vector('bad/closing-mark', 'The closing mark is damaged.', log, [
        finding('CORRUPT', 'closing-mark', log.span('closing mark'))],
        'CORRUPT', closed=False)

    log = five()
    mark = log.part('closing mark')
    mark.field('identity')[0] = mark.field('identity')[0][:9] + \
        mark.field('identity')[0][10:]
    vector('bad/closing-mark-short', 'A byte of the closing mark is gone.',
           log, [finding('CORRUPT', 'closing-mark', log.span('closing mark'),
                         shift=-1)], 'CORRUPT', closed=False)

    log = five()
    mark = log.part('closing mark')
    mark.field('identity')[0] = mark.field('identity')[0][:9] + JUNK + \
        mark.field('identity')[0][9:]
    vector('bad/closing-mark-long', 'Four bytes too many in the closing mark.',
           log, [finding('CORRUPT', 'closing-mark', log.span('closing mark'),
                         shift=4)], 'CORRUPT', closed=False)

    log = five()
    log.part('record 3').flip('record 3', 3)
    log.part('closing mark').flip('offset', 0)
    vector('bad/closing-mark-after-gap', 'Record 3 and the closing mark are\n'
           'damaged: the digest of the stretch is not known.', log, [
               finding('CORRUPT', 'checksum', log.span('record 3'), (3, 3), 3,
                       shift=None),
               finding('CORRUPT', 'closing-mark', log.span('closing mark'))],
           'CORRUPT', [1, 2, 4, 5], closed=False)

    log = five()
    log.part('record 3').flip('record 3', 3)
    log.part('closing mark').flip('identity', 2)
    vector('bad/closing-mark-after-gap-back', 'As before, but most of what\n'
           'agrees stands behind what is damaged.', log, [
               finding('CORRUPT', 'checksum', log.span('record 3'), (3, 3), 3,
                       shift=None),
               finding('CORRUPT', 'closing-mark', log.span('closing mark'))],
           'CORRUPT', [1, 2, 4, 5], closed=False)


    log = five(close=False, count=2)
    log.sync()
    early = log.record(line(3))
    log.closing()
    log.parts.remove(early)
    log.parts.insert(log.index('record 2'), early)
    log.part('closing mark').flip('checksum', 3)
    vector('bad/closing-mark-behind-tiles', 'Record 3 stands before record 2\n'
           'and goes on where the last main run ends; the damaged closing\n'
           'mark is the one behind record 3.', log, [
               finding('CORRUPT', 'order', log.span('record 3'),
                       shift=len(early)),
               finding('CORRUPT', 'closing-mark', log.span('closing mark'))],
           'CORRUPT', closed=False)


def bad_foreign():
    log = five()
    stranger = five(close=False, identity=OTHER)
    at = log.index('record 4')
    for part in stranger.parts:
        part.name = 'foreign ' + part.name
    log.parts[at:at] = stranger.parts
    vector('bad/foreign-header', 'A whole other segment behind record 3.',
           log, [finding('FOREIGN', 'foreign',
                         log.span('foreign header', 'foreign record 5'),
                         shift=stranger.size)], 'FOREIGN')

    log = five()
    log.parts[at:at] = stranger.parts[1:4]
    vector('bad/foreign-frames', 'Three frames of another segment behind\n'
           'record 3: they agree on another salt.', log, [
               finding('FOREIGN', 'foreign',
                       log.span('foreign record 1', 'foreign record 3'),
                       shift=stranger.size - 54 - sum(
                           len(part) for part in stranger.parts[4:]))],
           'FOREIGN')

    log = five()
    log.parts += stranger.parts[1:4]
    vector('bad/foreign-tail', 'Three frames of another segment behind the\n'
           'end.', log, [
               finding('FOREIGN', 'foreign',
                       log.span('foreign record 1', 'foreign record 3'),
                       shift=None)], 'FOREIGN', closed=False)

    log = five()
    log.parts[at:at] = stranger.parts[1:2]
    vector('bad/foreign-lone', 'One frame of another segment: it could be\n'
           'anything.', log, [
               finding('CORRUPT', 'inserted', log.span('foreign record 1'),
                       shift=len(stranger.parts[1]))], 'CORRUPT')

    old = five(close=False, count=4)
    old.sync()
    old.record(line(5))
    log = five(close=False, count=3)
    log.sync(epoch=NEXT_EPOCH)
    log.record(line(4) + b' new')
    log.record(line(5) + b' new')
    log.parts += [part.copy('old ' + part.name) for part in old.parts[5:]]
    vector('bad/stale', 'Behind the end of the new epoch stand bytes of the\n'
           'one before it that a cut had removed.', log, [
               finding('FOREIGN', 'stale',
                       log.span('old sync point before 5', 'old record 5'),
                       shift=None)], 'FOREIGN', closed=False)

    log = five(close=False, count=3)
    log.add(log.record(line(4)).copy('torn record 4').cut(10))
    torn = log.parts.pop()
    log = five(close=False, count=3)
    log.add(torn)
    log.sync(epoch=NEXT_EPOCH)
    log.record(line(4))
    log.closing()
    vector('bad/passed-over', 'A torn record 4 that could not be cut, and a\n'
           'sync point with a new epoch behind it.', log, [
               finding('TORN', 'passed-over', log.span('torn record 4'),
                       durable='no')], 'TORN')


def bad_tails():
    log = five(close=False)
    log.part('record 5').cut(10)
    span = log.span('record 5')
    vector('bad/torn', 'Record 5 is there in part.', log, [
        finding('TORN', 'torn', span, line=5, shift=None, durable='no')
        | {'first_record': 5}], 'TORN', [1, 2, 3, 4], False, following=5)

    vector('bad/cut-torn', 'As torn, but record 5 is known to have existed.',
           log, [finding('CORRUPT', 'cut', span, (5, 5), 5, None, 'yes')],
           'CORRUPT', [1, 2, 3, 4], False, following=6, expect=5)

    log = five(close=False, count=3)
    vector('bad/cut', 'Ends behind record 3, but 5 are known to have\n'
           'existed.', log, [
               finding('CORRUPT', 'cut', (log.size, log.size - 1), (4, 5), 4,
                       None, 'yes')],
           'CORRUPT', None, False, following=6, expect=5)

    log = with_sync()
    at = log.index('sync point before 3')
    del log.parts[at + 1:]
    log.parts[at].cut(30)
    vector('bad/torn-sync', 'A sync point is there in part: no record.', log, [
        finding('TORN', 'torn', log.span('sync point before 3'), shift=None,
                durable='no')], 'TORN', [1, 2], False, following=3)

    log = five()
    log.part('closing mark').cut(69)
    vector('bad/torn-closing', 'The closing mark lacks its last byte.', log, [
        finding('TORN', 'torn', log.span('closing mark'), shift=None,
                durable='no')], 'TORN', closed=False)

    log = Log()
    del log.parts[0]
    vector('bad/torn-empty', 'Not one byte.', log, [
        finding('TORN', 'torn', (0, -1), shift=None, durable='no')],
        'TORN', closed=False)

    log = Log()
    log.part('header').cut(20)
    vector('bad/torn-header', 'The first 20 bytes of a header.', log, [
        finding('TORN', 'torn', (0, 19), shift=None, durable='no')],
        'TORN', closed=False)


# ---- compressed segments

def request(n):
    return (b'{"time":"2024-05-01T12:00:%02dZ","level":"info",'
            b'"message":"request %d served","status":200}' % (n, n))


def compressed(count=8, close=True, sync_at=5, **options):
    """Records, a group of two, one that does not get shorter, a sync point."""
    log = Log(refuse=2, **options)
    while log.number <= count:
        if log.number == sync_at:
            log.sync()
        if log.number == 3:
            log.group([request(3), (BYTES, request(4))])
        elif log.number == 7:
            log.record(bytes(range(40, 57)), BYTES)
        else:
            log.record(request(log.number))
    if close:
        log.closing()
    return log


def compressed_ones():
    vector('good/compressed', 'Compressed records and a group; record 7 is '
           'not,\nfor it would not get shorter.', compressed())

    log = compressed(close=False)
    log.closing()
    log.record(request(9))
    log.record(request(10))
    log.closing()
    vector('good/compressed-reopened', 'Closed and gone on with: a closing '
           'mark empties the history, too.', log)

    log = compressed()
    log.part('record 2').flip('compressed', 3)
    vector('bad/compressed-flip', 'A flipped bit in record 2. Records 3 and 4 '
           'of the group behind it\ncannot be decoded without it; behind the '
           'sync point all is well.', log, [
               finding('CORRUPT', 'checksum', log.span('record 2'), (2, 2), 2,
                       durable='yes'),
               finding('CORRUPT', 'depends-on', log.span('records 3-4'),
                       (3, 4), 3, durable='yes', depends_on=2)], 'CORRUPT',
           [1, 5, 6, 7, 8])

    log = compressed()
    log.part('record 5').flip('compressed', 0)
    span = log.span('record 8')
    vector('bad/compressed-stored-survives', 'A flipped bit in record 5. '
           'Record 7 is not compressed,\nso it can be read all the same.',
           log, [
               finding('CORRUPT', 'checksum', log.span('record 5'), (5, 5), 5,
                       durable='yes'),
               finding('CORRUPT', 'depends-on', log.span('record 6'), (6, 6),
                       6, durable='yes', depends_on=5),
               finding('CORRUPT', 'depends-on', span, (8, 8), 8,
                       durable='yes', depends_on=5)], 'CORRUPT', [1, 2, 3, 4, 7])

    log = compressed()
    log.part('sync point before 5').flip('digest', 0)
    vector('bad/compressed-sync', 'A damaged sync point. No record is lost, so '
           'the history is known on.', log, [
               finding('CORRUPT', 'mark', log.span('sync point before 5'))],
           'CORRUPT')

    log = compressed(body_log2=9, close=False)
    log.record(b'z' * 513, packed=encoder.deflated(b'z' * 513, log.history))
    log.record(b'behind it')
    log.closing()
    vector('bad/compressed-bomb', 'Record 9 has a right checksum, and more '
           'than 2^body_log2 bytes come out of it.', log, [
               finding('CORRUPT', 'checksum', log.span('record 9'), (9, 9),
                       9, durable='yes')], 'CORRUPT', [1, 2, 3, 4, 5, 6, 7, 8, 10])

    log = compressed(close=False)
    log.record(b'x', packed=b'\x01\x01\x00\xFE\xFFx')
    log.record(b'behind it')
    log.closing()
    vector('bad/compressed-last-block', 'Record 9 has a right checksum, and '
           'a last block, which is not legal.', log, [
               finding('CORRUPT', 'checksum', log.span('record 9'), (9, 9),
                       9, durable='yes')], 'CORRUPT', [1, 2, 3, 4, 5, 6, 7, 8, 10])

    log = compressed()
    log.parts[0].fields = [[bytes(54), 'header, zeroed']]
    vector('bad/compressed-no-header', 'The header is lost. That bodies are '
           'compressed their heads say.', log, [
               finding('CORRUPT', 'header', (0, 53))], 'CORRUPT')


# ---- sealed segments (SPEC.md 15)

def sealed(close=True, odd=False, first=1, said=None):
    """Two blocks with a recorded gap between them."""
    log = Log(refuse=4, first_record=first)
    if said:
        log.attributes(said)
    log.sync(epoch=NEXT_EPOCH, watermark=first - 1)
    log.block([request(n) for n in range(1, 5)] + [(BYTES, b'\x00\n')])
    log.sync()
    log.gap(2, 13, 2, 2, 2, 700, 90, 0)
    log.watermark = log.number - 1
    log.sync()
    log.block([request(8), (PART, b'{"long":'), (TAIL, b'1}')] * (1 + odd),
              count=7 if odd else None)
    if close:
        log.footer([(1714564801000, 1714564804000),
                    (1714564808000, 1714564808000)])
        log.closing()
    return log


def sealed_ones():
    lost = (5 + 3, 5 + 5)
    log = sealed(said=b'what it is')
    vector('good/sealed', 'A sealed segment: two plain blocks, a recorded gap '
           'between them, the footer.', log, attributes=b'what it is')
    vector('good/sealed-from-20', 'One that starts with record 20.',
           sealed(first=20), first=20)

    log = sealed()
    log.part('block 1-5').flip('record 2', 7)
    vector('bad/sealed-flip', 'A flipped bit in a block costs the block.', log,
           [finding('CORRUPT', 'checksum', log.span('block 1-5'), (1, 5), 1,
                    durable='yes')], 'CORRUPT', [8, 9, 10])

    log = sealed()
    log.part('footer').flip('digest', 2)
    vector('bad/sealed-footer', 'A damaged footer costs nothing.', log,
           [finding('CORRUPT', 'inserted', log.span('footer'))], 'CORRUPT')

    log = sealed()
    log.parts[-1].flip('digest', 2)
    vector('bad/sealed-closing', 'A damaged closing mark.', log,
           [finding('CORRUPT', 'closing-mark', log.span('closing mark'))],
           'CORRUPT', closed=False)

    log = sealed(close=False)
    end = log.size
    vector('bad/sealed-no-end', 'Cut behind the last block.', log,
           [finding('CORRUPT', 'cut', (end, end - 1), shift=None)], 'CORRUPT',
           closed=False)

    log = sealed(close=False)
    log.parts[-1].cut(40)
    log.number = lost[0]
    start = log.start(len(log.parts) - 1)
    vector('bad/sealed-cut', 'Cut in the last block: what is sealed has no '
           'torn tail.', log,
           [finding('CORRUPT', 'torn', (start, start + 39), shift=None)],
           'CORRUPT', [1, 2, 3, 4, 5], closed=False)

    log = sealed(odd=True, close=False)
    log.number += 1
    log.closing()
    vector('bad/sealed-block', 'A block with a right checksum that claims a '
           'record more than it holds.', log,
           [finding('CORRUPT', 'checksum', log.span('block 8-13'), (8, 14), 8,
                    durable='yes')], 'CORRUPT', [1, 2, 3, 4, 5], following=15)

    log = sealed()
    log.parts[0].fields = [[bytes(54), 'header, zeroed']]
    vector('bad/sealed-no-header', 'The header is lost; heads say what blocks '
           'are.', log, [finding('CORRUPT', 'header',
                                 (0, 53))], 'CORRUPT')


# ---- unsupported/: FORMAT

def not_supported():
    for name, why, options in (
            ('version-2', 'Version 2.', dict(version=2)),
            ('refuse-bit-6', 'A feature to refuse if it is unknown.',
             dict(refuse=0x40)),
            ('zstd-alone', 'ZSTD without COMPRESSED.', dict(refuse=0x10)),
            ('body-log2-8', 'body_log2 is below its range.',
             dict(body_log2=8)),
            ('body-log2-28', 'body_log2 is above its range.',
             dict(body_log2=28)),
            ('sync-log2-8', 'sync_log2 is below its range.',
             dict(sync_log2=8)),
            ('sync-log2-21', 'sync_log2 is above its range.',
             dict(sync_log2=21)),
            ('zero-1', 'The zero byte is 1.', dict(zero=1)),
            ('ordinal-1', 'The ordinal of the header epoch is 1.',
             dict(epoch=NEXT_EPOCH)),
            ('first-record-0', 'first_record is 0.', dict(first_record=0))):
        unsupported('unsupported/' + name, why, Log(**options))
    log = Log()
    log.parts = [plain('text', b'{"a":1}\n' * 8)]
    unsupported('unsupported/json-lines', 'Not a segment: JSON lines.', log)


# ---- SPEC.md, sections 2 and A

def wrapped(part):
    """One field a line; what is longer than 16 bytes goes on below."""
    lines = []
    for raw, meaning in part.fields:
        for at in range(0, len(raw), 16):
            lines.append('    %-48s%s' % (hex_of(raw[at:at + 16]),
                                          '' if at else meaning))
    return '\n'.join(line.rstrip() for line in lines)


def examples():
    record = b'{"a":1}'
    log = Log()
    log.predecessor(OTHER, 0x5EED, 1, 8192, 0x12345678)
    log.record(record)
    log.record(b'\x00\xFF\n', BYTES, durable=True)
    log.record(b'{"long":', PART)
    log.record(b'1}', TAIL)
    log.group([record, (BYTES, b'\n'), b''])
    log.sync(watermark=5)
    log.gap(2, 13, 0, count=2, lines=2, first_byte=81, byte_count=47, shift=0)
    log.closing()
    titles = ('Header', 'Predecessor', 'TEXT record', 'BYTES record, DURABLE',
              'PART record', 'TAIL record', 'GROUP of three records',
              'Sync point', 'Recorded gap', 'Closing mark')
    out, at = [], 0
    for title, part in zip(titles, log.parts):
        out.append('%s, at offset %d:\n\n%s\n' % (title, at, wrapped(part)))
        at += len(part)
    vector('good/examples', 'The worked examples of SPEC.md, section A.', log,
           gaps=b'{"a":1}\n{"seglog":"bytes","base64":"AP8K"}\n'
           b'{"seglog":"part","base64":"eyJsb25nIjo="}\n'
           b'{"seglog":"tail","base64":"MX0="}\n{"a":1}\n'
           b'{"seglog":"bytes","base64":"Cg=="}\n\n'
           b'{"seglog":"gap","first":8,"last":9,"lines":2,'
           b'"verdict":"CORRUPT","cause":"checksum","durable":"unknown",'
           b'"first_byte":81,"bytes":47,"shift":0,"depends_on":null}\n')
    return ('One segment of %d bytes: `good/examples.hex`.\n\n' % at
            + '\n'.join(out))


def checksum_values():
    identity, epoch = encoder.IDENTITY, encoder.EPOCH
    return (('CRC24Z', zlib.crc32(bytes(24))),
            ('SALT', encoder.salt(identity, epoch)),
            ('MIX1', encoder.mix(1, identity, epoch)))


# What zstd made of request(1), request(2), a group of request(3) and
# request(4); of request(5) without anything before it; of request(7) and
# request(8) behind request(5) and the 17 bytes of record 6.
ZSTD = {
    1: '7402008285121890391D531A11013FB2E2DB7D27B123A63FA4709F4967669A0BDBAE'
       'A8644AEC29E14B72346512AF249EF47A43423CD25344E160F47A7CF9D1D341F9ECB3'
       '129451C00860B65E8F18594500',
    2: '64000010323203004011F0DC168620',
    3: 'C4000038E0023333E134340620B073078A788E6114D173BB506201',
    5: '7C020082C5121990B739536C13F1F368F421BC773877C6B8816CD72CFB3F880109DB'
       'AEA8E44AECA9E04B7234CA245E393CE9F5848578A4A78641C1E8F5F8F2A3A701E5B3'
       'CF12201929A3C26CBD1E31B28800',
    7: '64000010373703004011F01C1B8620',
    8: '64000010383803004011F0DC168620'}
FIRSTS = (1, 5, 7)


def zstd_compressed(close=True):
    """As compressed(), with a run each before and behind the sync point, and
    one behind what is not compressed."""
    log = Log(refuse=2 | 16)
    while log.number <= 8:
        packing = FIRST if log.number in FIRSTS else NEXT
        packed = bytes.fromhex(ZSTD.get(log.number, ''))
        if log.number == 5:
            log.sync()
        if log.number == 3:
            log.group([request(3), (BYTES, request(4))], packed=packed,
                      packing=packing)
        elif log.number == 6:
            log.record(bytes(range(40, 57)), BYTES)
        else:
            log.record(request(log.number), packed=packed, packing=packing)
    if close:
        log.closing()
    return log


def zstd_ones():
    vector('good/zstd', 'Runs of zstd blocks; record 6 is not compressed and '
           'ends one.', zstd_compressed())

    log = zstd_compressed(close=False)
    log.record(request(9))
    log.record(b'', BYTES)
    log.record(b'w' * 99, packed=bytes.fromhex('1A030077'), packing=FIRST)
    log.record(b'', BYTES)
    log.record(b'x', packed=bytes.fromhex('08000078'), packing=NEXT)
    log.record(request(14))
    log.closing()
    vector('good/zstd-and-deflate', 'Both in one stretch. An empty body ends '
           'no run.', log)

    log = zstd_compressed()
    log.part('record 2').flip('compressed', 7)
    vector('bad/zstd-flip', 'A flipped bit in record 2. What goes on in the '
           'run cannot be decoded.', log, [
               finding('CORRUPT', 'checksum', log.span('record 2'), (2, 2), 2,
                       durable='yes'),
               finding('CORRUPT', 'depends-on', log.span('records 3-4'),
                       (3, 4), 3, durable='yes', depends_on=2)], 'CORRUPT',
           [1, 5, 6, 7, 8])

    for name, why, packed, packing in (
            ('last-block', 'and a last block, which is not legal.',
             '09000078', FIRST),
            ('no-run', 'and goes on in a run that record 10 has ended.',
             '08000078', NEXT),
            ('bomb', 'and more than 2^body_log2 bytes come out of it.',
             '02001078' * 65, FIRST)):
        log = zstd_compressed(close=False)
        log.record(request(9), packed=bytes.fromhex(ZSTD[8]).replace(
            b'88', b'99'), packing=NEXT)
        log.record(b'no run', packed=None)
        log.record(b'x', packed=bytes.fromhex(packed), packing=packing)
        log.record(b'behind it')
        log.closing()
        vector('bad/zstd-' + name, 'Record 11 has a right checksum, ' + why,
               log, [finding('CORRUPT', 'checksum', log.span('record 11'),
                             (11, 11), 11, durable='yes')], 'CORRUPT',
               [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12])


# XXH3 of 128 bits over it, which this does not compute.
DICTIONARY = request(55) + request(66) + request(77)
DICTIONARY_DIGEST = bytes.fromhex('158ebfbc245640d176c8448069922e00')


def dictionary_log():
    log = Log(refuse=2 | 32, dictionary=DICTIONARY, digest=DICTIONARY_DIGEST)
    log.reference()
    log.attributes(b'made with one')
    for n in range(1, 7):
        if n == 4:
            log.sync()
            log.reference()
        log.record(request(n))
    log.closing()
    return log


def dictionary_vector(name, why, log, *said, attributes=b'made with one'):
    vector(name, why, log, *said, attributes=attributes)
    vectors[name + '.dictionary'] = DICTIONARY


def dictionary_ones():
    dictionary_vector('good/dictionary', 'Each stretch begins with the '
                      'dictionary in NAME.dictionary.', dictionary_log())
    log = dictionary_log()
    log.part('reference before 1').flip('digest', 0)
    dictionary_vector('bad/dictionary-reference', 'A damaged reference, and '
                      'another one behind the sync point.', log, [
                          finding('CORRUPT', 'mark',
                                  log.span('reference before 1'))], 'CORRUPT',
                      attributes=b'')
    log = dictionary_log()
    log.part('sync point before 4').flip('digest', 0)
    log.part('reference before 4').flip('digest', 0)
    span = (log.span('sync point before 4')[0],
            log.span('reference before 4')[1])
    tail = (log.span('record 4')[0], log.span('record 6')[1])
    dictionary_vector('bad/dictionary-mark', 'A sync point and the reference '
                      'behind it are damaged: where the dictionary\nstands in '
                      'the history is not known then.', log, [
                          finding('CORRUPT', 'inserted', span),
                          finding('CORRUPT', 'depends-on', tail, (4, 6), 4,
                                  durable='yes')], 'CORRUPT', [1, 2, 3])


def chained_log(long_body=b''):
    log = Log(refuse=8)
    log.chain_head()
    for n in range(1, 4):
        log.record(b'event-%d' % (n - 1))
    log.sync()
    log.chain_head()
    if long_body:
        log.record(long_body, BYTES)
    else:
        log.tombstone(2)
        log.group([b'event-3', (BYTES, b'\n')])
    log.sync()
    log.chain_head()
    if not long_body:
        log.control(10, b'\x01' + bytes(range(96)))
    log.closing()
    return log


def chained_ones():
    vector('good/chained', 'A chain of SHA-256: heads, a tombstone of record '
           '2, and a signature (of\nnothing).', chained_log())
    log = Log(refuse=8, first_record=4)
    log.heads = [b'']
    log.sync()
    log.chain_head(algorithm=2, head=bytes.fromhex(
        '0be6be2222f86a82f7093179f3a526a4'))
    log.predecessor(bytes(16), log.epoch, 4, 99, 1)
    log.record(b'event-3')
    log.sync()
    log.chain_head(algorithm=2, head=bytes.fromhex(
        '3b0d3cadfe751570abc104a3a18256d7'))
    log.closing()
    vector('good/chained-xxh3', 'A chain of XXH3 that goes on from an earlier '
           'segment.', log, first=4)
    log = chained_log()
    log.part('chain head before 4').flip('hash', 7)
    vector('bad/chained-head', 'A damaged chain head.', log, [
        finding('CORRUPT', 'mark', log.span('chain head before 4'))],
        'CORRUPT')
    for name, why, part, field in (
            ('sync', 'The sync point that a long body follows, with its chain '
             'head between, is\ndamaged.', 'sync point before 4', 'digest'),
            ('head', 'The chain head that a long body follows is damaged.',
             'chain head before 4', 'hash')):
        log = chained_log(bytes(65537))
        log.part(part).flip(field, 0)
        vector('bad/chained-long-' + name, why, log, [
            finding('CORRUPT', 'mark', log.span(part))], 'CORRUPT')


def build():
    for make in (good, bad_frames, bad_places, bad_headers, bad_marks,
                 bad_foreign, bad_tails, compressed_ones, zstd_ones,
                 sealed_ones, dictionary_ones, chained_ones, not_supported):
        make()
    return examples()


def differences(section_a):
    for name, content in vectors.items():
        path = os.path.join(HERE, name)
        if not os.path.exists(path) or open(path, 'rb').read() != content:
            yield name
    for folder in ('good', 'bad', 'unsupported'):
        for name in sorted(os.listdir(os.path.join(HERE, folder))):
            if folder + '/' + name not in vectors:
                yield folder + '/' + name + ' (made by nothing)'
    spec = open(SPEC, encoding='utf-8').read()
    if section_a not in spec:
        yield 'SPEC.md, section A'
    for name, value in checksum_values():
        if '0x%08X' % value not in spec:
            yield 'SPEC.md, section 2: ' + name


def main(arguments):
    if os.path.exists(DEFLATED):
        with open(DEFLATED, encoding='ascii') as file:
            encoder.DEFLATED.update(json.load(file))
    encoder.REMEMBERS = True
    section_a = build()
    if arguments == ['--spec']:
        for name, value in checksum_values():
            print('%s 0x%08X' % (name, value))
        print(section_a, end='')
    elif arguments == ['--check']:
        found = list(differences(section_a))
        for name in found:
            print('differs: ' + name, file=sys.stderr)
        return bool(found)
    elif arguments:
        print(__doc__, file=sys.stderr)
        return 2
    else:
        for name, content in vectors.items():
            path = os.path.join(HERE, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, 'wb') as out:
                out.write(content)
        with open(DEFLATED, 'w', encoding='ascii') as out:
            json.dump(encoder.DEFLATED, out, indent=1, sort_keys=True)
            out.write('\n')
    return 0


if __name__ == '__main__':
    sys.dont_write_bytecode = True
    sys.exit(main(sys.argv[1:]))
