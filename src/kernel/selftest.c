/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * selftest.c - the side of the self-test that attaches and judges.
 *
 * Where the child dies, the row it was at has killed it; the others are tested again in another
 * child, without that one.  So a kernel on which everything kills costs as many children as there
 * are rows, and a good one costs one.
 */
#include "kernel/selftest.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "kernel/libbpf_log.h"
#include "kernel/own_code.h"
#include "kernel/selftest_child.h"
#include "kernel/selftest_code.h"
#include "kernel/uprobe_link.h"
#include "log/log.h"
#include "selftest.skel.h"

/*
 * A row of the child hangs after this much of its CPU time, which a busy machine does not use up;
 * the other is for one that waits for ever.
 */
#define ROW_CPU_NS 2000000000ULL
#define ROW_NS	   30000000000ULL
#define LOOK_MS	   100
#define COUNTERS   (SELFTEST_ROWS_MAX + 2) /* the rows', SELFTEST_THREADS, SELFTEST_SECCOMP */
#define LINKS_MAX  COUNTERS

struct run {
	struct selftest *out;
	struct selftest_shared *shared;
	struct selftest_bpf *skel;
	struct uprobe_link *links[LINKS_MAX];
	size_t links_n;
	pid_t child;
	int go_fd, answer_fd;
};

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	if (clock_gettime(clock, &ts))
		return 0;
	return (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

static int load_program(struct run *r)
{
	int err = 0;

	r->skel = selftest_bpf__open();
	if (!r->skel)
		return -errno;
	if (r->out->multi)
		err = bpf_program__set_expected_attach_type(
			r->skel->progs.probe_selftest,
			(enum bpf_attach_type)UPROBE_MULTI_ATTACH_TYPE);
	return err ?: selftest_bpf__load(r->skel);
}

static int attach_some(struct run *r, const uint64_t *offsets, const uint64_t *cookies, size_t n,
		       bool uretprobe)
{
	const struct uprobe_set set = {.path = "/proc/self/exe",
				       .pid = r->child,
				       .offsets = offsets,
				       .cookies = cookies,
				       .n = n,
				       .uretprobe = uretprobe};
	int err;

	if (!n)
		return 0;
	err = uprobe_link__attach(bpf_program__fd(r->skel->progs.probe_selftest), r->out->multi,
				  &set, &r->links[r->links_n]);
	r->links_n += !err;
	return err;
}

/* One by one, where all together were refused: which of them is it? */
static void attach_singly(struct run *r, const uint64_t *offsets, const uint64_t *cookies, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int err = attach_some(r, &offsets[i], &cookies[i], 1, false);
		struct selftest_row *row = cookies[i] == SELFTEST_THREADS
						   ? &r->out->threads
						   : &r->out->rows[cookies[i]];

		if (!err)
			continue;
		row->verdict = SELFTEST_REFUSED;
		snprintf(row->what, sizeof(row->what), "cannot be attached: %s", err_str(err));
		if (cookies[i] < SELFTEST_ROWS_MAX)
			r->shared->skip |= 1U << cookies[i];
	}
}

/* The uretprobe for the filtered thread; finds the place for the probe of the two threads. */
static int attach_others(struct run *r, uint64_t *threads_offset)
{
	const uint64_t cookie = SELFTEST_SECCOMP;
	uint64_t offset;

	if (!own_code_offset((uintptr_t)selftest_thread_code, threads_offset) ||
	    !own_code_offset((uintptr_t)selftest_seccomp_code, &offset))
		return -ENOENT;
	if (!r->shared->skip_seccomp && attach_some(r, &offset, &cookie, 1, true))
		r->shared->skip_seccomp = true;
	return 0;
}

static int attach_all(struct run *r)
{
	uint64_t offsets[SELFTEST_ROWS_MAX + 1], cookies[SELFTEST_ROWS_MAX + 1], offset;
	size_t n = 0;

	for (size_t i = 0; i < selftest_codes_n; i++) {
		const struct selftest_code *code = &selftest_codes[i];
		uint64_t cookie = i;
		int err;

		if (r->shared->skip >> i & 1)
			continue;
		if (!own_code_offset((uintptr_t)code->probe, &offset))
			return -ENOENT;
		if (!code->uretprobe) {
			offsets[n] = offset;
			cookies[n++] = cookie;
			continue;
		}
		err = attach_some(r, &offset, &cookie, 1, true);
		if (!err)
			continue;
		r->out->rows[i].verdict = SELFTEST_REFUSED;
		r->shared->skip |= 1U << i;
	}
	if (attach_others(r, &offsets[n]))
		return -ENOENT;
	cookies[n++] = SELFTEST_THREADS;
	if (attach_some(r, offsets, cookies, n, false))
		attach_singly(r, offsets, cookies, n);
	return 0;
}

