/* SPDX-License-Identifier: GPL-2.0-only */
/* Frames that are not left by a return, and frames on other stacks, which are alive. */
#include "world.h"

#include <string.h>

#define S  3
#define T0 (5ULL << 30)
#define MS 1000000ULL

/* A second mapping, with fiber stacks of 16 KB next to each other. */
#define FIBERS		       0x600000000000ULL
#define FIBER_BYTES	       (16 * 1024)
#define FIBER_SP(n, below_top) (FIBERS + ((n) + 1) * FIBER_BYTES - (below_top))

static __u32 one_call(__u32 flags)
{
	stage(S, flags);
	return function(S, WIRE_ROLE_CALL, 0);
}

static void fibers(void)
{
	shim_map_user(FIBERS, 4 * FIBER_BYTES);
	shim_add_vma(FIBERS, FIBERS + 4 * FIBER_BYTES);
}

/* f calls longjmp; the thread is next seen in another stage, further up its stack. */
static void test_longjmp(void **state)
{
	__u32 f = one_call(WIRE_STAGE_VOICE), g;

	(void)state;
	stage(S + 1, 0);
	g = function(S + 1, WIRE_ROLE_CALL, 0);
	enter(f, SP(8000));
	at(T0 + 3 * MS);
	enter(g, SP(9500));
	expect_stats(S, .entry_hits = 1, .abnormal_unwound = 1, .records = 1);
	assert_int_equal(clocks[WIRE_CLOCK_VOICE][0] >> WIRE_CLOCK_BITS, 0);
	assert_int_equal(span(0)->flags,
			 WIRE_SPAN_ABNORMAL | WIRE_SPAN_UPPER_BOUND | WIRE_SPAN_CPU);
	assert_int_equal(span(0)->start_ns, T0);
	assert_int_equal(span(0)->end_ns, T0 + 3 * MS);
	assert_int_equal(span(0)->cpu_ns, 3 * MS);
	leave(g, SP(9500));
	assert_int_equal(stats(S + 1)->spans, 1);
	expect_idle(thread(1), S);
	expect_no_losses();
}

/* The same, noticed when an outer stage returns. */
static void test_longjmp_noticed_at_return(void **state)
{
	__u32 f = one_call(0), g;

	(void)state;
	stage(S + 1, 0);
	g = function(S + 1, WIRE_ROLE_CALL, 0);
	enter(g, SP(9500));
	enter(f, SP(8000));
	at(T0 + 3 * MS);
	leave(g, SP(9500));
	expect_stats(S, .entry_hits = 1, .abnormal_unwound = 1, .records = 1);
	assert_int_equal(stats(S + 1)->spans, 1);
	expect_idle(thread(1), S);
}

/* Called again from the same place: the old frame is dead, the new call counts. */
static void test_longjmp_then_again(void **state)
{
	__u32 f = one_call(0);

	(void)state;
	for (int i = 0; i < 3; i++) {
		at(T0 + i * MS);
		enter(f, SP(8000));
	}
	at(T0 + 7 * MS);
	leave(f, SP(8000));
	expect_stats(S, .entry_hits = 3, .exit_hits = 1, .spans = 1, .abnormal_unwound = 2,
		     .sum_ns = 5 * MS, .max_ns = 5 * MS, .cpu_ns = 5 * MS, .records = 3);
	expect_idle(thread(1), S);
}

/*
 * Known error: called again from further down before anything was seen further up, the dead frame
 * looks like an outer call.  It ends with the next event above it.
 */
static void test_longjmp_then_deeper(void **state)
{
	__u32 f = one_call(0);

	(void)state;
	enter(f, SP(8000));
	enter(f, SP(7000));
	leave(f, SP(7000));
	expect_stats(S, .entry_hits = 2, .exit_hits = 1, .nested = 1, .in_flight = 1);
	enter(f, SP(8500));
	leave(f, SP(8500));
	expect_stats(S, .entry_hits = 3, .exit_hits = 2, .nested = 1, .spans = 1,
		     .abnormal_unwound = 1, .records = 2);
	expect_idle(thread(1), S);
}

