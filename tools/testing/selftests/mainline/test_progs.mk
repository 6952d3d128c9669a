# SPDX-License-Identifier: GPL-2.0
#
# The kernel's runner of BPF tests, test_progs, with the tests that we want: the
# kernel's own Makefile can only build all of them, inside its source tree, for
# which it takes half an hour.

ksrc := $(abspath $(KSELFTEST)/../../..)
bpf := $(ksrc)/tools/testing/selftests/bpf
tools := $(OUTPUT)/tools

# What of the kernel's tests uses the file system: also what comes with a new kernel.
uses_bpffs := /sys/fs/bpf|"bpf", 0|bpf_obj_(pin|get)(_opts)?\(|__pin(_maps|_programs)?\(
tests := $(basename $(notdir $(shell grep -lE '$(uses_bpffs)' $(bpf)/prog_tests/*.c)))

# The BPF programs that those load from files, and those that are compiled into them.
sources := $(tests:%=$(bpf)/prog_tests/%.c)
included = $(shell grep -hoE '"(\./)?[a-zA-Z0-9_]+\.$(subst .,\.,$(1))"' $(sources) | tr -d '"' | sed 's,^\./,,' | sort -u)
skeletons := $(call included,skel.h)
objects := $(call included,bpf.o)

helpers := $(basename $(notdir $(wildcard $(bpf)/*_helpers.c))) test_progs test_loader json_writer disasm

BPFTOOL ?= bpftool
CLANG ?= $(firstword $(shell command -v clang || ls /usr/bin/clang-[0-9]* 2>/dev/null))
libbpf := $(tools)/build/libbpf.a

includes := -I$(bpf) -I$(tools)/include -I$(ksrc)/include/generated -I$(ksrc)/tools/lib \
	    -I$(ksrc)/tools/include -I$(ksrc)/tools/arch/x86/include -I$(ksrc)/tools/include/uapi \
	    -I$(OUTPUT) -I$(bpf)/libarena/include
# Not optimised, as the originals are: tests look at their own stack and registers.
test_cflags := -g -O0 -rdynamic -std=gnu11 -D_GNU_SOURCE= -DHAVE_GENHDR -w \
	       -fno-omit-frame-pointer $(includes)
bpf_cflags := -g -O2 -mcpu=v3 --target=bpfel -D__TARGET_ARCH_x86 -mlittle-endian -std=gnu11 -w \
	      -fno-strict-aliasing -fms-extensions -DENABLE_ATOMICS_TESTS \
	      -I$(tools)/include -I$(bpf) -I$(ksrc)/tools/include/uapi -I$(ksrc)/tools/include \
	      -I$(bpf)/libarena/include -idirafter /usr/include/x86_64-linux-gnu -idirafter /usr/include

# The kernel's makefiles are not to see our settings.
submake := env -u MAKEFLAGS -u MFLAGS -u CFLAGS -u OUTPUT $(MAKE) --no-print-directory -s

$(OUTPUT)/test_progs: $(helpers:%=$(OUTPUT)/%.o) $(OUTPUT)/find_bit.o $(tests:%=$(OUTPUT)/%.test.o) \
		      $(libbpf) | $(addprefix $(OUTPUT)/,$(objects))
	$(call msg,LINK,,$@)
	$(Q)$(CC) -rdynamic $^ -lelf -lz -lzstd -lrt -lpthread -o $@

$(libbpf) &: $(ksrc)/tools/lib/bpf/libbpf.c
	$(call msg,LIBBPF,,$@)
	$(Q)mkdir -p $(tools)/build $(tools)/include
	$(Q)$(submake) -C $(ksrc)/tools/lib/bpf OUTPUT=$(tools)/build/ DESTDIR=$(tools) prefix= \
		feature_display=0 EXTRA_CFLAGS='-g -O0' $(libbpf) install_headers

$(tools)/include/vmlinux.h: $(ksrc)/vmlinux | $(libbpf)
	$(call msg,GEN,,$@)
	$(Q)$(BPFTOOL) btf dump file $< format c >$@.tmp && mv $@.tmp $@

$(OUTPUT)/%.bpf.o: $(bpf)/progs/%.c $(tools)/include/vmlinux.h
	$(call msg,CLNG-BPF,,$@)
	$(Q)$(CLANG) $(bpf_cflags) -c $< -o $@

# Linking the object once puts what libbpf wants into it.
$(OUTPUT)/%.skel.h: $(OUTPUT)/%.bpf.o
	$(call msg,SKEL,,$@)
	$(Q)$(BPFTOOL) gen object $(OUTPUT)/$*.linked.o $<
	$(Q)$(BPFTOOL) gen skeleton $(OUTPUT)/$*.linked.o name $* >$@.tmp && mv $@.tmp $@

.SECONDARY: $(patsubst %.skel.h,$(OUTPUT)/%.bpf.o,$(skeletons))

# What tests look for at this place, without what it could do for more libraries.
bpftool_sources := $(filter-out %/jit_disasm.c %/sign.c,$(wildcard $(ksrc)/tools/bpf/bpftool/*.c))
bpftool_objects := $(bpftool_sources:$(ksrc)/tools/bpf/bpftool/%.c=$(tools)/bpftool/%.o)

$(tools)/sbin/bpftool: $(bpftool_objects) $(OUTPUT)/disasm.o $(libbpf)
	$(call msg,LINK,,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $^ -lelf -lz -lzstd -o $@

$(bpftool_objects): $(tools)/bpftool/%.o: $(ksrc)/tools/bpf/bpftool/%.c $(libbpf)
	$(call msg,CC,,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -g -O0 -w -D_GNU_SOURCE -D__EXPORTED_HEADERS__ -DPACKAGE='"bpftool"' \
		-DBPFTOOL_WITHOUT_SKELETONS -DBPFTOOL_WITHOUT_CRYPTO -I$(ksrc)/kernel/bpf \
		-I$(ksrc)/tools/lib $(includes) -c $< -o $@

# Includes <prog_tests/tests.h>, a list of the tests that there are.
$(OUTPUT)/prog_tests/tests.h: $(sources)
	$(Q)mkdir -p $(@D)
	$(Q)sed -nE 's/^void (serial_)?test_([a-zA-Z0-9_]+)\((void)?\).*/DEFINE_TEST(\2)/p' $^ | sort >$@

# Any certificate will do.
$(OUTPUT)/verification_cert.h:
	$(Q)mkdir -p $(tools)
	$(Q)openssl req -x509 -newkey rsa:2048 -nodes -keyout /dev/null -subj /CN=bpffs \
		-outform DER -out $(tools)/cert.der 2>$(tools)/cert.log
	$(Q)(cd $(tools) && echo 'unsigned char test_progs_verification_cert[] = {' && \
		od -An -v -tx1 cert.der | sed 's/ \(..\)/ 0x\1,/g' && echo '};' && \
		echo "unsigned int test_progs_verification_cert_len = sizeof(test_progs_verification_cert);") >$@

$(helpers:%=$(OUTPUT)/%.o): $(OUTPUT)/%.o: $(bpf)/%.c $(OUTPUT)/prog_tests/tests.h \
			    $(OUTPUT)/verification_cert.h $(libbpf)
	$(call msg,CC,,$@)
	$(Q)$(CC) $(test_cflags) -c $< -o $@

$(OUTPUT)/find_bit.o: $(ksrc)/tools/lib/find_bit.c
	$(Q)$(CC) $(test_cflags) -c $< -o $@

$(tests:%=$(OUTPUT)/%.test.o): $(OUTPUT)/%.test.o: $(bpf)/prog_tests/%.c $(libbpf) \
			       $(addprefix $(OUTPUT)/,$(skeletons))
	$(call msg,CC,,$@)
	$(Q)cd $(OUTPUT) && $(CC) -I. $(test_cflags) -c $< -o $@

# The kernel's own module that pins maps.debug and progs.debug, where the kernel
# was built without.
ifeq ($(shell grep -x CONFIG_BPF_PRELOAD=y $(ksrc)/.config),)
preload := $(OUTPUT)/preload/bpf_preload.ko
endif

$(OUTPUT)/preload/bpf_preload.ko: $(wildcard $(ksrc)/kernel/bpf/preload/*.[ch])
	$(Q)mkdir -p $(@D)
	$(Q)$(submake) -C $(ksrc) M=$(ksrc)/kernel/bpf/preload MO=$(@D) $(KCOMPILER) \
		CONFIG_BPF_PRELOAD_UMD=m modules
