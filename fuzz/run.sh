#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Fuzz: build the targets and run each for a while.
#
#     fuzz/run.sh [OPTION]... [MINUTES] [TARGET...]
#
#     --engine NAME    libfuzzer (default): with sanitizers; plain: libFuzzer
#                      without them, many times as fast; afl: AFL++
#     --afl            the same as --engine afl
#     --seconds N      for each target; MINUTES (0.5) says the same; default 60
#     --runs N         executions of each target instead
#     --jobs N         targets at once; default: as many as processors
#     --length N       inputs of at most N bytes, where a target takes longer
#                      ones: many more executions a second
#     --merge          what has been found new, made small, goes to fuzz/corpus:
#                      at most 120 files and 1 MiB of a target
#     --record         add the figures to fuzz/TOTALS.tsv
#     --totals FILE    ... or to this file
#     --work FOLDER    where inputs and findings go; default build/fuzz-work
#     --no-build       the targets are built
#
# TARGET is a name such as "scan" for fuzz/fuzz_scan.c, all of them by default.
# Seeds are read from fuzz/corpus/TARGET.  Exit status 1: a finding.  The last
# line counts what this run has executed, or with --record all that is recorded.
set -euo pipefail
exec </dev/null

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
from=$PWD
cd "$root"

usage()
{
    sed -n '5,26s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
    exit 2
}

engine=libfuzzer
seconds=60
runs=0
jobs=$(nproc)
length=4096
merges=false
records=false
builds=true
totals=fuzz/TOTALS.tsv
work=build/fuzz-work
targets=()

