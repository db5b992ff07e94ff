# SPDX-License-Identifier: GPL-2.0-only
# What src/python finds in a process, under the sanitizers; tests/live/test_python_process.py asks.

PYTHON_LOOK := $(OUTPUT)/tests/python/look

$(PYTHON_LOOK): tests/python/look.c $(OUTPUT)/libcheshire-san.a
	$(call msg,TEST,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(COMMON_CFLAGS) -O1 $(SANITIZE) -MMD -MP -MF $@.d $< $(OUTPUT)/libcheshire-san.a \
		$(LDLIBS) -ldl -lgcov -o $@

TEST_PROGRAMS += $(PYTHON_LOOK)
-include $(PYTHON_LOOK).d
