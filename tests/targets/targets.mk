# SPDX-License-Identifier: GPL-2.0-only
# The small hard targets of the live tests, and their variants: build/targets/NAME[-VARIANT].

TARGET_OUT := $(OUTPUT)/targets
TARGET_SRC := tests/targets
TARGET_NAMES := steady tail longjmp rets fibers loader waits memory turns pq flite throw split engine locks \
	traffic
TARGET_NAMES += components
TARGET_NAMES += crowd
TARGET_NAMES += parallel
# Speech libraries, opened at run time: tests/tools/engines.sh fetches them.
TARGET_NAMES += whisper llama onnx sherpa tflite keyless
TARGET_NAMES += caches
TARGET_NAMES += flood
TARGET_NAMES += statements
TARGET_NAMES += allocations
TARGET_VARIANTS := steady-stripped steady-static-pie steady-minidebug steady-cet steady-O0 steady-fp \
	tail-cet tail-O3 throw-cet throw-O0 longjmp-O0 fibers-cet split-stripped
# Their libraries are not among those that a build for another architecture has.
ifneq ($(ARCH),$(HOST_ARCH))
TARGET_NAMES := $(filter-out pq flite caches statements,$(TARGET_NAMES))
endif
TARGET_LIBS := $(TARGET_OUT)/libtail.so $(TARGET_OUT)/libplugin.so $(TARGET_OUT)/libengine.so
TARGET_LIBS += $(TARGET_OUT)/libclockstep.so

# What a target's code looks like is its point: CFLAGS does not reach it. No -Wmissing-prototypes:
# a stage is global to be found, not to be called from another file.
TARGET_WARN := -Wall -Wextra -Wshadow -Wformat=2 -Wundef -Werror
TARGET_CFLAGS := -g -D_GNU_SOURCE $(TARGET_WARN) -pthread -fPIE -fexceptions
TARGET_C := -std=gnu11 -Wstrict-prototypes
TARGET_CXX := -std=gnu++17
TARGET_LDFLAGS := -pthread -pie -Wl,-z,lazy

# Flags of a variant by the part of the name behind the first hyphen; plain ones are -O2.
TARGET_OPT_ := -O2
TARGET_OPT_cet := -O2 $(if $(filter arm64,$(ARCH)),-mbranch-protection=standard,-fcf-protection=full)
TARGET_OPT_O0 := -O0
TARGET_OPT_O3 := -O3
TARGET_OPT_fp := -O2 -fno-omit-frame-pointer
target-variant = $(patsubst -%,%,$(patsubst $(firstword $(subst -, ,$(1)))%,%,$(1)))
target-opt = $(TARGET_OPT_$(call target-variant,$(1)))

# Every target and the objects it is made of; the second word of a pair is the variant's suffix.
target-objects = $(TARGET_OUT)/obj/$(1)$(2).o $(TARGET_OUT)/obj/truth$(2).o

$(TARGET_OUT)/obj/%.o: Makefile $(TARGET_SRC)/targets.mk
	$(call msg,TARGET,$@)
	@mkdir -p $(@D)
	$(Q)src=$(TARGET_SRC)/$(firstword $(subst -, ,$*)); \
	if [ -f $$src.cc ]; then $(CXX) $(TARGET_CXX) $(TARGET_CFLAGS) $(call target-opt,$*) \
		-MMD -MP -MF $(@:.o=.d) -c $$src.cc -o $@; \
	else $(CC) $(TARGET_C) $(TARGET_CFLAGS) $(call target-opt,$*) \
		-MMD -MP -MF $(@:.o=.d) -c $$src.c -o $@; fi

