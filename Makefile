# make          builds bin/parlance
# make test     runs every test with the race detector
# make lint     gofumpt, go vet, staticcheck
# make bench    measures, and prints docs/performance.md's table

SHELL := /bin/bash
export PARLANCE_DATA ?= $(wildcard $(abspath ../shared/data))

GOFUMPT     := mvdan.cc/gofumpt@v0.12.0
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2

.PHONY: build test lint bench

build:
	go build -trimpath -o bin/parlance ./cmd/parlance

test:
	go test -race -timeout 30m ./...

lint:
	@test -z "$$(go run $(GOFUMPT) -l . | tee /dev/stderr)" || { echo "run: go run $(GOFUMPT) -w ."; exit 1; }
	go vet ./...
	go run $(STATICCHECK) ./...

bench:
	go run ./bench
