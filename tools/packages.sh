# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# Sourced by demo.sh and test.sh: what a fresh Debian machine lacks.

# install_packages LOG PACKAGE...: install those that are missing, as root or
# with sudo; what apt-get says goes to LOG and is shown when it fails.  On a
# system without dpkg nothing is done: the build says what is missing.
install_packages()
{
    local log=$1 missing=() package as_root=()
    shift
    command -v dpkg-query >/dev/null || return 0
    for package in "$@"; do
        # shellcheck disable=SC2016 # dpkg-query's own variable
        [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" \
            2>/dev/null)" = installed ] || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    if [ "$(id -u)" -ne 0 ]; then
        as_root=(sudo -n)
        if ! sudo -n true 2>/dev/null; then
            echo "${0##*/}: as root: apt-get install ${missing[*]}" >&2
            return 1
        fi
    fi
    echo "installing ${missing[*]} ..."
    apt_get()
    {
        "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get \
            -q -y -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 "$@"
    }
    if ! { apt_get update &&
        apt_get install --no-install-recommends "${missing[@]}"; } \
        >"$log" 2>&1; then
        tail -n 20 "$log" >&2
        echo "${0##*/}: the packages cannot be installed" >&2
        return 1
    fi
}
