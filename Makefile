# Penstock's commands. `make` alone lists them.
#
# Everything here needs Go and make. `make real` and `make bench-peers` also need Java 17 and Maven; they say so when they are
# missing. Tools are Go programs, built once at the version named below into .cache/bin, so nothing outside this folder is touched.

SHELL := /bin/sh
GO    ?= go
CACHE := $(CURDIR)/.cache
BIN   := $(CACHE)/bin

GOLANGCI_VERSION := v2.15.0
GOLANGCI         := $(BIN)/golangci-lint-$(GOLANGCI_VERSION)

# What the tests and the benchmarks cover; narrow it while working: make test PKG=./processors/...
PKG       ?= ./...
BENCH     ?= .
BENCH_POTS ?= 10000
FUZZ_TIME ?= 10s
SCHEDULES ?= 300
FROM      ?= 1

# TESTS runs `go test` and ends with one counted line for each kind of test that could not run here. Tests are short and leave everything behind: collecting it
# less often saves a third of their processor time, for memory that nobody else here needs.
TESTS := GOGC=400 $(GO) run ./ops/tidy/gotest

# How long the tests of one package may take. Go's own ten minutes are too few for a package that starts a stack in each test, under the race detector, on a
# machine that is slow and busy.
TEST_TIME := -timeout 45m

# The seed of the property tests: the same histories each time, so that what passes once passes again. `make test RAPID_SEED=0` plays others, and so does a
# plain `go test`.
export RAPID_SEED ?= 20080418

# The simulation runs without the race detector: its faults cut connections, and the Kafka client's own repetition of a request then touches it from two
# goroutines, which is the client's to mend. The engine, which is ours, has its own tests under the detector.
SIMULATION := github.com/penstock-ledger/penstock/ops/simulation

# The packages in which nothing runs beside anything else, neither in their code nor in their tests: ops/tidy holds them to it, and to this list. The race
# detector has nothing to find there and takes five times as long, so they run without it. The longest comes first. That many shards may call
# them at once is tested under the detector where the shards are, in the engine and in whatever runs the whole system.
SEQUENTIAL := ./streams/sim ./ops/invariants ./processors/... ./streams ./schemas/... ./ops/history

# The chosen packages of each kind.
CHOSEN            = $(or $(shell $(GO) list $(PKG)),$(error no package is $(PKG)))
CHOSEN_SEQUENTIAL = $(filter $(CHOSEN),$(shell $(GO) list $(SEQUENTIAL)))
CHOSEN_CONCURRENT = $(filter-out $(CHOSEN_SEQUENTIAL) $(SIMULATION),$(CHOSEN))

# Compiling comes before the tests and uses all processors; packages that are nothing but tests have nothing to compile yet.
COMPILE_RACE = $(GO) list -f '{{if .GoFiles}}{{.ImportPath}}{{end}}' $(CHOSEN_CONCURRENT) | xargs -r $(GO) build -race -o /dev/null

# The packages whose tests start a real Apache Kafka: those that import its harness, and the harness. The engine's own tests run on one all together; of the
# others' those with Real in their names, to which the harness holds them: the rest would do again what `make race` does.
ENGINE   := github.com/penstock-ledger/penstock/streams/engine
HARNESS  := github.com/penstock-ledger/penstock/ops/realkafka
REAL_PKG  = $(shell $(GO) list -f '{{$$p := .ImportPath}}{{if eq $$p "$(HARNESS)"}}{{$$p}}{{end}}{{range .TestImports}}{{if eq . "$(HARNESS)"}}{{$$p}} {{end}}{{end}}{{range .XTestImports}}{{if eq . "$(HARNESS)"}}{{$$p}} {{end}}{{end}}' ./... | tr ' ' '\n' | sort -u)

# `auto` runs the real suites where Java and Maven are; `must` fails without them, for machines that promise both.
REAL ?= auto

# The seed of `make drills`; empty is the usual one.
SEED ?=

.DEFAULT_GOAL := help

.PHONY: help
help: ## list the targets
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: bin/penstock ## the main job end to end on the embedded stack, with every invariant checked
	@bin/penstock demo

