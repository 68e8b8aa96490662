#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# What the saved inputs of the fuzz targets cover: lines and branches of each
# source file.
#
#     fuzz/coverage.sh [TARGET...]
#
# All targets by default.  Builds into build/fuzz-coverage.  The table is
# printed and kept there as coverage.txt; the last line sums up.
set -euo pipefail
exec </dev/null

cd "$(dirname "${BASH_SOURCE[0]}")/.."
build=build/fuzz-coverage
cmake -S . -B $build -G Ninja -DCMAKE_C_COMPILER=clang \
    -DCMAKE_BUILD_TYPE=Debug \
    -DCMAKE_C_FLAGS_DEBUG="-O1 -g -fprofile-instr-generate -fcoverage-mapping" \
    -DSEGLOG_BUILD_TESTS=OFF -DSEGLOG_BUILD_BENCH=OFF >/dev/null
cmake --build $build >/dev/null

targets=("$@")
if [ ${#targets[@]} -eq 0 ]; then
    for file in "$build"/fuzz/fuzz_*; do
        [[ $file == *.mutator ]] || targets+=("${file##*/fuzz_}")
    done
fi
rm -f $build/*.profraw
objects=()
for name in "${targets[@]}"; do
    program=$build/fuzz/fuzz_$name
    inputs=()
    [ -d "fuzz/corpus/$name" ] && inputs+=("fuzz/corpus/$name")
    LLVM_PROFILE_FILE=$build/$name.profraw "$program" "${inputs[@]}" >/dev/null
    objects+=(-object "$program")
done
llvm-profdata merge -sparse $build/*.profraw -o $build/all.profdata
llvm-cov export -summary-only "${objects[@]:1}" \
    -instr-profile $build/all.profdata \
    -ignore-filename-regex '(^|/)(fuzz|tests)/' >$build/coverage.json
python3 - $build/coverage.json "$PWD" <<'END' | tee $build/coverage.txt
import json
import os
import sys

with open(sys.argv[1], encoding='utf-8') as file:
    data = json.load(file)['data'][0]


def part(summary, what):
    figures = summary[what]
    if not figures['count']:
        return '      -      '
    return '%5d/%-5d %3d%%' % (figures['covered'], figures['count'],
                               100 * figures['covered'] // figures['count'])


print('%-44s %16s  %16s' % ('file', 'lines', 'branches'))
for entry in sorted(data['files'], key=lambda e: e['filename']):
    print('%-44s %16s  %16s' % (os.path.relpath(entry['filename'], sys.argv[2]),
                                part(entry['summary'], 'lines'),
                                part(entry['summary'], 'branches')))
print('%-44s %16s  %16s' % ('total', part(data['totals'], 'lines'),
                            part(data['totals'], 'branches')))
END
