# SPDX-License-Identifier: GPL-2.0
#
# What is built, called from the top of the clone: in the root, where KDIR is the
# test kernel's, or with KDIR of the user's own.

KDIR ?= /kernel/src
RELEASE := $(shell cat "$(KDIR)/include/config/kernel.release")
top := $(CURDIR)
out := $(top)/build/$(RELEASE)
# What the module is made of, and where. A mutant is a copy with a fault, built apart.
sources := $(or $(MODULE_SOURCES),$(top))
module_out := $(abspath $(or $(MODULE_OUT),$(out)))
export CARGO_TARGET_DIR ?= $(top)/build/cargo

vm := tools/testing/vm
cargo = cargo build --quiet --locked --manifest-path $(1)/Cargo.toml

# The compiler that the kernel was built with, as far as its configuration tells.
config = $(shell sed -n 's/^CONFIG_$(1)=//p' "$(KDIR)/.config")
major = $(shell expr $(call config,$(1)_VERSION) / 10000)
clang = $(if $(shell command -v clang-$(1)),-$(1),1)
gcc = gcc$(if $(shell command -v gcc-$(1)),-$(1))
compiler := $(if $(call config,CC_IS_CLANG),LLVM=$(call clang,$(call major,CLANG)),CC=$(call gcc,$(call major,GCC)))
kbuild = $(MAKE) -C "$(KDIR)" M=$(sources) $(compiler)

# A file with the kernel's BTF, which says what its functions are: for a stock kernel, none is an
# error; for another, nothing is proved then.
BTF ?= $(firstword $(wildcard $(KDIR)/vmlinux) \
	$(if $(filter $(RELEASE),$(shell uname -r)),$(wildcard /sys/kernel/btf/vmlinux)) \
	$(if $(filter /kernel/src,$(KDIR)),$(KDIR)/vmlinux))
btf := $(if $(call config,DEBUG_INFO_BTF),$(BTF))

all: tools module bpffsctl selftests samples

# Whether nobody has tried this kernel.
series := $(shell expr "$(RELEASE)" : '\([0-9]*\.[0-9]*\)')
tried := $(shell sed -n 's/^tried := //p' "$(sources)/Kbuild")

# A klp-relocate that is built already, as where DKMS builds.
KLP_RELOCATE ?= $(CARGO_TARGET_DIR)/debug/klp-relocate

module: $(if $(filter file,$(origin KLP_RELOCATE)),klp-relocate)
	+@mkdir -p $(module_out)
	+@$(kbuild) MO=$(module_out) modules
	$(if $(filter $(series),$(tried)),,@echo "bpffs: warning: the module was not tried with Linux $(series) yet," \
		"only with $(tried): see what its tests say before you rely on it" >&2)
	$(if $(btf),,@echo "bpffs: warning: nothing proves that the kernel's functions are what the module takes" \
		"them to be, as $(KDIR) has no vmlinux with BTF: name one with BTF=" >&2)
	@$(KLP_RELOCATE) convert --symbols $(sources)/rust/livepatch.symbols \
		$(if $(btf),--btf "$(btf)" --prototypes $(module_out)/rust/prototypes.btf) \
		$(module_out)/bpffs.ko
	@for name in notefs $(if $(BPFFS_TESTFS),testfs testfs_bare); do \
		nm -u $(module_out)/$$name.ko | awk -v name=$$name 'NR == FNR { listed[$$2]; next } \
		$$2 in listed { print "bpffs: error: " name ".ko refers to " $$2 ", which is not exported"; bad = 1 } \
		END { exit bad }' $(module_out)/livepatch.symvers - || exit 1; done

# The file systems that are for tests only, too.
test-modules: export BPFFS_TESTFS := y
test-modules: module

# All modules once more, which count what is run, and what keeps that when they go.
coverage-modules:
	+@$(MAKE) --no-print-directory -f $(vm)/build.mk test-modules MODULE_OUT=$(out)/coverage BPFFS_COVERAGE=y \
		KRUSTFLAGS="-Cinstrument-coverage -Zno-profiler-runtime -Zcoverage-options=branch"

klp-relocate:
	+@$(call cargo,tools/klp-relocate)

# Beside the kernels' directories: one serves all of them.
bpffsctl:
	+@$(MAKE) --no-print-directory -f tools/static.mk PROGRAM=bpffsctl OUT=$(top)/build/bpffsctl

# For machines that have no cargo.
static-klp-relocate:
	+@$(MAKE) --no-print-directory -f tools/static.mk PROGRAM=klp-relocate OUT=$(top)/build/klp-relocate

tools:
	+@$(call cargo,$(vm))

# With warnings as errors, and documentation; apart from what is used.
module-lint:
	+@mkdir -p $(out)-lint
	+@$(kbuild) MO=$(out)-lint CLIPPY=1 KRUSTFLAGS=-Dwarnings BPFFS_TESTFS=y BPFFS_RUSTDOC=y BPFFS_DOCTESTS=y modules

selftests:
	+@$(MAKE) -C tools/testing/selftests KSRC=$(KDIR) O=$(out)/selftests all

# What moves trees while agents use them.
moving:
	+@$(call cargo,tools/testing/rounds)

# With real clients, too; it has some of what their tests have.
rounds: moving
	@GOCACHE=$(top)/build/go GO111MODULE=off GOPATH=/usr/share/gocode \
		go build -o $(top)/build/use_cilium tools/testing/rounds/go/use_cilium.go
	+@$(MAKE) -C tools/testing/selftests TARGETS=bpffs/clients KSRC=$(KDIR) O=$(out)/selftests all

mainline:
	+@$(MAKE) -C tools/testing/selftests TARGETS=mainline KSRC=$(KDIR) \
		KCOMPILER="$(compiler)" O=$(out)/selftests all

# The program that counts instructions.
bench:
	+@$(MAKE) -C tools/testing/bench O=$(out)/bench

samples:
	+@$(MAKE) -C samples OUT=$(top)/build/samples

.PHONY: all module test-modules coverage-modules module-lint klp-relocate static-klp-relocate bpffsctl tools selftests moving rounds mainline \
	bench samples
