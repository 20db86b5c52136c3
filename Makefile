# A thin front: CMake presets do the building, tests/run.sh the testing. `make help` lists all.
SHELL := /bin/sh
JOBS ?= $(shell nproc)
PREFIX ?= /usr/local
DESTDIR ?=
CONFIG ?= config/quickstart.yaml
LOG ?=

# A build directory that an older checkout or another path left behind is made anew.
configure = cmake --preset $(1) >build/$(1).configure.log 2>&1 \
  || cmake --fresh --preset $(1) >build/$(1).configure.log 2>&1 \
  || { cat build/$(1).configure.log; exit 1; }
build_preset = mkdir -p build && { $(call configure,$(1)); } \
  && cmake --build --preset $(1) -j $(JOBS) $(if $(2),--target $(2))

.PHONY: help run build test test-long arm64 sim bench lint package install clean

help:  ## list the targets
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1\t/p' Makefile | expand -t 12

run: build  ## read a log (LOG=, CONFIG=; default: the bundled one) and show who was seen when
	@packaging/quickstart.sh build/lastseen '$(CONFIG)' '$(LOG)'

build:  ## leave the optimised binary at build/lastseen
	@packaging/install-dependencies.sh build
	@$(call build_preset,release,lastseen)
	@cmp -s build/release/lastseen build/lastseen || install build/release/lastseen build/lastseen

test:  ## everything that fits in 25 minutes, in stages
	@packaging/install-dependencies.sh build test
	@JOBS=$(JOBS) tests/run.sh

test-long:  ## what does not fit: long simulation, sanitized end to end, static analysis
	@packaging/install-dependencies.sh build test lint package machine arm64
	@JOBS=$(JOBS) tests/run.sh long

arm64:  ## build for arm64 on another machine, and test that under an emulator
	@packaging/install-dependencies.sh build test arm64
	@JOBS=$(JOBS) tests/run.sh arm64

sim:  ## simulate the whole agent for SECONDS (default 3600), or one SEED again
	@packaging/install-dependencies.sh build test
	@$(call build_preset,dev,sim)
	@build/dev/tests/sim/sim $(if $(SEED),--seed $(SEED),--seconds $(or $(SECONDS),3600))

bench:  ## measure beside others (QUICK=1: roughly); the report is build/bench/report.md
	@packaging/install-dependencies.sh build test bench
	@$(call build_preset,bench)
	@/usr/bin/python3 tests/bench/report.py --build build/bench $(if $(QUICK),--quick)

lint:  ## house rules, formatting, cppcheck and clang-tidy
	@packaging/install-dependencies.sh build test lint
	@tests/tidy.py
	@mkdir -p build && { $(call configure,dev); } && cmake --build --preset dev -j $(JOBS)
	@cppcheck --quiet --enable=warning,performance,portability --inline-suppr --error-exitcode=1 \
	  --std=c++20 --library=googletest -j $(JOBS) -I. -Iagent -Itests -DLASTSEEN_VERSION='""' \
	  agent parsers config tests
	@run-clang-tidy -quiet -p build/dev -j $(JOBS) '^$(CURDIR)/(agent|parsers|config)/.*\.cc$$'

package:  ## leave a .deb and an .rpm in build/package/
	@packaging/install-dependencies.sh build package
	@JOBS=$(JOBS) packaging/package.sh

install: build  ## install under PREFIX (DESTDIR for packagers)
	@DESTDIR='$(DESTDIR)' cmake --install build/release --prefix '$(PREFIX)'

clean:  ## remove what was built and what make run left
	rm -rf build lastseen.db lastseen.db-wal lastseen.db-shm
