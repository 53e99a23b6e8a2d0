# Two commands do everything on a fresh Debian-like machine with Rust on it: make run, make test.
# Where a step needs root and there is none, it says which command to run.

SHELL := /bin/bash
export CARGO_TERM_PROGRESS_WHEN ?= never

.PHONY: help run build test check bench fuzz fmt deps-build deps-test deps-bench clean

help: ## This list.
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

run: build ## Build all, start the gateway and open the chat (state in OPENCLAW_STATE_DIR or ~/.openclaw).
	@./target/release/openclaw chat

build: deps-build ## The four programs, optimised, in target/release.
	cargo build --release --workspace --exclude tests

test: deps-test ## Every test.
	cargo nextest run --workspace

test-cgroup: deps-cgroup ## What control groups enforce, in a small virtual machine that has them.
	tests/vm/run

check: deps-build ## Format, lints and docs, all denied.
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --quiet

bench: deps-bench build ## Measure, print a table, write target/bench.json.
	cargo build --release -p tests --bin bench
	./target/release/bench

fuzz: deps-build ## Random bytes for every parser of what strangers write, a minute each.
	fuzz/run 60

fmt: ## Format the code.
	cargo fmt --all

clean:
	cargo clean

# $(call need,PROGRAM,PACKAGES): installs Debian packages where the program is missing.
need = $(call unless,command -v $(1),$(1),$(2))

# $(call unless,TEST,WHAT,PACKAGES): installs Debian packages where the test fails.
define unless
	@{ $(1); } >/dev/null 2>&1 || { \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
			echo "installing $(3)" && apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $(3) >/dev/null; \
		else echo "$(2) is missing; run: sudo apt-get install $(3)" >&2; exit 1; fi; }
endef

deps-build:
	@command -v cargo >/dev/null 2>&1 || { echo "cargo is missing; install Rust 1.95 or newer with rustup" >&2; exit 1; }
	$(call need,cc,build-essential)

deps-bench:
	$(call need,bwrap,bubblewrap)

deps-test: deps-build
	$(call need,python3,python3)
	$(call unless,python3 -c 'import pip' || python3 -c 'import ensurepip',pip,python3-pip python3-venv)
	$(call need,node,nodejs npm)
	$(call need,npm,npm)
	$(call need,git,git)
	@command -v cargo-nextest >/dev/null 2>&1 || cargo install --locked cargo-nextest

deps-cgroup: deps-build
	$(call need,qemu-system-x86_64,--no-install-recommends qemu-system-x86)
	$(call need,busybox,busybox-static)
	$(call need,cpio,cpio)
	$(call need,strip,binutils)
