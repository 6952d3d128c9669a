# SPDX-License-Identifier: GPL-2.0
#
# What a user calls; "make help" tells. How the module is built is in Kbuild.

$(if $(filter-out 1,$(words $(CURDIR))),\
	$(error the path of this clone, "$(CURDIR)", has blanks, with which make and kbuild cannot work: move it))

# The stock kernel: a series, of which the newest release is taken when it is
# set up, or a release such as 7.2.12+deb13-cloud-amd64.
KERNEL ?= 7.2
# Not empty: the debugging kernel from that kernel's source.
DEBUG ?=
# Not empty: on the debugging kernel, all that "make test" does, also on C's implementation.
ALL ?=
export ALL
# Not empty: the root with the newer systemd is wanted, too.
newer := $(if $(filter newer,$(SYSTEMD))$(filter setup,$(MAKECMDGOALS)),--newer)
# Whose file system "make vm" and "make shell" mount; none: they neither load nor mount anything.
IMPL ?= rust
# Seconds after which a guest that runs the tests is given up.
TIMEOUT ?= $(if $(ALL),10800,$(if $(DEBUG),3600,1800))

MAKEFLAGS += --no-print-directory
vm := tools/testing/vm
build := $(CURDIR)/build
kernel := $(KERNEL)$(if $(DEBUG),+debug)

# Commands in the root, where the chosen kernel is at /kernel. Building is one at
# a time; what a guest prints has standard output for itself.
ENTER = $(vm)/enter --kernel "$(kernel)"
BUILD = mkdir -p "$(build)" && flock "$(build)/.lock" $(ENTER) make -j$(shell nproc) --no-print-directory -f $(vm)/build.mk
GUEST = $(ENTER) $(if $(SHARE),--share "$(SHARE)") $(vm)/in-guest

# As it was typed: "$" in CMD is the guest's, not make's.
override CMD := $(value CMD)
export CMD

ifdef KDIR
override KDIR := $(abspath $(KDIR))

all:
	@$(vm)/check-kdir "$(KDIR)"
	@$(MAKE) -f $(vm)/build.mk KDIR="$(KDIR)" module

vm shell test test-mainline test-debug test-mutants demo:
	@echo "bpffs: error: KDIR is for building; a guest runs a stock kernel: use KERNEL=" >&2; exit 1

else

all: setup
	@$(BUILD) module

# What a guest needs that a command or a shell is run in.
for-vm: setup
	@$(BUILD) tools $(if $(filter rust,$(IMPL)),module)

vm:
	$(if $(CMD),,$(error say what to run: make vm CMD='uname -a'))
	@$(MAKE) for-vm >&2
	@$(GUEST) run "$(IMPL)"

shell:
	@$(MAKE) for-vm >&2
	@$(GUEST) shell "$(IMPL)"

test: newer := $(if $(DEBUG),$(if $(ALL),--newer),--newer)
test: setup
	@$(BUILD) tools module selftests >&2
	@TIMEOUT="$(TIMEOUT)" $(GUEST) test

# The kernel's own tests that use the file system. They are built for the stock kernel: the
# debugging kernel has too few of the types that they know.
for-mainline: setup
	@$(BUILD) mainline >&2

test-mainline: setup
	@$(MAKE) for-mainline DEBUG=
	@$(BUILD) tools module >&2
	@TIMEOUT="$(TIMEOUT)" $(GUEST) mainline

# The same where the kernel watches every access, and allocations fail.
test-debug:
	@$(MAKE) test DEBUG=1

# Whether the tests notice a fault in the module.
test-mutants: setup
	@$(BUILD) tools klp-relocate selftests >&2
	@TIMEOUT="$(TIMEOUT)" $(GUEST) mutants $(MUTANTS)

for-demo: setup
	@$(BUILD) tools module samples >&2

demo:
	$(if $(DEBUG),$(error the demo shows a stock kernel, so there is none with DEBUG=$(DEBUG): leave DEBUG= away))
	@$(MAKE) for-demo
	@TIMEOUT="$(TIMEOUT)" $(GUEST) demo

endif

lint: setup
	@mkdir -p "$(build)" && flock "$(build)/.lock" $(ENTER) $(vm)/lint

setup:
	@MIRROR="$(MIRROR)" $(vm)/setup $(newer) "$(kernel)"

# For the machine that this runs on.
install load unload:
	@$(vm)/module $@ $(if $(KDIR),--kdir "$(KDIR)")

clean:
	rm -rf "$(build)"

distclean: clean
	@$(vm)/distclean

define HELP
make            build bpffs.ko for the test kernel, in build/RELEASE
make demo       show what it does, in a virtual machine with a stock Debian kernel
make test       build everything and run the tests in a virtual machine
make test-mainline
                run the kernel's own BPF selftests that use the file system, unchanged
make test-debug the selftests and more on a debugging kernel (KASAN, lockdep, kmemleak,
                failing allocations ...), which is built when there is none: 15 to 30 minutes.
                ALL=1: on C's implementation and its instances, too, and all else that
                "make test" does but the host tools' own tests, which takes several
                times as long
make test-mutants [MUTANTS='uref-get nlink']
                put faults into the module, one at a time: the tests must notice each
make vm CMD='...' [SHARE=dir] [IMPL=rust|c|none]
                boot, load the module (IMPL=rust, the default), mount /sys/fs/bpf, run
                CMD as root with dir at /mnt/share. Fails if CMD does, or if the kernel
                complains. ($(vm)/run has CMD's very exit status, make has not.)
                IMPL=c: C's implementation instead; IMPL=none: neither load nor mount.
                SYSTEMD=1: systemd is the first process, and mounts it; SYSTEMD=newer: that
                of the next Debian.
                SELINUX=1: SELinux is the security module, without a policy.
make shell      the same, interactive
make lint       rustfmt, clippy, rustdoc, shellcheck
make setup      only fetch and make what the others need (they do it themselves)
make clean      remove build/
make distclean  remove the cache, too: $${XDG_CACHE_HOME:-~/.cache}/bpffs

KERNEL=7.2      the stock kernel: a series, or a release (7.2.12+deb13-cloud-amd64)
DEBUG=1         the debugging kernel made of that kernel's source, for vm, shell, test,
                test-mainline, test-mutants
MIRROR=url      where to get Debian from (default: as this machine's apt)

For a kernel of your own, and for this machine:
make KDIR=dir   build for a kernel tree that has Rust metadata, with the tools on PATH
make install    install the module for the running kernel, or for that of KDIR=
make load       load the module that was built for the running kernel
make unload     give the file system back to the kernel, and unload
endef

help:
	$(info $(HELP))
	@:

.PHONY: all for-vm for-mainline for-demo vm shell test test-mainline test-debug test-mutants demo lint setup install load unload clean distclean help
