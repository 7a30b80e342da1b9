# make          builds bin/parlance
# make test     runs every test with the race detector, those that want one on a Cassandra of their own
# make lint     gofumpt, go vet, staticcheck; the API descriptions too if npm is at hand
# make openapi  checks the API descriptions (needs npm)
# make bench    measures, and prints docs/performance.md's table

SHELL := /bin/bash
# What "parlance version" says: the last tag and what came since, or the commit.
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null)
export PARLANCE_DATA ?= $(wildcard $(abspath ../shared/data))

GOFUMPT     := mvdan.cc/gofumpt@v0.12.0
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
REDOCLY     := @redocly/cli@2.0.0
SPECTRAL    := @stoplight/spectral-cli@6.15.0
OPENAPI     := imkit/openapi.yaml shopline/openapi.yaml imetastore/openapi.yaml readapi/openapi.yaml

.PHONY: build test tests lint openapi bench

# Without symbols the program is a third smaller; stack traces keep their names and lines.
build:
	go build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o bin/parlance ./cmd/parlance

test:
	go run ./internal/cassandratest/run -- $(MAKE) --no-print-directory tests

# These go through all real conversations, thousands of rooms or requests, or the largest messages there may be, which
# takes the race detector ten minutes each and shows it nothing that others don't; or count allocations.
LONG := TestRealLinesComeBackByteForByte|TestRealFilesComeBackByteForByte|TestRealConversationsAreWalkedWhole|TestWhatIsExportedCanBeImported
LONG := $(LONG)|TestMemoryUnderAttack|TestAPageAllocatesNothingPerMessage|TestDescriptionsAreAsStrictAsTheServer
LONG := $(LONG)|TestQuietRunLooksAtItsShare|TestRotationFindsWhatTheListDoesNotTell
LONG := $(LONG)|TestQueriesOfRealMessages|TestAnswersAreThoseOfAScan|TestABlockGivesWhatItsDocumentsHave|TestMergedBlocksAreThoseOfAllDocuments
# These compare the store with a model, a hundred times without the race detector and ten times with it.
MODELS := TestModel|TestModelHarsh|TestModelFaults|TestCopyModel

# Bounds of requests and answers are the same on every engine, and what goes beyond them is made in minutes on a cluster.
BOUNDS := Bound|Linear|Many|Large|Short|StopsAClient

# On the engines that are there: Cassandra too if PARLANCE_CASSANDRA names one.
tests:
	go test -race -timeout 40m -skip '^($(LONG)|$(MODELS))$$' ./...
	go test -timeout 20m -run '^($(LONG)|$(MODELS))$$' ./export ./cmd/parlance ./internal/dialecttest ./mirror ./search/... ./store
	go test -race -timeout 20m -run '^($(MODELS))$$' ./store -rapid.checks=10
	if [ "$$CI" = true ]; then go test -timeout 20m ./mirror -run '^TestMirror$$' -rapid.checks=1000; fi
	if [ -n "$$PARLANCE_CASSANDRA" ]; then PARLANCE_TEST_ENGINE=cassandra go test -timeout 20m -skip '$(BOUNDS)' ./imkit ./shopline ./imetastore -rapid.checks=2; fi

lint:
	@test -z "$$(go run $(GOFUMPT) -l . | tee /dev/stderr)" || { echo "run: go run $(GOFUMPT) -w ."; exit 1; }
	go vet ./...
	go run $(STATICCHECK) ./...
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory openapi; else echo "no npm: the API descriptions aren't checked"; fi

openapi:
	npx --yes $(REDOCLY) lint $(OPENAPI)
	npx --yes -p $(SPECTRAL) spectral lint --fail-severity=warn $(OPENAPI)

bench:
	go run ./bench
