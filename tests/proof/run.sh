#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Prove with CBMC that the decoders of format/ stay within their bytes.
#
#     tests/proof/run.sh [NAME...]
#
# Each prove_NAME.c runs over all inputs of a bounded length at once: every
# access, conversion, shift and sum is checked, and every assertion of the
# program, and that no loop goes on longer than it was followed.  CBMC is no
# package of Debian 12: where it is not installed, that of Debian 13 is
# unpacked below the build folder, with the libraries it needs.
#
# The last line is for tests/scoreboard.  Exit status 0: all proved; 77: there
# is no CBMC.
set -uo pipefail
exec </dev/null

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$root" || exit 1
dir=$root/build/proof
mkdir -p "$dir"

# How far loops are followed: more than the bytes that a program looks at.
declare -A sources=(
    [frame]='format/frame.c format/group.c'
    [varint]='format/group.c'
    [group]='format/group.c format/frame.c'
    [header]='format/header.c'
    [control]='format/control.c format/frame.c format/group.c'
    [footer]='format/footer.c format/group.c'
)
declare -A unwind=(
    [frame]=14 [varint]=14 [group]=12 [header]=56 [control]=130 [footer]=11
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

names=("$@")
[ ${#names[@]} -gt 0 ] || names=(varint frame group header control footer)
proved=0 failed=0
for name in "${names[@]}"; do
    if [ -z "${sources[$name]-}" ]; then
        echo "run.sh: there is no proof '$name'" >&2
        exit 2
    fi
    began=$SECONDS
    # shellcheck disable=SC2086 # the sources are words
    if "${cbmc[@]}" "tests/proof/prove_$name.c" tests/proof/checksum_stub.c \
        ${sources[$name]} -I. -Iinclude --bounds-check --pointer-check \
        --pointer-overflow-check --signed-overflow-check \
        --undefined-shift-check --div-by-zero-check \
        --unwind "${unwind[$name]}" --unwinding-assertions \
        >"$dir/$name.log" 2>&1; then
        checks=$(grep -oE '0 of [0-9]+ failed' "$dir/$name.log" |
            grep -oE '[0-9]+ failed' | cut -d' ' -f1)
        proved=$((proved + ${checks:-0}))
        echo "$name: ${checks:-?} checks proved, $((SECONDS - began)) s"
    else
        failed=$((failed + 1))
        grep -E 'FAILURE|error|failed' "$dir/$name.log" | tail -n 20
        echo "$name: NOT proved; all of it is in $dir/$name.log"
    fi
done
echo "score: cbmc count=$proved findings=$failed" \
    "note=\"checks of ${#names[@]} proofs\""
[ $failed = 0 ]
