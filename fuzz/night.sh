#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Fuzz for as long as nobody stops it, one process at a time and out of
# everybody's way: the target that is furthest from its goal next.
#
#     fuzz/night.sh [--slice SECONDS] [--totals FILE] [--work FOLDER]
#                   [--until HH:MM] [TARGET...]
#
# Goals are those of fuzz/totals.py; a tenth of the executions has sanitizers.
# The figures go to FILE (default fuzz/TOTALS.tsv) after each slice, so it may
# be killed at any time and goes on where it was.  It ends at --until, or once
# FILE with ".stop" behind its name is there.  FOLDER (default build/fuzz-work) gets
# night.log, new inputs and findings.  The targets are those that are built.
set -euo pipefail
exec </dev/null

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
from=$PWD
slice=120
totals=$root/fuzz/TOTALS.tsv
work=$root/build/fuzz-work
until=
targets=()

path_from_caller()
{
    case $1 in /*) echo "$1" ;; *) echo "$from/$1" ;; esac
}

while [ $# -gt 0 ]; do
    case $1 in
        --slice) slice=$2 ;;
        --totals) totals=$(path_from_caller "$2") ;;
        --work) work=$(path_from_caller "$2") ;;
        --until) until=$2 ;;
        -*)
            sed -n '7,16s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
            exit 2
            ;;
        *)
            targets+=("$1")
            shift
            continue
            ;;
    esac
    shift 2
done
cd "$root"
mkdir -p "$work"
if [ ${#targets[@]} -eq 0 ]; then
    for file in build/fuzz-plain/fuzz/fuzz_*; do
        name=${file##*/fuzz_}
        [ -x "build/fuzz/fuzz/fuzz_$name" ] && [[ $name != *.* ]] &&
            targets+=("$name")
    done
fi
if [ ${#targets[@]} -eq 0 ]; then
    echo "fuzz/night.sh: build the presets fuzz and fuzz-plain first" >&2
    exit 2
fi

end=
[ -z "$until" ] || end=$(date -d "$until" +%s)
[ -z "$end" ] || [ "$end" -gt "$(date +%s)" ] || end=$((end + 86400))
while [ ! -e "$totals.stop" ]; do
    [ -z "$end" ] || [ "$(date +%s)" -lt "$end" ] || break
    read -r name engine < <(fuzz/totals.py "$totals" next "${targets[@]}")
    nice -n 15 fuzz/run.sh --no-build --engine "$engine" --seconds "$slice" \
        --jobs 1 --work "$work" --record --totals "$totals" "$name" \
        >>"$work/night.log" 2>&1 || true
    # Findings are kept: the next run of the target puts them elsewhere.
    mkdir -p "$work/findings/$name"
    find "$work/$engine/$name/findings" -type f \
        -exec cp -t "$work/findings/$name" {} + 2>/dev/null || true
    # A large corpus takes longer to load than is left for the rest.
    if [ "$(find "$work/corpus/$name" -type f | wc -l)" -gt 2000 ]; then
        rm -rf "$work/small"
        mkdir -p "$work/small"
        if nice -n 15 "build/fuzz-plain/fuzz/fuzz_$name" -merge=1 -timeout=60 \
            -artifact_prefix="$work/" "$work/small" "$work/corpus/$name" \
            >"$work/small.log" 2>&1; then
            rm -rf "$work/corpus/$name"
            mv "$work/small" "$work/corpus/$name"
        fi
    fi
done
fuzz/totals.py "$totals" score
