# SPDX-License-Identifier: GPL-2.0-only
# The programs that `make bench` measures and measures with: build/bench/NAME.

BENCH_OUT := $(OUTPUT)/bench
BENCH_PROGRAMS := $(addprefix $(BENCH_OUT)/,spans pingpong sockets syscalls statements bare many mapper libobject.so)
BENCH_CFLAGS := -std=gnu11 -O2 -g -D_GNU_SOURCE -fPIE -pthread -Wall -Wextra -Wshadow \
	-Wstrict-prototypes -Wformat=2 -Wundef -Werror

TEST_PROGRAMS += $(BENCH_PROGRAMS)
bench-programs: $(BENCH_PROGRAMS)
.PHONY: bench-programs

$(BENCH_OUT)/%: tests/bench/%.c tests/bench/bench.mk
	$(call msg,BENCH,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(BENCH_CFLAGS) -MMD -MP -MF $@.d -pie $< -ldl $(BENCH_LIBS) -o $@
$(BENCH_OUT)/statements: BENCH_LIBS = -lsqlite3

# A thousand functions, each of its own length, called in turn.
$(BENCH_OUT)/many.c: tests/bench/bench.mk
	@mkdir -p $(@D)
	$(Q){ echo '#include "../../tests/bench/many.h"'; \
	  for i in $$(seq -w 0 999); do echo "MANY($$i)"; done; \
	  echo 'static many_fn *const all[] = {'; \
	  for i in $$(seq -w 0 999); do echo "	many_$$i,"; done; \
	  echo '};'; echo 'int main(int argc, char **argv)'; \
	  echo '{ return argc != 2 ? 2 : many_run(all, strtoul(argv[1], NULL, 10)); }'; } > $@
$(BENCH_OUT)/many: $(BENCH_OUT)/many.c tests/bench/many.h
	$(call msg,BENCH,$@)
	$(Q)$(CC) $(BENCH_CFLAGS) -I. -pie $< -o $@

# 5 MB of zeros in each of 200 copies: the bench makes the copies, with holes.
$(BENCH_OUT)/libobject.so: tests/bench/object.c tests/bench/bench.mk
	$(call msg,BENCH,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(BENCH_CFLAGS) -fPIC -shared $< -o $@

# The evaluator of rules as it is shipped.
TEST_PROGRAMS += $(BENCH_OUT)/rule_tick
bench-programs: $(BENCH_OUT)/rule_tick
$(BENCH_OUT)/rule_tick: tests/bench/rule_tick.c $(LIB_OBJS) tests/bench/bench.mk
	$(call msg,BENCH,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(COMMON_CFLAGS) -MMD -MP -MF $@.d $< $(LIB_OBJS) $(LDLIBS) -o $@

-include $(wildcard $(BENCH_OUT)/*.d)
