TOOL := GOTOOLCHAIN=local go tool -modfile=tools/go.mod

.DEFAULT_GOAL := help
.PHONY: help build test soak mutants bench screenshots lint fmt release ci

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "%-11s %s\n", $$1, $$2}'

build: ## build the command as bin/toolgrant
	go build -o bin/ ./cmd/toolgrant

test: ## run all tests, like CI
	go test -race -shuffle=on ./...

soak: ## run the long tests with real servers and processes, which print the figures of docs/operations.md
	@bash -c 'set -euo pipefail; source .ci/services; source .ci/node; node_packages; \
		TOOLGRANT_SOAK=1 go test -p 1 -count 1 -v -timeout 3h ./internal/soak/... | { grep --line-buffered -v "^=== " || true; }; \
		TOOLGRANT_SOAK=1 go test -count 1 -v -timeout 1h -run TestConsumersAndOpenAI ./mcptools/session | { grep --line-buffered -v "^=== " || true; }'

mutants: ## break the code in one place at a time and expect a test to fail; ONLY=regexp selects by name
	TOOLGRANT_MUTANTS='$(or $(ONLY),.)' go test -count 1 -v -timeout 3h -run TestNoMutantLives ./internal/mutants

bench: ## compare the hot and cold paths with their floors and with other libraries; writes bench/ratios.json
	@bash -c 'source .ci/services || true; go -C bench run .'

screenshots: ## make the pictures of the README anew, in docs/images
	@bash -c 'set -euo pipefail; source .ci/browser; browser_packages; \
		TOOLGRANT_SCREENSHOTS="$$PWD/docs/images" go test -count 1 -v ./internal/screenshots'

lint: ## run go vet and golangci-lint
	go vet ./...
	$(TOOL) golangci-lint run ./...

fmt: ## format all Go files
	git ls-files '*.go' | xargs $(TOOL) gofumpt -w

release: ## build the archives of a release in dist/, for six systems
	.ci/release

ci: ## run all checks of CI
	.ci/run
