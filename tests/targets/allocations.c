/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Allocations of all kinds, and a log of each, on command, one a line on stdin, answered by "done":
 *   calls N US THREADS  N rounds of one call of each kind, at distances of US, by each thread
 *   site N              N calls of malloc from one place, of sizes 1000 to 1000 + N - 1
 *   flat MS THREADS     malloc and free in a loop, no log: one line with how many in each 10 ms
 * The log has a line for each call, of a thread's buffer that was made before:
 *   {"type":"call","function":"malloc","pointer":1,"old":0,"size":2,"before_ns":3,"after_ns":4,
 *    "tid":5,"caller":"call_malloc"}
 */
#include "truth.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define CALLS_MAX   65536
#define THREADS_MAX 8
#define KINDS	    14
#define SLICE_NS    10000000ULL
#define SLICES_MAX  4096

struct call {
	const char *function, *caller;
	void *pointer;
	uintptr_t old;
	size_t size;
	uint64_t before_ns, after_ns;
	int tid;
};

static struct call calls[CALLS_MAX];
static size_t calls_n;
/* What a pointer is good for is not known to the compiler. */
static void *volatile sink;
static volatile size_t huge = SIZE_MAX / 2 - 4096;

static void note(const char *function, const char *caller, void *pointer, uintptr_t old,
		 size_t size, uint64_t before_ns)
{
	size_t i = __atomic_fetch_add(&calls_n, 1, __ATOMIC_RELAXED);

	if (i >= CALLS_MAX)
		abort();
	calls[i] = (struct call){function, caller,    pointer,	      old,
				 size,	   before_ns, truth_now_ns(), (int)gettid()};
}

/* One function a kind, so that it is known who calls. */
#define CALLER(name, ...) STAGE void *name(__VA_ARGS__)
#define NOTED(what, call, old, size)                                                               \
	do {                                                                                       \
		uintptr_t was = (uintptr_t)(old);                                                  \
		uint64_t before_ns = truth_now_ns();                                               \
		void *p = (call);                                                                  \
                                                                                                   \
		sink = p;                                                                          \
		note(what, __func__, p, was, size, before_ns);                                     \
		return p;                                                                          \
	} while (0)

CALLER(call_malloc, size_t size)
{
	NOTED("malloc", malloc(size), NULL, size);
}

CALLER(call_calloc, size_t n, size_t size)
{
	NOTED("calloc", calloc(n, size), NULL, n * size);
}

CALLER(call_realloc, void *old, size_t size)
{
	NOTED("realloc", realloc(old, size), old, size);
}

CALLER(call_reallocarray, void *old, size_t n, size_t size)
{
	NOTED("reallocarray", reallocarray(old, n, size), old, n * size);
}

CALLER(call_aligned_alloc, size_t size)
{
	NOTED("aligned_alloc", aligned_alloc(64, size), NULL, size);
}

CALLER(call_memalign, size_t size)
{
	NOTED("aligned_alloc", memalign(128, size), NULL, size);
}

CALLER(call_posix_memalign, size_t size)
{
	void *p = NULL;
	uint64_t before_ns = truth_now_ns();
	int err = posix_memalign(&p, 256, size);

	truth_check(!err, "posix_memalign");
	sink = p;
	note("posix_memalign", __func__, p, 0, size, before_ns);
	return p;
}

CALLER(call_mmap, size_t size)
{
	NOTED("mmap", mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
	      NULL, size);
}

CALLER(call_mremap, void *old, size_t old_size, size_t size)
{
	NOTED("mremap", mremap(old, old_size, size, MREMAP_MAYMOVE), old, size);
}

/* Fails: nothing that anybody should see. */
STAGE void *call_failing(void)
{
	return malloc(huge);
}

/* Calls of one site among others: what is counted there and nowhere else. */
STAGE void *call_site(size_t size)
{
	NOTED("malloc", malloc(size), NULL, size);
}

