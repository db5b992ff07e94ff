/* SPDX-License-Identifier: GPL-2.0-only */
/* The self-test's judgement; that it runs on this kernel is a live test. */
#include <errno.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "kernel/selftest.h"
#include "kernel/selftest_code.h"
#include "kernel/uprobe_link.h"
#include "watch/proof.h"

static void all_good(struct selftest *t)
{
	memset(t, 0, sizeof(*t));
	t->rows_n = selftest_codes_n;
	for (size_t i = 0; i < t->rows_n; i++)
		t->rows[i].verdict = SELFTEST_GOOD;
	t->threads.verdict = t->seccomp.verdict = SELFTEST_GOOD;
}

static size_t row_of(enum site_kind kind, bool forbidden)
{
	for (size_t i = 0; i < selftest_codes_n; i++)
		if (selftest_codes[i].kind == kind && selftest_codes[i].forbidden == forbidden &&
		    !selftest_codes[i].uretprobe)
			return i;
	fail();
	return 0;
}

static void check_difference(struct cpu_state *got, const char *expected)
{
	struct cpu_state in;
	char what[SELFTEST_WHAT_MAX] = "";

	selftest_pattern(&in, 0);
	assert_true(selftest_differs(&in, got, false, what));
	assert_string_equal(what, expected);
}

static void test_differences(void **state)
{
	struct cpu_state in, got;
	char what[SELFTEST_WHAT_MAX] = "";

	(void)state;
	selftest_pattern(&in, 0);
	got = in;
	assert_false(selftest_differs(&in, &got, false, what));
	got.gpr[3] ^= 1;
	check_difference(&got, "register 3 is changed");
	got = in;
	got.flags ^= 1;
	check_difference(&got, "flags are changed");
	got = in;
	got.sp += 8;
	check_difference(&got, "the stack pointer is changed");
	got = in;
	got.fpu[170] ^= 1;
	check_difference(&got, "floating point or vector registers are changed");
	got = in;
	got.red_zone[0] ^= 1;
	check_difference(&got, "the red zone is overwritten");
	assert_false(selftest_differs(&in, &got, true, what));
}

/* What a function does without a probe is the same each time, and the two patterns differ. */
static void test_calls(void **state)
{
	struct cpu_state in, first, second;
	char what[SELFTEST_WHAT_MAX];

	(void)state;
	assert_true(selftest_codes_n > 0);
	assert_true(selftest_codes_n <= SELFTEST_ROWS_MAX);
	for (size_t i = 0; i < selftest_codes_n; i++) {
		for (int pattern = 0; pattern < 2; pattern++) {
			selftest_pattern(&in, pattern);
			selftest_call(selftest_codes[i].fn, &in, &first);
			selftest_call(selftest_codes[i].fn, &in, &second);
			assert_false(selftest_differs(&first, &second, false, what));
			assert_int_equal(first.sp, 0);
		}
		selftest_pattern(&in, 0);
		selftest_call(selftest_codes[i].fn, &in, &second);
		assert_true(selftest_differs(&first, &second, false, what));
	}
}

static void test_failed_kinds(void **state)
{
	static const enum selftest_verdict bad[] = {SELFTEST_CORRUPTS, SELFTEST_KILLS,
						    SELFTEST_MISSES, SELFTEST_REFUSED};
	struct selftest t;

	(void)state;
	all_good(&t);
	assert_int_equal(selftest_failed_kinds(&t), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		t.rows[row_of(SITE_KIND_JCC, false)].verdict = bad[i];
		assert_int_equal(selftest_failed_kinds(&t), SITE_KIND_BIT(SITE_KIND_JCC));
	}
	t.rows[row_of(SITE_KIND_JCC, false)].verdict = SELFTEST_UNTESTED;
	assert_int_equal(selftest_failed_kinds(&t), 0);
	t.rows[row_of(SITE_KIND_RET, false)].verdict = SELFTEST_MISSES;
	assert_int_equal(selftest_failed_kinds(&t), SITE_KIND_BIT(SITE_KIND_RET));
	/* A place that is never probed says nothing about those that are. */
	all_good(&t);
	t.rows[row_of(SITE_KIND_NOP5, true)].verdict = SELFTEST_CORRUPTS;
	assert_int_equal(selftest_failed_kinds(&t), 0);
}

