/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * spans.c - a target that measures what probes on its functions cost it, with its own clock.
 *
 * Four functions, written in assembly so that what is under a probe is known:
 *   push     entry on a push, which the kernel emulates; exit on a ret, which it single-steps
 *   endbr64  the same behind an endbr64 (single-stepped), as with -fcf-protection
 *   branch   push at the entry, and a conditional jump before the ret: both ends are emulated
 *   stepped  nothing that the kernel emulates: both ends are single-stepped
 *
 * Commands on stdin, each answered with one JSON object:
 *   sites FN               file offsets of the cheapest entry and of the ret
 *   pace FN RATE MS        single calls at that rate; each is timed
 *   burst FN CALLS TIMES   so many tight loops, 30 ms apart; time per call of each
 *   timer CALLS TIMES      the same of an in-process timer: two clock readings and a histogram
 *   load FN THREADS RATE MS  RATE calls a second by so many threads together, which sleep between:
 *                          calls, and the CPU time of the process
 */
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#define SAMPLES_MAX 400000
#define BURSTS_MAX  1000
#define THREADS_MAX 256

#if !defined(__x86_64__)
#error "the functions are x86-64's"
#endif

typedef long stage_fn(long value);

stage_fn stage_push, stage_endbr64, stage_branch, stage_stepped;
extern const char stage_push_entry[], stage_push_exit[], stage_endbr64_entry[],
	stage_endbr64_exit[], stage_branch_entry[], stage_branch_exit[], stage_stepped_entry[],
	stage_stepped_exit[];

/* clang-format off */
__asm__(".text\n"
	".globl stage_push, stage_push_entry, stage_push_exit\n"
	".type stage_push, @function\n"
	"stage_push: .cfi_startproc\n"
	"stage_push_entry: push %rbx\n .cfi_def_cfa_offset 16\n .cfi_offset 3, -16\n"
	" mov %rdi, %rbx\n lea 3(%rbx), %rax\n"
	" pop %rbx\n .cfi_def_cfa_offset 8\n"
	"stage_push_exit: ret\n .cfi_endproc\n .size stage_push, . - stage_push\n"
	".globl stage_endbr64, stage_endbr64_entry, stage_endbr64_exit\n"
	".type stage_endbr64, @function\n"
	"stage_endbr64: .cfi_startproc\n endbr64\n"
	"stage_endbr64_entry: push %rbx\n .cfi_def_cfa_offset 16\n .cfi_offset 3, -16\n"
	" mov %rdi, %rbx\n lea 3(%rbx), %rax\n"
	" pop %rbx\n .cfi_def_cfa_offset 8\n"
	"stage_endbr64_exit: ret\n .cfi_endproc\n .size stage_endbr64, . - stage_endbr64\n"
	".globl stage_branch, stage_branch_entry, stage_branch_exit\n"
	".type stage_branch, @function\n"
	"stage_branch: .cfi_startproc\n"
	"stage_branch_entry: push %rbx\n .cfi_def_cfa_offset 16\n .cfi_offset 3, -16\n"
	" mov %rdi, %rbx\n lea 3(%rbx), %rax\n test %rsp, %rsp\n"
	"stage_branch_exit: je 1f\n"
	" pop %rbx\n .cfi_def_cfa_offset 8\n ret\n"
	"1: ud2\n .cfi_endproc\n .size stage_branch, . - stage_branch\n"
	".globl stage_stepped, stage_stepped_entry, stage_stepped_exit\n"
	".type stage_stepped, @function\n"
	"stage_stepped: .cfi_startproc\n"
	"stage_stepped_entry: endbr64\n"
	" lea 3(%rdi), %rax\n"
	"stage_stepped_exit: ret\n .cfi_endproc\n .size stage_stepped, . - stage_stepped\n");
/* clang-format on */

struct stage {
	const char *name;
	stage_fn *fn;
	const char *entry;
	const char *exit;
};

static const struct stage stages[] = {
	{"push", stage_push, stage_push_entry, stage_push_exit},
	{"endbr64", stage_endbr64, stage_endbr64_entry, stage_endbr64_exit},
	{"branch", stage_branch, stage_branch_entry, stage_branch_exit},
	{"stepped", stage_stepped, stage_stepped_entry, stage_stepped_exit},
};

static uint64_t sample_ns[SAMPLES_MAX];
static uint32_t histogram[64 * 32];

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000ULL + (uint64_t)now.tv_nsec;
}

