# SPDX-License-Identifier: GPL-2.0-only
# Static checks: each is a target of its own, quiet where nothing is wrong; `make static` is all of
# them.  tests/run has them as its first tier.

STATIC := static-format static-headers static-tidy static-cppcheck
static: $(STATIC)

static-format: format-check
static-headers: headers-check

# clang-tidy by .clang-tidy, one stamp a file.  The analyser's path budget is small ("shallow"): it
# is ten times faster and found the same here; TIDY_MODE=deep has it think longer.
TIDY_MODE ?= shallow
TIDY_ARGS = --quiet $(foreach word,-analyzer-config mode=$(TIDY_MODE), \
	--extra-arg=-Xclang --extra-arg=$(word))
TIDY_OK := $(patsubst %.c,$(OUTPUT)/tidy/%.ok,$(SRCS) src/main.c)

static-tidy: $(TIDY_OK)
# The skeleton is generated, so it is a system header here.
$(OUTPUT)/tidy/%.ok: %.c .clang-tidy | $(SKEL)
	@mkdir -p $(@D)
	$(Q)clang-tidy $(TIDY_ARGS) $< -- $(filter-out -I$(OUTPUT),$(COMMON_CFLAGS)) $(VERSION_FLAG) \
		-isystem $(OUTPUT) 2>$@.err || { cat $@.err; exit 1; }
	$(Q)rm -f $@.err; touch $@
$(foreach source,$(SRCS) src/main.c,$(eval $(OUTPUT)/tidy/$(source:.c=.ok): $(OUTPUT)/$(source:.c=.o)))

CPPCHECK_ARGS = --quiet --error-exitcode=1 --enable=warning,performance,portability --inline-suppr \
	--suppressions-list=tests/static/cppcheck.txt --library=posix --library=gnu --std=c11 \
	-j$(shell nproc) -D_GNU_SOURCE -DCHESHIRE_VERSION='""' \
	'-DLIBBPF_OPTS(t,n,...)=struct t n = {__VA_ARGS__}' -Iinclude -Isrc
static-cppcheck:
	$(Q)cppcheck $(CPPCHECK_ARGS) $(if $(filter x86,$(ARCH)),-D__x86_64__,-D__aarch64__) src

.PHONY: static $(STATIC)
