# Targets for development. `make help` lists them; plain `make` builds.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := build

# Arrow unpacked by `make deps` has precedence over the system's. Swift commands run by hand need the same variable.
export PKG_CONFIG_PATH := $(CURDIR)/.deps/arrow/lib/pkgconfig$(if $(PKG_CONFIG_PATH),:$(PKG_CONFIG_PATH))

# Extra flags for `swift test`, e.g. `make test SWIFT_TEST_FLAGS='--filter Columnar'`.
SWIFT_TEST_FLAGS ?=
WEIR_SOAK ?= 20

.PHONY: deps test-peers soak-peers build release demo test soak threads bench format lint docs manual clean help

deps: ## install what building needs and is missing (Arrow into .deps, Debian packages)
	@scripts/install-dependencies

test-peers: deps ## install what tests and lint need besides (PyIceberg, DuckDB, Kafka brokers, linters, into .deps/peers)
	@scripts/install-test-peers

soak-peers: test-peers ## install what only `make soak` tests with (Spark, Java 17, ClickHouse, into .deps/soak-peers)
	@scripts/install-soak-peers

build: deps ## debug build of everything
	swift build

release: deps ## optimised build of the weir command: .build/release/weir
	swift build -c release --product weir

demo: release ## build weir and run its guided tour on embedded defaults
	.build/release/weir demo

test: test-peers ## build and run every test
	swift build --build-tests
	swift test --skip-build --disable-xctest $(SWIFT_TEST_FLAGS)

soak: soak-peers ## run the tests with WEIR_SOAK (20) times the random rounds, kills and outages, then `make threads`
	swift build --build-tests
	WEIR_SOAK=$(WEIR_SOAK) swift test --skip-build --disable-xctest $(SWIFT_TEST_FLAGS)
	@scripts/test-threads

threads: test-peers ## run the tests of threads, logs and the runtime under ThreadSanitizer
	@scripts/test-threads

bench: release ## optimised build and run of the benchmarks
	swift build -c release --product weir-bench
	.build/release/weir-bench

format: ## rewrite Swift sources in the project's format
	swift format format --in-place --recursive --parallel Sources Tests Package.swift

lint: test-peers ## check format, tidiness, scripts, Dockerfile and compose file
	@scripts/lint

docs: deps ## write the API reference to .build/docs
	@scripts/build-docs

manual: deps ## write the parts of docs/ that come from the code: options, keys, properties, output of examples
	WEIR_UPDATE_MANUAL=1 swift test --disable-xctest --filter 'ManualTests|ManualExampleTests'

clean: ## delete build products; .deps stays
	rm -rf .build

help: ## list these jobs
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(firstword $(MAKEFILE_LIST)) | awk -F '\t' '{ printf "  make %-11s %s\n", $$1, $$2 }'