$(TARGET_OUT)/lib%.so: $(TARGET_SRC)/targets.mk
	$(call msg,TARGET,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(TARGET_C) $(TARGET_CFLAGS) -O2 -fPIC -shared -Wl,-soname,lib$*.so \
		-MMD -MP -MF $(TARGET_OUT)/obj/lib$*.d -MT $@ \
		$(TARGET_SRC)/$(notdir $(filter %.c,$^)) -o $@
$(TARGET_OUT)/libtail.so: $(TARGET_SRC)/tail_helper.c | $(TARGET_OUT)/obj
$(TARGET_OUT)/libclockstep.so: $(TARGET_SRC)/clockstep.c | $(TARGET_OUT)/obj
$(TARGET_OUT)/libplugin.so: $(TARGET_SRC)/plugin.c | $(TARGET_OUT)/obj
$(TARGET_OUT)/libengine.so: $(TARGET_SRC)/engine_lib.c | $(TARGET_OUT)/obj
$(TARGET_OUT)/obj:
	@mkdir -p $@

# $(1): target, $(2): variant suffix with its hyphen or nothing, $(3): libraries
define target-link
$(TARGET_OUT)/$(1)$(2): $(call target-objects,$(1),$(2)) $(if $(filter throw,$(1)),$(TARGET_OUT)/obj/throw_frame$(2).o) \
		$(if $(filter tail engine,$(1)),$(TARGET_OUT)/lib$(1).so)
	$$(call msg,TARGET,$$@)
	$$(Q)$(if $(filter throw split,$(1)),$$(CXX),$$(CC)) $$(TARGET_LDFLAGS) $$(filter %.o,$$^) $(3) -o $$@
endef
target-libs = $(strip $(if $(filter tail engine,$(1)),-L$(TARGET_OUT) -l$(1) -Wl$(comma)-rpath$(comma)'$$$$ORIGIN') \
	$(if $(filter loader,$(1)),-ldl) $(if $(filter sherpa,$(1)),-lm) $(if $(filter keyless,$(1)),-rdynamic) $(if $(filter pq,$(1)),-lpq) $(if $(filter caches,$(1)),-lhiredis) \
	$(if $(filter statements,$(1)),-lpq -lhiredis -lsqlite3) $(if $(filter flite,$(1)),\
	-lflite_cmu_us_kal -lflite_usenglish -lflite_cmulex -lflite -lm))
comma := ,

$(foreach t,$(TARGET_NAMES),$(eval $(call target-link,$(t),,$(call target-libs,$(t)))))
$(foreach v,steady-cet steady-O0 steady-fp tail-cet tail-O3 throw-cet throw-O0 longjmp-O0 fibers-cet,\
	$(eval $(call target-link,$(firstword $(subst -, ,$(v))),-$(call target-variant,$(v)),$(call \
	target-libs,$(firstword $(subst -, ,$(v)))))))

# libpq's header is in a folder of its own.
$(TARGET_OUT)/obj/pq.o $(TARGET_OUT)/obj/statements.o: TARGET_CFLAGS += $(shell pkg-config --cflags libpq 2>/dev/null)

$(TARGET_OUT)/%-stripped: $(TARGET_OUT)/%
	$(call msg,TARGET,$@)
	$(Q)$(STRIP) --strip-all $< -o $@

$(TARGET_OUT)/steady-static-pie: $(TARGET_OUT)/obj/steady.o $(TARGET_OUT)/obj/truth.o
	$(call msg,TARGET,$@)
	$(Q)$(CC) -pthread -static-pie $^ -o $@

# As Fedora does it: the symbols that .dynsym has not, as an xz-compressed ELF file in a section.
$(TARGET_OUT)/steady-minidebug: $(TARGET_OUT)/steady
	$(call msg,TARGET,$@)
	$(Q)$(OBJCOPY) --only-keep-debug $< $@.debug
	$(Q)$(NM) --defined-only --format=posix $< | awk '$$2 ~ /^[Tt]$$/ { print $$1 }' > $@.keep
	$(Q)$(OBJCOPY) -S --keep-symbols=$@.keep $@.debug $@.mini
	$(Q)xz --force --check=crc32 $@.mini
	$(Q)$(STRIP) --strip-all $< -o $@.stripped
	$(Q)$(OBJCOPY) --add-section .gnu_debugdata=$@.mini.xz $@.stripped $@
	$(Q)rm -f $@.debug $@.keep $@.mini.xz $@.stripped

TARGET_PROGRAMS := $(addprefix $(TARGET_OUT)/,$(TARGET_NAMES) $(TARGET_VARIANTS)) $(TARGET_LIBS)
TEST_PROGRAMS += $(TARGET_PROGRAMS)
targets: $(TARGET_PROGRAMS)
.PHONY: targets

$(TARGET_OUT)/obj/%.d: ;
-include $(wildcard $(TARGET_OUT)/obj/*.d)
