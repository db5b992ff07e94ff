/* SPDX-License-Identifier: GPL-2.0-only */
/* Questions for return sites: none twice where the answer was no, and no flood of them. */
#include "world.h"

#define S  2
#define T0 (5ULL << 30)

/* User space has settled that the site is not probed: the call is passed over in silence. */
static void test_refused_site(void **state)
{
	struct site_key key = {.return_address = CALLER};
	__u64 refused = 0;
	__u32 f;

	(void)state;
	stage(S, 0);
	f = function(S, WIRE_ROLE_CALL, WIRE_BIND_LEARN);
	key.bind = f;
	assert_int_equal(bpf_map_update_elem(&return_sites, &key, &refused, BPF_ANY), 0);
	for (int i = 0; i < 5; i++)
		enter(f, SP(8000));
	expect_stats(S, .entry_hits = 5, .learning = 5);
	assert_int_equal(shim_records(), 0);
	expect_idle(thread(1), S);
}

/* A target that calls from everywhere: no more questions than the stage may send records. */
static void test_questions_are_limited(void **state)
{
	__u32 f;

	(void)state;
	stage(S, 0)->records_per_s = 3;
	f = function(S, WIRE_ROLE_CALL, WIRE_BIND_LEARN);
	at(T0);
	for (int i = 0; i < 10; i++)
		enter_from(f, SP(8000), CALLER + i);
	assert_int_equal(stats(S)->learning, 10);
	assert_int_equal(stats(S)->records_limited, 7);
	assert_int_equal(shim_records(), 3);
	expect_idle(thread(1), S);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_refused_site),
		world_test(test_questions_are_limited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
