/* SPDX-License-Identifier: GPL-2.0-only */
/* test_sink_queue.c - the queue in front of a descriptor: full, cut short, out of space. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "sinks/outq.h"

/* Fills a pipe until it takes no more, through a description of the test's own. */
static void fill(int fd)
{
	static const char page[4096];
	char path[64];
	int own;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	own = open(path, O_WRONLY | O_NONBLOCK);
	assert_true(own >= 0);
	while (write(own, page, sizeof(page)) > 0)
		;
	assert_int_equal(errno, EAGAIN);
	close(own);
}

static size_t read_all(int fd, char *out, size_t size)
{
	struct pollfd pfd = {.fd = fd, .events = POLLIN};
	size_t len = 0;
	ssize_t n;

	while (poll(&pfd, 1, 0) == 1 && len < size && (n = read(fd, out + len, size - len)) > 0)
		len += (size_t)n;
	return len;
}

/* Summaries leave room for alerts; what comes out is whole lines. */
static void test_full_queue(void **state)
{
	char line[101], out[8192];
	struct outq *q;
	struct sink_stats stats;
	size_t len, i;
	int fds[2], flags;

	(void)state;
	memset(line, 'x', 99);
	line[99] = '\n';
	assert_int_equal(pipe(fds), 0);
	flags = fcntl(fds[1], F_GETFL);
	q = outq__new(fds[1], 1000);
	assert_non_null(q);
	fill(fds[1]);
	alarm(20); /* a blocking write fails the test */
	for (i = 0; i < 20; i++)
		outq__put(q, line, 100, false);
	outq__stats(q, &stats);
	assert_int_equal(stats.queued_bytes, 700);
	assert_int_equal(stats.dropped_full, 13);
	for (i = 0; i < 5; i++)
		outq__put(q, line, 100, true);
	outq__stats(q, &stats);
	assert_int_equal(stats.queued_bytes, 1000);
	assert_int_equal(stats.dropped, 15);
	assert_int_equal(stats.lines, 10);
	assert_true(outq__wait_fd(q) >= 0);
	while (read_all(fds[0], out, sizeof(out)) == sizeof(out))
		;
	outq__flush(q);
	len = read_all(fds[0], out, sizeof(out));
	assert_int_equal(len, 1000);
	for (i = 0; i < len; i += 100)
		assert_memory_equal(out + i, line, 100);
	assert_int_equal(outq__wait_fd(q), -1);
	alarm(0);
	/* The descriptor that others share is as it was. */
	assert_int_equal(fcntl(fds[1], F_GETFL), flags);
	outq__free(q);
	close(fds[0]);
	close(fds[1]);
}

static void test_full_device(void **state)
{
	int fd = open("/dev/full", O_WRONLY);
	struct outq *q = outq__new(fd, OUTQ_DEFAULT_BYTES);
	struct sink_stats stats;

	(void)state;
	outq__put(q, "one\n", 4, true);
	outq__put(q, "two\n", 4, true);
	outq__stats(q, &stats);
	assert_int_equal(stats.dropped, 2);
	assert_int_equal(stats.write_errors, 2);
	assert_int_equal(stats.last_errno, ENOSPC);
	assert_false(stats.dead);
	outq__free(q);
	close(fd);
}

/* A file that may not grow cuts a line short; the next one does not continue it. */
static void test_torn_line(void **state)
{
	struct rlimit old, small = {.rlim_cur = 6};
	FILE *file = tmpfile();
	struct outq *q = outq__new(fileno(file), OUTQ_DEFAULT_BYTES);
	struct sink_stats stats;
	char out[64];
	ssize_t n;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small.rlim_max = old.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	outq__put(q, "one\n", 4, true);
	outq__put(q, "two\n", 4, true);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	outq__put(q, "three\n", 6, true);
	outq__stats(q, &stats);
	assert_int_equal(stats.dropped, 1);
	n = pread(fileno(file), out, sizeof(out) - 1, 0);
	assert_true(n > 0);
	out[n] = '\0';
	assert_string_equal(out, "one\ntw\nthree\n");
	outq__free(q);
	fclose(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_full_queue),
		cmocka_unit_test(test_full_device),
		cmocka_unit_test(test_torn_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
