#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Install, move what was installed, and use it as others do: find_package with
# the shared and the static library, pkg-config with both, the tools.
#
#     run_install_test.sh BUILD_DIRECTORY
set -euo pipefail
exec </dev/null

build=$(cd "$1" && pwd)
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cc=${CC:-cc}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

fail()
{
    echo "run_install_test: $1" >&2
    exit 1
}

cmake --install "$build" --prefix "$dir/first" >"$dir/log" ||
    { cat "$dir/log"; fail "cmake --install"; }
mv "$dir/first" "$dir/moved"
prefix=$dir/moved

# Nothing may name the place of the build or of the first installation.
if grep -rIl -e "$dir/first" -e "$build" "$prefix"; then
    fail "these installed files name a path of this machine"
fi

expect_file()
{
    [ -n "$(find "$prefix" -path "*/$1" -print -quit)" ] ||
        fail "$1 is not installed"
}
expect_file include/seglog/seglog.h
expect_file include/seglog/testing/disk_store.h
expect_file include/seglog/testing/fault_store.h
expect_file libseglog.a
expect_file libseglog_testing.a
expect_file libseglog.so
expect_file libseglog.so.0
expect_file pkgconfig/seglog.pc
expect_file cmake/seglog/seglog-config.cmake
expect_file cmake/seglog/seglog-config-version.cmake

# Every tool that was built is installed, with its page, and still starts.
for tool in "$build"/bin/*; do
    [ -x "$tool" ] || continue
    name=$(basename "$tool")
    expect_file "bin/$name"
    expect_file "man/man1/$name.1"
    expect_file "bash-completion/completions/$name"
    "$prefix/bin/$name" --version >/dev/null || fail "$name --version"
done

# The hardening options reached the linker.
if grep -q '^SEGLOG_HARDENING:BOOL=ON' "$build/CMakeCache.txt"; then
    for file in "$prefix"/bin/* "$(find "$prefix" -name libseglog.so)"; do
        [ -e "$file" ] || continue
        readelf -hlWd "$file" >"$dir/elf"
        grep -q 'Type: *DYN' "$dir/elf" || fail "$file: not PIE"
        grep -q GNU_RELRO "$dir/elf" || fail "$file: no relro"
        grep -qw 'BIND_NOW\|NOW' "$dir/elf" || fail "$file: binds lazily"
        ! grep -q 'GNU_STACK.*RWE' "$dir/elf" || fail "$file: executable stack"
    done
fi

# find_package, with the generator that is known to be there.
generator=$(sed -n 's/^CMAKE_GENERATOR:INTERNAL=//p' "$build/CMakeCache.txt")
cmake -G "$generator" -S "$here" -B "$dir/consumer" \
    -DCMAKE_PREFIX_PATH="$prefix" \
    >"$dir/log" 2>&1 || { cat "$dir/log"; fail "find_package(seglog)"; }
cmake --build "$dir/consumer" >"$dir/log" 2>&1 ||
    { cat "$dir/log"; fail "building the consumer"; }
for kind in seglog shared static; do
    "$dir/consumer/consumer_$kind" || fail "consumer_$kind"
done
for kind in seglog static; do
    "$dir/consumer/consumer_testing_$kind" || fail "consumer_testing_$kind"
done
needs()
{
    readelf -d "$1" | grep 'NEEDED.*libseglog\.so\.0' >/dev/null
}
needs "$dir/consumer/consumer_seglog" || fail "seglog::seglog is not shared"
needs "$dir/consumer/consumer_shared" || fail "seglog::shared is not shared"
! needs "$dir/consumer/consumer_static" || fail "seglog::static is not static"

# A version of another minor number is refused.
sed 's/seglog 0\.1 /seglog 0.0 /' "$here/CMakeLists.txt" \
    >"$dir/CMakeLists.txt"
cp "$here/consumer.c" "$dir"
if cmake -G "$generator" -S "$dir" -B "$dir/other" \
    -DCMAKE_PREFIX_PATH="$prefix" >"$dir/log" 2>&1; then
    fail "find_package(seglog 0.0) takes this version"
fi
grep -q 'not accepted\|compatible with requested version' "$dir/log" ||
    { cat "$dir/log"; fail "find_package(seglog 0.0) fails for no such reason"; }

# pkg-config, in the place where the tree is now.
PKG_CONFIG_PATH=$(dirname "$(find "$prefix" -name seglog.pc)")
export PKG_CONFIG_PATH
command -v pkg-config >/dev/null || fail "pkg-config is not installed"
pkg-config --validate seglog
read -ra cflags <<<"$(pkg-config --cflags seglog)"
read -ra libs <<<"$(pkg-config --libs seglog)"
read -ra private <<<"$(pkg-config --static --libs seglog)"
libdir=$(dirname "$(find "$prefix" -name libseglog.a)")

"$cc" "${cflags[@]}" "$here/consumer.c" -o "$dir/by_pc" "${libs[@]}"
LD_LIBRARY_PATH=$libdir "$dir/by_pc" || fail "consumer by pkg-config"

# Without the shared library in the way the same line links the static one.
rm "$libdir"/libseglog.so*
"$cc" "${cflags[@]}" "$here/consumer.c" -o "$dir/by_pc_static" "${private[@]}"
"$dir/by_pc_static" || fail "static consumer by pkg-config"
echo "install: all consumers work"
