#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Plant known bugs, one at a time, and see that the crash drivers find each.
#
#     tests/crash/canaries/run.sh [NN...]
#
# NN is the number of a patch in this folder; all of them by default.  The tree
# is copied to build/canaries (or $SEGLOG_CANARIES), patched there, built for
# release with assertions, and the driver that the patch names runs until it
# finds something, for 60 seconds at most.  Exit status 1: a bug was missed, or
# a patch no longer applies.
set -euo pipefail
exec </dev/null

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../../.." && pwd)
scratch=${SEGLOG_CANARIES:-$root/build/canaries}
seconds_max=60

patches=()
if [ $# -eq 0 ]; then
    patches=("$here"/[0-9][0-9]_*.patch)
fi
for number in "$@"; do
    found=("$here/$number"_*.patch)
    if [ ! -f "${found[0]}" ]; then
        echo "run.sh: there is no patch $number" >&2
        exit 2
    fi
    patches+=("${found[0]}")
done

# What is the same keeps its time, so that little is built anew.
tree_copy()
{
    local entry file
    rm -rf "$scratch/clean"
    mkdir -p "$scratch/clean" "$scratch/tree"
    for entry in CMakeLists.txt cmake format include src tests tools; do
        cp -R "$root/$entry" "$scratch/clean/"
    done
    (cd "$scratch/clean" && find . -type f) | while read -r file; do
        cmp -s "$scratch/clean/$file" "$scratch/tree/$file" && continue
        mkdir -p "$(dirname "$scratch/tree/$file")"
        cp "$scratch/clean/$file" "$scratch/tree/$file"
    done
    (cd "$scratch/tree" && find . -type f) | while read -r file; do
        [ -f "$scratch/clean/$file" ] || rm "$scratch/tree/$file"
    done
}

# The planted lines go away again.
tree_clean()
{
    local file
    sed -n 's/^--- \([^ \t]*\).*/\1/p' "$1" | while read -r file; do
        cp "$scratch/clean/$file" "$scratch/tree/$file"
    done
}

tree_build()
{
    local launcher=()
    if command -v ccache >/dev/null; then
        launcher=(-DCMAKE_C_COMPILER_LAUNCHER=ccache)
    fi
    if [ ! -f "$scratch/build/CMakeCache.txt" ]; then
        cmake -S "$scratch/tree" -B "$scratch/build" -G Ninja \
            -DCMAKE_BUILD_TYPE=Release -DCMAKE_C_FLAGS_RELEASE=-O2 \
            -DSEGLOG_BUILD_FUZZ=OFF -DSEGLOG_BUILD_BENCH=OFF \
            -DSEGLOG_BUILD_TOOLS=OFF "${launcher[@]}" >/dev/null
    fi
    cmake --build "$scratch/build" --target tests_crash -j 2 \
        >"$scratch/build.log" 2>&1
}

missed=0
told()
{
    printf '%-28s %s\n' "$1" "$2"
}

# One patch; adds to missed.
canary_run()
{
    local patch=$1 name driver began status=0 line
    name=$(basename "$patch" .patch)
    driver=$(sed -n 's/^Caught by: //p' "$patch")
    if ! patch -d "$scratch/tree" -p0 -s --no-backup-if-mismatch -F0 \
        <"$patch" >"$scratch/patch.log" 2>&1; then
        told "$name" "MISSED: the patch does not apply"
        tree_clean "$patch"
        missed=$((missed + 1))
        return
    fi
    if ! tree_build; then
        told "$name" "MISSED: it does not build, see $scratch/build.log"
        tree_clean "$patch"
        missed=$((missed + 1))
        return
    fi
    began=$(date +%s)
    # shellcheck disable=SC2086 # the command has arguments
    timeout "$seconds_max" "$scratch/build/tests/crash/"$driver \
        >"$scratch/$name.log" 2>&1 || status=$?
    line=$(grep -m 1 '^seed [0-9]*[:,]' "$scratch/$name.log" | cut -c 1-110 ||
        true)
    if [ "$status" = 124 ] && [ -z "$line" ]; then
        told "$name" "MISSED in $seconds_max s"
        missed=$((missed + 1))
    elif [ "$status" = 0 ]; then
        told "$name" "MISSED: nothing found"
        missed=$((missed + 1))
    else
        told "$name" "caught, $(($(date +%s) - began)) s: ${line:-status $status}"
    fi
    tree_clean "$patch"
}

tree_copy
tree_build
for patch in "${patches[@]}"; do
    canary_run "$patch"
done
echo "score: canaries count=${#patches[@]} findings=$missed"
[ "$missed" = 0 ]
