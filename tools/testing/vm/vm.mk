# SPDX-License-Identifier: GPL-2.0
#
# Targets of the top Makefile, which includes this file, that set up and enter the root of
# the cache: what builds for a stock kernel, and what runs in virtual machines.

# The stock kernel: a series, of which the newest release is taken when it is
# set up, one with a flavour such as 7.2-rt-amd64, or a release such as 7.2.12+deb13-cloud-amd64.
KERNEL ?= 7.2
# Not empty: the debugging kernel from that kernel's source.
DEBUG ?=
# Not empty: on the debugging kernel, all that "make test" does, also on C's implementation.
ALL ?=
# Not empty: what a kernel of another series may change, and with fewer repetitions.
BRIEF ?=
# Not empty: the modules count what is run, and leave that for "make coverage".
COVERAGE ?=
# How often trees are moved there and back, how often that is killed, and what fault is put in.
ROUNDS ?=
KILLS ?=
FAULT ?=
export ALL BRIEF COVERAGE ROUNDS KILLS FAULT
# Not empty: the root with the newer systemd is wanted, too.
newer := $(if $(filter newer,$(SYSTEMD))$(filter setup,$(MAKECMDGOALS)),--newer)
# Whose file system "make vm" and "make shell" mount; none: they neither load nor mount anything.
IMPL ?= rust
# Seconds after which a guest that runs the tests is given up.
TIMEOUT ?= $(if $(ALL),10800,3600)

vm := tools/testing/vm
kernel := $(KERNEL)$(if $(DEBUG),+debug)

# Commands in the root, where the chosen kernel is at /kernel. Building is one at
# a time; what a guest prints has standard output for itself.
ENTER = $(vm)/enter --kernel "$(kernel)"
BUILD = mkdir -p "$(build)" && flock "$(build)/.lock" $(ENTER) make -j$(shell nproc) --no-print-directory -f $(vm)/build.mk
GUEST = $(ENTER) $(if $(SHARE),--share "$(SHARE)") $(vm)/in-guest

# As it was typed: "$" in CMD is the guest's, not make's.
override CMD := $(value CMD)
export CMD

in_guests := deb test-packages vm shell test test-mainline test-debug coverage coverage-report fuzz matrix test-mutants test-rounds bench demo

ifdef KDIR

$(in_guests):
	@echo "bpffs: error: KDIR is for building; packages and guests are of a stock kernel: use KERNEL=" >&2; exit 1

else

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

test: newer := $(if $(BRIEF),,$(if $(DEBUG),$(if $(ALL),--newer),--newer))
test: setup
	@$(BUILD) tools test-modules $(if $(COVERAGE),coverage-modules) selftests moving >&2
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

# Which lines of the module the tests run, on the stock kernel and the debugging one.
coverage:
	-@$(MAKE) test COVERAGE=1
	-@$(MAKE) test COVERAGE=1 DEBUG=1
	@$(MAKE) coverage-report

# Of what was counted before, on whatever kernels.
coverage-report: setup
	@$(BUILD) tools >&2
	@$(GUEST) coverage

# Sequences of calls on both implementations, for as long as BPFFS_FUZZ says.
fuzz: setup
	@$(BUILD) tools module selftests >&2
	@$(GUEST) fuzz

# The tests on each of these kernels, and a table.
MATRIX ?= 7.2-cloud-amd64 7.2-amd64 7.2-rt-amd64 7.3-cloud-amd64 7.3-amd64 7.3-rt-amd64 \
	forky/7.2 sid/7.2 experimental/7.3
matrix:
	@$(vm)/matrix $(MATRIX)

# Whether the tests notice a fault in the module.
test-mutants: setup
	@$(BUILD) tools klp-relocate selftests >&2
	@TIMEOUT="$(TIMEOUT)" $(GUEST) mutants $(MUTANTS)

# Trees moved there and back while agents and clients use them, in a guest with systemd.
test-rounds: setup
	@$(BUILD) tools module rounds >&2
	@TIMEOUT="$(if $(filter file,$(origin TIMEOUT)),7200,$(TIMEOUT))" $(GUEST) rounds

for-bench: setup
	@$(BUILD) tools module bench >&2

# What operations cost, in instructions, on C's implementation and on ours.
bench:
	$(if $(DEBUG),$(error what a debugging kernel adds is no cost of the file system, so there is no bench with DEBUG=$(DEBUG): leave DEBUG= away))
	@$(MAKE) for-bench >&2
	@TIMEOUT="$(TIMEOUT)" $(GUEST) bench $(if $(JSON),--json)

for-demo: setup
	@$(BUILD) tools module samples >&2

demo:
	$(if $(DEBUG),$(error the demo shows a stock kernel, so there is none with DEBUG=$(DEBUG): leave DEBUG= away))
	@$(MAKE) for-demo
	@TIMEOUT="$(TIMEOUT)" $(GUEST) demo

