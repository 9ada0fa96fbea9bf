TOOL := GOTOOLCHAIN=local go tool -modfile=tools/go.mod

.DEFAULT_GOAL := help
.PHONY: help build test soak lint fmt ci

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "%-8s %s\n", $$1, $$2}'

build: ## the command, as bin/toolgrant
	go build -o bin/ ./cmd/toolgrant

test: ## all tests, as CI runs them
	go test -race -shuffle=on ./...

soak: ## the long runs, with real servers and processes; prints the figures of docs/operations.md
	@bash -c 'set -euo pipefail; source .ci/services; source .ci/node; node_packages; \
		TOOLGRANT_SOAK=1 go test -p 1 -count 1 -v -timeout 3h ./internal/soak/... | { grep -v "^=== " || true; }'

lint: ## go vet and golangci-lint
	go vet ./...
	$(TOOL) golangci-lint run ./...

fmt: ## format all Go files
	git ls-files '*.go' | xargs $(TOOL) gofumpt -w

ci: ## everything that CI checks
	.ci/run
