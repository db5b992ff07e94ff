/* SPDX-License-Identifier: GPL-2.0-only */
/* What is let through: states, conditions, handle classes, records; and the shim's own guard. */
#include "world.h"

#include <sanitizer/asan_interface.h>
#include <string.h>

#define S      3
#define T0     (5ULL << 30)
#define SECOND (1ULL << 30) /* of the token bucket */
#define MS     1000000ULL

static const struct wire_value arg0 = {.base = WIRE_BASE_ARG, .arg = 0};

static void call(__u32 f, __u64 now_ns, __u64 wall_ns)
{
	at(now_ns);
	enter(f, SP(8000));
	at(now_ns + wall_ns);
	leave(f, SP(8000));
}

static __u32 one_call(void)
{
	stage(S, 0);
	return function(S, WIRE_ROLE_CALL, 0);
}

static void test_states(void **state)
{
	static const enum wire_stage_state idle_states[] = {WIRE_STAGE_OFF, WIRE_STAGE_TRIAL};
	__u32 f = one_call();

	(void)state;
	probe_at(2 * f)->cost_ns = 10;
	probe_at(2 * f + 1)->cost_ns = 20;
	for (int i = 0; i < 2; i++) {
		stage(S, WIRE_STAGE_VOICE)->state = idle_states[i];
		call(f, T0, MS);
	}
	expect_stats(S, .entry_hits = 2, .exit_hits = 2, .cost_ns = 60);
	assert_null(state_of(thread(1)));
	assert_int_equal(clocks[WIRE_CLOCK_VOICE][0], 0);
	assert_int_equal(shim_records(), 0);
	assert_int_equal(slice(0)->probe_runs, 4);

	/* Armed between entry and return: not ours. */
	at(T0);
	enter(f, SP(8000));
	stage(S, 0);
	leave(f, SP(8000));
	expect_stats(S, .entry_hits = 3, .exit_hits = 3, .cost_ns = 90, .unmatched = 1);
}

static void test_where_at_entry(void **state)
{
	__u32 f = one_call();

	(void)state;
	bind_at(f)->where = (struct wire_value){.base = WIRE_BASE_ARG, .op = WIRE_OP_EQ, .rhs = 3};
	regs.di = 4;
	call(f, T0, MS);
	regs.di = 3;
	call(f, T0, 2 * MS);
	expect_stats(S, .entry_hits = 2, .exit_hits = 2, .spans = 1, .filtered = 1,
		     .sum_ns = 2 * MS, .max_ns = 2 * MS, .cpu_ns = 2 * MS, .records = 1);
	/* What cannot be read is a no, and counted. */
	bind_at(f)->where.derefs = 1;
	call(f, T0, MS);
	assert_int_equal(stats(S)->filtered, 2);
	assert_int_equal(stats(S)->read_failures, 1);
	assert_int_equal(stats(S)->spans, 1);
	expect_no_losses();
}

static void test_where_at_return(void **state)
{
	__u32 f = one_call();

	(void)state;
	bind_at(f)->flags |= WIRE_BIND_WHERE_AT_RETURN;
	bind_at(f)->where = (struct wire_value){.base = WIRE_BASE_RET, .op = WIRE_OP_NE};
	regs.ax = 0;
	call(f, T0, MS);
	regs.ax = 1;
	call(f, T0, 2 * MS);
	expect_stats(S, .entry_hits = 2, .exit_hits = 2, .spans = 1, .filtered = 1,
		     .sum_ns = 2 * MS, .max_ns = 2 * MS, .cpu_ns = 2 * MS, .records = 1);
	expect_idle(thread(1), S);
}