static int compare_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void answer_samples(size_t cnt, uint64_t wall_ns, uint64_t cpu_ns)
{
	uint64_t sum_ns = 0;

	for (size_t i = 0; i < cnt; i++)
		sum_ns += sample_ns[i];
	qsort(sample_ns, cnt, sizeof(sample_ns[0]), compare_u64);
	printf("{\"calls\":%zu,\"median_ns\":%llu,\"p10_ns\":%llu,\"p90_ns\":%llu,\"mean_ns\":%.1f,"
	       "\"wall_ns\":%llu,\"cpu_ns\":%llu}\n",
	       cnt, (unsigned long long)sample_ns[cnt / 2], (unsigned long long)sample_ns[cnt / 10],
	       (unsigned long long)sample_ns[cnt * 9 / 10], (double)sum_ns / (double)cnt,
	       (unsigned long long)wall_ns, (unsigned long long)cpu_ns);
	fflush(stdout);
}

/* Sleeps between calls that are far apart, spins between those that are not. */
static void wait_until(uint64_t due_ns, uint64_t period_ns)
{
	const struct timespec due = {.tv_sec = (time_t)(due_ns / 1000000000ULL),
				     .tv_nsec = (long)(due_ns % 1000000000ULL)};

	if (period_ns >= 100000)
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
	while (clock_ns(CLOCK_MONOTONIC) < due_ns)
		;
}

static void pace(stage_fn *fn, double rate, uint64_t ms)
{
	uint64_t period_ns = (uint64_t)(1e9 / rate);
	uint64_t begin_ns = clock_ns(CLOCK_MONOTONIC), cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	uint64_t due_ns = begin_ns, end_ns = begin_ns + ms * 1000000;
	size_t cnt = 0;

	while (cnt < SAMPLES_MAX && clock_ns(CLOCK_MONOTONIC) < end_ns) {
		uint64_t start_ns;

		due_ns += period_ns;
		wait_until(due_ns, period_ns);
		start_ns = clock_ns(CLOCK_MONOTONIC);
		fn((long)cnt);
		sample_ns[cnt++] = clock_ns(CLOCK_MONOTONIC) - start_ns;
	}
	cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID) - cpu_ns;
	answer_samples(cnt, clock_ns(CLOCK_MONOTONIC) - begin_ns, cpu_ns);
}

/* What a program does that measures itself: exact buckets of 32 to the power of two. */
static void timed_call(stage_fn *fn, long value)
{
	uint64_t start_ns = clock_ns(CLOCK_MONOTONIC), took_ns;
	unsigned int log2;

	fn(value);
	took_ns = clock_ns(CLOCK_MONOTONIC) - start_ns;
	log2 = 63 - (unsigned int)__builtin_clzll(took_ns | 32);
	histogram[(log2 - 5) * 32 + ((took_ns >> (log2 - 5)) & 31)]++;
}

static void burst(stage_fn *fn, long calls, size_t times, int timer)
{
	const struct timespec rest = {.tv_nsec = 30000000};
	uint64_t begin_ns = clock_ns(CLOCK_MONOTONIC), cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);

	for (size_t i = 0; i < times; i++) {
		uint64_t start_ns;

		nanosleep(&rest, NULL);
		start_ns = clock_ns(CLOCK_MONOTONIC);
		for (long n = 0; n < calls; n++) {
			if (timer)
				timed_call(fn, n);
			else
				fn(n);
		}
		/* Per 1000 calls, so that fractions of a nanosecond are kept. */
		sample_ns[i] = (clock_ns(CLOCK_MONOTONIC) - start_ns) * 1000 / (uint64_t)calls;
	}
	cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID) - cpu_ns;
	answer_samples(times, clock_ns(CLOCK_MONOTONIC) - begin_ns, cpu_ns);
}

struct loader {
	stage_fn *fn;
	pthread_t thread;
	uint64_t start_ns;
	uint64_t end_ns;
	uint64_t period_ns;
	uint64_t batch;
	uint64_t calls;
};

static void sleep_until(uint64_t due_ns)
{
	const struct timespec due = {.tv_sec = (time_t)(due_ns / 1000000000ULL),
				     .tv_nsec = (long)(due_ns % 1000000000ULL)};

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
}

static void *run_loader(void *arg)
{
	struct loader *l = arg;

	for (uint64_t due_ns = l->start_ns; due_ns < l->end_ns; due_ns += l->period_ns) {
		sleep_until(due_ns);
		if (clock_ns(CLOCK_MONOTONIC) >= l->end_ns)
			break; /* too slow for the rate: the answer has fewer calls */
		for (uint64_t i = 0; i < l->batch; i++)
			l->fn((long)i);
		l->calls += l->batch;
	}
	sleep_until(l->end_ns + 20000000); /* ending costs, too */
	return NULL;
}

