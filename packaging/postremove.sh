#!/bin/sh
# Removes what the package made itself: on purge secrets, queue and links too. rpm leaves them, as it leaves changed settings.
set -e
if [ "$1" = purge ]; then
	rm -rf /etc/gphotos2mqtt /var/lib/gphotos2mqtt
fi
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload
fi