static void detach_all(struct run *r)
{
	uprobe_link_free_all(r->links, r->links_n);
	r->links_n = 0;
}

/* Until there is something to read; -ETIMEDOUT: the child does not get on. */
static int wait_readable(const struct run *r)
{
	struct pollfd p = {.fd = r->answer_fd, .events = POLLIN};
	uint64_t cpu_ns = 0, wall_ns = 0;
	int n, row = SELFTEST_FINISHED;
	clockid_t cpu;

	if (clock_getcpuclockid(r->child, &cpu))
		return -ESRCH;
	while ((n = poll(&p, 1, LOOK_MS)) == 0) {
		int now = __atomic_load_n(&r->shared->running, __ATOMIC_RELAXED);

		if (now != row || !wall_ns) {
			row = now;
			cpu_ns = clock_ns(cpu);
			wall_ns = clock_ns(CLOCK_MONOTONIC);
		} else if (clock_ns(cpu) - cpu_ns > ROW_CPU_NS ||
			   clock_ns(CLOCK_MONOTONIC) - wall_ns > ROW_NS) {
			return -ETIMEDOUT;
		}
	}
	return n < 0 ? -errno : 0;
}

/* A byte, the end of the child (0), or an error. */
static int wait_child(const struct run *r)
{
	int err = wait_readable(r);
	char byte;
	ssize_t n;

	if (err)
		return err;
	n = read(r->answer_fd, &byte, 1);
	return n < 0 ? -errno : (int)n;
}

static int start_child(struct run *r)
{
	int go[2], answer[2], err;

	if (pipe2(go, O_CLOEXEC))
		return -errno;
	if (pipe2(answer, O_CLOEXEC)) {
		err = -errno;
		close(go[0]);
		close(go[1]);
		return err;
	}
	r->child = fork();
	if (r->child == 0) {
		close(go[1]);
		close(answer[0]);
		selftest_child(r->shared, go[0], answer[1]);
	}
	err = r->child < 0 ? -errno : 0;
	close(go[0]);
	close(answer[1]);
	r->go_fd = go[1];
	r->answer_fd = answer[0];
	return err;
}

/* The status of the child, which is made to end if it has not; -1: there is none. */
static int end_child(struct run *r)
{
	int status = -1;

	if (r->child > 0) {
		if (r->shared->running >= 0)
			kill(r->child, SIGKILL);
		waitpid(r->child, &status, 0);
	}
	close(r->go_fd);
	close(r->answer_fd);
	return status;
}

static int talk(struct run *r)
{
	int err = wait_child(r);

	if (err != 1)
		return err < 0 ? err : -EPIPE;
	err = attach_all(r);
	if (err)
		return err;
	/* Another process: its calls must not be counted. */
	for (int i = 0; i < SELFTEST_THREAD_CALLS; i++)
		selftest_thread_code();
	if (write(r->go_fd, "g", 1) != 1)
		return -EPIPE;
	/* Its end closes the pipe; what it did not reach by the deadline has hung. */
	(void)wait_child(r);
	return 0;
}

static void judge_row(const struct run *r, size_t i, uint64_t hits)
{
	struct selftest_row *row = &r->out->rows[i];

	row->cost_ns = r->shared->rows[i].cost_ns;
	row->verdict = SELFTEST_GOOD;
	if (r->shared->differs[i]) {
		row->verdict = SELFTEST_CORRUPTS;
		memcpy(row->what, r->shared->rows[i].what, sizeof(row->what));
		row->what[sizeof(row->what) - 1] = '\0';
	} else if (hits != SELFTEST_HITS_EXPECTED) {
		row->verdict = SELFTEST_MISSES;
		snprintf(row->what, sizeof(row->what), "%llu hits of %d were counted",
			 (unsigned long long)hits, SELFTEST_HITS_EXPECTED);
	}
}

static uint64_t hits_of(const struct run *r, uint32_t i)
{
	uint64_t hits = 0;

	(void)bpf_map__lookup_elem(r->skel->maps.selftest_hits, &i, sizeof(i), &hits, sizeof(hits),
				   0);
	return hits;
}

