# Every way to build, check and run the project. `make` lists them.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
# Steps share cargo's locks and two of them print tables: one at a time.
.NOTPARALLEL:
.PHONY: help setup build check simulate planted test test-native test-worker test-dashboard test-bench test-readme test-docs \
	test-deployment openapi fuzz coverage mutants bench run demo verify deploy deploy-dry-run audit clean

# Puts Node 22, Wrangler and the other tools first in PATH.
env := . scripts/env &&

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-16s%s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## get the tools (slow the first time, then nothing)
	@scripts/setup

build: setup ## build the Worker into build/
	@scripts/build

check: setup ## formatting, lints, types and documentation, warnings denied
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps
	$(env) biome lint --error-on-warnings
	$(env) tsc
	$(env) tsc --project dashboard
	$(env) tsc --project bench/baseline
	$(env) tsc --project clients/typescript

test: setup check test-native simulate test-worker test-dashboard test-bench test-readme test-docs test-deployment ## all checks and tests

test-native: ## domain, stores and command line, without the platform
	cargo test --workspace

# SEED is the first seed (alone: tells that one), SEEDS how many, FOR for how many seconds, TRACE=1 all that happens in it.
simulate: export SEED := $(SEED)
simulate: export SEEDS := $(SEEDS)
simulate: export FOR := $(FOR)
simulate: export TRACE := $(TRACE)
simulate: ## the simulator: past failures, then the stories of 2,000 seeds
	cargo run --quiet --profile simulate -p sim --bin simulate

# ARGS are names of files in crates/sim/planted: only those are tried, and nothing is written.
planted: ## whether the simulator finds each planted fault; writes docs/simulation.md (some hours)
	cargo xtask planted $(ARGS)

test-worker: build ## the built Worker in the local runtime
	@scripts/setup metrics
	$(env) node --test --test-concurrency=3 'tests/worker/*.test.mjs'

test-dashboard: build ## the dashboard of the built Worker, in Chromium
	@scripts/setup browser
	$(env) node --test --test-concurrency=1 'tests/dashboard/*.test.mjs'

test-bench: build ## the benchmark's own arithmetic, and that it overlooks no lost event
	$(env) node --test 'bench/*.test.mjs'

test-readme: build ## the README's commands, as they stand there
	$(env) node --test tests/readme.test.mjs

test-docs: setup ## what the pages say, against the sources
	$(env) node --test tests/docs.test.mjs

test-deployment: build ## wrangler.toml, and the scripts that deploy, against a stand-in for the account
	$(env) node --test tests/configuration.test.mjs tests/deployment.test.mjs

openapi: ## write docs/openapi.json from the types and routes of the API
	cargo run --quiet -p xtask -- openapi

# SEED and EXAMPLES (per route) change what is tried; ARGS are Schemathesis'.
fuzz: build ## send the API what docs/openapi.json allows and forbids, and hold the answers against it
	@scripts/setup fuzz
	scripts/fuzz $(ARGS)

# The Worker itself (src) runs in test-worker, where lines can't be counted.
coverage: ## line coverage of crates/model, crates/store and crates/flow; fails under 92 %
	@scripts/setup coverage
	$(env) cargo llvm-cov --package model --package store --package flow --fail-under-lines 92 \
		--ignore-filename-regex '/tests/|/benches/|/rig/|/sim/'

# The code that decides: who an event is, where it goes, what is counted once, whether stores agree.
MUTATED := event/** flag/** log/** counting/** parity/*.rs reading/merge.rs
FILES ?= $(MUTATED:%=crates/model/src/%) crates/store/src/events/**

# Hours for all of them. ARGS="--shard 0/50" tries a fiftieth, and FILES=crates/model/src/flag/route.rs one file.
# .cargo/mutants.toml says by which tests, and what is left out. ARGS="--baseline skip" saves a run without a change.
mutants: ## change the code that decides, bit by bit, and list in target/mutants.out what no test notices
	@scripts/setup mutants
	$(env) CARGO_TARGET_DIR=$(CURDIR)/target PROPTEST_CASES=$${PROPTEST_CASES-64} \
		cargo mutants --workspace $(FILES:%=--file '%') $(ARGS)

# Nothing else should run meanwhile. ARGS=--quick takes some minutes and leaves docs/performance.md as it is.
bench: build ## measure speed and cost against the plan's own design
	bench/floor-rust/build
	$(env) node bench/run.mjs $(ARGS)

# Without LOCAL_DEVELOPMENT the collector's own routes are closed, as on an account.
run: build ## serve the gateway locally; ARGS are Wrangler's, such as --var UPSTREAM_URL:http://localhost:8080
	$(env) CI=true wrangler d1 migrations apply DB --local
	$(env) wrangler dev --var LOCAL_DEVELOPMENT:true $(ARGS)

demo: build ## show the whole story locally; ARGS=--exit ends after it
	$(env) cargo run --quiet -p xtask -- demo $(ARGS)

# Nothing else should run meanwhile: it holds measured response times against the truth. 1 % of 40,000 requests, a
# quarter of which are scheme B's, are enough to prove its limit.
verify: build ## run schemes A and B locally, and write what was found into docs/verification.md
	$(env) node bench/consumer.mjs
	$(env) cargo run --quiet -p xtask -- demo --exit --requests 40000 --report docs/verification.md $(ARGS)

# Without ENV they say which there are.
deploy: setup ## migrate and deploy to an account; ENV=staging or ENV=production, after scripts/provision
	@scripts/deploy "$(ENV)"

deploy-dry-run: setup ## what deploy would upload, without an account; ENV as for deploy
	@scripts/deploy "$(ENV)" --dry-run

audit: ## known vulnerabilities, licences and sources of the packages used; needs the network
	@scripts/setup audit
	$(env) npm audit
	$(env) cargo deny --workspace check

clean: ## remove what was built; the tools stay (.tools, node_modules)
	rm -rf target build coverage dashboard/dist .wrangler
