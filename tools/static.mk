# SPDX-License-Identifier: GPL-2.0
#
# make -f tools/static.mk PROGRAM=bpffsctl OUT=FILE: the program of that directory beside this file, with a
# C library of its own, whatever the machine has.

directory := $(dir $(lastword $(MAKEFILE_LIST)))$(PROGRAM)
CARGO ?= cargo
export CARGO_TARGET_DIR ?= $(CURDIR)/$(directory)/target
HOST := $(shell rustc -vV | sed -n 's/^host: //p')
# With a target that is named, the flags are not those of what runs in the build.
# Newer compilers tell that a static program cannot resolve host names, which ours do not.
export RUSTFLAGS += -C target-feature=+crt-static -A unknown_lints -A linker_messages

all:
	@$(CARGO) build --quiet --locked --release --target $(HOST) --manifest-path $(directory)/Cargo.toml
	@cp -u $(CARGO_TARGET_DIR)/$(HOST)/release/$(PROGRAM) $(OUT)

.PHONY: all
