# Every target works on a machine with nothing but Go, git and make; what else a
# test needs is installed by e2e/setup.sh.

GO        ?= go
GOTEST    ?= $(GO) test
FUZZTIME  ?= 30s
# One of a kind: of the processors the 32-bit ones differ. All that is released is in .goreleaser.yaml.
PLATFORMS ?= linux/arm darwin/arm64 windows/amd64 freebsd/amd64
# Where there is no git, say which version this is: make build VERSION=v1.2.3
VERSION   ?= $(shell git describe --tags --always --dirty 2>/dev/null)
COMMIT    ?= $(shell git rev-parse HEAD 2>/dev/null)
DATE      ?= $(shell git log -1 --format=%cI 2>/dev/null)
LDFLAGS   := -s -w -X main.release=$(VERSION) -X main.commit=$(COMMIT) -X main.date=$(DATE)
RELEASER  := go run github.com/goreleaser/goreleaser/v2@v2.14.3
SBOM      := github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0
include packaging/names.env
export OWNER REGISTRY

LINTER    := $(GO) run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

.PHONY: help unit test acceptance chaos cluster lint platforms fmt bench bench-page guard fuzz demo build release-check release-snapshot release images-push app

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 20

unit: ## the tests that need Go alone, in a minute or two
	$(GOTEST) -short ./...

test: ## all tests but those of `make acceptance`, with the race detector; installs Mosquitto
	./e2e/setup.sh test
	$(GOTEST) -race -shuffle=on -timeout 30m ./...

acceptance: ## Chromium, Node-RED, Home Assistant, and the long forms of e2e/survival; installs the first three
	./e2e/setup.sh acceptance
	$(GOTEST) -count=1 -p 1 -timeout 15m -run 'NodeRED|Browser|HomeAssistant|FFmpeg|Chaos|Flood|LongQueue|Video' \
		./e2e ./e2e/browser ./e2e/files ./e2e/homeassistant ./e2e/survival -acceptance

chaos: ## e2e/survival alone, in its long forms: 500 uploads among kills and cuts, 10,000 in the queue, 1 GiB
	./e2e/setup.sh test
	$(GO) test -v -count=1 -timeout 60m ./e2e/survival -acceptance

# make cluster SEED=7 runs the troubles of a run again that has printed `-seed 7`.
cluster: ## e2e/cluster in its long form: three NATS servers, three bridges with 200 entries, 2,000 uploads among kills, freezes and cuts
	./e2e/setup.sh test
	$(GO) test -v -count=1 -timeout 60m -run 'Cluster' ./e2e/cluster -acceptance -seed $(or $(SEED),0)

lint: ## style, bugs, and the import arrows of ARCHITECTURE.md
	$(LINTER) run ./...

platforms: ## that it compiles for every system and processor it is released for
	@for p in $(PLATFORMS); do echo "== $$p"; GOOS=$${p%/*} GOARCH=$${p#*/} CGO_ENABLED=0 $(GO) vet ./cmd/... || exit 1; done

fmt: ## gofumpt and import groups
	$(LINTER) fmt ./...

SCENARIO ?= all
RCLONE   ?= rclone

bench: ## the figures of docs/performance.md and its pictures; with SCENARIO=model-a,lone these alone
	./e2e/setup.sh test
	$(GO) test -v -count=1 -timeout 60m -run Scenarios ./e2e/bench -scenario $(SCENARIO) -rclone $(RCLONE); code=$$?; \
		$(MAKE) bench-page && exit $$code

guard: ## that no count has grown that does not depend on the machine; with RECORD=1 it records them anew
	./e2e/setup.sh test
	$(GOTEST) -v -count=1 -timeout 10m -run Counts ./e2e/bench -counts $(if $(RECORD),-record)

bench-page: ## docs/performance.md and its pictures anew from docs/performance.json
	$(GO) test -count=1 ./e2e/bench/page -update

fuzz: ## each fuzz target for FUZZTIME
	@grep -rHo --include='*_test.go' '^func Fuzz[A-Za-z0-9_]*' . | sort | while IFS=: read -r file target; do \
		echo "== $$(dirname "$$file") $${target#func }"; \
		$(GO) test -run '^$$' -fuzz "^$${target#func }\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 1x "$$(dirname "$$file")" </dev/null || exit 1; \
	done

demo: ## the whole job on this machine, without a Google account
	$(GO) run ./cmd/gphotos2mqtt demo

build: ## a static binary in bin/
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/ ./cmd/gphotos2mqtt ./cmd/photosim

app: ## the Home Assistant app as a folder to copy to /addons, in bin/gphotos2mqtt-app
	mkdir -p bin && rm -rf bin/gphotos2mqtt-app && cp -r addon bin/gphotos2mqtt-app && cp packaging/app.Dockerfile bin/gphotos2mqtt-app/Dockerfile
	sed -i.bak '/^image:/d' bin/gphotos2mqtt-app/config.yaml && rm bin/gphotos2mqtt-app/config.yaml.bak
	for arch in amd64 arm64; do \
		CGO_ENABLED=0 GOOS=linux GOARCH=$$arch $(GO) build -trimpath -ldflags '$(LDFLAGS)' \
			-o bin/gphotos2mqtt-app/gphotos2mqtt-$$(echo $$arch | sed 's/arm64/aarch64/') ./cmd/gphotos2mqtt || exit 1; \
	done

release-check: ## that .goreleaser.yaml and the workflows are valid
	$(RELEASER) check
	$(GO) run github.com/rhysd/actionlint/cmd/actionlint@v1.7.12

release-snapshot: ## all that a release has, in dist/, without publishing: archives, packages, checksums, SBOMs
	GOBIN=$(CURDIR)/bin $(GO) install $(SBOM)
	PATH="$(CURDIR)/bin:$$PATH" $(RELEASER) release --snapshot --clean

release: ## publishes a tag as a draft; run by .github/workflows/release.yml
	grep -q '^version: "$(VERSION:v%=%)"' addon/config.yaml # Supervisor fetches the image of this name
	GOBIN=$(CURDIR)/bin $(GO) install $(SBOM)
	PATH="$(CURDIR)/bin:$$PATH" $(RELEASER) release --clean

IMAGE_PLATFORMS := linux/amd64,linux/arm64,linux/arm/v7,linux/arm/v6,linux/386,linux/riscv64

images-push: ## the image, and that of the Home Assistant app, for all architectures; run by .github/workflows/release.yml
	for target in gphotos2mqtt app; do \
		name=$(REGISTRY)/gphotos2mqtt; [ $$target = gphotos2mqtt ] || name=$$name-$$target; \
		docker buildx build --push --platform $(IMAGE_PLATFORMS) --target $$target --tag $$name:$(VERSION:v%=%) --tag $$name:latest \
			--build-arg VERSION=$(VERSION) --build-arg COMMIT=$(COMMIT) --build-arg DATE=$(DATE) . || exit 1; \
	done
