/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the targets of components are about, on command, one a line on stdin, answered by "done":
 *   active N MS PCT   N calls of stage_active(), MS each, that burns PCT % of it while a second
 *                     thread burns all of it
 *   beside MS         stage_active() with stage_other() inside it on another thread
 *   cached N US       N calls of stage_lookup(): every third takes US and returns 1 (cached), the
 *                     others ten times as long and return 2
 *   speak N HZ US     N calls of stage_speak(): 100 ms of audio each, HZ samples a second, in US
 *                     (1000)
 *   fail N            N calls of stage_fail(): every fourth returns -1, every fifth leaves by
 * longjmp slow N MS         N calls of stage_slow(): every second takes twice MS hold N MB MS N
 * threads at once in stage_hold(): MB mapped and touched, for MS, given back idle MS sleeps outside
 * every stage
 */
#include "truth.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define MIB	    (1024UL * 1024)
#define THREADS_MAX 8
#define INSTANT_NS  100000

/* What stage_speak() gives; the offsets are in the test's configuration. */
struct wave {
	const char *name;
	int sample_rate; /* at 8 */
	int samples;	 /* at 12 */
};

static struct truth_function *active_fn, *other_fn, *lookup_fn, *speak_fn, *fail_fn, *slow_fn,
	*hold_fn;
static atomic_bool burning;
static jmp_buf out;
static pthread_barrier_t together;

static uint64_t process_cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

STAGE uint64_t stage_active(long burn_us, long sleep_us, uint64_t value)
{
	truth_burn_us(burn_us);
	truth_sleep_us(sleep_us);
	TRUTH_BARRIER();
	return truth_mix(value);
}

STAGE uint64_t stage_other(long sleep_us, uint64_t value)
{
	truth_sleep_us(sleep_us);
	TRUTH_BARRIER();
	return truth_mix(value);
}

STAGE int stage_lookup(long us, int found)
{
	truth_sleep_us(us);
	TRUTH_BARRIER();
	return found;
}

STAGE struct wave *stage_speak(struct wave *wave, int rate, long us)
{
	truth_sleep_us(us);
	wave->sample_rate = rate;
	wave->samples = rate / 10;
	TRUTH_BARRIER();
	return wave;
}

STAGE int stage_fail(long i)
{
	TRUTH_BARRIER();
	if (i % 5 == 4)
		longjmp(out, 1);
	return i % 4 == 3 ? -1 : 0;
}

STAGE uint64_t stage_slow(long us, uint64_t value)
{
	truth_sleep_us(us);
	TRUTH_BARRIER();
	return truth_mix(value);
}

STAGE uint64_t stage_hold(size_t bytes, long us, uint64_t value)
{
	char *start = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (start == MAP_FAILED)
		abort();
	for (size_t at = 0; at < bytes; at += 4096)
		start[at] = 1;
	truth_sleep_us(us);
	munmap(start, bytes);
	return truth_mix(value);
}

static void *burn(void *arg)
{
	(void)arg;
	while (atomic_load(&burning))
		truth_burn_us(500);
	return NULL;
}

/*
 * Wall time and CPU time of one instant: who is put off its CPU between the two reads would give
 * the other threads' CPU time of that pause to no wall time.
 */
static void read_clocks(uint64_t *wall_ns, uint64_t *cpu_ns)
{
	uint64_t before_ns;

	do {
		before_ns = truth_now_ns();
		*cpu_ns = process_cpu_ns();
		*wall_ns = truth_now_ns();
	} while (*wall_ns - before_ns > INSTANT_NS);
}

static void active(long n, long ms, long percent)
{
	pthread_t helper;

	while (n-- > 0) {
		uint64_t start_ns, start_cpu_ns, end_ns, end_cpu_ns;

		atomic_store(&burning, true);
		truth_check(!pthread_create(&helper, NULL, burn, NULL), "thread");
		read_clocks(&start_ns, &start_cpu_ns);
		truth_check(stage_active(ms * percent * 10, ms * (100 - percent) * 10, 5) ==
				    truth_mix(5),
			    "stage_active");
		read_clocks(&end_ns, &end_cpu_ns);
		truth_log("{\"type\":\"active\",\"wall_ns\":%llu,\"cpu_ns\":%llu}",
			  (unsigned long long)(end_ns - start_ns),
			  (unsigned long long)(end_cpu_ns - start_cpu_ns));
		truth_record(active_fn, start_ns, end_ns, TRUTH_NORMAL);
		/* Burning goes on outside the stage: that is not its. */
		truth_sleep_us(ms * 500);
		atomic_store(&burning, false);
		pthread_join(helper, NULL);
	}
}

static void *run_other(void *arg)
{
	long ms = *(long *)arg;
	uint64_t start_ns;

	truth_sleep_us(ms * 200);
	start_ns = truth_now_ns();
	truth_check(stage_other(ms * 300, 6) == truth_mix(6), "stage_other");
	truth_record(other_fn, start_ns, truth_now_ns(), TRUTH_NORMAL);
	return NULL;
}

