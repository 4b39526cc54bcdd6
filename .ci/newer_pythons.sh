#!/usr/bin/env bash
# Run the runtime tests, and mypy with the plugin, on CPythons newer than those of this machine, in a Debian tree.
# Usage: newer_pythons.sh VERSION…    Needs root and apt; exits 3 where the tree cannot be had, 1 where a check fails.
set -euo pipefail
cd "$(dirname "$0")/.."
suite=${TYPEDFLOW_SUITE:-forky} # a Debian suite that has these versions
cache=${TYPEDFLOW_PYTHONS:-${XDG_CACHE_HOME:-$HOME/.cache}/typedflow-pythons}
versions=("$@")
unavailable() {
    echo "CPython ${versions[*]} CANNOT BE HAD: $*" >&2
    exit 3
}

[ "$(id -u)" = 0 ] || unavailable "debootstrap and chroot need root"
unshare --mount true 2>/dev/null || unavailable "no right to mount"
command -v debootstrap >/dev/null ||
    { apt-get update -q && apt-get install -y -q --no-install-recommends debootstrap; } >&2 ||
    unavailable "no debootstrap"
# The mirror that apt itself uses: that of the first archive which it has an index of.
mirror=$(apt-get indextargets --format '$(SITE) $(RELEASE) $(REPO_URI)' 'Created-By: Packages' |
    awk '!/security/ && !seen { print $3; seen = 1 }')
[ -n "$mirror" ] || unavailable "apt has no mirror"

tree=$cache/$suite
mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9 # two runs at once share one tree
# Made anew when what is in it changes, and once a week.
key=$(printf '%s\n' "$suite" "${versions[@]}" "$(sha256sum <pyproject.toml)" "$(date +%G-%V)" | sha256sum | cut -c1-16)
if [ "$(cat "$tree/.key" 2>/dev/null)" != "$key" ]; then
    rm -rf --one-file-system "$tree"
    mkdir -p "$tree"
    packages=ca-certificates,gcc,libc6-dev
    for version in "${versions[@]}"; do packages+=,python$version,python$version-venv; done
    script=/usr/share/debootstrap/scripts/$suite
    [ -e "$script" ] || script=/usr/share/debootstrap/scripts/sid
    echo 'Acquire::Check-Valid-Until "false";' >"$cache/apt.conf" # a mirror that stands still, or a clock ahead of it
    APT_CONFIG=$cache/apt.conf debootstrap --variant=minbase --include="$packages" \
        "$suite" "$tree" "$mirror" "$script" >"$cache/debootstrap.log" 2>&1 || {
        tail -n 5 "$cache/debootstrap.log" >&2
        rm -rf --one-file-system "$tree"
        unavailable "debootstrap failed"
    }
    cp /etc/pip.conf "$tree/etc/" 2>/dev/null || true
    cp -L /etc/ssl/certs/ca-certificates.crt "$tree/etc/ssl/certs/"
    echo "$key" >"$tree/.key"
fi
cp /etc/resolv.conf /etc/hosts "$tree/etc/" 2>/dev/null || true

source=$tree/src
rm -rf --one-file-system "$source"
mkdir "$source"
trap 'rm -rf --one-file-system "$source"' EXIT
git ls-files -z --cached --others --exclude-standard | tar --null -T - --ignore-failed-read -cf - | tar -xf - -C "$source"

failed=()
for version in "${versions[@]}"; do
    echo "=== CPython $version of Debian $suite"
    # The mounts are this command's own: they end with it.
    unshare --mount bash -euc '
        mount --make-rprivate /
        mount --bind /proc "$1/proc"
        mount --bind /dev "$1/dev"
        mount --bind /dev/pts "$1/dev/pts"
        exec chroot "$1" bash -euc "$2" _ "$3"
    ' _ "$tree" '
        cd /src
        export PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONDONTWRITEBYTECODE=1 LANG=C.UTF-8
        bin=/venv$1/bin
        [ -x "$bin/pip" ] || "python$1" -m venv "/venv$1"
        "$bin/pip" install -q --upgrade -e ".[test]"
        "$bin/python" -VV
        # The tree has no server; the other Pythons run what needs one.
        "$bin/pytest" -q -m "not one_python" -p no:cacheprovider --without-postgres
        "$bin/mypy" --strict --cache-dir "/tmp/mypy-$1" typedflow mypy_plugin tests examples
        "$bin/pytest" -q -p no:cacheprovider tests/mypy/test_cases.py
    ' "$version" || failed+=("$version")
done
[ ${#failed[@]} -eq 0 ] || {
    echo "FAILED on: ${failed[*]}" >&2
    exit 1
}
