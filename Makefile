# What each target does: `make help`.

VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
ABI := $(shell sed -n 's/^pub const CODEX_ABI_VERSION: u32 = \(.*\);$$/\1/p' src/ffi/version.rs)

TARGET := $(abspath $(or $(CARGO_TARGET_DIR),target))
export CARGO_TARGET_DIR := $(TARGET)
DEBUG := $(TARGET)/debug
RELEASE := $(TARGET)/release
HOST = $(shell rustc -vV | sed -n 's/^host: //p')
ASAN := $(TARGET)/asan
TSAN := $(TARGET)/tsan
BUILD_LOG := $(RELEASE)/build.json
FEATURES ?=

# Make's own default for CC is the same word, but `make -R` has none.
CC ?= cc
CXX ?= c++
export CC CXX
STRICT := -Wall -Wextra -Wpedantic -Werror

ifeq ($(shell uname -s),Darwin)
LIB := libcodex.dylib
SONAME := libcodex.$(ABI).dylib
else
LIB := libcodex.so
SONAME := libcodex.so.$(ABI)
endif

.PHONY: all help build library debug runtime runtime-old demo test lint test-rust test-c test-cpp check-header verify verify-tools differential tls asan tsan valgrind \
	test-cpp-all consumers cinstall event-loops docs bench bench-check bench-baseline soak soak-short soak-program header clean
# The targets below share cargo's lock and the terminal, and cargo and the compilers use every core by themselves.
.NOTPARALLEL:

all: build

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "%-14s %s\n", $$1, $$2 }'

# The crate types are named here because cargo leaves link-time optimisation out of a library that is an rlib besides, as the
# Rust tests need it: the shared library would be larger by 6 % and slower by as much.
library:
	@mkdir -p $(RELEASE)
	cargo rustc --release --lib --crate-type cdylib,staticlib --features '$(FEATURES)' \
		--message-format=json-render-diagnostics >$(BUILD_LOG)
	@ln -sf $(LIB) $(RELEASE)/$(SONAME)

build: package ## Build the release libraries (what plain `make` does); FEATURES=a,b adds features of cargo

debug: ## Build the debug libraries and the programs that the tests use
	cargo build --workspace
	@ln -sf $(LIB) $(DEBUG)/$(SONAME)

runtime: ## Find a Codex runtime ($CODEX_PATH, PATH) or download the pinned one; print its path
	@scripts/runtime any

runtime-old: ## Download the older runtime that the tests also cover; print its path
	@scripts/runtime old

demo: build ## Run examples-c/quickstart.c with a scripted model; LIVE=1: with your own Codex login
	cargo build -p scripted-model
	@mkdir -p $(TARGET)/demo
	$(CC) -std=c99 $(STRICT) -Iinclude examples-c/quickstart.c -o $(TARGET)/demo/quickstart \
		-L$(RELEASE) -lcodex -Wl,-rpath,$(RELEASE)
	@scripts/demo

test: lint debug test-rust test-c test-cpp check-header ## Run every test: Rust, C, C++, header, exported symbols

lint: ## Check formatting and lints
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings

test-rust: debug ## Run the Rust tests
	scripts/test-env cargo test --workspace --no-fail-fast

test-c: debug ## Run the C tests; FILTER=name runs those that match
	scripts/test-env scripts/run-c-tests $(DEBUG)

test-cpp: debug ## Run the C++ tests; FILTER=name runs those that match
	scripts/test-env scripts/run-cpp-tests $(DEBUG)

check-header: debug ## Check the header, the examples and the exported symbols
	scripts/check-header $(DEBUG)
	scripts/check-symbols $(DEBUG)/$(LIB)

verify: verify-tools differential tls asan tsan valgrind test-cpp-all consumers event-loops docs bench-check soak-short ## Test with TLS, run the C tests under ASan, TSan and valgrind, C++ with every compiler, build as a consumer, run in event loops, write the reference, count instructions, soak

verify-tools: ## Check that the tools of `make verify` are there
	@scripts/check-tools asan tsan valgrind cmake pkg-config python3 glib-2.0 libuv doxygen groff g++ nlohmann_json
	@scripts/check-tools curl wget

tls: debug ## Check the library with its feature tls and what is shipped of it, and run the tests of encrypted endpoints
	cargo clippy --features tls --all-targets -- -D warnings
	scripts/test-env cargo test --features tls --lib --test sockets
	@$(MAKE) --no-print-directory package FEATURES=tls CARGO_TARGET_DIR=$(TARGET)/tls
	scripts/test-env scripts/check-tls

differential: ## Hold the quick scanner against serde on ten million lines
	CODEX_FUZZ_LINES=10000000 cargo test --lib differential

in_asan = CC="$$(scripts/check-tools --sanitizing-compiler address)" \
	CXX="$$(scripts/check-tools --sanitizing-compiler address | sed s/clang/clang++/)" \
	CFLAGS='-fsanitize=address -fno-omit-frame-pointer' CXXFLAGS='-fsanitize=address -fno-omit-frame-pointer' C_TEST_TIMEOUT=600 \
	ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1:allow_addr2line=1 \
	scripts/test-env

