# SPDX-License-Identifier: GPL-2.0-only
# The BPF programs compiled natively, in a kernel of our own (shim/), under sanitizers. Included by
# the Makefile; builds into $(OUTPUT)/tests/bpf.

BPFT_OUT   := $(OUTPUT)/tests/bpf
BPFT_INC   := -Itests/bpf/shim -Itests/bpf -Ivmlinux -Iinclude -Ibpf -D__TARGET_ARCH_$(ARCH)
BPFT_FLAGS  = -std=gnu11 $(CFLAGS) -O1 $(SANITIZE) -Wall -Wextra -Wshadow -Werror $(BPFT_INC)
# The programs themselves are held to the warnings of their own build.
BPFT_PROGS := $(BPF_SRCS:bpf/%.bpf.c=$(BPFT_OUT)/obj/%.bpf.o)
BPFT_SHIM  := $(patsubst tests/bpf/%.c,$(BPFT_OUT)/obj/%.o,$(sort $(wildcard \
	tests/bpf/shim/*.c)) tests/bpf/world.c)
# Objects of their own, in a kernel of their own.
BPFT_OWN   := $(BPFT_OUT)/test_alloc
BPFT_TESTS := $(patsubst tests/bpf/%.c,$(BPFT_OUT)/%,$(sort $(wildcard tests/bpf/test_*.c)))

TEST_PROGRAMS += $(BPFT_TESTS)

.SECONDARY: $(BPFT_PROGS) $(BPFT_SHIM)

$(BPFT_OUT)/obj/%.bpf.o: bpf/%.bpf.c tests/bpf/bpf.mk Makefile
	$(call msg,BPF SAN,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(BPFT_FLAGS) -Wno-unused-parameter $(DEPFLAGS) -c $< -o $@
$(BPFT_OUT)/obj/%.o: tests/bpf/%.c tests/bpf/bpf.mk Makefile
	$(call msg,CC SAN,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(WARN) $(BPFT_FLAGS) $(DEPFLAGS) -c $< -o $@
$(BPFT_OWN): $(BPFT_OUT)/test_%: tests/bpf/test_%.c $(BPFT_OUT)/obj/%.bpf.o \
		$(filter-out %/world.o,$(BPFT_SHIM))
	$(call msg,BPF TEST,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(WARN) $(BPFT_FLAGS) -MMD -MP -MF $@.d $(filter-out %.h,$^) -lcmocka -o $@
$(BPFT_OUT)/%: tests/bpf/%.c $(BPFT_PROGS) $(BPFT_SHIM)
	$(call msg,BPF TEST,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(WARN) $(BPFT_FLAGS) -MMD -MP -MF $@.d $< $(BPFT_PROGS) $(BPFT_SHIM) -lcmocka -o $@

-include $(BPFT_PROGS:.o=.d) $(BPFT_OWN:$(BPFT_OUT)/test_%=$(BPFT_OUT)/obj/%.bpf.d) $(BPFT_SHIM:.o=.d) $(BPFT_TESTS:=.d)
