# syntax=docker/dockerfile:1
FROM --platform=$BUILDPLATFORM golang:1.26.8-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
ARG TARGETOS TARGETARCH TARGETVARIANT
ARG VERSION COMMIT DATE
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH GOARM=${TARGETVARIANT#v} \
    go build -trimpath -ldflags="-s -w -X main.release=$VERSION -X main.commit=$COMMIT -X main.date=$DATE" \
        -o /out/gphotos2mqtt ./cmd/gphotos2mqtt && \
    packaging/image-root.sh /out/gphotos2mqtt /out

# The parts of both images. e2e builds them with a folder in the place of the stage above.
FROM scratch AS base
ARG VERSION COMMIT DATE
LABEL org.opencontainers.image.title="gphotos2mqtt" \
      org.opencontainers.image.description="Uploads photos from MQTT topics to Google Photos and publishes albums and media" \
      org.opencontainers.image.source="https://github.com/gphotos2mqtt/gphotos2mqtt" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$COMMIT" \
      org.opencontainers.image.created="$DATE" \
      org.opencontainers.image.licenses="MIT"
COPY --from=build /out/root/ /

# The Home Assistant app. It is root, as Supervisor's folders are; Supervisor's AppArmor profile confines it.
FROM base AS app
ARG VERSION
LABEL io.hass.type="app" io.hass.arch="amd64|aarch64" io.hass.version="$VERSION"
ENTRYPOINT ["/gphotos2mqtt", "app"]

FROM base AS gphotos2mqtt
# A new volume takes its owner from here; another user of --user has to own what is mounted.
COPY --from=build --chown=65532:65532 /out/data/ /data/
ENV GPHOTOS_DATA_DIR=/data \
    GPHOTOS_HTTP_LISTEN=0.0.0.0:8099
USER 65532:65532
VOLUME /data
EXPOSE 8099
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s --retries=3 CMD ["/gphotos2mqtt", "health"]
ENTRYPOINT ["/gphotos2mqtt"]
