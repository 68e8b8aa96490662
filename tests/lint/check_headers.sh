#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Every public header compiles alone, twice over, as C11, C++98 and C++20, and
# seglog.h includes them all but those for tests.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
status=0
cc=${CC:-cc}
cxx=${CXX:-c++}
strict=(-Wall -Wextra -Wpedantic -Wshadow -Wundef -Werror -fsyntax-only
        -Iinclude)

check()
{
    local what=$1 header=$2
    shift 2
    if ! "$@" >"$dir/log" 2>&1; then
        echo "$header does not compile alone as $what:"
        cat "$dir/log"
        status=1
    fi
}

for path in include/seglog/*.h include/seglog/testing/*.h; do
    header=${path#include/}
    # With a declaration behind it, for ISO C forbids an empty file.
    printf '#include "%s"\n' "$header" "$header" >"$dir/alone.c"
    echo 'extern int alone;' >>"$dir/alone.c"
    cp "$dir/alone.c" "$dir/alone.cpp"
    check C11 "$header" "$cc" -std=c11 -Wstrict-prototypes "${strict[@]}" \
        "$dir/alone.c"
    if command -v "$cxx" >/dev/null; then
        # The fixed-width types of <stdint.h> are long long on some platforms.
        check C++98 "$header" "$cxx" -std=c++98 -Wno-long-long \
            "${strict[@]}" "$dir/alone.cpp"
        check C++20 "$header" "$cxx" -std=c++20 "${strict[@]}" "$dir/alone.cpp"
    fi
    if [ "$header" != seglog/seglog.h ] && [[ $header != */testing/* ]] &&
        ! grep -q "^#include \"$header\"" include/seglog/seglog.h; then
        echo "seglog/seglog.h does not include $header"
        status=1
    fi
done
exit $status
