# SPDX-License-Identifier: GPL-2.0-only
# Programs that leak and programs that do not (tests/targets/leaks): build/targets/leaks/NAME.

LEAK_OUT := $(OUTPUT)/targets/leaks
LEAK_SRC := tests/targets/leaks
LEAK_NAMES := lost class_lost slow_churn realloc_lost new_lost plugin_lost warm_up bounded_cache burst_idle \
	held_threads held_mmap held_map held_strings held_lru held_fragments held_arenas held_mapped
ifeq ($(ARCH),$(HOST_ARCH))
LEAK_NAMES += held_sqlite
endif
LEAK_PROGRAMS := $(addprefix $(LEAK_OUT)/,$(LEAK_NAMES))
LEAK_CFLAGS = -g -O2 -fomit-frame-pointer -D_GNU_SOURCE $(TARGET_WARN) -pthread -fPIE

# With another C library, where there is one.
ifeq ($(ARCH),$(HOST_ARCH))
ifneq ($(shell command -v musl-gcc),)
LEAK_MUSL := $(LEAK_OUT)/lost-musl
endif
endif

TEST_PROGRAMS += $(LEAK_PROGRAMS) $(LEAK_MUSL)
targets leak-targets: $(LEAK_PROGRAMS) $(LEAK_MUSL)
.PHONY: leak-targets

$(LEAK_OUT)/obj/%.o: tests/targets/leaks.mk
	$(call msg,TARGET,$@)
	@mkdir -p $(@D)
	$(Q)src=$(LEAK_SRC)/$*; \
	if [ -f $$src.cc ]; then $(CXX) $(TARGET_CXX) $(LEAK_CFLAGS) -MMD -MP -c $$src.cc -o $@; \
	else $(CC) $(TARGET_C) $(LEAK_CFLAGS) -MMD -MP -c $$src.c -o $@; fi

# A library that is opened at run time finds what it needs of the program.
$(LEAK_OUT)/libplugin_decoder.so: $(LEAK_SRC)/plugin_decoder.c tests/targets/leaks.mk
	$(call msg,TARGET,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(TARGET_C) $(LEAK_CFLAGS) -fPIC -shared $< -o $@
$(LEAK_OUT)/plugin_lost: | $(LEAK_OUT)/libplugin_decoder.so

$(LEAK_PROGRAMS): $(LEAK_OUT)/%: $(LEAK_OUT)/obj/%.o $(LEAK_OUT)/obj/program.o $(LEAK_OUT)/obj/usual.o
	$(call msg,TARGET,$@)
	$(Q)$(CXX) $(TARGET_LDFLAGS) -rdynamic $^ $(if $(filter %/held_sqlite,$@),-lsqlite3) -ldl -o $@

$(LEAK_OUT)/lost-musl: $(addprefix $(LEAK_SRC)/,lost.c program.c usual.c program.h) tests/targets/leaks.mk
	$(call msg,TARGET,$@)
	@mkdir -p $(@D)
	$(Q)musl-gcc -std=gnu11 -Itests/targets $(filter-out -fPIE,$(LEAK_CFLAGS)) $(filter %.c,$^) -o $@

$(LEAK_OUT)/obj/%.d: ;
-include $(wildcard $(LEAK_OUT)/obj/*.d)

# All of them, two at a time, with the score: a quarter of an hour.
test-leaks:
	$(call with-deps,test-leaks-run)
test-leaks-run: test-programs
	$(Q)CHESHIRE_TEST_LONG=1 tests/live/run test_leaks
.PHONY: test-leaks test-leaks-run