static void round_of_calls(size_t i)
{
	void *p[KINDS] = {};
	int n = 0;

	p[n++] = call_malloc(24 + i % 1000);
	p[n++] = call_calloc(3, 40 + i % 100);
	/* Cleared by the last thing that calloc does. */
	p[n++] = call_calloc(1, 30000 + i % 1000);
	p[n] = call_realloc(NULL, 100 + i % 50);
	p[n] = call_realloc(p[n], 5000);
	p[n] = call_realloc(p[n], 4000);
	n++;
	p[n++] = call_reallocarray(NULL, 10, 33);
	p[n++] = call_aligned_alloc(640);
	p[n++] = call_memalign(1000);
	p[n++] = call_posix_memalign(777);
	/* A mapping of its own. */
	p[n++] = call_malloc(1000000 + i);
	truth_check(!call_failing(), "a call that fails");
	while (n)
		free(p[--n]);
	p[0] = call_mmap(65536);
	p[0] = call_mremap(p[0], 65536, 131072);
	munmap(p[0], 131072);
}

static struct {
	long rounds, us;
	uint64_t end_ns;
} job;

static void *make_calls(void *arg)
{
	(void)arg;
	for (long i = 0; i < job.rounds; i++) {
		round_of_calls((size_t)i);
		truth_sleep_us(job.us);
	}
	return NULL;
}

static uint32_t slices[SLICES_MAX];

static void *run_flat(void *arg)
{
	uint64_t start_ns = truth_now_ns(), now_ns;

	(void)arg;
	while ((now_ns = truth_now_ns()) < job.end_ns) {
		size_t slice = (size_t)((now_ns - start_ns) / SLICE_NS);

		for (int i = 0; i < 16; i++) {
			void *volatile p = malloc(32 + (size_t)i * 16);

			free(p);
		}
		if (slice < SLICES_MAX)
			__atomic_fetch_add(&slices[slice], 16, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void in_threads(void *(*run)(void *), long threads)
{
	pthread_t thread[THREADS_MAX];

	for (long i = 1; i < threads && i < THREADS_MAX; i++)
		truth_check(!pthread_create(&thread[i], NULL, run, NULL), "thread");
	run(NULL);
	for (long i = 1; i < threads && i < THREADS_MAX; i++)
		pthread_join(thread[i], NULL);
}

static void flat(long ms, long threads)
{
	uint64_t start_ns = truth_now_ns();
	size_t n = (size_t)ms * 1000000 / SLICE_NS;

	memset(slices, 0, sizeof(slices));
	job.end_ns = start_ns + (uint64_t)ms * 1000000;
	in_threads(run_flat, threads);
	printf("flat %llu", (unsigned long long)start_ns);
	for (size_t i = 0; i < n && i < SLICES_MAX; i++)
		printf(" %u", slices[i]);
	puts("");
}

static void obey(const char *verb, long first, long second, long third)
{
	if (!strcmp(verb, "calls")) {
		job.rounds = first;
		job.us = second;
		in_threads(make_calls, third);
	} else if (!strcmp(verb, "site")) {
		for (long i = 0; i < first; i++) {
			free(call_site(1000 + (size_t)i));
			free(call_malloc(10));
		}
	} else if (!strcmp(verb, "flat")) {
		flat(first, second);
	}
}

static void log_calls(void)
{
	for (size_t i = 0; i < calls_n; i++) {
		const struct call *c = &calls[i];

		truth_log("{\"type\":\"call\",\"function\":\"%s\",\"pointer\":%llu,\"old\":%llu,"
			  "\"size\":%zu,\"before_ns\":%llu,\"after_ns\":%llu,\"tid\":%d,"
			  "\"caller\":\"%s\"}",
			  c->function, (unsigned long long)(uintptr_t)c->pointer,
			  (unsigned long long)c->old, c->size, (unsigned long long)c->before_ns,
			  (unsigned long long)c->after_ns, c->tid, c->caller);
	}
}

int main(int argc, char **argv)
{
	struct truth_opts opts;
	char line[256];

	/* Its buffers are made now. */
	setvbuf(stdin, NULL, _IOLBF, 4096);
	truth_init(&opts, argc, argv);
	truth_ready(&opts);
	while (fgets(line, sizeof(line), stdin) && strcmp(line, "quit\n")) {
		char verb[16] = "";
		long number[3] = {0, 0, 0};

		sscanf(line, "%15s %ld %ld %ld", verb, &number[0], &number[1], &number[2]);
		obey(verb, number[0], number[1], number[2]);
		puts("done");
		fflush(stdout);
	}
	log_calls();
	return truth_finish();
}
