#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Which branches of the data path (data_path.txt) do the tests take?
#
#     tests/coverage/run.sh [--again] [--all] [BUILD_DIR]
#
# Builds with gcc --coverage, runs the fast tests, and prints every branch that
# was not taken; the last line is the score.  --again only adds what
# SEGLOG_COVERAGE_TESTS (a regular expression for ctest) names to the counts of
# the run before; --all prints the files without a threshold as well.  Needs
# gcc, gcov, cmake, ninja and Python 3.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

usage()
{
    sed -n '4,13s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
    exit 2
}

again=false
report=()
while [ $# -gt 0 ]; do
    case $1 in
        --again) again=true ;;
        --all) report+=("$1") ;;
        -*) usage ;;
        *) break ;;
    esac
    shift
done
[ $# -le 1 ] || usage
build=${1:-build/coverage}

# A test that is killed on purpose does not say what it took, nor does one of a
# tool that cannot allocate: gcov cannot either.
tests=${SEGLOG_COVERAGE_TESTS:-'^(format|codec|segment|faults/[ai])'}

cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Debug \
    -DCMAKE_C_COMPILER="${CC:-gcc}" -DCMAKE_C_FLAGS_DEBUG="-O0 --coverage" \
    -DSEGLOG_HARDENING=OFF -DSEGLOG_BUILD_FUZZ=OFF -DSEGLOG_BUILD_BENCH=OFF \
    >&2
cmake --build "$build" -j "$(nproc)" >&2
$again || find "$build" -name '*.gcda' -delete
ctest --test-dir "$build" -j "$(nproc)" -R "$tests" --output-on-failure >&2
tests/coverage/branches.py "${report[@]}" "$build"
