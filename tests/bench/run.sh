#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Build the release preset and run the benchmark suite.
#
#   tests/bench/run.sh [--quick] [--check] [--no-build] [--only WORD]...
#
#   --quick     fewer rounds and smaller files
#   --check     exit with status 1 when a figure misses its target
#   --no-build  take the programs as they are
#   --only      sections to run: append flush sync scan open session import
#               export hostile size peers; may be repeated
#
# SEGLOG_CORPUS names a folder of .jsonl files for the conversions.
# SEGLOG_BENCH_BUILD names a build directory to use instead of build/release,
# SEGLOG_BENCH_OUT one for results and files instead of build/bench.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

build=${SEGLOG_BENCH_BUILD:-build/release}
is_built=no
args=()
for arg in "$@"; do
    case $arg in
        --no-build) is_built=yes ;;
        -h | --help)
            sed -n '4,18s/^# \{0,1\}//p' tests/bench/run.sh
            exit 0
            ;;
        *) args+=("$arg") ;;
    esac
done

if [ $is_built = no ]; then
    if [ -z "${SEGLOG_BENCH_BUILD:-}" ]; then
        cmake --preset release -DSEGLOG_BUILD_BENCH=ON >/dev/null
    fi
    cmake --build "$build" --parallel "$(nproc)" >/dev/null ||
        cmake --build "$build"
fi
exec python3 tests/bench/run.py --build "$build" --out "${SEGLOG_BENCH_OUT:-build/bench}" \
    "${args[@]+"${args[@]}"}"
