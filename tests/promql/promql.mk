# SPDX-License-Identifier: GPL-2.0-only
# Programs that read and evaluate expressions for the comparisons with Prometheus.

PROMQL_TESTS := $(patsubst tests/promql/%.c,$(OUTPUT)/tests/promql/%,$(wildcard tests/promql/*.c))

$(OUTPUT)/tests/promql/%: tests/promql/%.c $(OUTPUT)/libcheshire-san.a
	$(call msg,PROMQL,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(COMMON_CFLAGS) -O1 $(SANITIZE) -MMD -MP -MF $@.d $< $(OUTPUT)/libcheshire-san.a \
		$(LDLIBS) -lgcov -o $@

TEST_PROGRAMS += $(PROMQL_TESTS)
-include $(PROMQL_TESTS:=.d)