asan: debug ## Run the C and C++ tests with AddressSanitizer in the library and in the tests
	@scripts/check-tools asan
	RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Zsanitizer=address \
		cargo build --lib --target $(HOST) --target-dir $(ASAN)
	@ln -sf $(LIB) $(ASAN)/$(HOST)/debug/$(SONAME)
	$(in_asan) scripts/run-c-tests $(ASAN)/$(HOST)/debug
	$(in_asan) scripts/run-cpp-tests $(ASAN)/$(HOST)/debug

tsan: debug ## Run the C tests with ThreadSanitizer in the library, in Rust's standard library and in the tests
	@scripts/check-tools tsan
	RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Zsanitizer=thread scripts/rust-with-source \
		cargo build --lib -Zbuild-std=std,panic_unwind --target $(HOST) --target-dir $(TSAN)
	@ln -sf $(LIB) $(TSAN)/$(HOST)/debug/$(SONAME)
	CC="$$(scripts/check-tools --sanitizing-compiler thread)" CFLAGS=-fsanitize=thread C_TEST_TIMEOUT=900 \
		TSAN_OPTIONS=die_after_fork=0 scripts/test-env scripts/run-c-tests $(TSAN)/$(HOST)/debug

# A block that only a running thread's stack points into counts as "possibly lost"; the library's thread may outlive main.
# One thread runs at a time, so the tests of concurrency use few.
valgrind: debug ## Run the C tests under valgrind
	@scripts/check-tools valgrind
	C_TEST_TIMEOUT=1800 CODEX_TEST_THREADS=8 scripts/test-env scripts/run-c-tests $(DEBUG) \
		valgrind --quiet --error-exitcode=99 --leak-check=full --show-leak-kinds=definite,indirect \
		--errors-for-leak-kinds=definite,indirect --child-silent-after-fork=yes

test-cpp-all: debug ## Compile the C++ tests with g++ and clang++ as C++17, 20 and 23, and run them with both
	@scripts/check-tools asan g++ nlohmann_json
	scripts/test-env scripts/run-cpp-tests --all $(DEBUG)

consumers: build man ## Install, move and use the library from cc, pkg-config, CMake, C++, dlopen, a plugin; check what is shipped
	@scripts/check-tools cmake pkg-config asan python3 groff curl wget
	cargo build -p fake-runtime
	scripts/check-fetch-runtime
	scripts/check-symbols $(RELEASE)/$(LIB)
	scripts/check-consumers

# Apart from `make verify`, because cargo-c takes minutes to compile.
cinstall: ## Install by `cargo cinstall`, as distributions do, and use the library from there
	@scripts/check-tools cargo-cinstall pkg-config
	cargo build -p fake-runtime
	scripts/check-cinstall

# One at a time, so that the programs are not in each other's way while they measure.
event-loops: debug library ## Run the programs with the loops of GLib and libuv, which nothing may hold up for 5 ms
	@scripts/check-tools pkg-config glib-2.0 libuv valgrind
	$(CC) -std=c11 $(STRICT) -fsyntax-only -Iinclude examples-c/event-loops/*.c $$(pkg-config --cflags glib-2.0 libuv)
	cargo clippy --test event_loops -- -D warnings
	scripts/test-env cargo test --test event_loops -- --test-threads=1 --nocapture

docs: man ## Write the reference and the guides as HTML, and the pages of the manual, into target/docs; warnings are errors
	@scripts/check-tools python3 doxygen
	@scripts/reference html $(TARGET)/docs

SOAK := $(TARGET)/soak/soak
soak = $(SOAK) $(1) runtime=$(DEBUG)/fake-runtime

soak: soak-program ## Run turns, clients, a flood and waits for minutes; fail when memory, descriptors or threads grow
	$(call soak,turns count=10000 deltas=500)
	$(call soak,connects count=1000)
	$(call soak,unread seconds=60 max_queued=8388608)
	$(call soak,waits count=100000)

soak-short: soak-program
	$(call soak,turns count=1000 deltas=500)
	$(call soak,connects count=100)
	$(call soak,unread seconds=2 max_queued=8388608)
	$(call soak,waits count=12000)

soak-program: build
	cargo build -p fake-runtime
	@mkdir -p $(TARGET)/soak
	$(CC) -std=gnu11 $(STRICT) -Iinclude -Ibenches tests/soak/soak.c benches/host.c benches/measure.c -o $(SOAK) \
		-L$(RELEASE) -lcodex -Wl,-rpath,$(RELEASE) -lpthread

bench: ## Measure beside the floor and the official SDKs, in under 5 minutes; benches/README.md tells more
	@scripts/check-tools python3
	benches/run --short

bench-check: ## Count the instructions of the hot paths; worse than benches/instructions.json by over 5 % fails
	@scripts/check-tools python3 valgrind
	python3 -B -m unittest discover -s benches/driver -t benches
	benches/instructions

bench-baseline: ## Record benches/instructions.json anew, when the hot paths are meant to cost what they do now
	@scripts/check-tools python3 valgrind
	benches/instructions --record

header: ## Write include/codex.h anew from the Rust source
	CODEX_UPDATE_HEADER=1 cargo test --test header the_header_equals_what_the_source_says

include packaging/install.mk

clean: ## Remove what was built; downloaded runtimes stay
	@rm -rf $(addprefix $(TARGET)/,debug release tls cinstall asan tsan rust bench package dist consumers c-tests demo docs soak tmp)
	@test ! -d $(TARGET)/runtime || echo "Kept the downloaded runtimes: remove $(TARGET)/runtime by hand if you want the space."