/* One function, two stages, told apart by what else was called with the handle. */
static void test_handle_classes(void **state)
{
	__u32 give, f;

	(void)state;
	f = one_call();
	give = function(S, WIRE_ROLE_CLASS, 0);
	bind_at(give)->cls = 1;
	bind_at(f)->cls = 1;
	bind_at(f)->handle = bind_at(give)->handle = arg0;

	regs.di = 0x1000;
	call(f, T0, MS); /* configured before we came */
	expect_stats(S, .entry_hits = 1, .exit_hits = 1, .unknown_class = 1);
	enter(give, SP(8000));
	call(f, T0, 2 * MS);
	assert_int_equal(stats(S)->spans, 1);
	assert_int_equal(span(0)->handle, 0x1000);

	bind_at(give)->cls = 2;
	enter(give, SP(8000)); /* configured anew: of another class from now on */
	call(f, T0, MS);
	expect_stats(S, .entry_hits = 5, .exit_hits = 3, .spans = 1, .unknown_class = 1,
		     .filtered = 1, .sum_ns = 2 * MS, .max_ns = 2 * MS, .cpu_ns = 2 * MS,
		     .records = 1);
	expect_no_losses();
}

/* More handles than room: those not seen for longest are forgotten, and said to be unknown. */
static void test_classes_full(void **state)
{
	__u32 give, f;

	(void)state;
	shim_set_max_entries(&handle_classes, 2);
	stage(S, 0);
	give = function(S, WIRE_ROLE_CLASS, 0);
	bind_at(give)->cls = 1;
	bind_at(give)->handle = arg0;
	f = function(S, WIRE_ROLE_CALL, WIRE_BIND_AT_RETURN);
	bind_at(f)->cls = 1;
	bind_at(f)->handle = arg0;
	for (regs.di = 1; regs.di <= 4; regs.di++)
		enter(give, SP(8000));
	for (regs.di = 1; regs.di <= 4; regs.di++)
		call(f, T0, MS);
	assert_int_equal(stats(S)->unknown_class, 2);
	assert_int_equal(stats(S)->spans, 2);
	expect_no_losses();
}

/* A key that cannot be read: the span counts, with key 0. */
static void test_unreadable_key(void **state)
{
	__u32 f = one_call();

	(void)state;
	bind_at(f)->key = (struct wire_value){.base = WIRE_BASE_ARG, .derefs = 1};
	regs.di = 0xdead0000;
	call(f, T0, MS);
	expect_stats(S, .entry_hits = 1, .exit_hits = 1, .spans = 1, .read_failures = 1,
		     .sum_ns = MS, .max_ns = MS, .cpu_ns = MS, .records = 1);
	assert_int_equal(span(0)->key, 0);
}

/* Two records a second; everything is counted all the same. */
static void test_token_bucket(void **state)
{
	__u32 f = one_call();

	(void)state;
	stage(S, 0)->records_per_s = 2;
	for (int i = 0; i < 5; i++)
		call(f, T0 + i * 200 * MS, MS);
	expect_stats(S, .entry_hits = 5, .exit_hits = 5, .spans = 5, .sum_ns = 5 * MS, .max_ns = MS,
		     .cpu_ns = 5 * MS, .records = 2, .records_limited = 3);
	assert_int_equal(spans_sent(), 2);
	assert_int_equal(hist_total(S, WIRE_HIST_LATENCY), 5);
	for (int i = 0; i < 5; i++)
		call(f, T0 + SECOND + i * 200 * MS, MS);
	assert_int_equal(stats(S)->records, 4);
	assert_int_equal(stats(S)->records_limited, 6);
	/* Long pauses do not save tokens. */
	for (int i = 0; i < 5; i++)
		call(f, T0 + 100 * SECOND + i * 200 * MS, MS);
	assert_int_equal(stats(S)->records, 6);
	assert_int_equal(stats(S)->records_limited, 9);
	expect_no_losses();
}

