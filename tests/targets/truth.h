/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the hard targets share: options, a start gate, pacing, and the log of the target's own
 * timing, which the live tests hold against what cheshire says. Nothing in here knows cheshire.
 *
 * The log is JSON lines. One line a function; the durations are those of its outermost spans, in
 * ascending order, apart for those that returned and those that ended otherwise:
 *   {"type":"function","name":"stage_work","count":3,"outermost":3,"normal":3,"abnormal":0,
 *    "normal_ns":[1000123,1000200,2000411],"normal_least_ns":[999011,1000150,2000400],
 *    "abnormal_ns":[]}
 * The thread may have been kept waiting for a CPU between a reading of the clock and the function.
 * How long it waited in and around the span (run_delay of its schedstat) is what the span may have
 * been shorter than the two readings say: normal_least_ns, in ascending order of its own.
 * and one closing line, whose "ok" says whether every computation had the expected result:
 *   {"type":"end","ok":true,"checks":3,"failed":0,"elapsed_ns":4100200,"pid":4711}
 * A target that dies on purpose writes its lines before it does (truth_write_log()).
 */
#ifndef TESTS_TARGETS_TRUTH_H
#define TESTS_TARGETS_TRUTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Kept out of line, and out of reach of constant propagation and cloning: it is what is probed. */
#define STAGE __attribute__((noinline, noclone, noipa))

/* Keeps the compiler from joining, dropping or tail-calling across this point. */
#define TRUTH_BARRIER() __asm__ volatile("" ::: "memory")

/* How a recorded span ended, and whether one of the same function was already open around it. */
enum truth_flag {
	TRUTH_NORMAL = 0,
	TRUTH_ABNORMAL = 1, /* exception, longjmp, thread end */
	TRUTH_INNER = 2,    /* not the outermost span of its function */
};

/* Command line of every target; units are in the names. */
struct truth_opts {
	const char *mode;     /* what the target is to do, its own vocabulary */
	const char *log_path; /* NULL: no log */
	const char *extra;    /* a path or connection string where a mode needs one */
	long iterations;      /* 0: as many as the duration allows */
	double rate_hz;	      /* calls a second for each thread, 0: one after the other */
	double duration_s;    /* 0: no limit by time */
	long us_lo;	      /* stage durations are drawn between these two */
	long us_hi;
	unsigned int seed;
	int threads;
	int users;
	bool wait; /* wait for SIGUSR2 or a line on stdin after saying "ready" */
};

/* Paces one loop of calls; every thread has its own. */
struct truth_pace {
	uint64_t start_ns;
	long done;
};

/* One function under observation; opaque, lives until the process ends. */
struct truth_function;

/*
 * A short computation and its inverse, so that a corrupted register or stack is noticed. Inline, so
 * that a stage which ends with it returns by itself.
 */
static inline uint64_t truth_mix(uint64_t value)
{
	value ^= 0x9e3779b97f4a7c15ULL;
	value = (value << 23) | (value >> 41);
	return value * 0xd6e8feb86659fd93ULL;
}

static inline uint64_t truth_unmix(uint64_t mixed)
{
	mixed *= 0xcfee444d8b59a89bULL; /* inverse of the multiplier modulo 2^64 */
	mixed = (mixed >> 23) | (mixed << 41);
	return mixed ^ 0x9e3779b97f4a7c15ULL;
}

/* Parses the command line into *opts; prints a usage line and exits 2 when it is wrong. */
void truth_init(struct truth_opts *opts, int argc, char **argv);

/* Says "ready" on stdout and, with --wait, returns only at SIGUSR2 or a line on stdin. */
void truth_ready(const struct truth_opts *opts);

/*
 * How long the calling thread has waited for a CPU since `since_ns`, or since the newest of the
 * last few calls before that: never less. truth_record() calls it.
 */
uint64_t truth_delay_ns(uint64_t since_ns);

/* CLOCK_MONOTONIC and the calling thread's CPU clock, in ns. */
uint64_t truth_now_ns(void);
uint64_t truth_cpu_ns(void);

/* Sleeps that long, restarted when a signal interrupts; burns that much CPU time. */
void truth_sleep_us(long us);
void truth_burn_us(long us);

/* A draw in [us_lo, us_hi]: mostly near the low end, with a long tail. *state is the generator's.
 */
long truth_draw_us(const struct truth_opts *opts, unsigned int *state);

/* Finds or makes the function of that name. Call it before other threads start. */
struct truth_function *truth_fn(const char *name);

/* Records one span of the function, on its own thread; thread-safe. flags are enum truth_flag or-ed
 * together. */
void truth_record(struct truth_function *fn, uint64_t start_ns, uint64_t end_ns, int flags);

/* Adds calls that are only counted: too many to keep the durations of. */
void truth_count(struct truth_function *fn, uint64_t calls);

/* Notes the result of one self-check; a failed one is printed on stderr and fails the run. */
void truth_check(bool good, const char *what);

/* Starts a loop; tells whether to go round once more, sleeping until the next turn is due. SIGTERM
 * ends it: the target then closes its log as usual. */
void truth_pace_start(struct truth_pace *pace);
bool truth_pace_next(struct truth_pace *pace, const struct truth_opts *opts);

/* Adds one line of JSON (without newline) to the log; printf-like. */
void truth_log(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Writes the function lines and the closing line; later records would be lost. */
void truth_write_log(void);

/* truth_write_log(), and the exit status: 0 when every check was good, else 1. */
int truth_finish(void);

#ifdef __cplusplus
}
#endif

#endif /* TESTS_TARGETS_TRUTH_H */