endif

# Debian packages, in build/deb, of what is built for the stock kernel.
deb: setup
	$(if $(DEBUG),$(error there are no packages of the debugging kernel: leave DEBUG= away))
	@$(BUILD) module bpffsctl static-klp-relocate
	@$(ENTER) env $$(packaging/version) packaging/make-deb

# The packages, installed by apt on a machine that boots with them; with a second kernel to reboot with.
NEWER_KERNEL ?= 7.3
test-packages:
	@$(MAKE) deb >&2
	$(if $(BRIEF),,@$(MAKE) deb KERNEL="$(NEWER_KERNEL)" >&2)
	@$(BUILD) tools >&2
	@MIRROR="$(MIRROR)" $(vm)/test-packages "$(kernel)" $(if $(BRIEF),,"$(NEWER_KERNEL)")

lint: setup
	@mkdir -p "$(build)" && flock "$(build)/.lock" $(ENTER) $(vm)/lint

setup:
	@MIRROR="$(MIRROR)" $(vm)/setup $(newer) "$(kernel)"

distclean: clean
	@$(vm)/distclean

define VM_HELP
In a virtual machine with a stock Debian kernel:
make demo       show what bpffs does
make test       build everything and run the tests
                BRIEF=1: what a kernel of another series may change: the selftests on both
                implementations once each, with a third of the repetitions, and no clients
make test-mainline
                run the kernel's own BPF selftests that use the file system, unchanged
make test-debug the selftests and more on a debugging kernel (KASAN, lockdep, kmemleak,
                failing allocations ...), which is built when there is none: 15 to 30 minutes.
                ALL=1: on C's implementation and its instances, too, and all else that
                "make test" does but the host tools' own tests, which takes several
                times as long
make coverage   which lines of the module these two run: a table of its files, and annotated sources in
                build/coverage. Fails if a line is not run and not listed with a reason in
                tools/testing/coverage/unreached. "make test COVERAGE=1 KERNEL=..." counts for it, too
                ("make coverage-report")
make fuzz       make up sequences of calls and compare both implementations, for ten minutes or for as
                long as BPFFS_FUZZ says (8h), once with mounts that join and once without. What differs
                is reduced, printed, and left in build/fuzz. BPFFS_SEED= repeats it
make matrix [MATRIX='7.2-rt-amd64 forky/7.2'] [BRIEF=1]
                the tests on each of these kernels (default: three flavours of two series, and
                those of forky, sid and experimental), which are set up if need be, and a table;
                hours. What was said is in build/matrix
make test-mutants [MUTANTS='uref-get nlink']
                put faults into the module, one at a time: the tests must notice each
make test-rounds [ROUNDS=20] [KILLS=100] [FAULT=name]
                move trees to bpffs and back, so many times, while agents and clients use them, and
                kill bpffsctl, so many times: nothing may be lost. FAULT= puts in a fault that
                has to be found; Documentation/testing.rst lists them
make bench [JSON=1]
                count the instructions of each operation on both implementations: a table of
                the ratios, which fails above a limit (tools/testing/bench/limits)
make vm CMD='...' [SHARE=dir] [IMPL=rust|c|none]
                boot, load the module (IMPL=rust, the default), mount /sys/fs/bpf, run
                CMD as root with dir at /mnt/share. Fails if CMD does, or if the kernel
                complains. ($(vm)/run has CMD's very exit status, make has not.)
                IMPL=c: C's implementation instead; IMPL=none: neither load nor mount.
                SYSTEMD=1: systemd is the first process, and mounts it; SYSTEMD=newer: that
                of the next Debian.
                SELINUX=1: SELinux is the security module, without a policy.
                ICOUNT=1: the guest's time is the number of its instructions, in nanoseconds.
make shell      the same, interactive
make deb        Debian packages, in build/deb, of what is built for KERNEL=: bpffsctl, the module, DKMS
make test-packages [TESTS='enable remove']
                install the packages on a machine, and boot it: enabling, upgrading, removing.
                BRIEF=1: without the newer kernel
make lint       rustfmt, clippy, rustdoc, shellcheck
make setup      only fetch and make what the others need (they do it themselves)
make distclean  remove build/ and the cache: $${XDG_CACHE_HOME:-~/.cache}/bpffs

DEBUG=1         the debugging kernel made of that of KERNEL=, for vm, shell, test, fuzz,
                test-mainline, test-mutants, test-rounds
SUITE=name      forky, sid or experimental: that suite's kernel, built for and run with its
                compilers and programs, instead of trixie-backports'
MIRROR=url      where to get Debian from (default: as this machine's apt)
endef

.PHONY: for-vm for-mainline for-bench for-demo $(in_guests) lint setup distclean
