/* SPDX-License-Identifier: GPL-2.0-only */
/* The thread for what may be slow: whose a job is when, and what is not waited for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "target/names.h"
#include "watch/worker.h"

struct counted {
	struct worker_job job;
	pthread_t ran_in;
	int runs, dones;
	int gate; /* read from before it ends; -1: none */
};

static void run(struct worker_job *job)
{
	struct counted *c = (struct counted *)job;
	char byte;

	if (c->gate >= 0)
		assert_int_equal(read(c->gate, &byte, 1), 1);
	c->ran_in = pthread_self();
	c->runs++;
}

static void done(struct worker_job *job)
{
	((struct counted *)job)->dones++;
}

static struct counted counted(int gate)
{
	return (struct counted){.job = {run, done}, .gate = gate};
}

static void runs_in_another_thread(void **state)
{
	struct worker *w = worker__new();
	struct pollfd pfd = {.fd = worker__fd(w), .events = POLLIN};
	struct counted c = counted(-1);

	(void)state;
	for (int i = 1; i <= 3; i++) {
		assert_int_equal(worker__start(w, &c.job), 0);
		assert_true(worker__busy(w));
		assert_int_equal(poll(&pfd, 1, 10000), 1);
		assert_int_equal(c.dones, i - 1);
		worker__reap(w);
		assert_false(worker__busy(w));
		assert_int_equal(c.runs, i);
		assert_int_equal(c.dones, i);
	}
	assert_false(pthread_equal(c.ran_in, pthread_self()));
	worker__reap(w);
	assert_int_equal(c.dones, 3);
	assert_int_equal(worker__free(w, 1000), 0);
}

static void one_at_a_time(void **state)
{
	struct worker *w = worker__new();
	struct counted slow, other = counted(-1);
	int gate[2];

	(void)state;
	assert_int_equal(pipe(gate), 0);
	slow = counted(gate[0]);
	assert_int_equal(worker__start(w, &slow.job), 0);
	assert_int_equal(worker__start(w, &other.job), -EBUSY);
	assert_int_equal(worker__wait(w, 10), -ETIMEDOUT);
	worker__reap(w);
	assert_true(worker__busy(w));
	assert_int_equal(write(gate[1], "x", 1), 1);
	assert_int_equal(worker__wait(w, 10000), 0);
	assert_int_equal(slow.dones, 1);
	assert_int_equal(worker__start(w, &other.job), 0);
	/* The end waits for it. */
	assert_int_equal(worker__free(w, 10000), 0);
	assert_int_equal(other.dones, 1);
	close(gate[0]);
	close(gate[1]);
}

static void a_stuck_job_is_left(void **state)
{
	static struct counted slow; /* outlives the test */
	struct worker *w = worker__new();
	int gate[2];

	(void)state;
	assert_int_equal(pipe(gate), 0);
	slow = counted(gate[0]);
	assert_int_equal(worker__start(w, &slow.job), 0);
	assert_int_equal(worker__free(w, 20), -ETIMEDOUT);
	assert_int_equal(slow.dones, 0);
	/* Not to be reported as a leak. */
	assert_int_equal(write(gate[1], "x", 1), 1);
	assert_int_equal(worker__free(w, 10000), 0);
	close(gate[0]);
	close(gate[1]);
}

static void nothing_started(void **state)
{
	(void)state;
	assert_int_equal(worker__free(worker__new(), 0), 0);
	assert_int_equal(worker__free(NULL, 0), 0);
}

/* Of templates, and references to their parameters: the demangler has room for the product. */
static void demangle(struct worker_job *job)
{
	char name[1024] = "_Z1fI1bI", text[1024];

	(void)job;
	for (int i = 0; i < 115; i++)
		strcat(name, "1aIE");
	strcat(name, "ES6A_Ev1cI");
	for (int i = 0; i < 163; i++)
		strcat(name, "RT_");
	strcat(name, "ESFJ_");
	(void)symbol_demangle(name, text, sizeof(text));
}

static void names_that_need_a_large_stack(void **state)
{
	struct worker *w = worker__new();
	struct worker_job job = {demangle, NULL};

	(void)state;
	assert_int_equal(worker__start(w, &job), 0);
	assert_int_equal(worker__wait(w, 10000), 0);
	assert_int_equal(worker__free(w, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(runs_in_another_thread),	 cmocka_unit_test(one_at_a_time),
		cmocka_unit_test(a_stuck_job_is_left),		 cmocka_unit_test(nothing_started),
		cmocka_unit_test(names_that_need_a_large_stack),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
