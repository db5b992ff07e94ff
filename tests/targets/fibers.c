/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Stages whose frames do not lie on one stack.
 *   fibers   ucontext fibers on stacks from three places: a static array (so that two stacks touch
 *            each other and lie in one mapping), malloc, mmap. Each switches to the next in the
 *            middle of its stage, so that spans of several fibers are open at once on one thread
 *   signal   a timer's handler on a sigaltstack calls stage_signal() while stage_main() is in
 * flight
 */
#include "truth.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <ucontext.h>

#define FIBERS		 6
#define STACK_BYTES	 65536
#define SIGNAL_SPANS_MAX 100000

static char static_stacks[2][STACK_BYTES] __attribute__((aligned(4096)));

struct fiber {
	ucontext_t context;
	const struct truth_opts *opts;
	unsigned int random;
	bool finished;
};

static struct fiber fibers[FIBERS];
static ucontext_t scheduler;
static int current;
static struct truth_function *fiber_fn;
static struct truth_function *helper_fn;

static void yield(void)
{
	swapcontext(&fibers[current].context, &scheduler);
}

/* Runs to its end between two switches: a stage within the stages of the other fibers. */
STAGE uint64_t stage_helper(uint64_t value)
{
	truth_sleep_us(200);
	TRUTH_BARRIER();
	return truth_unmix(value);
}

STAGE uint64_t stage_fiber(long us, uint64_t value)
{
	uint64_t mixed = truth_mix(value);
	uint64_t start_ns;
	uint64_t got;

	truth_sleep_us(us / 2);
	yield();
	start_ns = truth_now_ns();
	got = stage_helper(mixed);
	truth_record(helper_fn, start_ns, truth_now_ns(), TRUTH_NORMAL);
	truth_sleep_us(us / 2);
	yield();
	TRUTH_BARRIER();
	return got;
}

static void fiber_main(int index)
{
	struct fiber *self = &fibers[index];
	struct truth_opts count_only = {.iterations = self->opts->iterations};
	struct truth_pace pace;

	truth_pace_start(&pace);
	while (truth_pace_next(&pace, &count_only)) {
		long us = truth_draw_us(self->opts, &self->random);
		uint64_t value = (uint64_t)pace.done * 31 + (uint64_t)index;
		uint64_t start_ns = truth_now_ns();

		truth_check(stage_fiber(us, value) == value, "stage_fiber");
		truth_record(fiber_fn, start_ns, truth_now_ns(), TRUTH_NORMAL);
		if (index % 2)
			yield();
	}
	self->finished = true;
	yield();
}

static void *stack_for(int index)
{
	void *stack;

	if (index < 2)
		return static_stacks[index];
	if (index < 4)
		return malloc(STACK_BYTES);
	stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	return stack == MAP_FAILED ? NULL : stack;
}

static void run_fibers(const struct truth_opts *opts)
{
	volatile int alive = FIBERS; /* getcontext() returns like setjmp() */
	int i;

	for (i = 0; i < FIBERS; i++) {
		fibers[i].opts = opts;
		fibers[i].random = opts->seed + (unsigned int)i * 101;
		getcontext(&fibers[i].context);
		fibers[i].context.uc_stack.ss_sp = stack_for(i);
		fibers[i].context.uc_stack.ss_size = STACK_BYTES;
		fibers[i].context.uc_link = &scheduler;
		if (!fibers[i].context.uc_stack.ss_sp)
			abort();
		makecontext(&fibers[i].context, (void (*)(void))fiber_main, 1, i);
	}
	for (current = 0; alive; current = (current + 1) % FIBERS) {
		if (fibers[current].finished)
			continue;
		swapcontext(&scheduler, &fibers[current].context);
		alive -= fibers[current].finished;
	}
}

/* A handler can interrupt truth_record(): it writes here instead, and main() records later. */
static uint64_t signal_spans[SIGNAL_SPANS_MAX][2];
static atomic_int signal_span_cnt;

STAGE uint64_t stage_signal(uint64_t value)
{
	truth_sleep_us(300);
	TRUTH_BARRIER();
	return truth_mix(value);
}

static void on_timer(int signo)
{
	int slot = atomic_fetch_add(&signal_span_cnt, 1);
	uint64_t start_ns = truth_now_ns();
	uint64_t got = stage_signal((uint64_t)slot);

	(void)signo;
	if (slot >= SIGNAL_SPANS_MAX)
		abort();
	signal_spans[slot][0] = start_ns;
	signal_spans[slot][1] = truth_now_ns();
	truth_check(got == truth_mix((uint64_t)slot), "stage_signal");
}

STAGE uint64_t stage_main(long us, uint64_t value)
{
	truth_sleep_us(us);
	TRUTH_BARRIER();
	return truth_mix(value);
}

static timer_t start_timer(void)
{
	struct itimerspec every = {{0, 2700000}, {0, 2700000}};
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN};
	struct sigaction action = {.sa_handler = on_timer, .sa_flags = SA_ONSTACK | SA_RESTART};
	stack_t stack = {.ss_size = STACK_BYTES};
	timer_t timer;

	stack.ss_sp = malloc(STACK_BYTES);
	if (!stack.ss_sp || sigaltstack(&stack, NULL) || sigaction(SIGRTMIN, &action, NULL) ||
	    timer_create(CLOCK_MONOTONIC, &event, &timer) || timer_settime(timer, 0, &every, NULL))
		abort();
	return timer;
}

static void run_signals(const struct truth_opts *opts)
{
	struct truth_function *main_fn = truth_fn("stage_main");
	struct truth_function *signal_fn = truth_fn("stage_signal");
	unsigned int random = opts->seed;
	timer_t timer = start_timer();
	struct truth_pace pace;
	int i;

	truth_pace_start(&pace);
	while (truth_pace_next(&pace, opts)) {
		long us = truth_draw_us(opts, &random);
		uint64_t start_ns = truth_now_ns();
		uint64_t got = stage_main(us, (uint64_t)pace.done);

		truth_record(main_fn, start_ns, truth_now_ns(), TRUTH_NORMAL);
		truth_check(got == truth_mix((uint64_t)pace.done), "stage_main");
	}
	timer_delete(timer);
	for (i = 0; i < atomic_load(&signal_span_cnt); i++)
		truth_record(signal_fn, signal_spans[i][0], signal_spans[i][1], TRUTH_NORMAL);
}

int main(int argc, char **argv)
{
	struct truth_opts opts;

	truth_init(&opts, argc, argv);
	fiber_fn = truth_fn("stage_fiber");
	helper_fn = truth_fn("stage_helper");
	truth_ready(&opts);
	if (!strcmp(opts.mode, "signal"))
		run_signals(&opts);
	else
		run_fibers(&opts);
	return truth_finish();
}
