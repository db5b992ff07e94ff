/* SPDX-License-Identifier: GPL-2.0-only */
/* Watchpoints on this process's own memory: who is seen, and who is not. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <cmocka.h>
#include <linux/bpf.h>

#include "kernel/watchpoint.h"

static volatile uint64_t words[8];

/* Skips where the machine lends no debug registers. */
static struct watchpoint *open_or_skip(const struct watchpoint_spec *spec)
{
	const pid_t self = gettid();
	struct watchpoint *w = watchpoint__open(spec, &self, 1);

	if (w)
		return w;
	print_message("no watchpoint to be had: %s\n", strerror(errno));
	skip();
	return NULL;
}

static void test_first_hit(void **state)
{
	const struct watchpoint_spec spec = {.address = (uintptr_t)&words[1],
					     .length = 8,
					     .kind = WATCHPOINT_TOUCHES,
					     .prog_fd = -1};
	struct watchpoint *w = open_or_skip(&spec);
	volatile uint64_t read_here;

	(void)state;
	assert_int_equal(watchpoint__hits(w), 0);
	words[0] = 1;
	words[2] = 1;
	assert_int_equal(watchpoint__hits(w), 0);
	read_here = words[1];
	(void)read_here;
	assert_int_equal(watchpoint__hits(w), 1);
	/* That was enough. */
	for (int i = 0; i < 100; i++)
		words[1]++;
	assert_int_equal(watchpoint__hits(w), 1);
	watchpoint__free(w);
}

static void test_writes_only(void **state)
{
	const struct watchpoint_spec spec = {
		.address = (uintptr_t)&words[3], .length = 8, .prog_fd = -1};
	struct watchpoint *w = open_or_skip(&spec);
	volatile uint64_t read_here;

	(void)state;
	read_here = words[3];
	(void)read_here;
	assert_int_equal(watchpoint__hits(w), 0);
	words[3] = 1;
	assert_int_equal(watchpoint__hits(w), 1);
	watchpoint__free(w);
}

static void *write_inner(void *arg)
{
	(void)arg;
	words[5]++;
	return NULL;
}

static void *write_outer(void *arg)
{
	pthread_t inner;

	(void)arg;
	words[5]++;
	if (!pthread_create(&inner, NULL, write_inner, NULL))
		pthread_join(inner, NULL);
	return NULL;
}

static int empty_program(void)
{
	const struct bpf_insn insns[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0},
		{.code = BPF_JMP | BPF_EXIT},
	};

	return bpf_prog_load(BPF_PROG_TYPE_PERF_EVENT, NULL, "GPL", insns, 2, NULL);
}

/* Threads made later, and threads that those make; not processes. */
static void test_with_program(void **state)
{
	struct watchpoint_spec spec = {.address = (uintptr_t)&words[5], .length = 8};
	struct watchpoint *w;
	pthread_t outer;
	pid_t child;

	(void)state;
	spec.prog_fd = empty_program();
	if (spec.prog_fd < 0) {
		print_message("no BPF program to be had: %s\n", strerror(-spec.prog_fd));
		skip();
	}
	w = open_or_skip(&spec);
	words[5]++;
	words[5]++;
	assert_int_equal(watchpoint__hits(w), 2);
	assert_int_equal(pthread_create(&outer, NULL, write_outer, NULL), 0);
	pthread_join(outer, NULL);
	assert_int_equal(watchpoint__hits(w), 4);
	child = fork();
	if (!child) {
		words[5]++;
		_exit(0);
	}
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_int_equal(watchpoint__hits(w), 4);
	watchpoint__free(w);
	close(spec.prog_fd);
}

static void test_limits(void **state)
{
	struct watchpoint_spec spec = {.address = (uintptr_t)&words[4], .length = 8, .prog_fd = -1};
	const pid_t self = gettid(), nobody = 1 << 22;
	struct watchpoint *all[16] = {};
	size_t n = 0, added;

	(void)state;
	all[n] = open_or_skip(&spec);
	assert_int_equal(watchpoint__threads(all[n]), 1);
	assert_int_equal(watchpoint__add(all[n], &self, 1, &added), 0);
	assert_int_equal(added, 0);
	assert_int_equal(watchpoint__add(all[n], &nobody, 1, &added), 0);
	assert_int_equal(added, 0);
	while (n < 15 && all[n])
		all[++n] = watchpoint__open(&spec, &self, 1);
	assert_null(all[n]);
	assert_int_equal(errno, ENOSPC);
	for (size_t i = 0; i < n; i++)
		watchpoint__free(all[i]);
	assert_null(watchpoint__open(&spec, &nobody, 1));
	assert_int_equal(errno, ESRCH);
	spec.address++;
	assert_null(watchpoint__open(&spec, &self, 1));
	assert_int_equal(errno, EINVAL);
}

static void test_cost(void **state)
{
	const struct watchpoint_spec spec = {
		.address = (uintptr_t)&words[7], .length = 8, .prog_fd = -1};
	uint32_t cost_ns;

	(void)state;
	watchpoint__free(open_or_skip(&spec));
	cost_ns = watchpoint_cost_ns();
	assert_in_range(cost_ns, 100, 1000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_hit),    cmocka_unit_test(test_writes_only),
		cmocka_unit_test(test_with_program), cmocka_unit_test(test_limits),
		cmocka_unit_test(test_cost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
