# SPDX-License-Identifier: GPL-2.0-only
# Seeds for fuzz_elf are small ELF files made here, as no binary is kept in the tree: a library with
# a PLT, one without section headers to speak of, an object, and a program with packed symbols.

FUZZ_ELF_CORPUS := $(OUTPUT)/fuzz/fuzz_elf/corpus
FUZZ_ELF_SEEDS  := $(addprefix $(FUZZ_ELF_CORPUS)/,flow.so stripped.so cxx.so object.o packed)
FUZZ_ELF_LD     := -shared -nostdlib -Wl,-z,noseparate-code -Wl,--unresolved-symbols=ignore-all

$(FUZZ_ELF_CORPUS)/flow.so: tests/unit/data/target_flow.c
	$(call msg,SEED,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -Os -fPIC $(FUZZ_ELF_LD) $< -o $@
$(FUZZ_ELF_CORPUS)/stripped.so: $(FUZZ_ELF_CORPUS)/flow.so
	$(Q)strip -o $@ $<
$(FUZZ_ELF_CORPUS)/cxx.so: tests/unit/data/target_throw.cc
	@mkdir -p $(@D)
	$(Q)$(CXX) -Os -fPIC $(FUZZ_ELF_LD) $< -o $@
$(FUZZ_ELF_CORPUS)/object.o: tests/unit/data/target_other.c
	@mkdir -p $(@D)
	$(Q)$(CC) -Os -fPIC -c $< -o $@
$(FUZZ_ELF_CORPUS)/packed: tests/unit/data/target_other.c
	@mkdir -p $(@D)
	$(Q)$(CC) -Os -fPIC $(FUZZ_ELF_LD) $< -o $@.full
	$(Q)xz -c $@.full > $@.xz
	$(Q)objcopy -S --add-section .gnu_debugdata=$@.xz $@.full $@
	$(Q)rm -f $@.full $@.xz

$(OUTPUT)/tests/fuzz/fuzz_elf: | $(FUZZ_ELF_SEEDS)
