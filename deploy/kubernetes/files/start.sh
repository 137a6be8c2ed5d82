#!/bin/sh
# Writes the password file from the environment and becomes the broker, so that
# passwords are kept in .env alone, and stand on no command line, which others
# can see.
set -eu
umask 077

cat >/mosquitto/data/passwords <<END
bridge:${MQTT_PASSWORD_BRIDGE:?}
homeassistant:${MQTT_PASSWORD_HOMEASSISTANT:?}
nodered:${MQTT_PASSWORD_NODERED:?}
END
if [ -n "${MQTT_PASSWORD_ADMIN:-}" ]; then
	echo "admin:$MQTT_PASSWORD_ADMIN" >>/mosquitto/data/passwords
fi
mosquitto_passwd -U /mosquitto/data/passwords

# What the health check's mosquitto_sub reads: https://mosquitto.org/man/mosquitto_sub-1.html (Files)
mkdir -p /tmp/health
printf '%s\n' '-u bridge' "-P $MQTT_PASSWORD_BRIDGE" >/tmp/health/mosquitto_sub

exec mosquitto -c /mosquitto/config/mosquitto.conf
