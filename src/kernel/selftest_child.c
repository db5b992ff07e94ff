/* SPDX-License-Identifier: GPL-2.0-only */
#include "kernel/selftest_child.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "kernel/selftest_code.h"

/* __NR_uretprobe of x86-64, newer than the headers; other architectures have none. */
#define NR_URETPROBE 335

/* What the functions leave when nothing is attached. */
struct expectation {
	struct cpu_state state[SELFTEST_PATTERNS];
	uint32_t call_ns;
};

__attribute__((noinline)) void selftest_thread_code(void)
{
	__asm__ volatile("" ::: "memory");
}

__attribute__((noinline)) void selftest_seccomp_code(void)
{
	__asm__ volatile("nop" ::: "memory");
}

static uint32_t elapsed_ns(const struct timespec *a, const struct timespec *b)
{
	return (uint32_t)((b->tv_sec - a->tv_sec) * 1000000000L + (b->tv_nsec - a->tv_nsec));
}

static int compare_u32(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static uint32_t median_call_ns(void (*fn)(void))
{
	uint32_t took[SELFTEST_COST_CALLS];

	for (int i = 0; i < SELFTEST_COST_CALLS; i++) {
		struct timespec start, end;

		clock_gettime(CLOCK_MONOTONIC, &start);
		fn();
		clock_gettime(CLOCK_MONOTONIC, &end);
		took[i] = elapsed_ns(&start, &end);
	}
	qsort(took, SELFTEST_COST_CALLS, sizeof(took[0]), compare_u32);
	return took[SELFTEST_COST_CALLS / 2];
}

static void expect(const struct selftest_code *code, struct expectation *out)
{
	struct cpu_state in;

	for (int p = 0; p < SELFTEST_PATTERNS; p++) {
		selftest_pattern(&in, p);
		selftest_call(code->fn, &in, &out->state[p]);
	}
	out->call_ns = median_call_ns(code->fn);
}

static void test_row(const struct selftest_code *code, const struct expectation *expected,
		     struct selftest_row *row, bool *differs)
{
	struct cpu_state in, got;
	uint32_t with_ns;

	for (int i = 0; i < SELFTEST_CALLS * SELFTEST_PATTERNS; i++) {
		int p = i % SELFTEST_PATTERNS;

		selftest_pattern(&in, p);
		selftest_call(code->fn, &in, &got);
		if (!*differs)
			*differs = selftest_differs(&expected->state[p], &got, code->free_red_zone,
						    row->what);
	}
	with_ns = median_call_ns(code->fn);
	row->cost_ns = with_ns > expected->call_ns ? with_ns - expected->call_ns : 1;
}

static void call_in_loop(void)
{
	for (int i = 0; i < SELFTEST_THREAD_CALLS; i++)
		selftest_thread_code();
}

/*
 * Linux 6.11 made uretprobes of x86-64 a system call, which filters did not know; 6.14 keeps it
 * from them.  Only this thread is filtered.
 */
static void call_filtered(struct selftest_shared *shared)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NR_URETPROBE, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog prog = {sizeof(filter) / sizeof(filter[0]), filter};

	if (shared->skip_seccomp || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog))
		return;
	shared->running = SELFTEST_SECCOMP;
	for (int i = 0; i < SELFTEST_THREAD_CALLS; i++)
		selftest_seccomp_code();
	shared->seccomp_done = true;
}

static void *second_thread(void *shared)
{
	call_in_loop();
	call_filtered(shared);
	return NULL;
}

void selftest_child(struct selftest_shared *shared, int go_fd, int answer_fd)
{
	static struct expectation expected[SELFTEST_ROWS_MAX];
	pthread_t thread;
	char byte;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_DUMPABLE, 0); /* no core file where a probe kills */
	for (size_t i = 0; i < selftest_codes_n; i++)
		expect(&selftest_codes[i], &expected[i]);
	if (write(answer_fd, "r", 1) != 1 || read(go_fd, &byte, 1) != 1)
		_exit(1);
	for (size_t i = 0; i < selftest_codes_n; i++) {
		if (shared->skip >> i & 1)
			continue;
		shared->running = (int)i;
		test_row(&selftest_codes[i], &expected[i], &shared->rows[i], &shared->differs[i]);
		shared->done[i] = true;
	}
	shared->running = SELFTEST_THREADS;
	call_in_loop();
	if (pthread_create(&thread, NULL, second_thread, shared))
		_exit(1);
	pthread_join(thread, NULL);
	shared->running = SELFTEST_FINISHED;
	_exit(0);
}
