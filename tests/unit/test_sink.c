/* SPDX-License-Identifier: GPL-2.0-only */
/* test_sink.c - several sinks at once, and readers that do not read. */
#include "sink_fixture.h"

#include <errno.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* Fills a pipe until it takes no more. */
static void fill(int fd)
{
	static const char page[4096];
	int on = 1, off = 0;

	assert_int_equal(ioctl(fd, FIONBIO, &on), 0);
	while (write(fd, page, sizeof(page)) > 0)
		;
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(ioctl(fd, FIONBIO, &off), 0);
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

static void test_blocked_pipe(void **state)
{
	static char out[1 << 20];
	struct sink_set *set = sink_set__new();
	struct sink_stats stats;
	struct pollfd pfd;
	size_t len;
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(sink_set__add(set, sink_json__new(fds[1])), 0);
	fill(fds[1]);
	alarm(20); /* a blocking write fails the test */
	sink_set__alert(set, &fixture_firing);
	alarm(0);
	sink_set__stats(set, &stats);
	assert_true(stats.queued_bytes > 0);
	assert_int_equal(stats.dropped, 0);
	pfd = (struct pollfd){.fd = sink_set__fd(set), .events = POLLIN};
	assert_int_equal(poll(&pfd, 1, 0), 0);
	assert_int_equal(sink_set__drain(set, 1), -ETIMEDOUT);
	read_all(fds[0], out, sizeof(out));
	assert_int_equal(poll(&pfd, 1, 5000), 1);
	assert_int_equal(sink_set__drain(set, 5000), 0);
	len = read_all(fds[0], out, sizeof(out));
	assert_true(len > 100 && out[0] == '{' && out[len - 1] == '\n');
	sink_set__stats(set, &stats);
	assert_int_equal(stats.queued_bytes, 0);
	assert_int_equal(poll(&pfd, 1, 0), 0);
	sink_set__free(set);
	close(fds[0]);
	close(fds[1]);
}

static void test_closed_pipe(void **state)
{
	struct sink_set *set = sink_set__new();
	struct sink_stats stats;
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(sink_set__add(set, sink_text__new(fds[1], false)), 0);
	close(fds[0]);
	sink_set__note(set, &fixture_note);
	sink_set__note(set, &fixture_note);
	sink_set__stats(set, &stats);
	assert_true(stats.dead);
	assert_int_equal(stats.dropped, 2);
	assert_int_equal(stats.last_errno, EPIPE);
	assert_int_equal(sink_set__drain(set, 1000), 0);
	sink_set__free(set);
	close(fds[1]);
}

static void test_socket(void **state)
{
	struct sink_set *set = sink_set__new();
	static const char junk[4096];
	struct sink_stats stats;
	int fds[2], i;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	assert_int_equal(sink_set__add(set, sink_json__new(fds[1])), 0);
	while (send(fds[1], junk, sizeof(junk), MSG_DONTWAIT) > 0)
		;
	alarm(20);
	for (i = 0; i < 10; i++)
		sink_set__note(set, &fixture_note);
	alarm(0);
	sink_set__stats(set, &stats);
	assert_true(stats.queued_bytes > 0);
	close(fds[0]);
	sink_set__flush(set);
	sink_set__stats(set, &stats);
	assert_true(stats.dead);
	assert_int_equal(stats.dropped, 10);
	sink_set__free(set);
	close(fds[1]);
}

static void test_fan_out(void **state)
{
	struct sink_set *set = sink_set__new();
	char text[4096], json[4096];
	int a[2], b[2];

	(void)state;
	assert_int_equal(pipe(a), 0);
	assert_int_equal(pipe(b), 0);
	assert_int_equal(sink_set__add(set, sink_text__new(a[1], false)), 0);
	assert_int_equal(sink_set__add(set, sink_json__new(b[1])), 0);
	sink_set__bye(set, &fixture_bye);
	text[read_all(a[0], text, sizeof(text) - 1)] = '\0';
	json[read_all(b[0], json, sizeof(json) - 1)] = '\0';
	fixture_assert_documented(text);
	fixture_assert_documented(json);
	sink_set__free(set);
	close(a[0]);
	close(a[1]);
	close(b[0]);
	close(b[1]);
}

static void test_bad_fd(void **state)
{
	struct sink_set *set = sink_set__new();

	(void)state;
	assert_null(sink_json__new(-1));
	assert_int_equal(errno, EBADF);
	assert_int_equal(sink_set__add(set, sink_text__new(-1, false)), -EBADF);
	sink_set__free(set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_blocked_pipe), cmocka_unit_test(test_closed_pipe),
		cmocka_unit_test(test_socket),	     cmocka_unit_test(test_fan_out),
		cmocka_unit_test(test_bad_fd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
