# SPDX-License-Identifier: GPL-2.0-only
# What looks at allocations without the rest of cheshire, for its live test.

WINDOWS := $(OUTPUT)/tests/windows/windows
TEST_PROGRAMS += $(WINDOWS)

$(WINDOWS): tests/windows/windows.c $(LIB_OBJS)
	$(call msg,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(COMMON_CFLAGS) $(LDFLAGS) -MMD -MP -MF $@.d $^ $(LDLIBS) -o $@

-include $(WINDOWS).d
