#!/usr/bin/env bash
# Installs what a tier of the tests needs and the machine lacks:
#   setup.sh test         Mosquitto and its command line clients, a C compiler
#                         (the race detector links with it), buildah (for the image), strace
#                         and valgrind (for the counts of `make guard`), and what lays out
#                         networks (e2e/cluster)
#   setup.sh acceptance   these, Chromium (350 MB; it links accounts as a person does),
#                         Node.js with npm (for the flows of examples/node-red), ffmpeg, and
#                         what e2e/homeassistant/setup.sh needs
# Debian and its relatives only; elsewhere it says what to install.
set -euo pipefail

PATH=$PATH:/usr/sbin:/sbin # where Debian puts mosquitto

packages=()
need() { # PROGRAM PACKAGE...
	command -v "$1" >/dev/null || packages+=("${@:2}")
}
case ${1-} in
test | acceptance) ;;
*)
	echo "usage: e2e/setup.sh test|acceptance" >&2
	exit 2
	;;
esac
need gcc gcc libc6-dev
need mosquitto mosquitto
need mosquitto_pub mosquitto-clients
if command -v apt-get >/dev/null; then # elsewhere the image is not looked at, and `make guard` counts less
	need buildah buildah
	need strace strace
	need valgrind valgrind
	need ip iproute2 # without these two all of a cluster runs on loopback
	need nft nftables
fi
if [ "$1" = acceptance ]; then
	need node nodejs
	need npm npm
	need ffmpeg ffmpeg # records a clip that is uploaded while it grows
	need chromium chromium fonts-dejavu-core # without a font it draws boxes for letters
	if command -v apt-get >/dev/null; then # elsewhere Home Assistant is left out
		need debootstrap debootstrap
	fi
fi
homeassistant() { # which tells why when it is left out
	[ "$1" = test ] || "$(dirname "$0")/homeassistant/setup.sh" >/dev/null || [ $? -eq 3 ]
}
if [ ${#packages[@]} -eq 0 ]; then
	homeassistant "$1"
	exit
fi

if ! command -v apt-get >/dev/null; then
	echo "e2e/setup.sh: install these with your package manager, then run again: ${packages[*]}" >&2
	exit 1
fi

root=()
[ "$(id -u)" -eq 0 ] || root=(sudo)
install=(env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends)

# A fresh image has no package lists, so a first failure means "update", not "give up".
"${root[@]}" "${install[@]}" "${packages[@]}" ||
	{ "${root[@]}" apt-get update && "${root[@]}" "${install[@]}" "${packages[@]}"; }

# Debian starts a broker on port 1883 after the install; nobody asked for one.
if [[ " ${packages[*]} " == *" mosquitto "* ]] && [ -d /run/systemd/system ]; then
	"${root[@]}" systemctl disable --now mosquitto.service
fi
homeassistant "$1"