static void judge_seccomp(const struct run *r)
{
	struct selftest_row *row = &r->out->seccomp;

	if (!r->shared->seccomp_done)
		return;
	row->verdict = hits_of(r, SELFTEST_SECCOMP) == SELFTEST_THREAD_CALLS ? SELFTEST_GOOD
									     : SELFTEST_MISSES;
}

static void judge_threads(const struct run *r)
{
	struct selftest_row *row = &r->out->threads;
	uint64_t hits = hits_of(r, SELFTEST_THREADS);

	if (row->verdict == SELFTEST_REFUSED)
		return;
	row->verdict = hits == 2 * SELFTEST_THREAD_CALLS ? SELFTEST_GOOD : SELFTEST_MISSES;
	if (row->verdict == SELFTEST_MISSES)
		snprintf(row->what, sizeof(row->what),
			 "%llu calls of %d by two threads were counted", (unsigned long long)hits,
			 2 * SELFTEST_THREAD_CALLS);
}

static void clear_hits(const struct run *r)
{
	const uint64_t zero = 0;

	for (uint32_t i = 0; i < COUNTERS; i++)
		(void)bpf_map__update_elem(r->skel->maps.selftest_hits, &i, sizeof(i), &zero,
					   sizeof(zero), 0);
}

/* The child died, or hung, at `at`.  1: another has to go on, without what killed this one. */
static int judge_killed(struct run *r, int at, int status)
{
	struct selftest_row *row = NULL;

	/* One that ended by itself could not have a thread: nothing was tried. */
	if (at == SELFTEST_THREADS && WIFSIGNALED(status))
		row = &r->out->threads;
	else if (at == SELFTEST_SECCOMP)
		row = &r->out->seccomp;
	else if (at >= 0 && (size_t)at < selftest_codes_n)
		row = &r->out->rows[at];
	if (!row)
		return -ECHILD;
	row->verdict = SELFTEST_KILLS;
	snprintf(row->what, sizeof(row->what), "the child was ended by signal %d",
		 WIFSIGNALED(status) ? WTERMSIG(status) : 0);
	/* All rows have their verdict; uretprobes in a filtered thread stay untested. */
	if (at == SELFTEST_THREADS)
		return 0;
	if (at == SELFTEST_SECCOMP)
		r->shared->skip_seccomp = true;
	/* Those before it have their verdict. */
	for (size_t i = 0; i < selftest_codes_n && i <= (size_t)at; i++)
		r->shared->skip |= 1U << i;
	return 1;
}

/* One child.  1: another has to go on, without the row that killed this one. */
static int run_child(struct run *r)
{
	int err, status, at;

	r->shared->running = 0;
	clear_hits(r);
	err = start_child(r);
	err = err ?: talk(r);
	status = end_child(r);
	detach_all(r);
	if (err)
		return err;
	for (size_t i = 0; i < selftest_codes_n; i++)
		if (r->shared->done[i] && r->out->rows[i].verdict == SELFTEST_UNTESTED)
			judge_row(r, i, hits_of(r, (uint32_t)i));
	at = r->shared->running;
	if (at != SELFTEST_FINISHED)
		return judge_killed(r, at, status);
	judge_threads(r);
	judge_seccomp(r);
	return 0;
}

int selftest_run(bool multi, bool brief, struct selftest *out)
{
	struct run r = {.out = out};
	uint64_t start_ns = clock_ns(CLOCK_MONOTONIC);
	void *shared;
	int err;

	memset(out, 0, sizeof(*out));
	out->multi = multi;
	if (!selftest_codes_n)
		return -EOPNOTSUPP;
	shared = mmap(NULL, sizeof(*r.shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	if (shared == MAP_FAILED)
		return -errno;
	r.shared = shared;
	out->rows_n = selftest_codes_n;
	r.shared->skip_seccomp = brief;
	for (size_t i = 0; brief && i < selftest_codes_n; i++)
		if (!selftest_codes[i].brief)
			r.shared->skip |= 1U << i;
	libbpf_log_set();
	err = load_program(&r);
	while (!err) {
		err = run_child(&r);
		if (err != 1)
			break;
		err = 0;
	}
	selftest_bpf__destroy(r.skel);
	munmap(shared, sizeof(*r.shared));
	out->took_ns = clock_ns(CLOCK_MONOTONIC) - start_ns;
	return err;
}
