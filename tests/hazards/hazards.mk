# SPDX-License-Identifier: GPL-2.0-only
# Targets of the hazard tests. Go's and Rust's compilers are large: without them their tests are
# skipped, and `make test-hazards` installs them.

HAZARD_DEPS := golang-go rustc gdb linux-perf
HAZARD_OUT := $(OUTPUT)/targets
HAZARD_GO := $(shell command -v go 2>/dev/null)
HAZARD_RUST := $(firstword $(wildcard /usr/bin/rustc) $(shell command -v rustc 2>/dev/null))

$(HAZARD_OUT)/hazard: tests/hazards/hazard.c $(HAZARD_OUT)/obj/truth.o
	$(call msg,TARGET,$@)
	$(Q)$(CC) $(TARGET_C) $(TARGET_CFLAGS) -O2 -Itests/targets $^ $(TARGET_LDFLAGS) -o $@

# The same library after an upgrade: the code lies elsewhere.
$(HAZARD_OUT)/libplugin-moved.so: tests/targets/plugin.c
	$(call msg,TARGET,$@)
	$(Q)$(CC) $(TARGET_C) $(TARGET_CFLAGS) -O0 -falign-functions=512 -fPIC -shared \
		-Wl,-soname,libplugin.so $< -o $@

$(HAZARD_OUT)/goroutines: tests/hazards/goroutines.go
	$(call msg,GO,$@)
	@mkdir -p $(@D)
	$(Q)CC=$(CC) CGO_ENABLED=1 GO111MODULE=off GOFLAGS= GOCACHE=$(abspath $(OUTPUT))/go \
		$(HAZARD_GO) build -o $@ $<

$(HAZARD_OUT)/panic: tests/hazards/panic.rs
	$(call msg,RUST,$@)
	@mkdir -p $(@D)
	$(Q)$(HAZARD_RUST) --edition 2021 -g -O -C panic=unwind -o $@ $<

TEST_PROGRAMS += $(HAZARD_OUT)/hazard $(HAZARD_OUT)/libplugin-moved.so $(if $(HAZARD_GO),$(HAZARD_OUT)/goroutines) \
	$(if $(HAZARD_RUST),$(HAZARD_OUT)/panic)

# The hazards alone, in their long form, with the compilers of all targets.
test-hazards:
	@missing="$$(dpkg-query -W -f '$${db:Status-Status} $${Package}\n' $(HAZARD_DEPS) 2>/dev/null | \
		awk -v want='$(HAZARD_DEPS)' '$$1 == "installed" { have[$$2] = 1 } \
		END { n = split(want, w, " "); for (i = 1; i <= n; i++) if (!(w[i] in have)) print w[i] }')"; \
	if [ -n "$$missing" ]; then echo "installing:" $$missing; apt-get update -qq && \
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing; fi
	$(call with-deps,test-hazards-all)
test-hazards-all: test-programs
	$(Q)CHESHIRE_TEST_LONG=1 tests/live/run test_hazards test_control_flow test_lifecycle test_safety
.PHONY: test-hazards test-hazards-all