static void test_exception(void **state)
{
	__u32 f = one_call(WIRE_STAGE_VOICE), g;

	(void)state;
	stage(S + 1, 0);
	g = function(S + 1, WIRE_ROLE_CALL, 0);
	enter(g, SP(9500)); /* g catches what f throws */
	at(T0 + 1 * MS);
	enter(f, SP(8000));
	at(T0 + 4 * MS);
	catch (SP(9400));
	expect_stats(S, .entry_hits = 1, .abnormal_exception = 1, .records = 1);
	assert_int_equal(span(0)->flags, WIRE_SPAN_ABNORMAL | WIRE_SPAN_EXCEPTION | WIRE_SPAN_CPU);
	assert_int_equal(span(0)->start_ns, T0 + 1 * MS);
	assert_int_equal(span(0)->end_ns, T0 + 4 * MS);
	assert_int_equal(slice(0)->catch_hits, 1);
	at(T0 + 6 * MS);
	leave(g, SP(9500));
	expect_stats(S + 1, .entry_hits = 1, .exit_hits = 1, .spans = 1, .sum_ns = 6 * MS,
		     .max_ns = 6 * MS, .cpu_ns = 6 * MS, .records = 1);
	expect_idle(thread(1), S);
	expect_no_losses();
}

/* The stage catches by itself, at its very edge: it is alive. */
static void test_catch_inside(void **state)
{
	__u32 f = one_call(0);

	(void)state;
	catch (SP(7900)); /* before any stage: nothing to do */
	enter(f, SP(8000));
	catch (SP(7992));
	assert_int_equal(stats(S)->abnormal_exception, 0);
	leave(f, SP(8000));
	assert_int_equal(stats(S)->spans, 1);
	enter(f, SP(8000));
	catch (SP(8000)); /* called where f was called: f is gone */
	assert_int_equal(stats(S)->abnormal_exception, 1);
	assert_int_equal(slice(0)->catch_hits, 3);
	expect_idle(thread(1), S);
}

static void test_thread_end(void **state)
{
	const struct wire_life *life;
	__u32 f = one_call(WIRE_STAGE_VOICE), g;

	(void)state;
	stage(S + 1, 0);
	g = function(S + 1, WIRE_ROLE_CALL, 0);
	enter(f, SP(8000));
	enter(g, SP(7000));
	at(T0 + 2 * MS);
	thread(1)->signal.live.counter = 1; /* another thread lives */
	sched_process_exit(&thread(1)->task);
	expect_stats(S, .entry_hits = 1, .abnormal_thread_end = 1, .records = 1);
	expect_stats(S + 1, .entry_hits = 1, .abnormal_thread_end = 1, .records = 1);
	assert_int_equal(span(0)->flags, WIRE_SPAN_ABNORMAL | WIRE_SPAN_THREAD_END | WIRE_SPAN_CPU);
	expect_idle(thread(1), S);
	assert_int_equal(shim_records(), 2);
	shim_task_free(thread(1));

	run_as(thread(2), 1);
	thread(2)->signal.live.counter = 0;
	thread(2)->signal.group_exit_code = 0x8b; /* SIGSEGV, core dumped */
	sched_process_exit(&thread(2)->task);
	assert_int_equal(shim_records(), 3);
	assert_int_equal(shim_record_at(2)->flags, BPF_RB_FORCE_WAKEUP);
	life = shim_record_at(2)->data;
	assert_int_equal(life->hdr.kind, WIRE_KIND_LIFE);
	assert_int_equal(life->hdr.len_bytes, sizeof(*life));
	assert_int_equal(life->event, WIRE_LIFE_EXIT);
	assert_int_equal(life->status, 0x8b);
	assert_int_equal(life->pad0, 0);
}

