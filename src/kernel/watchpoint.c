/* SPDX-License-Identifier: GPL-2.0-only */
#include "kernel/watchpoint.h"

#include <errno.h>
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define COST_HITS 64

struct watched_thread {
	pid_t tid;
	int fd;
};

struct watchpoint {
	struct watchpoint_spec spec;
	size_t n;
	struct watched_thread thread[WATCHPOINT_THREADS_MAX];
};

static struct perf_event_attr attr_of(const struct watchpoint_spec *spec)
{
	return (struct perf_event_attr){
		.type = PERF_TYPE_BREAKPOINT,
		.size = sizeof(struct perf_event_attr),
		.bp_type = spec->kind == WATCHPOINT_TOUCHES ? HW_BREAKPOINT_RW : HW_BREAKPOINT_W,
		.bp_addr = spec->address,
		.bp_len = spec->length,
		.sample_period = 1,
		.disabled = 1,
		.exclude_kernel = 1,
		.exclude_hv = 1,
	};
}

static int perf_event_open(const struct perf_event_attr *attr, pid_t tid)
{
	long fd = syscall(SYS_perf_event_open, attr, tid, -1, -1, PERF_FLAG_FD_CLOEXEC);

	return fd < 0 ? -errno : (int)fd;
}

/*
 * The kernel makes the event of a new thread; before 5.13 it cannot be told to leave new processes
 * alone (inherit_thread: 2b26f0aa0045), and then the program does, which looks at the tgid.
 */
static int open_inherited(const struct watchpoint_spec *spec, pid_t tid)
{
	struct perf_event_attr attr = attr_of(spec);
	int fd;

	attr.inherit = 1;
	attr.inherit_thread = 1;
	fd = perf_event_open(&attr, tid);
	if (fd != -EINVAL && fd != -E2BIG)
		return fd;
	attr.inherit_thread = 0;
	return perf_event_open(&attr, tid);
}

/* An event that stops itself cannot be inherited. */
static int open_thread(const struct watchpoint_spec *spec, pid_t tid)
{
	struct perf_event_attr attr = attr_of(spec);
	int fd, err;

	fd = spec->prog_fd >= 0 ? open_inherited(spec, tid) : perf_event_open(&attr, tid);
	if (fd < 0)
		return fd;
	if (spec->prog_fd < 0)
		err = ioctl(fd, PERF_EVENT_IOC_REFRESH, 1);
	else
		err = ioctl(fd, PERF_EVENT_IOC_SET_BPF, spec->prog_fd) ||
		      ioctl(fd, PERF_EVENT_IOC_ENABLE, 0);
	if (!err)
		return fd;
	err = -errno;
	close(fd);
	return err;
}

static bool has(const struct watchpoint *w, pid_t tid)
{
	for (size_t i = 0; i < w->n; i++)
		if (w->thread[i].tid == tid)
			return true;
	return false;
}

int watchpoint__add(struct watchpoint *w, const pid_t *tids, size_t n, size_t *added)
{
	size_t before = w->n;
	int err = 0;

	for (size_t i = 0; i < n && !err; i++) {
		int fd;

		if (has(w, tids[i]))
			continue;
		fd = w->n < WATCHPOINT_THREADS_MAX ? open_thread(&w->spec, tids[i]) : -E2BIG;
		if (fd >= 0)
			w->thread[w->n++] = (struct watched_thread){tids[i], fd};
		else if (fd != -ESRCH)
			err = fd;
	}
	*added = w->n - before;
	return err;
}

struct watchpoint *watchpoint__open(const struct watchpoint_spec *spec, const pid_t *tids, size_t n)
{
	struct watchpoint *w = calloc(1, sizeof(*w));
	size_t added;
	int err;

	if (!w)
		return NULL;
	w->spec = *spec;
	err = watchpoint__add(w, tids, n, &added);
	if (!err && !w->n)
		err = -ESRCH;
	if (!err)
		return w;
	watchpoint__free(w);
	errno = err == -ENOENT || err == -ENODEV ? EOPNOTSUPP : -err;
	return NULL;
}

uint64_t watchpoint__hits(const struct watchpoint *w)
{
	uint64_t sum = 0, hits;

	for (size_t i = 0; i < w->n; i++)
		if (read(w->thread[i].fd, &hits, sizeof(hits)) == sizeof(hits))
			sum += hits;
	return sum;
}

size_t watchpoint__threads(const struct watchpoint *w)
{
	return w->n;
}

void watchpoint__free(struct watchpoint *w)
{
	if (!w)
		return;
	for (size_t i = 0; i < w->n; i++)
		close(w->thread[i].fd);
	free(w);
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

uint32_t watchpoint_cost_ns(void)
{
	static volatile uint64_t word;
	const struct watchpoint_spec spec = {
		.address = (uintptr_t)&word, .length = sizeof(word), .prog_fd = -1};
	struct perf_event_attr attr = attr_of(&spec);
	uint64_t best_ns = UINT64_MAX;
	int fd;

	attr.disabled = 0;
	fd = perf_event_open(&attr, 0);
	if (fd < 0)
		return 0;
	/* The best of some rounds: whoever is preempted meanwhile waits for others, not for traps.
	 */
	for (int round = 0; round < 4; round++) {
		uint64_t start_ns = now_ns(), took_ns;

		for (uint64_t i = 0; i < COST_HITS; i++)
			word = i;
		took_ns = now_ns() - start_ns;
		best_ns = took_ns < best_ns ? took_ns : best_ns;
	}
	close(fd);
	return best_ns / COST_HITS < UINT32_MAX ? (uint32_t)(best_ns / COST_HITS) : 0;
}

/* --- copies ---------------------------------------------------------------------------------- */

#define COPY_BYTES  65536
#define COPY_ROUNDS 8
#define PERCENT_MAX 100000

#ifdef __x86_64__
static void copy(char *to, const char *from, size_t n)
{
	__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
}

/* The best of some rounds, as above. */
static uint64_t copy_ns(char *to, const char *from)
{
	uint64_t best_ns = UINT64_MAX;

	for (int round = 0; round < COPY_ROUNDS; round++) {
		uint64_t start_ns = now_ns(), took_ns;

		copy(to, from, COPY_BYTES);
		took_ns = now_ns() - start_ns;
		best_ns = took_ns < best_ns ? took_ns : best_ns;
	}
	return best_ns ?: 1;
}

static uint32_t measure_copies(char *to, const char *from)
{
	static uint64_t word;
	const struct watchpoint_spec spec = {
		.address = (uintptr_t)&word, .length = sizeof(word), .prog_fd = -1};
	struct perf_event_attr attr = attr_of(&spec);
	uint64_t free_ns = copy_ns(to, from), watched_ns;
	int fd;

	attr.disabled = 0;
	fd = perf_event_open(&attr, 0);
	if (fd < 0)
		return 0;
	watched_ns = copy_ns(to, from);
	close(fd);
	watched_ns = watched_ns * 100 / free_ns;
	if (watched_ns < 100)
		return 100;
	return watched_ns < PERCENT_MAX ? (uint32_t)watched_ns : PERCENT_MAX;
}

uint32_t watchpoint_copy_percent(void)
{
	char *bytes = calloc(2, COPY_BYTES);
	uint32_t percent = bytes ? measure_copies(bytes, bytes + COPY_BYTES) : 0;

	free(bytes);
	return percent;
}
#else
uint32_t watchpoint_copy_percent(void)
{
	return 100;
}
#endif
