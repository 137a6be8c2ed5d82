#!/usr/bin/env bash
# Makes the folder in which the tests run Home Assistant, and prints its path: Debian
# testing, because a current Home Assistant wants its Python 3.14, and in /venv the
# release and packages that requirements.txt pins. It is in the user's cache (1.2 GB)
# and made once, in about a minute; it is renamed to its name when it is whole.
#
# Exit code 3: it cannot be made on this machine; the last line of stderr says why.
set -euo pipefail
cd "$(dirname "$0")"
PATH=$PATH:/usr/sbin:/sbin

suite=forky # testing; pinned by name, so that its successor does not come unasked
uv=0.13.9

missing() {
	echo "Home Assistant is left out: $1" >&2
	exit 3
}
[ "$(uname -s)" = Linux ] || missing "it is run on Linux only"
[ "$(id -u)" -eq 0 ] || missing "it takes root, for chroot and namespaces"
for program in debootstrap chroot unshare ip flock; do
	command -v "$program" >/dev/null || missing "$program is not installed (Debian's packages: debootstrap, iproute2, util-linux)"
done
unshare --mount --net true 2>/dev/null || missing "this machine does not let root make namespaces (in Docker: --privileged)"

release=$(sed -n 's/^homeassistant==//p' requirements.in)
sum=$(cat setup.sh requirements.txt | sha256sum | cut -c1-8)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/gphotos2mqtt-tests
house=$cache/homeassistant-$release-$sum
mkdir -p "$cache"
exec 9>"$cache/homeassistant.lock"
flock 9
if [ -d "$house" ]; then
	echo "$house"
	exit
fi

new=$(mktemp -d "$cache/new-XXXXXX")
trap 'rm -rf "$new"' EXIT
# Debian's archive as this machine reaches it.
archive=$(apt-get indextargets 'Label: Debian' --format '$(REPO_URI)' 2>/dev/null | sed -n 1p) || true
script=/usr/share/debootstrap/scripts
# An older debootstrap does not know the suite's name, but all that it has to know is in sid's script.
echo "Debian $suite into $house" >&2
debootstrap --variant=minbase --include=python3,python3-venv,python3-dev,g++,ca-certificates "$suite" "$new" \
	"${archive:-http://deb.debian.org/debian}" "$(ls "$script/$suite" "$script/sid" 2>/dev/null | head -n 1)" >"$new.log" 2>&1 ||
	{ tail -n 20 "$new.log" >&2 && exit 1; }
rm -f "$new.log"
rm -rf "$new"/var/cache/apt/* "$new"/var/lib/apt/lists/*

# Inside, Python's packages come as they do outside: with this machine's names, certificates, proxy and index.
cp -L /etc/resolv.conf "$new/etc/resolv.conf"
authorities=${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}
[ ! -f "$authorities" ] || cp -L "$authorities" "$new/etc/ssl/certs/ca-certificates.crt"
cp requirements.txt "$new/requirements.txt"
index=${UV_DEFAULT_INDEX:-${PIP_INDEX_URL:-https://pypi.org/simple}}
echo "Home Assistant $release" >&2
unshare --mount bash -euc '
	mount --rbind /dev "$0/dev" && mount --rbind /proc "$0/proc"
	inside() {
		chroot "$0" env -i PATH=/venv/bin:/usr/bin:/bin HOME=/root SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt \
			PIP_CERT=/etc/ssl/certs/ca-certificates.crt PIP_INDEX_URL="$1" UV_DEFAULT_INDEX="$1" UV_HTTP_TIMEOUT=180 UV_NO_CACHE=1 \
			http_proxy="${http_proxy-}" https_proxy="${https_proxy-}" no_proxy="${no_proxy-}" "${@:2}"
	}
	inside "$1" python3 -m venv /venv
	inside "$1" pip install --quiet --no-cache-dir --disable-pip-version-check "uv==$2"
	inside "$1" uv pip install --quiet --python /venv/bin/python --require-hashes --requirement /requirements.txt
' "$new" "$index" "$uv" >&2
mkdir "$new/config"
chmod 755 "$new"
mv -T "$new" "$house"
echo "$house"