static void test_exit_status(void **state)
{
	const struct wire_life *life;

	(void)state;
	thread(1)->task.exit_code = 7 << 8;
	sched_process_exit(&thread(1)->task);
	life = shim_record_at(0)->data;
	assert_int_equal(life->status, 7 << 8);
	shim.ring_bytes = 0;
	sched_process_exit(&thread(1)->task);
	expect_counter(WIRE_CTR_RING_FULL, 1);
}

static void test_exec(void **state)
{
	const struct wire_life *life;
	__u32 f = one_call(WIRE_STAGE_VOICE);

	(void)state;
	enter(f, SP(8000));
	at(T0 + 2 * MS);
	sched_process_exec(&thread(1)->task, TARGET + 1);
	expect_stats(S, .entry_hits = 1, .abnormal_thread_end = 1, .records = 1);
	expect_idle(thread(1), S);
	assert_int_equal(shim_records(), 2);
	life = shim_record_at(1)->data;
	assert_int_equal(life->event, WIRE_LIFE_EXEC);
}

static void test_fork(void **state)
{
	struct shim_task *child = shim_task_new(OTHER_TGID, OTHER_TGID);
	const struct wire_life *life;

	(void)state;
	sched_process_fork(&thread(1)->task, &thread(2)->task); /* a thread, no process */
	sched_process_fork(&child->task, &thread(2)->task);
	assert_int_equal(shim_records(), 0);
	sched_process_fork(&thread(1)->task, &child->task);
	assert_int_equal(shim_records(), 1);
	life = shim_record_at(0)->data;
	assert_int_equal(life->event, WIRE_LIFE_FORK);
	assert_int_equal(life->child, OTHER_TGID);
}

static void test_loader(void **state)
{
	(void)state;
	probe_loader(&regs);
	assert_int_equal(shim_records(), 1);
	assert_int_equal(((const struct wire_life *)shim_record_at(0)->data)->event,
			 WIRE_LIFE_OBJECTS);
	run_as(shim_task_new(OTHER_TGID, OTHER_TGID), 0);
	probe_loader(&regs);
	assert_int_equal(shim_records(), 1);
}

/* A signal handler on its own stack, which lies above or below: both frames live. */
static void signal_stack(__u64 base)
{
	__u32 f = one_call(0);

	shim_map_user(base, 32768);
	shim_add_vma(base, base + 32768);
	thread(1)->task.sas_ss_sp = base;
	thread(1)->task.sas_ss_size = 32768;
	enter(f, SP(8000));
	at(T0 + 1 * MS);
	enter(f, base + 30000);
	at(T0 + 2 * MS);
	leave(f, base + 30000);
	at(T0 + 4 * MS);
	leave(f, SP(8000));
	expect_stats(S, .entry_hits = 2, .exit_hits = 2, .spans = 2, .sum_ns = 5 * MS,
		     .max_ns = 4 * MS, .cpu_ns = 5 * MS, .records = 2);
	expect_idle(thread(1), S);
	expect_no_losses();
}

static void test_signal_stack_above(void **state)
{
	(void)state;
	signal_stack(STACK_BASE + (1ULL << 30));
}

static void test_signal_stack_below(void **state)
{
	(void)state;
	signal_stack(STACK_BASE - (1ULL << 30));
}

/* Within the mapping of the stack itself. */
static void test_signal_stack_inside(void **state)
{
	__u32 f = one_call(0);

	(void)state;
	thread(1)->task.sas_ss_sp = SP(20000);
	thread(1)->task.sas_ss_size = 8192;
	enter(f, SP(18000));
	enter(f, SP(27000)); /* above the frame, but on the other stack */
	assert_int_equal(stats(S)->abnormal_unwound, 0);
	leave(f, SP(27000));
	leave(f, SP(18000));
	assert_int_equal(stats(S)->spans, 2);
	expect_idle(thread(1), S);
}

