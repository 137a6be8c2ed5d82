#!/bin/sh
# Stops the service when the package goes, not when another version takes its place: deb says so in a word, rpm in a number.
set -e
case "$1" in
upgrade | 1) exit 0 ;;
esac
if [ -d /run/systemd/system ]; then
	systemctl disable --now gphotos2mqtt.service || true
fi
