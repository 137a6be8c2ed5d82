#!/bin/sh
# Writes the password file from the environment and becomes the broker, so that
# passwords are kept in .env alone.
set -eu
umask 077

passwords=/mosquitto/data/passwords
: >"$passwords"
mosquitto_passwd -b "$passwords" bridge "${MQTT_PASSWORD_BRIDGE:?}"
mosquitto_passwd -b "$passwords" homeassistant "${MQTT_PASSWORD_HOMEASSISTANT:?}"
mosquitto_passwd -b "$passwords" nodered "${MQTT_PASSWORD_NODERED:?}"

exec mosquitto -c /mosquitto/config/mosquitto.conf
