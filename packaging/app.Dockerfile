# The Home Assistant app as Supervisor builds it on the machine itself, from the folder that `make app` has filled.
FROM alpine:3.23 AS certificates
FROM scratch
ARG BUILD_ARCH BUILD_VERSION
LABEL io.hass.type="app" io.hass.arch="$BUILD_ARCH" io.hass.version="$BUILD_VERSION"
COPY --from=certificates /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY gphotos2mqtt-$BUILD_ARCH /gphotos2mqtt
ENTRYPOINT ["/gphotos2mqtt", "app"]
