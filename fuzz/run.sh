#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Fuzz: build the targets and run each for a while.
#
#     fuzz/run.sh [--afl] MINUTES [TARGET...]
#
# MINUTES is the time for each target (0.5 is half a minute); TARGET is a name
# such as "scan" for fuzz/fuzz_scan.c, all of them by default.  As many targets
# run at once as there are processors.  Seeds are read from fuzz/corpus/TARGET,
# new inputs and findings go to build/fuzz-work.  Exit status 1: a finding.
set -euo pipefail
exec </dev/null

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

engine=libfuzzer
preset=fuzz
if [ "${1-}" = --afl ]; then
    engine=afl
    preset=fuzz-afl
    shift
fi
if ! [[ ${1-} =~ ^[0-9]+(\.[0-9]+)?$ ]]; then
    sed -n '5,12s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
    exit 2
fi
seconds=$(awk "BEGIN { print int($1 * 60) }")
shift

targets=("$@")
if [ ${#targets[@]} -eq 0 ]; then
    for file in fuzz/fuzz_*.c; do
        name=${file#fuzz/fuzz_}
        name=${name%.c}
        [ "$name" = main ] || targets+=("$name")
    done
fi

export AFL_QUIET=1 AFL_NO_UI=1 AFL_SKIP_CPUFREQ=1 AFL_NO_AFFINITY=1
export AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1
# Both engines look at what a target does, not at how much it may allocate.
export ASAN_OPTIONS=${ASAN_OPTIONS-allocator_may_return_null=1}

compiler=clang
[ $engine = libfuzzer ] || compiler=afl-clang-fast
if ! command -v $compiler >/dev/null; then
    echo "fuzz/run.sh: needs $compiler: apt-get install clang llvm afl++" >&2
    exit 2
fi
cmake --preset "$preset" >/dev/null
cmake --build --preset "$preset"

work=build/fuzz-work/$engine
mkdir -p "$work"

# afl-fuzz loads a mutator, so it must be free of what the targets are built
# with.
if [ $engine = afl ]; then
    for file in fuzz/*_mutator.c; do
        [ -f "$file" ] || continue
        clang -O2 -fPIC -shared -I. -Iinclude "$file" format/*.c \
            src/checksum/*.c -o "$work/$(basename "$file" .c).so" -lz -lxxhash
    done
fi

# The words of a target: json_line.dict, else json.dict.
dictionary()
{
    local name=$1
    case $name in frame | scan) name=segment ;; esac
    while [ ! -f "fuzz/dict/$name.dict" ]; do
        [[ $name == *_* ]] || return 0
        name=${name%_*}
    done
    echo "fuzz/dict/$name.dict"
}

# Leaves NAME.log and NAME/findings.  What an earlier run found goes into the
# corpus, which runs first: what is not mended yet is found again.
run_libfuzzer()
{
    local dir=$work/$1 args=() dict
    dict=$(dictionary "$1")
    mkdir -p "$dir/corpus" "$dir/findings"
    find "$dir/findings" -type f -exec mv -t "$dir/corpus" {} +
    [ -z "$dict" ] || args+=("-dict=$dict")
    args+=("$dir/corpus")
    [ -d "fuzz/corpus/$1" ] && args+=("fuzz/corpus/$1")
    "build/$preset/fuzz/fuzz_$1" -max_total_time="$seconds" -timeout=10 \
        -rss_limit_mb=2048 -max_len=65536 -print_final_stats=1 \
        -artifact_prefix="$dir/findings/" "${args[@]}" >"$dir.log" 2>&1
}

run_afl()
{
    local dir=$work/$1 args=() dict
    local mutator=build/$preset/fuzz/fuzz_$1.mutator
    dict=$(dictionary "$1")
    rm -rf "$dir"
    mkdir -p "$dir/seeds"
    # afl-fuzz wants at least one seed, and none that is empty.
    printf '\0' >"$dir/seeds/zero"
    if [ -d "fuzz/corpus/$1" ]; then
        find "fuzz/corpus/$1" -type f -size +0 -exec cp -t "$dir/seeds" {} +
    fi
    [ -z "$dict" ] || args+=(-x "$dict")
    if [ -f "$mutator" ]; then
        AFL_CUSTOM_MUTATOR_LIBRARY=$PWD/$work/$(cat "$mutator").so
        export AFL_CUSTOM_MUTATOR_LIBRARY
    fi
    # afl-fuzz wants to see the crash itself, without a report in between.
    ASAN_OPTIONS=abort_on_error=1:symbolize=0:allocator_may_return_null=1 \
        afl-fuzz -V "$seconds" -m none -t 10000 -i "$dir/seeds" \
        -o "$dir/out" "${args[@]}" -- "build/$preset/fuzz/fuzz_$1" \
        >"$dir.log" 2>&1
}

run_one()
{
    local code=0
    if [ $engine = afl ]; then
        run_afl "$1" || code=$?
    else
        run_libfuzzer "$1" || code=$?
    fi
    [ $code = 0 ] || echo "ended with status $code" >"$work/$1.bad"
}

executions()
{
    if [ $engine = afl ]; then
        awk '$1 == "execs_done" { print $3 }' \
            "$work/$1/out/default/fuzzer_stats" 2>/dev/null
    else
        awk '/^stat::number_of_executed_units/ { n = $2 }
             END { print n }' "$work/$1.log"
    fi
}

# The inputs that were found, one a line.
findings()
{
    if [ $engine = afl ]; then
        find "$work/$1/out/default/crashes" "$work/$1/out/default/hangs" \
            -type f -name 'id:*' 2>/dev/null || true
    else
        find "$work/$1/findings" -type f 2>/dev/null || true
    fi
}

echo "fuzzing ${#targets[@]} targets with $engine, $seconds s each"
slots=$(nproc)
running=0
for name in "${targets[@]}"; do
    if [ "$running" -ge "$slots" ]; then
        wait -n || true
        running=$((running - 1))
    fi
    rm -f "$work/$name.bad"
    run_one "$name" &
    running=$((running + 1))
done
wait

status=0
printf '%-24s %14s  %s\n' target executions findings
for name in "${targets[@]}"; do
    found=$(findings "$name")
    count=0
    [ -z "$found" ] || count=$(wc -l <<<"$found")
    printf '%-24s %14s  %s\n' "$name" "$(executions "$name")" "$count"
    if [ -n "$found" ]; then
        # shellcheck disable=SC2001 # an indent for each line
        sed 's/^/    /' <<<"$found"
        status=1
    elif [ -f "$work/$name.bad" ]; then
        echo "    $(cat "$work/$name.bad"); see $work/$name.log"
        status=1
    fi
done
exit $status
