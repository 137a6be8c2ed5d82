#!/bin/sh
# Puts what the image has into DIR/root: the program, the certificates that Google's and a broker's are checked with, and /tmp for the
# demo. DIR/data is the empty data folder.
#   image-root.sh PROGRAM DIR
set -eu
mkdir -p "$2/root/tmp" "$2/root/etc/ssl/certs" "$2/data"
chmod 1777 "$2/root/tmp"
cp /etc/ssl/certs/ca-certificates.crt "$2/root/etc/ssl/certs/"
[ "$1" = "$2/gphotos2mqtt" ] && mv "$1" "$2/root/" || cp "$1" "$2/root/"