/* Fibers next to each other in one mapping, entered and left out of order. */
static void test_fibers(void **state)
{
	__u32 f = one_call(WIRE_STAGE_VOICE);

	(void)state;
	fibers();
	for (unsigned n = 0; n < 4; n++) {
		at(T0 + n * MS);
		enter(f, FIBER_SP(n, 500));
	}
	assert_int_equal(stats(S)->in_flight, 4);
	at(T0 + 10 * MS);
	leave(f, FIBER_SP(2, 500));
	leave(f, FIBER_SP(0, 500));
	leave(f, FIBER_SP(3, 500));
	leave(f, FIBER_SP(1, 500));
	expect_stats(S, .entry_hits = 4, .exit_hits = 4, .spans = 4, .sum_ns = 34 * MS,
		     .max_ns = 10 * MS, .cpu_ns = 34 * MS, .records = 4);
	expect_idle(thread(1), S);
	expect_no_losses();
}

/* On a fiber a frame that was left is noticed when it is near, and left alone when it is far. */
static void test_fiber_unwound(void **state)
{
	__u32 f = one_call(0);

	(void)state;
	fibers();
	enter(f, FIBER_SP(1, 6000));
	enter(f, FIBER_SP(1, 2000)); /* 4000 bytes up: the same stack */
	assert_int_equal(stats(S)->abnormal_unwound, 1);
	enter(f, FIBER_SP(2, 500)); /* 17884 bytes up: another */
	assert_int_equal(stats(S)->abnormal_unwound, 1);
	assert_int_equal(stats(S)->nested, 0);
	leave(f, FIBER_SP(2, 500));
	leave(f, FIBER_SP(1, 2000));
	assert_int_equal(stats(S)->spans, 2);
	expect_idle(thread(1), S);
}

/* The stack of the C library's thread: far apart, and still one stack, as its top says. */
static void test_thread_stack(void **state)
{
	__u32 f = one_call(0);

	(void)state;
	fibers();
	thread(1)->task.thread.fsbase = FIBERS + 4 * FIBER_BYTES - 2048;
	enter(f, FIBERS + 3 * FIBER_BYTES);
	enter(f, FIBERS + 4096); /* 45 KB down */
	assert_int_equal(stats(S)->nested, 1);
	enter(f, FIBERS + 4 * FIBER_BYTES - 4096); /* above both */
	assert_int_equal(stats(S)->abnormal_unwound, 1);
	leave(f, FIBERS + 4 * FIBER_BYTES - 4096);
	expect_idle(thread(1), S);
}

/* Without bpf_find_vma, or when it does not answer: by distance, which is said. */
static void test_stack_by_distance(void **state)
{
	__u32 f = one_call(0);

	(void)state;
	shim.no_find_vma = 1;
	enter(f, SP(40000));
	enter(f, SP(44000));
	assert_int_equal(stats(S)->abnormal_unwound, 1);
	enter(f, SP(44000 + 13000)); /* far: taken for another stack */
	assert_int_equal(stats(S)->abnormal_unwound, 1);
	assert_int_equal(stats(S)->nested, 0);
	expect_no_losses();

	shim.no_find_vma = 0;
	shim.find_vma_error = -16; /* the lock is taken */
	enter(f, SP(44000 + 26000));
	assert_int_equal(stats(S)->abnormal_unwound, 1);
	expect_counter(WIRE_CTR_STACK_UNKNOWN, 2);
}

static void test_stack_bounds(void **state)
{
	(void)state;
	fibers();
	/* The first thread's stack, whose top the kernel knows, however far apart. */
	assert_int_equal(stack_same(SP(1000), SP(200000)), 1);
	/* No two stacks are that near, whatever the mappings say. */
	assert_int_equal(stack_same(STACK_BASE - 100, STACK_BASE + 100), 1);
	assert_int_equal(stack_same(STACK_BASE + 100, STACK_BASE - 2000), 0);
	assert_int_equal(stack_same(SP(8000), FIBER_SP(0, 100)), 0);
	/* Above the control block of a thread there may be other stacks, in the same mapping. */
	thread(1)->task.thread.fsbase = FIBER_SP(1, 0);
	assert_int_equal(stack_same(FIBER_SP(1, 30000), FIBER_SP(1, 100)), 1);
	assert_int_equal(stack_same(FIBER_SP(1, 100), FIBER_SP(2, 100)), 0);
	assert_int_equal(stack_same(FIBER_SP(2, 100), FIBER_SP(1, 100)), 0);
	expect_no_losses();
}