/* Few wake-ups, so that calls are most of what the threads do; their phases are spread. */
static void load(stage_fn *fn, unsigned int threads, double rate, uint64_t ms)
{
	static struct loader loaders[THREADS_MAX];
	uint64_t least_ns = threads > 1 ? 10000000 : 1000000;
	double each_ns = 1e9 * threads / rate;
	uint64_t batch = each_ns < (double)least_ns ? (uint64_t)((double)least_ns / each_ns) : 1;
	uint64_t period_ns = (uint64_t)(each_ns * (double)batch), calls = 0;
	uint64_t start_ns = clock_ns(CLOCK_MONOTONIC) + 100000000, cpu_ns, wall_ns;

	for (unsigned int i = 0; i < threads; i++) {
		loaders[i] = (struct loader){.fn = fn,
					     .start_ns = start_ns + period_ns * i / threads,
					     .end_ns = start_ns + ms * 1000000,
					     .period_ns = period_ns,
					     .batch = batch};
		if (pthread_create(&loaders[i].thread, NULL, run_loader, &loaders[i]))
			exit(1);
	}
	sleep_until(start_ns);
	wall_ns = clock_ns(CLOCK_MONOTONIC);
	cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	sleep_until(start_ns + ms * 1000000);
	wall_ns = clock_ns(CLOCK_MONOTONIC) - wall_ns;
	cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu_ns;
	for (unsigned int i = 0; i < threads; i++) {
		pthread_join(loaders[i].thread, NULL);
		calls += loaders[i].calls;
	}
	printf("{\"calls\":%llu,\"wall_ns\":%llu,\"cpu_ns\":%llu}\n", (unsigned long long)calls,
	       (unsigned long long)wall_ns, (unsigned long long)cpu_ns);
	fflush(stdout);
}

struct search {
	uintptr_t addr;
	uint64_t offset;
};

static int find_offset(struct dl_phdr_info *info, size_t size, void *ctx)
{
	struct search *search = ctx;

	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *ph = &info->dlpi_phdr[i];
		uintptr_t start = info->dlpi_addr + ph->p_vaddr;

		if (ph->p_type == PT_LOAD && search->addr >= start &&
		    search->addr < start + ph->p_filesz) {
			search->offset = search->addr - start + ph->p_offset;
			return 1;
		}
	}
	return 0;
}

static uint64_t file_offset(const char *addr)
{
	struct search search = {.addr = (uintptr_t)addr};

	dl_iterate_phdr(find_offset, &search);
	return search.offset;
}

static const struct stage *stage_named(const char *name)
{
	for (size_t i = 0; i < sizeof(stages) / sizeof(stages[0]); i++)
		if (!strcmp(stages[i].name, name))
			return &stages[i];
	fprintf(stderr, "no function '%s'\n", name);
	exit(2);
}

static void obey(const char *line)
{
	unsigned long long a, b;
	char name[16];
	double rate;

	if (sscanf(line, "pace %15s %lf %llu", name, &rate, &a) == 3) {
		pace(stage_named(name)->fn, rate, a);
	} else if (sscanf(line, "burst %15s %llu %llu", name, &a, &b) == 3 && a && b < BURSTS_MAX) {
		burst(stage_named(name)->fn, (long)a, b, 0);
	} else if (sscanf(line, "timer %llu %llu", &a, &b) == 2 && a && b < BURSTS_MAX) {
		burst(stage_push, (long)a, b, 1);
	} else if (sscanf(line, "load %15s %llu %lf %llu", name, &a, &rate, &b) == 4 && a &&
		   a <= THREADS_MAX && rate > 0) {
		load(stage_named(name)->fn, (unsigned int)a, rate, b);
	} else if (sscanf(line, "sites %15s", name) == 1) {
		const struct stage *stage = stage_named(name);

		printf("{\"entry\":%llu,\"exit\":%llu}\n",
		       (unsigned long long)file_offset(stage->entry),
		       (unsigned long long)file_offset(stage->exit));
		fflush(stdout);
	} else {
		fprintf(stderr, "what is '%s'?\n", line);
		exit(2);
	}
}

int main(void)
{
	char line[128];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_TIMERSLACK, 1);
	puts("ready");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin))
		obey(line);
	return 0;
}
