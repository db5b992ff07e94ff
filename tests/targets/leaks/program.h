/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the programs that leak, and those that only look like it, have in common: threads that do
 * some usual work at a given pace, a leak of so many bytes a second, and a log with the truth.
 *
 *   NAME [--rate BYTES] [--churn N] [--threads N] [--duration S] [--scale F] [--log FILE]
 *
 *   --rate   bytes a second that are leaked, all threads together (a control has none)
 *   --churn  blocks a second that the usual work allocates; 0: as many as it can
 *   --scale  by how much faster than usual a control fills, bursts or drifts
 *
 * It prints `ready` when what it is to have before is there. The log is JSON lines, one five times
 * a second: {"type":"leaked","at_ns":N,"bytes":N,"count":N,"blocks":N,"live_bytes":N}, all of them
 * since the start; `blocks` is what was allocated by the usual work. Before the first of them with
 * a count, {"type":"site","function":"keep","file":"lost.c","line":42}: where the leaking call is.
 * SIGTERM ends it.
 */
#ifndef TESTS_TARGETS_LEAKS_PROGRAM_H
#define TESTS_TARGETS_LEAKS_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Kept out of line and whole: it is what is to be named. */
#define SITE __attribute__((noinline, noclone, noipa))

#define FIFO_MAX 8

/* One thread and its usual work. */
struct worker {
	unsigned int index; /* from 0 */
	uint64_t random;    /* state of draw() */
	void *fifo[FIFO_MAX];
	void **cache; /* of the usual work, CACHE_MAX */
	unsigned int turn;
	void *own;    /* the program's */
	double steps; /* that usual_work_and() has taken */
	/* Since the start; written by this thread, read by the main one. */
	uint64_t blocks;
	uint64_t leaked_bytes;
	uint64_t leaked_cnt;
};

/* What one program is; every one defines `the_program`. */
struct program {
	/* Before `ready`, in each thread; NULL: nothing. */
	void (*begin)(struct worker *worker);
	/* A piece of the usual work. Returns how many blocks it has allocated, at least 1. */
	unsigned int (*work)(struct worker *worker);
	/* Leaks once, and returns how many bytes were asked for. NULL: it does not leak. */
	size_t (*leak)(struct worker *worker);
	double churn; /* defaults of the options */
	double rate;
	int threads;
};
extern const struct program the_program;

/* How much faster than usual; seconds since `ready`, 0 before. */
double program_scale(void);
double program_elapsed_s(void);

/* Bytes that the program holds on purpose, where it knows. For the log. */
void program_holds(int64_t bytes);

/* Even in [low, high]. */
uint32_t draw(struct worker *worker, uint32_t low, uint32_t high);

/*
 * What a server does: parses requests, of which the last eight are live, builds replies, and keeps
 * some of them in a cache where a new one takes the place of any old one.
 */
void usual_begin(struct worker *worker);
unsigned int usual_work(struct worker *worker);
/* With so many bytes of the program's own, zeroed. */
void *usual_begin_with(struct worker *worker, size_t bytes);
/*
 * And `step` so many times a second since the start, --scale times as often; it returns how many
 * blocks it has allocated.
 */
unsigned int usual_work_and(struct worker *worker, double per_s,
			    unsigned int (*step)(struct worker *worker));

/* Notes where the leak is; the value of the call. On the same line as the call itself. */
#define LEAKS_AT(call) (program_site(__func__, __FILE__, __LINE__), (call))
void program_site(const char *function, const char *file, int line);

/* The block is filled, so that it is there, and the compiler does not drop it. */
void *touched(void *block, size_t bytes);

#ifdef __cplusplus
}
#endif

#endif