static void test_uretprobes(void **state)
{
	struct selftest t;

	(void)state;
	all_good(&t);
	assert_null(selftest_no_uretprobe(&t, true));
	t.seccomp.verdict = SELFTEST_KILLS;
	assert_null(selftest_no_uretprobe(&t, false));
	assert_non_null(strstr(selftest_no_uretprobe(&t, true), "seccomp"));
	all_good(&t);
	for (size_t i = 0; i < t.rows_n; i++)
		if (selftest_codes[i].uretprobe)
			t.rows[i].verdict = SELFTEST_CORRUPTS;
	assert_non_null(selftest_no_uretprobe(&t, false));
	assert_int_equal(selftest_failed_kinds(&t), 0);
}

static void test_description(void **state)
{
	struct proof p = {};
	char text[512], tiny[16];

	(void)state;
	all_good(&p.test);
	proof_describe(&p, text, sizeof(text));
	assert_string_equal(text, "");
	p.test.rows[row_of(SITE_KIND_NOP5, true)].verdict = SELFTEST_CORRUPTS;
	proof_describe(&p, text, sizeof(text));
	assert_string_equal(text, "");
	p.test.rows[row_of(SITE_KIND_JCC, false)] =
		(struct selftest_row){.verdict = SELFTEST_CORRUPTS, .what = "flags are changed"};
	p.test.rows[row_of(SITE_KIND_RET, false)].verdict = SELFTEST_KILLS;
	proof_describe(&p, text, sizeof(text));
	assert_string_equal(text,
			    "exit at ret (kills), exit at a conditional jump (corrupts: flags "
			    "are changed)");
	proof_describe(&p, tiny, sizeof(tiny));
	assert_int_equal(strlen(tiny), sizeof(tiny) - 1);
}

/* The real self-test, by a child that may not make a system call (or this command of bpf(2)). */
static int run_without(uint32_t nr, uint32_t bpf_command, struct selftest *out)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 3),
		BPF_STMT(nr == SYS_bpf ? BPF_LD | BPF_W | BPF_ABS : BPF_RET | BPF_K,
			 nr == SYS_bpf ? offsetof(struct seccomp_data, args[0])
				       : SECCOMP_RET_ERRNO | EPERM),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, bpf_command, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog prog = {sizeof(filter) / sizeof(filter[0]), filter};
	struct {
		struct selftest test;
		int err;
	} *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			 -1, 0);
	int err, status;
	pid_t pid;

	assert_true(shared != MAP_FAILED);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
		    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog))
			_exit(1);
		shared->err = selftest_run(true, false, &shared->test);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	*out = shared->test;
	err = shared->err;
	munmap(shared, sizeof(*shared));
	return err;
}

static void need_probes(void)
{
	if (geteuid() || !uprobe_link_have_multi())
		skip();
}

/* What the kernel does not attach is found one by one, and not used. */
static void test_refused_probes(void **state)
{
	struct selftest t;

	(void)state;
	need_probes();
	assert_int_equal(run_without(SYS_bpf, BPF_LINK_CREATE, &t), 0);
	for (size_t i = 0; i < t.rows_n; i++)
		assert_int_equal(t.rows[i].verdict, SELFTEST_REFUSED);
	assert_int_equal(t.threads.verdict, SELFTEST_REFUSED);
	assert_int_equal(t.seccomp.verdict, SELFTEST_UNTESTED);
	for (size_t i = 0; i < selftest_codes_n; i++)
		assert_true(selftest_codes[i].uretprobe || selftest_codes[i].forbidden ||
			    (selftest_failed_kinds(&t) & SITE_KIND_BIT(selftest_codes[i].kind)));
	assert_non_null(selftest_no_uretprobe(&t, false));
}

/* A child that cannot go on: what was tested by then holds, the rest is not proven. */
static void test_child_that_fails(void **state)
{
	struct selftest t;

	(void)state;
	need_probes();
	assert_int_equal(run_without(SYS_clone3, 0, &t), -ECHILD);
	for (size_t i = 0; i < t.rows_n; i++)
		if (!selftest_codes[i].forbidden)
			assert_int_equal(t.rows[i].verdict, SELFTEST_GOOD);
	assert_int_equal(t.threads.verdict, SELFTEST_UNTESTED);
	assert_int_equal(t.seccomp.verdict, SELFTEST_UNTESTED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_differences),	 cmocka_unit_test(test_calls),
		cmocka_unit_test(test_failed_kinds),	 cmocka_unit_test(test_uretprobes),
		cmocka_unit_test(test_description),	 cmocka_unit_test(test_refused_probes),
		cmocka_unit_test(test_child_that_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