/* Room for two records: the third is lost and counted; after reading there is room again. */
static void test_ring_full(void **state)
{
	__u32 f = one_call();

	(void)state;
	shim.ring_bytes = 2 * (sizeof(struct wire_span) + 8);
	for (int i = 0; i < 3; i++)
		call(f, T0 + i * 10 * MS, MS);
	expect_stats(S, .entry_hits = 3, .exit_hits = 3, .spans = 3, .sum_ns = 3 * MS, .max_ns = MS,
		     .cpu_ns = 3 * MS, .records = 2, .records_lost = 1);
	expect_counter(WIRE_CTR_RING_FULL, 1);
	shim_drain();
	call(f, T0 + 50 * MS, MS);
	assert_int_equal(stats(S)->records, 3);
	assert_int_equal(spans_sent(), 1);
}

/* Records do not wake user space: it reads at its own pace. */
static void test_records_do_not_wake(void **state)
{
	__u32 f = one_call();

	(void)state;
	call(f, T0, MS);
	assert_int_equal(shim_record_at(0)->flags, BPF_RB_NO_WAKEUP);
}

/* A cookie that leads nowhere. */
static void test_unknown_probe(void **state)
{
	(void)state;
	hit_entry(WIRE_PROBES_MAX, SP(8000));
	expect_counter(WIRE_CTR_BUG, 1);
	probe_at(9)->bind = WIRE_BINDS_MAX;
	hit_exit(9, SP(8000));
	expect_counter(WIRE_CTR_BUG, 2);
	bind_at(4)->stage = WIRE_STAGES_MAX;
	probe_at(9)->bind = 4;
	hit_exit(9, SP(8000));
	expect_counter(WIRE_CTR_BUG, 3);
	assert_null(state_of(thread(1)));
}

/* Every power of two has a bucket of its own; the last one holds the rest. */
static void test_buckets(void **state)
{
	__u64 v = 1;

	(void)state;
	for (int power = 0; power < 41; power++, v *= 2) {
		hist_count(S, WIRE_HIST_FRAME, v);
		assert_int_equal(hist_of(S, WIRE_HIST_FRAME, v), 1);
	}
	hist_count(S, WIRE_HIST_FRAME, 1ULL << 41);
	hist_count(S, WIRE_HIST_FRAME, ~0ULL);
	assert_int_equal(hist_total(S, WIRE_HIST_FRAME), 43);
	assert_int_equal(hist_of(S, WIRE_HIST_FRAME, (1ULL << 41) - 1), 2);
	assert_int_equal(hist_bucket(~0ULL), WIRE_HIST_BUCKETS - 1);
}

/* What every other test relies on: a deleted or replaced value must not be touched. */
static void test_shim_poisons(void **state)
{
	struct class_key key = {.handle = 5};
	__u64 one = 1, *value, *newer;

	(void)state;
	bpf_map_update_elem(&handle_classes, &key, &one, BPF_ANY);
	value = bpf_map_lookup_elem(&handle_classes, &key);
	assert_false(__asan_address_is_poisoned(value));
	bpf_map_update_elem(&handle_classes, &key, &one, BPF_ANY);
	newer = bpf_map_lookup_elem(&handle_classes, &key);
	assert_true(__asan_address_is_poisoned(value));
	assert_false(__asan_address_is_poisoned(newer));
	bpf_map_delete_elem(&handle_classes, &key);
	assert_true(__asan_address_is_poisoned(newer));
	assert_null(bpf_map_lookup_elem(&handle_classes, &key));

	value = bpf_ringbuf_reserve(&events, 40, 0);
	bpf_ringbuf_submit(value, 0);
	assert_true(__asan_address_is_poisoned(value));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_states),
		world_test(test_where_at_entry),
		world_test(test_where_at_return),
		world_test(test_handle_classes),
		world_test(test_classes_full),
		world_test(test_unreadable_key),
		world_test(test_token_bucket),
		world_test(test_ring_full),
		world_test(test_records_do_not_wake),
		world_test(test_unknown_probe),
		world_test(test_buckets),
		world_test(test_shim_poisons),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
