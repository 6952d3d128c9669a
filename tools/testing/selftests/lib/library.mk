# SPDX-License-Identifier: GPL-2.0
#
# The library of a suite of tests, $(LIBRARY): what is in the directories LIBRARY_DIRS,
# of which one is this one and another may be the suite's own. Suites include this file
# behind the kernel's lib.mk, link their programs with $(LIBRARY), and have headers of
# these directories in LOCAL_HDRS. One of the suite's files defines "subject" (subject.h).

LIBRARY := $(OUTPUT)/library.a
LIBRARY_OBJS := $(foreach dir,$(LIBRARY_DIRS),$(patsubst $(dir)/%.c,$(OUTPUT)/lib/%.o,$(wildcard $(dir)/*.c)))
CFLAGS += $(addprefix -I,$(LIBRARY_DIRS))

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
