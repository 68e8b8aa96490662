#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Prove with CBMC that the decoders of format/ stay within their bytes.
#
#     tests/proof/run.sh [NAME...]
#
# Each function of a prove_NAME.c runs over all inputs at once, of any length
# where its file does not name a bound: every access, conversion, shift and sum
# is checked, and every assertion of the program, and that no loop goes on
# longer than it was followed.  CBMC is no package of Debian 12: where it is
# not installed, that of Debian 13 is unpacked below the build folder, with the
# libraries it needs.
#
# The last line is for tests/scoreboard.  Exit status 0: all proved; 77: there
# is no CBMC.
set -uo pipefail
exec </dev/null

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$root" || exit 1
dir=$root/build/proof
mkdir -p "$dir"

# What is linked to a program, its functions, and how far loops are followed:
# more than any of them goes.  A layer that has been proved is replaced, for
# what stands on it, by a *_stub.c that may do whatever was proved of it.
declare -A sources=(
    [varint]='format/group.c'
    [group]='format/group.c'
    [frame]='format/frame.c tests/proof/group_stub.c'
    [header]='format/header.c'
    [control]='format/control.c format/frame.c tests/proof/group_stub.c'
    [footer]='tests/proof/varint_stub.c'
)
declare -A functions=(
    [varint]='read:12 written:12'
    [group]='opened:11 step:11 whole:6'
    [frame]='parsed:6'
    [header]='accepted:56'
    [control]='mark:12 gap:12 predecessor:12 attributes:12 reference:12'
    [footer]='fixed:2,memcmp.0:6 step:4'
)

fetch_cbmc()
{
    local apt=$dir/apt
    rm -rf "$apt" "$dir/unpacked"
    mkdir -p "$apt"/lists/partial "$apt"/archives/partial "$dir/unpacked"
    echo 'deb http://deb.debian.org/debian trixie main' >"$apt/sources.list"
    : >"$apt/status"
    local options=(-q -o "Dir::Etc::sourcelist=$apt/sources.list"
        -o "Dir::Etc::sourceparts=/dev/null" -o "Dir::State=$apt"
        -o "Dir::State::status=$apt/status" -o "Dir::Cache=$apt"
        -o "Acquire::Retries=3" -o "APT::Sandbox::User=root")
    apt-get "${options[@]}" update &&
        (cd "$apt" && apt-get "${options[@]}" download \
            cbmc libc6 libstdc++6 libgcc-s1 minisat zlib1g) || return 1
    local package
    for package in "$apt"/*.deb; do
        dpkg-deb -x "$package" "$dir/unpacked" || return 1
    done
    touch "$dir/unpacked.ok"
}

if command -v cbmc >/dev/null; then
    cbmc=(cbmc)
else
    if [ ! -e "$dir/unpacked.ok" ] && ! fetch_cbmc >"$dir/fetch.log" 2>&1; then
        tail -n 5 "$dir/fetch.log" >&2
        echo "run.sh: CBMC is not installed and cannot be had" >&2
        exit 77
    fi
    unpacked=$dir/unpacked/usr
    libraries=("$unpacked"/lib/*-linux-gnu)
    cbmc=("${libraries[0]}/ld-linux-x86-64.so.2" --library-path
        "${libraries[0]}:$unpacked/lib" "$unpacked/bin/cbmc")
fi

# prove NAME FUNCTION UNWIND[,LOOP:UNWIND]
prove()
{
    local more=()

    [[ $3 != *,* ]] || more=(--unwindset "${3#*,}")
    # shellcheck disable=SC2086 # the sources are words
    "${cbmc[@]}" "tests/proof/prove_$1.c" tests/proof/checksum_stub.c \
        ${sources[$1]} -I. -Iinclude --function "prove_$2" --bounds-check \
        --pointer-check --pointer-overflow-check --signed-overflow-check \
        --undefined-shift-check --div-by-zero-check --drop-unused-functions \
        --unwind "${3%%,*}" "${more[@]}" --unwinding-assertions \
        >"$dir/$1.$2.log" 2>&1
}

names=("$@")
[ ${#names[@]} -gt 0 ] || names=(varint group frame header control footer)
proved=0 failed=0 run=0
for name in "${names[@]}"; do
    if [ -z "${sources[$name]-}" ]; then
        echo "run.sh: there is no proof '$name'" >&2
        exit 2
    fi
    for function in ${functions[$name]}; do
        began=$SECONDS part=${function%%:*} run=$((run + 1))
        log=$dir/$name.$part.log
        if prove "$name" "$part" "${function#*:}"; then
            checks=$(grep -oE '0 of [0-9]+ failed' "$log" |
                grep -oE '[0-9]+ failed' | cut -d' ' -f1)
            proved=$((proved + ${checks:-0}))
            echo "$name $part: ${checks:-?} checks proved," \
                "$((SECONDS - began)) s"
        else
            failed=$((failed + 1))
            grep -E 'FAILURE|error|failed' "$log" | tail -n 20
            echo "$name $part: NOT proved; all of it is in $log"
        fi
    done
done
echo "score: cbmc count=$proved findings=$failed" \
    "note=\"checks of $run proofs\""
[ $failed = 0 ]
