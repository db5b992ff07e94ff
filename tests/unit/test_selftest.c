/* SPDX-License-Identifier: GPL-2.0-only */
/* The self-test's judgement; that it runs on this kernel is a live test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/selftest.h"
#include "kernel/selftest_code.h"
#include "watch/proof.h"

static void all_good(struct selftest *t)
{
	memset(t, 0, sizeof(*t));
	t->rows_n = selftest_codes_n;
	for (size_t i = 0; i < t->rows_n; i++)
		t->rows[i].verdict = SELFTEST_GOOD;
	t->threads.verdict = t->seccomp.verdict = SELFTEST_GOOD;
}

static size_t row_of(enum site_kind kind, bool forbidden)
{
	for (size_t i = 0; i < selftest_codes_n; i++)
		if (selftest_codes[i].kind == kind && selftest_codes[i].forbidden == forbidden &&
		    !selftest_codes[i].uretprobe)
			return i;
	fail();
	return 0;
}

static void check_difference(struct cpu_state *got, const char *expected)
{
	struct cpu_state in;
	char what[SELFTEST_WHAT_MAX] = "";

	selftest_pattern(&in, 0);
	assert_true(selftest_differs(&in, got, false, what));
	assert_string_equal(what, expected);
}

static void test_differences(void **state)
{
	struct cpu_state in, got;
	char what[SELFTEST_WHAT_MAX] = "";

	(void)state;
	selftest_pattern(&in, 0);
	got = in;
	assert_false(selftest_differs(&in, &got, false, what));
	got.gpr[3] ^= 1;
	check_difference(&got, "register 3 is changed");
	got = in;
	got.flags ^= 1;
	check_difference(&got, "flags are changed");
	got = in;
	got.sp += 8;
	check_difference(&got, "the stack pointer is changed");
	got = in;
	got.fpu[170] ^= 1;
	check_difference(&got, "floating point or vector registers are changed");
	got = in;
	got.red_zone[0] ^= 1;
	check_difference(&got, "the red zone is overwritten");
	assert_false(selftest_differs(&in, &got, true, what));
}

/* What a function does without a probe is the same each time, and the two patterns differ. */
static void test_calls(void **state)
{
	struct cpu_state in, first, second;
	char what[SELFTEST_WHAT_MAX];

	(void)state;
	assert_true(selftest_codes_n > 0);
	assert_true(selftest_codes_n <= SELFTEST_ROWS_MAX);
	for (size_t i = 0; i < selftest_codes_n; i++) {
		for (int pattern = 0; pattern < 2; pattern++) {
			selftest_pattern(&in, pattern);
			selftest_call(selftest_codes[i].fn, &in, &first);
			selftest_call(selftest_codes[i].fn, &in, &second);
			assert_false(selftest_differs(&first, &second, false, what));
			assert_int_equal(first.sp, 0);
		}
		selftest_pattern(&in, 0);
		selftest_call(selftest_codes[i].fn, &in, &second);
		assert_true(selftest_differs(&first, &second, false, what));
	}
}

static void test_failed_kinds(void **state)
{
	static const enum selftest_verdict bad[] = {SELFTEST_CORRUPTS, SELFTEST_KILLS,
						    SELFTEST_MISSES, SELFTEST_REFUSED};
	struct selftest t;

	(void)state;
	all_good(&t);
	assert_int_equal(selftest_failed_kinds(&t), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		t.rows[row_of(SITE_KIND_JCC, false)].verdict = bad[i];
		assert_int_equal(selftest_failed_kinds(&t), SITE_KIND_BIT(SITE_KIND_JCC));
	}
	t.rows[row_of(SITE_KIND_JCC, false)].verdict = SELFTEST_UNTESTED;
	assert_int_equal(selftest_failed_kinds(&t), 0);
	t.rows[row_of(SITE_KIND_RET, false)].verdict = SELFTEST_MISSES;
	assert_int_equal(selftest_failed_kinds(&t), SITE_KIND_BIT(SITE_KIND_RET));
	/* A place that is never probed says nothing about those that are. */
	all_good(&t);
	t.rows[row_of(SITE_KIND_NOP5, true)].verdict = SELFTEST_CORRUPTS;
	assert_int_equal(selftest_failed_kinds(&t), 0);
}

static void test_uretprobes(void **state)
{
	struct selftest t;

	(void)state;
	all_good(&t);
	assert_null(selftest_no_uretprobe(&t, true));
	t.seccomp.verdict = SELFTEST_KILLS;
	assert_null(selftest_no_uretprobe(&t, false));
	assert_non_null(strstr(selftest_no_uretprobe(&t, true), "seccomp"));
	all_good(&t);
	for (size_t i = 0; i < t.rows_n; i++)
		if (selftest_codes[i].uretprobe)
			t.rows[i].verdict = SELFTEST_CORRUPTS;
	assert_non_null(selftest_no_uretprobe(&t, false));
	assert_int_equal(selftest_failed_kinds(&t), 0);
}

static void test_description(void **state)
{
	struct proof p = {};
	char text[512], tiny[16];

	(void)state;
	all_good(&p.test);
	proof_describe(&p, text, sizeof(text));
	assert_string_equal(text, "");
	p.test.rows[row_of(SITE_KIND_NOP5, true)].verdict = SELFTEST_CORRUPTS;
	proof_describe(&p, text, sizeof(text));
	assert_string_equal(text, "");
	p.test.rows[row_of(SITE_KIND_JCC, false)] =
		(struct selftest_row){.verdict = SELFTEST_CORRUPTS, .what = "flags are changed"};
	p.test.rows[row_of(SITE_KIND_RET, false)].verdict = SELFTEST_KILLS;
	proof_describe(&p, text, sizeof(text));
	assert_string_equal(text,
			    "exit at ret (kills), exit at a conditional jump (corrupts: flags "
			    "are changed)");
	proof_describe(&p, tiny, sizeof(tiny));
	assert_int_equal(strlen(tiny), sizeof(tiny) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_differences),  cmocka_unit_test(test_calls),
		cmocka_unit_test(test_failed_kinds), cmocka_unit_test(test_uretprobes),
		cmocka_unit_test(test_description),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
