/* SPDX-License-Identifier: GPL-2.0-only */
/* Values of a probe: cached, work, sample rate, and each of them per architecture. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config_fixture.h"

/* What the values below are on the architecture of this test. */
#if defined(__x86_64__)
#define HERE(x86, arm) (x86)
#else
#define HERE(x86, arm) (arm)
#endif

#define CALL(values) "stages:\n  s: { call: { probe: \"x:f\",\n      " values " } }\n"

static void per_architecture(void **state)
{
	struct config *c =
		parsed(CALL("key: { x86_64: arg1, aarch64: arg2 },\n"
			    "      handle: { x86_64: arg3, aarch64: { from: arg4 } },\n"
			    "      where: { x86_64: 'arg0 == 1', aarch64: 'arg0 == 2' },\n"
			    "      error: { x86_64: 'ret < 0', aarch64: 'ret < -9' },\n"
			    "      cached: { x86_64: 'ret == 5', aarch64: 'ret == 6' },\n"
			    "      work: { x86_64: { value: \"*(ret + 12)\", type: i32,\n"
			    "                        per_second: \"*(ret + 8)\" },\n"
			    "              aarch64: { value: arg7, per_second: 16000 } }"));
	const struct probe_config *p = &c->stages[0].call.item[0];

	(void)state;
	assert_int_equal(p->key.arg, HERE(1, 2));
	assert_int_equal(p->handle.arg, HERE(3, 4));
	assert_int_equal(p->where.rhs, HERE(1, 2));
	assert_int_equal(p->cached.rhs, HERE(5, 6));
	assert_int_equal(p->work.base, HERE(WIRE_BASE_RET, WIRE_BASE_ARG));
	assert_int_equal(p->per_second.base, HERE(WIRE_BASE_RET, WIRE_BASE_CONST));
	config_free(c);
}

/* One of the values of a mapping, beside a type that holds for both. */
static void one_value_per_architecture(void **state)
{
	struct config *c = parsed(CALL("work: { type: i32, per_second: 16000,\n"
				       "        value: { x86_64: arg2, aarch64: arg3 } },\n"
				       "      key: { value: { x86_64: arg5, aarch64: arg6 } }"));
	const struct probe_config *p = &c->stages[0].call.item[0];

	(void)state;
	assert_int_equal(p->work.arg, HERE(2, 3));
	assert_int_equal(p->work.type, WIRE_TYPE_I32);
	assert_int_equal(p->key.arg, HERE(5, 6));
	config_free(c);
}

static void mistakes_of_every_architecture(void **state)
{
	(void)state;
	refused(CALL("key: { x86_64: nonsense, aarch64: nonsense }"), 2, "nonsense");
	refused(CALL("key: { x86_64: arg0, aarch64: arg1, mips: arg2 }"), 1,
		"'mips' is no architecture");
	refused(CALL("where: { x86_64: arg0, aarch64: 'arg0 == 1' }"), 1, ":3:");
#if defined(__x86_64__)
	refused(CALL("key: { aarch64: arg1 }"), 1, "nothing for x86_64");
#endif
}

/* Alternatives of a stage each have their own audio. */
static void alternatives_with_their_own_work(void **state)
{
	struct config *c =
		parsed("stages:\n  tts:\n    call:\n"
		       "      - { probe: \"x:f\", work: { value: arg1, per_second: 16000 } }\n"
		       "      - { probe: \"x:g\", work: { value: ret, type: i32,\n"
		       "                                 per_second: arg2 } }\n"
		       "      - \"x:h\"\n");
	const struct probe_list *list = &c->stages[0].call;

	(void)state;
	assert_int_equal(list->n, 3);
	assert_int_equal(list->item[0].per_second.rhs, 16000);
	assert_int_equal(list->item[1].per_second.base, WIRE_BASE_ARG);
	assert_int_equal(list->item[1].work.base, WIRE_BASE_RET);
	assert_int_equal(list->item[2].work.base, WIRE_BASE_NONE);
	config_free(c);
}

static void sample_rate_alone(void **state)
{
	struct config *c = parsed(CALL("work: { per_second: \"*(ret + 8)\", type: i32 }"));

	(void)state;
	assert_int_equal(c->stages[0].call.item[0].work.base, WIRE_BASE_NONE);
	assert_int_equal(c->stages[0].call.item[0].per_second.type, WIRE_TYPE_I32);
	config_free(c);
	refused(CALL("work: { per_second: 16000 }"), 1, "says nothing without 'value'");
	refused(CALL("work: { value: arg0 }"), 1, "'per_second' is missing");
	refused(CALL("work: { value: arg0, per_second: 0 }"), 1, "cannot be 0");
}

static void cached_is_for_calls(void **state)
{
	(void)state;
	refused("stages:\n  s: { frame: { probe: \"x:f\", cached: ret == 1 } }\n", 1,
		"'cached' has no meaning for a frame");
	refused("stages:\n  s: { stream: { from: \"x:f\", to: { probe: \"x:g\",\n"
		"    cached: ret == 1 } } }\n",
		1, "'cached' has no meaning");
	refused(CALL("cached: ret"), 1, "t.yaml:3");
}

static void asked_by_the_stage(void **state)
{
	struct config *c = parsed("stages:\n  s: { call: \"x:f\", active_cpu: yes }\n"
				  "  t: { call: \"x:g\", memory: yes }\n");

	(void)state;
	assert_true(c->stages[0].active_cpu && !c->stages[0].memory);
	assert_true(!c->stages[1].active_cpu && c->stages[1].memory);
	config_free(c);
}

static void measures_of_kinds(void **state)
{
	struct config *c = parsed("stages:\n  s: { call: \"x:f\" }\n"
				  "budgets:\n  s.total: { target: 1s }\n");

	(void)state;
	config_free(c);
	refused("stages:\n  s: { frame: \"x:f\" }\nbudgets:\n  s.total: { target: 1s }\n", 1,
		"'total' is a measure of call and stream stages only");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(per_architecture),
		cmocka_unit_test(one_value_per_architecture),
		cmocka_unit_test(mistakes_of_every_architecture),
		cmocka_unit_test(alternatives_with_their_own_work),
		cmocka_unit_test(sample_rate_alone),
		cmocka_unit_test(cached_is_for_calls),
		cmocka_unit_test(asked_by_the_stage),
		cmocka_unit_test(measures_of_kinds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