.PHONY: up
up: bin/penstock ## the embedded stack and all roles, until interrupted
	@bin/penstock up

.PHONY: build
build: bin/penstock ## the penstock binary, in bin/

.PHONY: bin/penstock
bin/penstock:
	$(GO) build -o bin/penstock ./cmd/penstock

.PHONY: test
test: ## all tests that need nothing but Go
	@$(TESTS) $(TEST_TIME) $(PKG)

.PHONY: race
race: ## all that runs concurrently, but for the simulation, under the race detector, one package at a time
	@$(if $(CHOSEN_CONCURRENT),$(COMPILE_RACE) && $(TESTS) $(TEST_TIME) -race -p 1 $(CHOSEN_CONCURRENT))

.PHONY: sequential
sequential: ## the tests of packages in which nothing runs beside anything else
	@$(if $(CHOSEN_SEQUENTIAL),$(TESTS) $(TEST_TIME) $(CHOSEN_SEQUENTIAL))

.PHONY: check-sim
check-sim:
	@$(TESTS) $(TEST_TIME) $(SIMULATION)

.PHONY: check
check: lint generate-check sequential race check-sim ## what must pass before a change lands: lint, generated files, tests, with -race where it can find anything

.PHONY: real
real: ## the suites against a real Apache Kafka and Postgres (Java 17 and Maven needed)
	@PENSTOCK_REAL=$(REAL) $(TESTS) -count=1 -p 1 $(TEST_TIME) $(ENGINE)
	@PENSTOCK_REAL=$(REAL) $(TESTS) -count=1 -p 1 $(TEST_TIME) -run Real $(filter-out $(ENGINE),$(REAL_PKG))

.PHONY: drills
drills: ## a million instructions through processes that are killed, frozen and robbed, on both brokers (SEED=n; Java 17 and Maven needed)
	PENSTOCK_DRILLS=full PENSTOCK_REAL=must PENSTOCK_DRILL_SEED=$(SEED) $(GO) test -count=1 -v -timeout 90m ./ops/drills/processes

.PHONY: sim
sim: bin/penstock ## SCHEDULES (300) seeds of the fault simulation, from FROM (1)
	@bin/penstock sim --schedules $(SCHEDULES) --from $(FROM)

.PHONY: bench
bench: bin/penstock ## the whole cycle at BENCH_POTS pots (10,000), then Go benchmarks (BENCH=regexp, PKG=./path)
	@bin/penstock bench cycle --pots $(BENCH_POTS)
	$(GO) test -run '^$$' -bench '$(BENCH)' -benchmem $(PKG)

.PHONY: bench-peers
bench-peers: ## the engine beside goka, Kafka Streams and a ceiling, on a real Kafka (PEERS="-rounds 1 -json"); Java 17 and Maven needed
	@$(GO) run ./ops/bench/peers $(PEERS)

.PHONY: fuzz-short
fuzz-short: ## every fuzz target for FUZZ_TIME (10s) each
	@$(GO) run ./ops/tidy/gotest -fuzz-each $(FUZZ_TIME) $(PKG)

.PHONY: lint
lint: $(GOLANGCI) ## golangci-lint and go vet by .golangci.yml
	$(GOLANGCI) run $(PKG)

.PHONY: fmt
fmt: $(GOLANGCI) ## format the Go files in place
	$(GOLANGCI) fmt

.PHONY: generate
generate: ## write the generated files anew, the types that others are generated with first
	$(GO) generate ./schemas && $(GO) generate ./...

.PHONY: generate-check
generate-check: ## fail when the generated files are not what `make generate` writes
	@$(GO) run ./ops/tidy/generated -check

.PHONY: tools
tools: $(GOLANGCI) ## build the pinned tools into .cache/bin

$(GOLANGCI):
	@mkdir -p $(BIN)/build
	GOBIN=$(BIN)/build $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)
	mv $(BIN)/build/golangci-lint $@

.PHONY: clean
clean: ## remove what the targets above built
	rm -rf bin $(CACHE)