/* An output or a hit function that throws has nothing to tell of. */
static void test_other_roles_left(void **state)
{
	__u32 to, hit;

	(void)state;
	stage(S, WIRE_STAGE_VOICE);
	to = function(S, WIRE_ROLE_TO, WIRE_BIND_AT_RETURN);
	hit = function(S, WIRE_ROLE_HIT, WIRE_BIND_AT_RETURN);
	enter(to, SP(8000));
	enter(hit, SP(7000));
	assert_int_equal(stats(S)->in_flight, 2);
	catch (SP(9000));
	expect_stats(S, .entry_hits = 2);
	assert_int_equal(shim_records(), 0);
	expect_idle(thread(1), S);
}

/* Seventeen open functions: the oldest goes, and so does the call that found no place. */
static void test_slots_full(void **state)
{
	(void)state;
	for (__u32 i = 0; i <= WIRE_FRAMES_MAX; i++) {
		stage(i, WIRE_STAGE_VOICE);
		assert_int_equal(function(i, WIRE_ROLE_CALL, 0), i);
	}
	for (__u32 i = 0; i <= WIRE_FRAMES_MAX; i++) {
		at(T0 + i * MS);
		enter(i, SP(60000 - 2000 * i));
	}
	expect_stats(0, .entry_hits = 1, .abnormal_unwound = 1, .records = 1);
	expect_stats(WIRE_FRAMES_MAX, .entry_hits = 1, .frames_overflow = 1);
	assert_int_equal(clocks[WIRE_CLOCK_VOICE][0] >> WIRE_CLOCK_BITS, WIRE_FRAMES_MAX - 1);
	for (__u32 i = WIRE_FRAMES_MAX; i > 0; i--) {
		at(T0 + (40 - i) * MS);
		leave(i - 1, SP(60000 - 2000 * (i - 1)));
	}
	for (__u32 i = 1; i < WIRE_FRAMES_MAX; i++)
		expect_stats(i, .entry_hits = 1, .exit_hits = 1, .spans = 1,
			     .sum_ns = (39 - 2 * i) * MS, .max_ns = (39 - 2 * i) * MS,
			     .cpu_ns = (39 - 2 * i) * MS, .records = 1);
	assert_int_equal(stats(0)->unmatched, 1);
	expect_idle(thread(1), 0);
	expect_no_losses();
}

/* No memory for the thread's state: counted, nothing else. */
static void test_no_thread_state(void **state)
{
	__u32 f = one_call(0);

	(void)state;
	shim.no_task_storage = 1;
	enter(f, SP(8000));
	leave(f, SP(8000));
	expect_stats(S, .entry_hits = 1, .exit_hits = 1, .unmatched = 1);
	expect_counter(WIRE_CTR_THREAD_STATE, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_longjmp),
		world_test(test_longjmp_noticed_at_return),
		world_test(test_longjmp_then_again),
		world_test(test_longjmp_then_deeper),
		world_test(test_exception),
		world_test(test_catch_inside),
		world_test(test_thread_end),
		world_test(test_exit_status),
		world_test(test_exec),
		world_test(test_fork),
		world_test(test_loader),
		world_test(test_signal_stack_above),
		world_test(test_signal_stack_below),
		world_test(test_signal_stack_inside),
		world_test(test_fibers),
		world_test(test_fiber_unwound),
		world_test(test_thread_stack),
		world_test(test_stack_by_distance),
		world_test(test_stack_bounds),
		world_test(test_other_roles_left),
		world_test(test_slots_full),
		world_test(test_no_thread_state),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
