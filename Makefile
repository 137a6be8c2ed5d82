# Every target works on a machine with nothing but Go, git and make; what else a
# test needs is installed by e2e/setup.sh.

GO        ?= go
GOTEST    ?= $(GO) test
FUZZTIME  ?= 30s
LINTER    := $(GO) run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

.PHONY: help unit test acceptance chaos lint fmt bench fuzz demo build

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | expand -t 12

unit: ## the tests that need Go alone, in a minute or two
	$(GOTEST) -short ./...

test: ## all tests but those of `make acceptance`, with the race detector; installs Mosquitto
	./e2e/setup.sh test
	$(GOTEST) -race -shuffle=on -timeout 30m ./...

acceptance: ## Chromium, Node-RED, Home Assistant, and the long forms of e2e/survival; installs the first three
	./e2e/setup.sh acceptance
	$(GOTEST) -count=1 -p 1 -timeout 15m -run 'NodeRED|Browser|HomeAssistant|Chaos|Flood|LongQueue|Video' \
		./e2e ./e2e/browser ./e2e/homeassistant ./e2e/survival -acceptance

chaos: ## e2e/survival alone, in its long forms: 500 uploads among kills and cuts, 10,000 in the queue, 1 GiB
	./e2e/setup.sh test
	$(GO) test -v -count=1 -timeout 60m ./e2e/survival -acceptance

lint: ## style, bugs, and the import arrows of ARCHITECTURE.md
	$(LINTER) run ./...

fmt: ## gofumpt and import groups
	$(LINTER) fmt ./...

bench: ## the figures of docs/performance.md
	./e2e/setup.sh test
	$(GO) test -run '^$$' -bench . -benchmem -timeout 60m ./...

fuzz: ## each fuzz target for FUZZTIME
	@grep -rHo --include='*_test.go' '^func Fuzz[A-Za-z0-9_]*' . | sort | while IFS=: read -r file target; do \
		echo "== $$(dirname "$$file") $${target#func }"; \
		$(GO) test -run '^$$' -fuzz "^$${target#func }\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 1x "$$(dirname "$$file")" </dev/null || exit 1; \
	done

demo: ## the whole job on this machine, without a Google account
	$(GO) run ./cmd/gphotos2mqtt demo

build: ## a static binary in bin/
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/ ./cmd/gphotos2mqtt ./cmd/photosim
