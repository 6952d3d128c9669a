# SPDX-License-Identifier: GPL-2.0
#
# The library of a suite of tests, $(LIBRARY): what is in the directories LIBRARY_DIRS,
# of which one is this one and another may be the suite's own. Suites include this file
# behind the kernel's lib.mk, link their programs with $(LIBRARY), and have headers of
# these directories in LOCAL_HDRS. One of the suite's files defines "subject" (subject.h).

LIBRARY := $(OUTPUT)/library.a
LIBRARY_OBJS := $(foreach dir,$(LIBRARY_DIRS),$(patsubst $(dir)/%.c,$(OUTPUT)/lib/%.o,$(wildcard $(dir)/*.c)))
CFLAGS += $(addprefix -I,$(LIBRARY_DIRS))
# The kernel wants 0 in what a member of union bpf_attr leaves over. Since gcc 15, "= {}" does not see to that.
CFLAGS += $(if $(shell $(CC) -fzero-init-padding-bits=all -E -x c /dev/null >/dev/null 2>&1 && echo y),-fzero-init-padding-bits=all)

define library_rule
$$(OUTPUT)/lib/%.o: $(1)/%.c $$(LOCAL_HDRS)
	$$(call msg,CC,,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(CC) $$(CFLAGS) -c $$< -o $$@
endef
$(foreach dir,$(LIBRARY_DIRS),$(eval $(call library_rule,$(dir))))

$(LIBRARY): $(LIBRARY_OBJS)
	$(call msg,AR,,$@)
	$(Q)$(RM) $@
	$(Q)$(AR) rcs $@ $^
