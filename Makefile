# Every target works on a machine with nothing but Go, git and make; what else a
# test needs is installed by e2e/setup.sh.

GO        ?= go
GOTEST    ?= $(GO) test
FUZZTIME  ?= 30s
LINTER    := $(GO) run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

.PHONY: test e2e chaos lint fmt bench fuzz demo build

test: ## unit tests and e2e scripts, with the race detector
	./e2e/setup.sh
	$(GOTEST) -race -shuffle=on -timeout 30m ./...

e2e: ## the e2e scripts alone: the built binary, a real Mosquitto, the embedded broker
	./e2e/setup.sh
	$(GOTEST) -race -shuffle=on -count=1 -timeout 30m ./e2e/...

chaos: ## the long forms of e2e/survival: 500 uploads among kills and cuts, 1 GiB on a bad line
	./e2e/setup.sh
	$(GO) test -v -count=1 -timeout 60m ./e2e/survival -long

lint: ## style, bugs, and the import arrows of ARCHITECTURE.md
	$(LINTER) run ./...

fmt: ## gofumpt and import groups
	$(LINTER) fmt ./...

bench: ## the figures of docs/performance.md
	./e2e/setup.sh
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
