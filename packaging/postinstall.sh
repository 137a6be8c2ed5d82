#!/bin/sh
# Makes the user that the service runs as, and the files for its secrets. Starts nothing anew: the settings come first.
set -e
if command -v systemd-sysusers >/dev/null; then
	systemd-sysusers /usr/lib/sysusers.d/gphotos2mqtt.conf
elif ! getent passwd gphotos2mqtt >/dev/null; then
	useradd --system --user-group --no-create-home --home-dir /var/lib/gphotos2mqtt --shell /usr/sbin/nologin gphotos2mqtt
fi
for name in client-secret mqtt-password; do
	[ -e /etc/gphotos2mqtt/$name ] || (umask 077 && : >/etc/gphotos2mqtt/$name)
done
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload
	systemctl try-restart gphotos2mqtt.service # after an upgrade, when it runs
fi
