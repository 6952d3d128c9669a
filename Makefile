# SPDX-License-Identifier: GPL-2.0
#
# The modules bpffs.ko and notefs.ko, built outside of the kernel's tree; "make help" lists the
# targets. Kbuild says what the modules are made of. What runs in virtual machines is in
# tools/testing/vm/vm.mk, and so is KERNEL, the stock kernel that is built for.

$(if $(filter-out 1,$(words $(CURDIR))),\
	$(error the path of this clone, "$(CURDIR)", has blanks, with which make and kbuild cannot work: move it))

MAKEFLAGS += --no-print-directory
build := $(CURDIR)/build

# A kernel tree of the user's own, to build for instead of KERNEL.
ifdef KDIR
override KDIR := $(abspath $(KDIR))
endif

all: modules

include tools/testing/vm/vm.mk

ifdef KDIR
modules:
	@$(vm)/check-kdir "$(KDIR)"
	@$(MAKE) -f $(vm)/build.mk KDIR="$(KDIR)" module bpffsctl
else
modules: setup
	@$(BUILD) module bpffsctl
endif

# For the machine that this runs on.
modules_install load unload:
	@INSTALL_MOD_PATH="$(INSTALL_MOD_PATH)" $(vm)/module $@ $(if $(KDIR),--kdir "$(KDIR)")

install: modules_install

clean:
	rm -rf "$(build)"

define HELP
make            build bpffs.ko, and the sample notefs.ko, in build/RELEASE, for the stock
                kernel KERNEL= (modules), and the program build/bpffsctl
make modules_install
                install the bpffs.ko that was built for the running kernel, or for that of
                KDIR=, into INSTALL_MOD_PATH= (default: this machine's root). Also: install
make load       load the bpffs.ko that was built for the running kernel
make unload     give the file system back to the kernel, and unload
make clean      remove build/

KERNEL=7.2      the stock kernel: a series, or a release (7.2.12+deb13-cloud-amd64)
KDIR=dir        instead of KERNEL=, for the first two: a kernel tree that has Rust
                metadata; the tools on PATH are used
endef

help:
	$(info $(HELP))
	$(info )
	$(info $(VM_HELP))
	@:

.PHONY: all modules modules_install install load unload clean help
