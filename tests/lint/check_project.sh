#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Rules for every file of the tree: licence lines, no path of one machine, the
# version in step; clang-format and shellcheck where they are installed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

status=0
fail()
{
    echo "$1"
    status=1
}

# Tracked and new files; without git everything but what a build leaves.
if git rev-parse --git-dir >/dev/null 2>&1; then
    mapfile -t files < <(git ls-files -co --exclude-standard |
        while IFS= read -r f; do [ -f "$f" ] && echo "$f"; done)
else
    mapfile -t files < <(find . -name build -prune -o -name .git -prune -o \
        -type f -printf '%P\n')
fi

sources=()
scripts=()
licensed=()
for file in "${files[@]}"; do
    case $file in
        *.c | *.h) sources+=("$file") ;;
        *.sh | *.bash | .ci/run) scripts+=("$file") ;;
    esac
    case $file in
        *.c | *.h | *.sh | *.bash | *.py | *.cmake | *.cmake.in | \
            */CMakeLists.txt | CMakeLists.txt | .ci/run)
            licensed+=("$file")
            ;;
    esac
done

if grep -L 'SPDX-License-Identifier: MIT' "${licensed[@]}" | grep .; then
    fail "files without an SPDX line"
fi

# grep -I passes over binary files such as fuzz inputs.
machine='/(home|root|Users|mnt|work|farm)/'
if grep -nIE "$machine" -- "${files[@]}" | grep -v '^tests/lint/check_project'
then
    fail "paths of one machine"
fi

# Test data outside the tree is named by SEGLOG_CORPUS, which .ci/run may set.
if printf '%s\0' "${files[@]}" | grep -zvx '\.ci/run' |
    xargs -0 grep -nIE '\.\./sha[r]ed'; then
    fail "a path out of the tree: use SEGLOG_CORPUS"
fi

# The number stands in version.h twice and in the changelog's latest release.
number()
{
    sed -n "s/^#define SEGLOG_VERSION_$1 *\"*\([0-9.]*\)\"*.*/\1/p" \
        include/seglog/version.h
}
version=$(number MAJOR).$(number MINOR).$(number PATCH)
[ "$(number STRING)" = "$version" ] ||
    fail "version.h: SEGLOG_VERSION_STRING is not $version"
grep -qE "^## \[?(Unreleased|${version//./\\.})\]?" CHANGELOG.md ||
    fail "CHANGELOG.md: neither Unreleased nor $version stands in it"

# Other versions of clang-format disagree with 14 in details.
if command -v clang-format >/dev/null &&
    clang-format --version | grep -q ' version 14\.'; then
    # All at once, because starting it takes longer than its work.
    if ! clang-format --dry-run -Werror "${sources[@]}" >/dev/null 2>&1; then
        for file in "${sources[@]}"; do
            clang-format --dry-run -Werror "$file" >/dev/null 2>&1 ||
                fail "$file: not formatted: clang-format -i $file"
        done
    fi
else
    echo "clang-format 14 is not installed: formatting not checked"
fi
if command -v shellcheck >/dev/null; then
    shellcheck "${scripts[@]}" || fail "shellcheck"
else
    echo "shellcheck is not installed: scripts not checked"
fi
exit $status
