#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# See seglog at work, from a fresh Debian 12 on.
#
#     tools/demo.sh
#
# Installs the Debian packages it finds missing (as root or with sudo), builds
# the programs, and takes a real session log through all they do: convert,
# check, damage, check again, repair, get the lines back, compare.  Everything
# it makes is in build/.  Nothing is asked and standard input is not read.
#
# Exit status 0: every step did what it should.
set -euo pipefail
exec </dev/null

cd "$(dirname "${BASH_SOURCE[0]}")/.."
sample=tools/sample/session.jsonl
build=build/demo
work=$build/run

# ---------------------------------------------------------------- packages

packages=(gcc libc6-dev cmake ninja-build zlib1g-dev libxxhash-dev
    libdeflate-dev libzstd-dev libssl-dev liblmdb-dev)

# shellcheck source=tools/packages.sh
. tools/packages.sh

build_programs()
{
    # In a folder of its own: without the tests fewer packages are needed.
    if ! { cmake --preset release -B "$build" -DSEGLOG_BUILD_TESTS=OFF \
        -DSEGLOG_BUILD_FUZZ=OFF -DSEGLOG_BUILD_BENCH=OFF &&
        cmake --build "$build"; } >"$work/build.log" 2>&1; then
        tail -n 40 "$work/build.log" >&2
        echo "demo.sh: the build failed; all of it is in $work/build.log" >&2
        return 1
    fi
}

# ---------------------------------------------------------------- telling

step()
{
    printf '\n== %s\n' "$1"
}

fail()
{
    echo "demo.sh: not as expected: $1" >&2
    exit 1
}

# show STATUS COMMAND...: show a command, run it, insist on its exit status.
# Its messages and its output are shown, and kept in $work/said.
show()
{
    local expected=$1 status=0
    shift
    echo "\$ $*"
    "$build/bin/$1" "${@:2}" >"$work/said" 2>&1 || status=$?
    sed 's/^/    /' "$work/said"
    [ "$status" -eq "$expected" ] ||
        fail "exit status $status instead of $expected"
}

insist()
{
    grep -qF -- "$1" "$work/said" || fail "nothing is said of '$1'"
}

bytes_of()
{
    wc -c <"$1" | tr -d ' '
}

# ---------------------------------------------------------------- run

mkdir -p "$work"
rm -f "$work"/*.seg* "$work"/*.jsonl
rm -rf "$work/logs" "$work/store" "$work/folder" "$work/mended"
install_packages "$work/packages.log" "${packages[@]}" || exit 1
echo "Building the release preset in $build ..."
build_programs || exit 1

step "A session log of $(wc -l <$sample) JSON lines becomes a segment"
show 0 json2seg --codec none "$sample" -o "$work/session.seg"
show 0 seglog check "$work/session.seg"
insist "OK: 118 good records"
show 0 seglog stat "$work/session.seg"
text=$(bytes_of $sample)
segment=$(bytes_of "$work/session.seg")
echo "$text bytes of lines are $segment bytes of checked records."

step "The lines that come out are the bytes that went in"
show 0 seg2json "$work/session.seg" -o "$work/back.jsonl"
cmp "$sample" "$work/back.jsonl" || fail "the lines differ"
echo "cmp finds no difference."

step "A copy is damaged: one bit of record 17 flips, half of record 80 is gone"
show 0 seglog damage "$work/session.seg" -o "$work/damaged.seg" \
    --flip-bit 17:300 --splice 80
insist "116 records good, 2 lost: 17, 80"

step "The check says what was lost, and only that is lost"
show 3 seglog check --map always "$work/damaged.seg"
insist "record 17 (line 17,"
insist "record 80 (line 80,"
insist "116 good records, 2 lost"

step "Repair saves the rest into a new segment, which says what it lacks"
show 3 seglog repair "$work/damaged.seg" -o "$work/repaired.seg"
show 0 seglog check "$work/repaired.seg"
insist "116 good records"

step "All other lines are there, byte for byte"
show 0 seg2json "$work/repaired.seg" -o "$work/saved.jsonl"
sed '17d;80d' "$sample" | cmp - "$work/saved.jsonl" ||
    fail "a good line differs"
echo "cmp finds no difference but the two lost lines."

step "The same two accidents in the lines themselves"
# Two records run together where the end of one and a line feed are gone.
{ sed -n '1,79p' "$sample"
    sed -n '80p' "$sample" | head -c 120
    sed -n '81,$p' "$sample"; } >"$work/broken.jsonl"
show 3 seglog check "$work/broken.jsonl"
insist "line 80 "
echo "Line 80 has taken the next one with it; and nothing would have noticed"
echo "the flipped bit."

step "A folder of logs becomes a store of sessions"
mkdir -p "$work/logs/project"
cp "$sample" "$work/logs/project/first.jsonl"
cp "$work/broken.jsonl" "$work/logs/project/second.jsonl"
show 3 seglog import "$work/logs" --into "$work/store"
insist "second.jsonl: line 80 "
show 0 seglog ls "$work/store"

step "The same folder comes out, or one without broken lines"
show 0 seglog export "$work/store" -o "$work/folder"
diff -r "$work/logs" "$work/folder" || fail "the folders differ"
echo "diff -r finds no difference."
show 3 seglog export "$work/store" -o "$work/mended" --mended
show 0 seglog check "$work/mended/project/second.jsonl"

printf '\nEverything was as it should be. The files are in %s.\n' "$work"
