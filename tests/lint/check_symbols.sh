#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# What objects ask for and what the library shows.
#
#     check_symbols.sh [LIBSEGLOG.SO [LIBSEGLOG_TESTING.A]]
#
# format/ compiles freestanding and asks for four memory functions and the two
# checksums, nothing else: that is what makes it fit a microcontroller.  The
# shared library exports names that begin with seglog_, each of them declared
# in a public header, and every declared one is there.  The library for tests
# keeps to the same names, and asks for none of the library's.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
status=0

# At -O0 a compiler keeps calls that -O2 removes, and the other way round.
check_freestanding()
{
    local cc=$1 level=$2 file wanted
    for file in format/*.c; do
        "$cc" -std=c11 -ffreestanding "$level" -Wall -Wextra -Werror -I. \
            -Iinclude -c "$file" -o "$dir/$(basename "$file" .c).o" || return 1
    done
    nm -g --defined-only -f posix "$dir"/*.o | awk 'NF > 1 { print $1 }' |
        sort -u >"$dir/have"
    printf '%s\n' memcpy memmove memset memcmp slg_crc32 slg_xxh3 >>"$dir/have"
    # The compiler's own library and the linker: __builtin_cpu_supports.
    printf '%s\n' __cpu_indicator_init __cpu_model _GLOBAL_OFFSET_TABLE_ \
        >>"$dir/have"
    wanted=$(nm -u -f posix "$dir"/*.o | awk 'NF > 1 { print $1 }' | sort -u |
        grep -vxFf "$dir/have" || true)
    rm -f "$dir"/*.o
    if [ -n "$wanted" ]; then
        echo "format/ with $cc $level asks for:"
        nl -ba -s ' ' -w 4 <<<"$wanted"
        return 1
    fi
}

# cc is another name of one of these, as a rule.
compilers=()
for cc in "${CC:-cc}" gcc clang; do
    compilers+=("$(readlink -f "$(command -v "$cc" || echo /dev/null)")")
done
for cc in $(printf '%s\n' "${compilers[@]}" | sort -u); do
    [ "$cc" != /dev/null ] || continue
    for level in -O0 -O2; do
        check_freestanding "$cc" "$level" || status=1
    done
done

# A declaration has its name at the start of a line or behind a type.
declared_in()
{
    sed -e 's@/\*.*\*/@@' "$@" | tr '\n' ' ' | grep -oE "$declaration" |
        grep -oE '\<seglog_[a-z0-9_]+ *\(' | tr -d ' (' |
        sort -u >"$dir/declared"
}

# The names in $dir/exported are those in $dir/declared.
compare()
{
    if grep -v '^seglog_' "$dir/exported"; then
        echo "these names of $1 do not begin with seglog_"
        status=1
    fi
    if comm -23 "$dir/exported" "$dir/declared" | grep .; then
        echo "these names of $1 stand in no public header"
        status=1
    fi
    if comm -13 "$dir/exported" "$dir/declared" | grep .; then
        echo "these are declared in a header of $1 and defined nowhere"
        status=1
    fi
}

if [ $# -gt 0 ]; then
    nm -D --defined-only -f posix "$1" | awk '$2 != "A" { print $1 }' |
        sed 's/@.*//' | sort -u >"$dir/exported"
    declaration='SEGLOG_API[^;{]*[;{]'
    declared_in include/seglog/*.h
    compare "$1"
fi
if [ $# -gt 1 ]; then
    # In an archive names shared between its files show as well.
    nm -g --defined-only -f posix "$2" | awk 'NF > 1 { print $1 }' | sort -u \
        >"$dir/have"
    grep -v '^slg_' "$dir/have" >"$dir/exported"
    declaration='\<seglog_[a-z0-9_]+ *\([^;]*\);'
    declared_in include/seglog/testing/*.h
    compare "$2"
    if nm -u -f posix "$2" | awk 'NF > 1 { print $1 }' | sort -u |
        grep '^\(seglog\|slg\)_' | grep -vxFf "$dir/have"; then
        echo "$2 asks for these names of the library"
        status=1
    fi
fi
exit $status
