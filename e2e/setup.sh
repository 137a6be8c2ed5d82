#!/usr/bin/env bash
# Installs what the tests need and the machine lacks: a C compiler (the race
# detector links with it), Mosquitto, its command line clients, Chromium (350 MB; it
# links accounts as a person does), and Node.js with npm (the tests run the flows of
# examples/node-red in the real Node-RED). Debian and its relatives only; elsewhere
# it says what to install.
set -euo pipefail

PATH=$PATH:/usr/sbin # where Debian puts mosquitto

packages=()
command -v gcc >/dev/null || packages+=(gcc libc6-dev)
command -v mosquitto >/dev/null || packages+=(mosquitto)
command -v mosquitto_pub >/dev/null || packages+=(mosquitto-clients)
command -v node >/dev/null || packages+=(nodejs)
command -v npm >/dev/null || packages+=(npm)
# A browser without a font draws boxes for letters.
command -v chromium >/dev/null || packages+=(chromium fonts-dejavu-core)
[ ${#packages[@]} -gt 0 ] || exit 0

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
