#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Build for another kind of processor and run the tests there.
#
#     tests/portability/run.sh s390x|i386 [CTEST OPTION...]
#
# s390x is big-endian and runs under qemu; i386 has 32-bit sizes and runs as it
# is.  Fetches the cross compiler, qemu and the libraries from Debian as root;
# the libraries are unpacked below the build folder and not installed.  The
# golden bytes of format/vectors are part of the tests, so both read and write
# the very same files.  Everything stands in build/portability/NAME.  Under
# qemu the longest tests do less (emulated_* in tests/CMakeLists.txt).
#
# The last line is for tests/scoreboard.  Exit status 0: all passed; 77: this
# machine cannot.
set -euo pipefail
exec </dev/null

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$root"

case ${1-} in
    s390x)
        prefix=s390x-linux-gnu libs=s390x-linux-gnu loader=ld64.so.1
        score=portability_s390x emulator=/usr/bin/qemu-s390x-static
        tools=(gcc-s390x-linux-gnu libc6-dev-s390x-cross qemu-user-static)
        ;;
    i386)
        prefix=i686-linux-gnu libs=i386-linux-gnu loader=ld-linux.so.2
        score=portability_32 emulator=''
        tools=(gcc-i686-linux-gnu libc6-dev-i386-cross)
        ;;
    *)
        sed -n '4,17s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
        exit 2
        ;;
esac
arch=$1
shift

dir=$root/build/portability/$arch
mkdir -p "$dir"

skip()
{
    echo "run.sh: $1" >&2
    exit 77
}

# ------------------------------------------------------------- what it needs

command -v apt-get >/dev/null || skip "needs Debian's packages"
# shellcheck source=tools/packages.sh
. tools/packages.sh
install_packages "$dir/packages.log" "${tools[@]}" cmake ninja-build python3 ||
    skip "its packages cannot be installed"

# The libraries of that architecture, by a package list of their own, so that
# the machine's own packages are left alone.
fetch_libraries()
{
    local apt=$dir/apt suite packages=(zlib1g zlib1g-dev libxxhash0
        libxxhash-dev libdeflate0 libdeflate-dev libzstd1 libzstd-dev
        libcmocka0 libcmocka-dev libssl3 libssl-dev liblmdb0 liblmdb-dev)
    # shellcheck source=/dev/null
    suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
    rm -rf "$apt" "$dir/root"
    mkdir -p "$apt"/lists/partial "$apt"/archives/partial "$dir/root"
    echo "deb [arch=$arch] http://deb.debian.org/debian $suite main" \
        >"$apt/sources.list"
    : >"$apt/status"
    local options=(-q -o "APT::Architecture=$arch"
        -o "APT::Architectures::=$arch" -o "Acquire::Retries=3"
        -o "Dir::Etc::sourcelist=$apt/sources.list"
        -o "Dir::Etc::sourceparts=/dev/null" -o "Dir::State=$apt"
        -o "Dir::State::status=$apt/status" -o "Dir::Cache=$apt"
        -o "Dir::Etc::trustedparts=/etc/apt/trusted.gpg.d"
        -o "APT::Sandbox::User=root")
    apt-get "${options[@]}" update &&
        (cd "$apt" && apt-get "${options[@]}" download "${packages[@]}") ||
        return 1
    local package
    for package in "$apt"/*.deb; do
        dpkg-deb -x "$package" "$dir/root" || return 1
    done
    touch "$dir/root.ok"
}
if [ ! -e "$dir/root.ok" ]; then
    fetch_libraries >"$dir/libraries.log" 2>&1 || {
        tail -n 20 "$dir/libraries.log" >&2
        skip "the libraries for $arch cannot be had"
    }
fi

# Tests start the programs by their names, so the kernel has to know qemu.
if [ -n "$emulator" ]; then
    binfmt=/proc/sys/fs/binfmt_misc
    [ -e $binfmt/register ] || mount -t binfmt_misc binfmt_misc $binfmt ||
        skip "the kernel cannot be told of qemu (binfmt_misc)"
    if [ ! -e "$binfmt/qemu-$arch" ]; then
        magic='\x7fELF\x02\x02\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x16'
        mask='\xff\xff\xff\xff\xff\xff\xff\xfc\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff'
        printf '%s' ":qemu-$arch:M::$magic:$mask:$emulator:F" \
            >$binfmt/register || skip "the kernel does not take qemu"
    fi
fi

# ------------------------------------------------------------- build and run

build()
{
    cmake -S . -B "$dir/b" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo \
        -DCMAKE_TOOLCHAIN_FILE="$root/tests/portability/toolchain.cmake" \
        -DSEGLOG_CROSS=$prefix -DSEGLOG_CROSS_LIBS=$libs \
        -DSEGLOG_CROSS_LOADER=$loader -DSEGLOG_CROSS_PROCESSOR="$arch" \
        -DSEGLOG_CROSS_ROOT="$dir/root" -DSEGLOG_CROSS_EMULATOR=$emulator \
        -DSEGLOG_BUILD_BENCH=OFF -DSEGLOG_BUILD_FUZZ=OFF \
        -DSEGLOG_HARDENING=OFF &&
        cmake --build "$dir/b" -j "${SEGLOG_JOBS:-$(nproc)}"
}

began=$SECONDS
if ! build >"$dir/build.log" 2>&1; then
    tail -n 30 "$dir/build.log" >&2
    exit 1
fi
status=0
ctest --test-dir "$dir/b" -j "${SEGLOG_JOBS:-$(nproc)}" --timeout 3000 \
    -LE '^(lint|install)$' --output-on-failure "$@" >"$dir/tests.log" 2>&1 ||
    status=1
tail -n 30 "$dir/tests.log"

summary=$(grep -o '[0-9]* tests failed out of [0-9]*' "$dir/tests.log")
failed=${summary%% *}
count=${summary##* }
echo "score: $score count=${count:-0} findings=${failed:-1}" \
    "note=\"test programs on $arch, $((SECONDS - began)) s\""
exit $status
