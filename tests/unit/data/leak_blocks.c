/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Blocks in every state that malloc knows, and the truth about each: a line
 * "NAME ADDRESS SIZE live|freed", then "ready".  The word "churn" on stdin starts threads that
 * allocate and free; "touch" changes one live block; the end of stdin ends it.
 */
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EACH 12

static pthread_mutex_t out = PTHREAD_MUTEX_INITIALIZER;
static atomic_int threads_ready;
static char *touched;

static void say(const char *name, void *ptr, size_t size, int live)
{
	pthread_mutex_lock(&out);
	printf("%s 0x%lx %zu %s\n", name, (unsigned long)(uintptr_t)ptr, size,
	       live ? "live" : "freed");
	pthread_mutex_unlock(&out);
}

static void *get(size_t size)
{
	char *p = malloc(size);

	if (!p)
		abort();
	memset(p, 0x40 + (int)(size & 31), size);
	return p;
}

static void alive(const char *name, size_t size)
{
	say(name, get(size), size, 1);
}

/* EACH blocks with others between them; every other one is freed. */
static void some_freed(const char *name, size_t size)
{
	void *p[EACH], *between[EACH];

	for (int i = 0; i < EACH; i++) {
		p[i] = get(size);
		between[i] = get(size + 16);
	}
	for (int i = 0; i < EACH; i++)
		free(p[i]);
	for (int i = 0; i < EACH; i++) {
		say(name, p[i], size, 0);
		/* The one behind a free chunk: its own header says so, and it lives. */
		say(name, between[i], size + 16, 1);
	}
}

static void neighbours(const char *name, const char *order, size_t size)
{
	void *p[3], *guard;

	for (int i = 0; i < 3; i++)
		p[i] = get(size);
	guard = get(size);
	for (const char *o = order; *o; o++)
		free(p[*o - 'a']);
	for (int i = 0; i < 3; i++)
		say(name, p[i], size, !strchr(order, 'a' + i));
	say(name, guard, size, 1);
}

/* A live block that holds what the list of free chunks left in it. */
static void not_written(const char *name, size_t size)
{
	void *p[EACH];

	for (int i = 0; i < EACH; i++)
		p[i] = get(size);
	for (int i = 0; i < EACH; i++)
		free(p[i]);
	for (int i = 0; i < EACH; i++)
		say(name, malloc(size), size, 1);
}

/* The blind spot: its address is handed out again at once, with the same size and content. */
static void again(void)
{
	void *p = get(344), *q;

	free(p);
	q = get(344);
	say(q == p ? "again" : "not-again", p, 344, 0);
}

static void other_ways(void)
{
	char *p = get(100), *q;

	say("realloc", p = realloc(p, 5000), 5000, 1);
	say("calloc", q = calloc(10, 30), 300, 1);
	say("memalign", memalign(64, 200), 200, 1);
	say("memalign", memalign(4096, 5000), 5000, 1);
	say("empty", malloc(0), 0, 1);
	touched = q;
}

static void classes(void)
{
	static const size_t sizes[] = {1,   16,	  24,	25,   40,    100,
				       600, 1032, 1033, 2000, 20000, 100000};

	other_ways();
	again();
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		alive("alive", sizes[i]);
	neighbours("apart", "abc", 2000);
	neighbours("backward", "ab", 0x900);
	neighbours("both", "acb", 3000);
	neighbours("forward", "cba", 4000);
	some_freed("fast", 40);
	some_freed("fast", 120);
	some_freed("cached", 200);
	some_freed("small", 600);
	some_freed("unsorted", 2000);
	some_freed("large", 30000);
	free(get(60000)); /* sorts what is unsorted into bins */
	not_written("not-written", 72);
	not_written("not-written", 500);
}

static void mapped(void)
{
	char *p = get(1 << 20), *q = get(3 << 20);

	free(q);
	say("mapped", p, 1 << 20, 1);
	say("mapped", q, 3 << 20, 0);
}

/* Into the chunk at the end of the heap. */
static void top(void)
{
	char *p = get(3000), *q = get(3000), *r = get(3000);

	free(q);
	free(r);
	say("top", p, 3000, 1);
	say("top", q, 3000, 0);
	say("top", r, 3000, 0);
}

static void *in_thread(void *arg)
{
	classes();
	top();
	some_freed("fast", 88);
	atomic_fetch_add(&threads_ready, 1);
	for (;;)
		pthread_mutex_lock(arg);
	return NULL;
}

static void *churn(void *arg)
{
	unsigned int seed = (unsigned int)(uintptr_t)arg;
	void *held[256] = {NULL};

	for (;;) {
		unsigned int i = (unsigned int)rand_r(&seed) % 256;

		free(held[i]);
		held[i] = get((size_t)rand_r(&seed) % (i % 16 ? 300 : 9000));
	}
	return NULL;
}

static void start(void *(*run)(void *), void *arg)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, run, arg) != 0)
		abort();
}

int main(void)
{
	static pthread_mutex_t forever = PTHREAD_MUTEX_INITIALIZER;
	char word[32];

	pthread_mutex_lock(&forever);
	classes();
	for (int i = 0; i < 3; i++) {
		start(in_thread, &forever);
		while (atomic_load(&threads_ready) <= i)
			;
	}
	mapped();
	top();
	some_freed("fast", 88); /* nothing large comes after them, which would empty the lists */
	printf("ready\n");
	fflush(stdout);
	while (scanf("%31s", word) == 1) {
		if (!strcmp(word, "touch"))
			touched[8] ^= 1;
		for (int i = 0; i < 3 && !strcmp(word, "churn"); i++)
			start(churn, (void *)(uintptr_t)(i + 1));
		printf("done\n");
		fflush(stdout);
	}
	return 0;
}
