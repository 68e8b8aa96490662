#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Build and test everything, from a fresh Debian machine on.
#
#     tools/test.sh [--quick]
#
# Installs the Debian packages it finds missing (as root or with sudo), then
# builds and tests the presets debug, asan, tsan (what threads share) and
# release, with the lints and the installation test.  --quick stops after debug
# and the lints.  Nothing is asked and standard input is not read.
#
# SEGLOG_CORPUS  a folder of .jsonl files for the tests over real logs, which
#                are skipped without it
# SEGLOG_JOBS    how many jobs run at once (default: one a processor)
#
# Exit status 0: everything passed.
set -uo pipefail
exec </dev/null

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd) || exit 1
cd "$root" || exit 1

quick=false
case ${1-} in
    '') ;;
    --quick) quick=true ;;
    *)
        sed -n '5,17s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
        exit 2
        ;;
esac

jobs=${SEGLOG_JOBS:-$(nproc)}
logs=build/test-logs
mkdir -p "$logs"
rm -f "$logs"/*

# ---------------------------------------------------------------- packages

packages=(gcc g++ libc6-dev binutils cmake ninja-build pkg-config python3
    libcmocka-dev zlib1g-dev libxxhash-dev libdeflate-dev
    libzstd-dev libssl-dev liblmdb-dev clang-format shellcheck)

# shellcheck source=tools/packages.sh
. tools/packages.sh

# ---------------------------------------------------------------- steps

summary=()
status=0
# A machine that places programs at very random addresses leaves the thread
# sanitizer no room; setarch -R turns that off for what it starts.
launcher=()

# step NAME COMMAND...: run, keep the output in a log, show it if it fails.
step()
{
    local name=$1 log began=$SECONDS result=ok
    shift
    log=$logs/${name// /-}.log
    if ! "$@" >"$log" 2>&1; then
        result=FAILED
        status=1
        show_failure "$log"
        echo "test.sh: $name failed; all of it is in $log" >&2
    fi
    summary+=("$(printf '%-20s %-7s %4d s  %s' "$name" "$result" \
        $((SECONDS - began)) "$(test_counts "$name" "$log")")")
    echo "${summary[-1]}"
    [ $result = ok ]
}

# What the failed tests said, wherever in the log that is, and the end of it.
show_failure()
{
    awk '/^ *[0-9]+\/[0-9]+ Test +#|^ +Start +[0-9]+:/ { shown = /[*][*][*]/ &&
             !/[*][*][*]Skipped/; n = 0 }
         /tests passed,.* out of/ { shown = 0 }
         shown && n++ < 200' "$1"
    tail -n 40 "$1"
}

# "31 programs, 2 skipped", from the log of ctest and that of the tests.
test_counts()
{
    local tests=build/${1%% *}/Testing/Temporary/LastTest.log
    [[ $1 == *tests ]] && [ -f "$tests" ] || return 0
    awk '/tests passed,.* out of/ { n = $NF }
         /[*][*][*]Skipped/ { s++ }
         /^\[  SKIPPED \] [0-9]+ test\(s\)/ { s += $4 }
         END { printf "%d programs%s", n, s ? ", " s " skipped" : "" }' \
        "$2" "$tests"
}

# shellcheck disable=SC2317 # called by step
build()
{
    cmake --preset "$1" && cmake --build --preset "$1" -j "$jobs" \
        ${2:+--target "$2"}
}

# check PRESET [CTEST OPTION...]: build it, then test it.
check()
{
    local preset=$1
    shift
    step "$preset build" build "$preset" &&
        step "$preset tests" "${launcher[@]}" ctest --preset "$preset" \
            -j "$jobs" "$@"
}

# The other compiler's warnings, where it is installed.
# shellcheck disable=SC2317 # called by step
build_with_clang()
{
    cmake --preset debug -B build/clang -DCMAKE_C_COMPILER=clang &&
        cmake --build build/clang -j "$jobs"
}

tsan_needs_setarch()
{
    local program=$logs/tsan-probe
    echo 'int main(void) { return 0; }' |
        cc -fsanitize=thread -x c - -o "$program" 2>/dev/null || return 1
    for _ in 1 2 3 4 5; do
        "$program" >/dev/null 2>&1 || return 0
    done
    return 1
}

# ---------------------------------------------------------------- run

install_packages "$logs/packages.log" "${packages[@]}" || exit 1
[ -n "${SEGLOG_CORPUS-}" ] ||
    echo "SEGLOG_CORPUS is not set: tests over real logs are skipped"

check debug -LE '^install$'
if ! $quick; then
    if command -v clang >/dev/null; then
        step "clang build" build_with_clang
    fi
    check asan -LE '^(lint|install)$'
    if tsan_needs_setarch; then
        launcher=(setarch "$(uname -m)" -R)
    fi
    check tsan
    launcher=()
    check release -LE '^lint$'
fi

echo
printf '%s\n' "${summary[@]}"
if [ $status = 0 ]; then
    echo "all passed in $SECONDS s"
else
    echo "FAILED"
fi
exit $status