path_from_caller()
{
    case $1 in /*) echo "$1" ;; *) echo "$from/$1" ;; esac
}

while [ $# -gt 0 ]; do
    case $1 in
        --afl) engine=afl ;;
        --merge) merges=true ;;
        --record) records=true ;;
        --no-build) builds=false ;;
        --engine | --seconds | --runs | --jobs | --length | --totals | --work)
            [ $# -ge 2 ] || usage
            case $1 in
                --engine) engine=$2 ;;
                --seconds) seconds=$2 ;;
                --runs) runs=$2 ;;
                --jobs) jobs=$2 ;;
                --length) length=$2 ;;
                --totals) totals=$(path_from_caller "$2") ;;
                --work) work=$(path_from_caller "$2") ;;
            esac
            shift
            ;;
        -*) usage ;;
        [0-9]*) seconds=$(awk -v m="$1" 'BEGIN { print int(m * 60) }') ;;
        *) targets+=("$1") ;;
    esac
    shift
done
if ! [[ $seconds$runs$jobs$length =~ ^[0-9]+$ ]] || [ "$jobs" = 0 ] ||
    [ "$length" = 0 ]; then
    usage
fi

if [ ${#targets[@]} -eq 0 ]; then
    for file in fuzz/fuzz_*.c; do
        name=${file#fuzz/fuzz_}
        name=${name%.c}
        [ "$name" = main ] || targets+=("$name")
    done
fi
for name in "${targets[@]}"; do
    [ -f "fuzz/fuzz_$name.c" ] || usage
done

export AFL_QUIET=1 AFL_NO_UI=1 AFL_SKIP_CPUFREQ=1 AFL_NO_AFFINITY=1
export AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1
# Both engines look at what a target does, not at how much it may allocate.
export ASAN_OPTIONS=${ASAN_OPTIONS-allocator_may_return_null=1}

compiler=clang
case $engine in
    libfuzzer) preset=fuzz ;;
    plain) preset=fuzz-plain ;;
    afl)
        preset=fuzz-afl
        compiler=afl-clang-fast
        ;;
    *) usage ;;
esac
if ! command -v $compiler >/dev/null; then
    echo "fuzz/run.sh: needs $compiler: apt-get install clang llvm afl++" >&2
    exit 2
fi
if $builds; then
    cmake --preset "$preset" >/dev/null
    cmake --build --preset "$preset"
fi

all_work=$work
work=$work/$engine
mkdir -p "$work"

# afl-fuzz loads a mutator, so it must be free of what the targets are built
# with.
if [ "$engine" = afl ]; then
    for file in fuzz/*_mutator.c; do
        [ -f "$file" ] || continue
        clang -O2 -fPIC -shared -I. -Iinclude "$file" fuzz/mutation*.c \
            format/*.c src/checksum/*.c -o "$work/$(basename "$file" .c).so" \
            -lz -lxxhash
    done
fi

# The words of a target: json_line.dict, else json.dict.
dictionary()
{
    local name=$1
    case $name in
        convert | lines | mend | replay | seal) name=json ;;
        frame | repair | scan | seek | tail) name=segment ;;
    esac
    while [ ! -f "fuzz/dict/$name.dict" ]; do
        [[ $name == *_* ]] || return 0
        name=${name%_*}
    done
    echo "fuzz/dict/$name.dict"
}

# Longer ones only take longer.
length_max()
{
    local max
    case $1 in
        args | canonical | import_state | json_time | table | uuid) max=400 ;;
        columns | encrypted | json_line | mend | roundtrip | transaction)
            max=700
            ;;
        crash_session | twin) max=200 ;;
        crash) max=1000 ;;
        codec | convert | footer | frame | lines | replay | seal | text)
            max=1200
            ;;
        *) max=4096 ;;
    esac
    echo $((max < length ? max : length))
}

# Leaves NAME.log and NAME/findings.  What an earlier run found goes into the
# corpus, which runs first: what is not mended yet is found again.
run_libfuzzer()
{
    local dir=$work/$1 args=() dict max
    local corpus=$all_work/corpus/$1
    dict=$(dictionary "$1")
    max=$(length_max "$1")
    # Half as long covers as much, and is a quarter faster: the longer ones are
    # for the builds with sanitizers.
    [ "$engine" != plain ] || [ "$max" -le 2048 ] || max=2048
    mkdir -p "$corpus" "$dir/findings"
    find "$dir/findings" -type f -exec mv -t "$corpus" {} +
    [ -z "$dict" ] || args+=("-dict=$dict")
    [ "$runs" = 0 ] || args+=("-runs=$runs")
    [ "$runs" != 0 ] || args+=("-max_total_time=$seconds")
    if [ "$engine" = plain ]; then
        args+=(-entropic=0 -reduce_inputs=0)
    fi
    args+=("$corpus")
    [ -d "fuzz/corpus/$1" ] && args+=("fuzz/corpus/$1")
    "build/$preset/fuzz/fuzz_$1" -timeout=60 -report_slow_units=60 \
        -rss_limit_mb=2048 \
        -max_len="$max" -print_final_stats=1 -print_funcs=0 \
        -reload=0 -artifact_prefix="$dir/findings/" "${args[@]}" \
        >"$dir.log" 2>&1
}

run_afl()
{
    local dir=$work/$1 args=() dict
    local mutator=build/$preset/fuzz/fuzz_$1.mutator
    dict=$(dictionary "$1")
    rm -rf "$dir"
    mkdir -p "$dir/seeds" "$all_work/corpus/$1"
    # afl-fuzz wants at least one seed, and none that is empty.
    printf '\0' >"$dir/seeds/zero"
    if [ -d "fuzz/corpus/$1" ]; then
        find "fuzz/corpus/$1" -type f -size +0 -exec cp -t "$dir/seeds" {} +
    fi
    [ -z "$dict" ] || args+=(-x "$dict")
    if [ "$runs" = 0 ]; then
        args+=(-V "$seconds")
    else
        args+=(-E "$runs")
    fi
    if [ -f "$mutator" ]; then
        AFL_CUSTOM_MUTATOR_LIBRARY=$work/$(cat "$mutator").so
        case $AFL_CUSTOM_MUTATOR_LIBRARY in
            /*) ;;
            *) AFL_CUSTOM_MUTATOR_LIBRARY=$PWD/$AFL_CUSTOM_MUTATOR_LIBRARY ;;
        esac
        export AFL_CUSTOM_MUTATOR_LIBRARY
    fi
    # afl-fuzz wants to see the crash itself, without a report in between.
    ASAN_OPTIONS=abort_on_error=1:symbolize=0:allocator_may_return_null=1 \
        afl-fuzz -m none -t 10000 -G "$(length_max "$1")" -i "$dir/seeds" \
        -o "$dir/out" "${args[@]}" -- "build/$preset/fuzz/fuzz_$1" \
        >"$dir.log" 2>&1
    # Both engines share what they find.
    find "$dir/out/default/queue" -maxdepth 1 -type f -name 'id:*' \
        -exec cp -f -t "$all_work/corpus/$1" {} +
}

run_one()
{
    local code=0 start=$SECONDS
    if [ "$engine" = afl ]; then
        run_afl "$1" || code=$?
    else
        run_libfuzzer "$1" || code=$?
    fi
    echo $((SECONDS - start)) >"$work/$1.seconds"
    [ $code = 0 ] || echo "ended with status $code" >"$work/$1.bad"
}

executions()
{
    local count
    if [ "$engine" = afl ]; then
        count=$(awk '$1 == "execs_done" { print $3 }' \
            "$work/$1/out/default/fuzzer_stats" 2>/dev/null) || true
    else
        # After a finding there is no such line; the last count is near.
        count=$(awk '/^stat::number_of_executed_units/ { n = $2 }
                     /^#[0-9]+\t/ { last = substr($1, 2) }
                     END { print n ? n : last }' "$work/$1.log")
    fi
    echo "${count:-0}"
}

# The inputs that were found, one a line.
findings()
{
    if [ "$engine" = afl ]; then
        find "$work/$1/out/default/crashes" "$work/$1/out/default/hangs" \
            -type f -name 'id:*' 2>/dev/null || true
    else
        find "$work/$1/findings" -type f 2>/dev/null || true
    fi
}

# The independent reader looks at all of some, and takes its time.
files_max()
{
    case $1 in
        repair | seek | tail) echo 60 ;;
        *) echo 120 ;;
    esac
}

# Of what was found, what covers more than the corpus does.
corpus_merge()
{
    local fuzzer new=$all_work/merge/$1 name count bytes size room
    fuzzer=build/fuzz/fuzz/fuzz_$1
    [ -x "$fuzzer" ] || fuzzer=build/fuzz-plain/fuzz/fuzz_$1
    [ -x "$fuzzer" ] || return 0
    rm -rf "$new"
    mkdir -p "$new" "fuzz/corpus/$1"
    find "fuzz/corpus/$1" -type f -exec cp -t "$new" {} +
    "$fuzzer" -merge=1 -timeout=60 -max_len="$(length_max "$1")" \
        -artifact_prefix="$all_work/merge/" "$new" "$all_work/corpus/$1" \
        >"$all_work/merge-$1.log" 2>&1 || return 0
    count=$(find "fuzz/corpus/$1" -type f | wc -l)
    bytes=$(find "fuzz/corpus/$1" -type f -printf '%s\n' |
        awk '{ n += $1 } END { print n + 0 }')
    room=$(($(files_max "$1") - count))
    # Of all sizes, if there are too many.
    while read -r size name; do
        if [ $((bytes + size)) -ge 1048576 ]; then
            break
        fi
        # Lints look for names of this machine, also in inputs.
        if grep -qaE '/(home|root|Users|mnt|work|farm)/' "$new/$name"; then
            continue
        fi
        cp "$new/$name" "fuzz/corpus/$1/${name:0:16}"
        bytes=$((bytes + size))
    done < <(find "$new" -type f -printf '%s %f\n' | sort -n |
        while read -r size name; do
            [ -f "fuzz/corpus/$1/$name" ] ||
                [ -f "fuzz/corpus/$1/${name:0:16}" ] || echo "$size $name"
        done | awk -v room="$room" '{ line[NR] = $0 }
            END { for (i = 1; i <= NR; i++)
                      if (NR <= room ||
                          int(i * room / NR) > int((i - 1) * room / NR))
                          print line[i] }')
}

echo "fuzzing ${#targets[@]} targets with $engine"
running=0
for name in "${targets[@]}"; do
    if [ "$running" -ge "$jobs" ]; then
        wait -n || true
        running=$((running - 1))
    fi
    rm -f "$work/$name.bad"
    run_one "$name" &
    running=$((running + 1))
done
wait

status=0
total=0
open=0
printf '%-24s %14s %8s  %s\n' target executions seconds findings
for name in "${targets[@]}"; do
    found=$(findings "$name")
    done_count=$(executions "$name")
    took=$(cat "$work/$name.seconds")
    count=0
    [ -z "$found" ] || count=$(wc -l <<<"$found")
    if [ "$count" = 0 ] && [ -f "$work/$name.bad" ]; then
        count=1
    fi
    printf '%-24s %14s %8s  %s\n' "$name" "$done_count" "$took" "$count"
    if [ -n "$found" ]; then
        # shellcheck disable=SC2001 # an indent for each line
        sed 's/^/    /' <<<"$found"
    elif [ -f "$work/$name.bad" ]; then
        echo "    $(cat "$work/$name.bad"); see $work/$name.log"
    fi
    [ "$count" = 0 ] || status=1
    total=$((total + done_count))
    open=$((open + count))
    if $records; then
        fuzz/totals.py "$totals" add "$name" "$engine" "$done_count" "$took" \
            "$count"
    fi
    if $merges; then
        corpus_merge "$name"
    fi
done
if $records; then
    fuzz/totals.py "$totals" score
else
    echo "score: fuzz_total count=$total findings=$open"
fi
exit $status