static void beside(long ms)
{
	pthread_t thread;
	uint64_t start_ns;

	truth_check(!pthread_create(&thread, NULL, run_other, &ms), "thread");
	start_ns = truth_now_ns();
	truth_check(stage_active(0, ms * 1000, 7) == truth_mix(7), "stage_active");
	truth_record(active_fn, start_ns, truth_now_ns(), TRUTH_NORMAL);
	pthread_join(thread, NULL);
}

static void cached(long n, long us)
{
	for (long i = 0; i < n; i++) {
		int found = i % 3 == 0 ? 1 : 2;
		uint64_t start_ns = truth_now_ns(), end_ns;

		truth_check(stage_lookup(found == 1 ? us : 10 * us, found) == found, "lookup");
		end_ns = truth_now_ns();
		truth_record(lookup_fn, start_ns, end_ns, TRUTH_NORMAL);
		truth_log("{\"type\":\"lookup\",\"cached\":%s,\"wall_ns\":%llu}",
			  found == 1 ? "true" : "false", (unsigned long long)(end_ns - start_ns));
	}
}

static void speak(long n, long rate, long us)
{
	struct wave wave = {"x", 0, 0};

	while (n-- > 0) {
		uint64_t start_ns = truth_now_ns();

		truth_check(stage_speak(&wave, (int)rate, us ? us : 1000)->samples == rate / 10,
			    "stage_speak");
		truth_record(speak_fn, start_ns, truth_now_ns(), TRUTH_NORMAL);
	}
}

static void fail(long n)
{
	for (volatile long i = 0; i < n; i++) {
		volatile uint64_t start_ns = truth_now_ns();

		if (setjmp(out)) {
			truth_record(fail_fn, start_ns, truth_now_ns(), TRUTH_ABNORMAL);
			continue;
		}
		if (stage_fail(i) < 0)
			truth_count(truth_fn("failed"), 1);
		truth_record(fail_fn, start_ns, truth_now_ns(), TRUTH_NORMAL);
	}
}

static void slow(long n, long ms)
{
	for (long i = 0; i < n; i++) {
		uint64_t start_ns = truth_now_ns();

		truth_check(stage_slow(ms * (i % 2 ? 2000 : 1000), 8) == truth_mix(8),
			    "stage_slow");
		truth_record(slow_fn, start_ns, truth_now_ns(), TRUTH_NORMAL);
	}
}

static long hold_mb, hold_ms;

static void *run_hold(void *arg)
{
	uint64_t start_ns;

	(void)arg;
	pthread_barrier_wait(&together);
	start_ns = truth_now_ns();
	truth_check(stage_hold((size_t)hold_mb * MIB, hold_ms * 1000, 9) == truth_mix(9), "hold");
	truth_record(hold_fn, start_ns, truth_now_ns(), TRUTH_NORMAL);
	return NULL;
}

static void hold(long n, long mb, long ms)
{
	pthread_t thread[THREADS_MAX];

	if (n > THREADS_MAX)
		abort();
	hold_mb = mb;
	hold_ms = ms;
	pthread_barrier_init(&together, NULL, (unsigned int)n);
	for (long i = 0; i < n; i++)
		truth_check(!pthread_create(&thread[i], NULL, run_hold, NULL), "thread");
	for (long i = 0; i < n; i++)
		pthread_join(thread[i], NULL);
	pthread_barrier_destroy(&together);
}

static void obey(const char *verb, long first, long second, long third)
{
	if (!strcmp(verb, "active"))
		active(first, second, third);
	else if (!strcmp(verb, "beside"))
		beside(first);
	else if (!strcmp(verb, "cached"))
		cached(first, second);
	else if (!strcmp(verb, "speak"))
		speak(first, second, third);
	else if (!strcmp(verb, "fail"))
		fail(first);
	else if (!strcmp(verb, "slow"))
		slow(first, second);
	else if (!strcmp(verb, "hold"))
		hold(first, second, third);
	else if (!strcmp(verb, "idle"))
		truth_sleep_us(first * 1000);
}

static void name_functions(void)
{
	active_fn = truth_fn("stage_active");
	other_fn = truth_fn("stage_other");
	lookup_fn = truth_fn("stage_lookup");
	speak_fn = truth_fn("stage_speak");
	fail_fn = truth_fn("stage_fail");
	slow_fn = truth_fn("stage_slow");
	hold_fn = truth_fn("stage_hold");
	(void)truth_fn("failed");
}

int main(int argc, char **argv)
{
	struct truth_opts opts;
	char line[256];

	truth_init(&opts, argc, argv);
	name_functions();
	truth_ready(&opts);
	while (fgets(line, sizeof(line), stdin) && strcmp(line, "quit\n")) {
		char verb[16] = "";
		long number[3] = {0, 0, 0};

		sscanf(line, "%15s %ld %ld %ld", verb, &number[0], &number[1], &number[2]);
		obey(verb, number[0], number[1], number[2]);
		puts("done");
		fflush(stdout);
	}
	return truth_finish();
}
