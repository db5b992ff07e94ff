/* SPDX-License-Identifier: GPL-2.0-only */
/* test_syslog.c - datagrams to a socket of the test's own, which comes, goes and is slow. */
#include "sink_fixture.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

static char directory[] = "/tmp/cheshire-syslog-XXXXXX";
static char path[64];

static int listen_here(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	memcpy(address.sun_path, path, strlen(path));
	unlink(path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

/* The next datagram, "" when there is none. */
static const char *receive(int fd)
{
	static char text[8192];
	ssize_t n = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

static int priority_of(const char *text)
{
	int priority = -1;

	assert_int_equal(sscanf(text, "<%d>", &priority), 1);
	return priority;
}

static void test_alert(void **state)
{
	int fd = listen_here();
	struct sink *sink = sink_syslog__new(path, LOG_LOCAL3);
	const char *text;
	char ident[32];

	(void)state;
	assert_non_null(sink);
	setenv("TZ", "UTC", 1);
	tzset();
	sink->ops->alert(sink, &fixture_firing);
	text = receive(fd);
	assert_int_equal(priority_of(text), LOG_LOCAL3 | LOG_CRIT);
	snprintf(ident, sizeof(ident), ">Nov 22 10:41:07 cheshire[%d]: ", (int)getpid());
	assert_non_null(strstr(text, ident));
	assert_non_null(strstr(
		text, "firing P1 critical STT latency: p95 1.43 s > 1.00 s (target 0.30 "
		      "s, 5m) alice[1234] [group 3: stage stt]; action: Optimize STT "
		      "pipeline; impact: Perceived sluggishness; respond: Performance "
		      "analysis, optimization deployment; slowest: stt 1.52 s = cpu 100 ms + "));
	assert_null(strchr(text, '\n'));
	sink->ops->free(sink);
	close(fd);
}

static void test_reminder(void **state)
{
	int fd = listen_here();
	struct sink *sink = sink_syslog__new(path, LOG_LOCAL3);
	const char *text;

	(void)state;
	assert_non_null(sink);
	sink->ops->alert(sink, &fixture_reminder);
	text = receive(fd);
	assert_non_null(strstr(text, "still firing P2 warning Response Time SLA of 5-15 users: "));
	assert_non_null(
		strstr(text, " [group 3: also stage stt]; since 2026-11-22T06:41:07.123Z;"));
	sink->ops->free(sink);
	close(fd);
}

static void test_priorities(void **state)
{
	int fd = listen_here();
	struct sink *sink = sink_syslog__new(path, LOG_DAEMON);
	struct sink_alert alert = fixture_firing;
	struct sink_note note = fixture_note;

	(void)state;
	alert.priority = 0;
	sink->ops->alert(sink, &alert);
	assert_int_equal(priority_of(receive(fd)), LOG_DAEMON | LOG_ALERT);
	alert.priority = 2;
	alert.severity = SINK_SEVERITY_WARNING;
	sink->ops->alert(sink, &alert);
	assert_int_equal(priority_of(receive(fd)), LOG_DAEMON | LOG_WARNING);
	sink->ops->alert(sink, &fixture_resolved);
	assert_int_equal(priority_of(receive(fd)), LOG_DAEMON | LOG_NOTICE);
	sink->ops->alert(sink, &fixture_unknown);
	assert_int_equal(priority_of(receive(fd)), LOG_DAEMON | LOG_WARNING);
	sink->ops->note(sink, &note);
	assert_int_equal(priority_of(receive(fd)), LOG_DAEMON | LOG_WARNING);
	note.severity = SINK_SEVERITY_NONE;
	sink->ops->note(sink, &note);
	assert_int_equal(priority_of(receive(fd)), LOG_DAEMON | LOG_INFO);
	assert_null(sink->ops->summary);
	sink->ops->free(sink);
	close(fd);
}

static void test_hostile_and_long(void **state)
{
	static const char euro[] = "\xe2\x82\xac";
	int fd = listen_here();
	struct sink *sink = sink_syslog__new(path, LOG_DAEMON);
	struct sink_note note = {.head = {.process = HOSTILE}};
	char sentence[3 * 700 + 1] = "";
	const char *text, *p;
	size_t i;

	(void)state;
	for (i = 0; i < 700; i++)
		memcpy(sentence + 3 * i, euro, 3);
	note.text = "%s%n" HOSTILE;
	sink->ops->note(sink, &note);
	text = receive(fd);
	for (p = text; *p; p++)
		assert_true((unsigned char)*p >= 0x20 && *p != 0x7f);
	assert_non_null(strstr(text, "%s%na\"b\\\\c\\n\\x1b[31m"));
	note.text = sentence;
	sink->ops->note(sink, &note);
	text = receive(fd);
	assert_true(strlen(text) <= 1024 && strlen(text) > 1018);
	/* Cut between characters. */
	assert_memory_equal(text + strlen(text) - 6, "\xe2\x82\xac...", 6);
	sink->ops->free(sink);
	close(fd);
}

/* The daemon comes late, and is restarted: nothing is lost, nobody waits. */
static void test_reconnect(void **state)
{
	struct sink_set *set = sink_set__new();
	struct sink_stats stats;
	int fd;

	(void)state;
	unlink(path);
	assert_int_equal(sink_set__add(set, sink_syslog__new(path, LOG_DAEMON)), 0);
	sink_set__note(set, &fixture_note);
	sink_set__stats(set, &stats);
	assert_true(stats.queued_bytes > 0);
	assert_true(stats.write_errors > 0);
	assert_int_equal(stats.last_errno, ENOENT);
	fd = listen_here();
	assert_int_equal(sink_set__drain(set, 5000), 0);
	assert_non_null(strstr(receive(fd), "shed"));
	close(fd);
	fd = listen_here();
	sink_set__note(set, &fixture_note);
	assert_non_null(strstr(receive(fd), "shed"));
	sink_set__stats(set, &stats);
	assert_int_equal(stats.dropped, 0);
	sink_set__free(set);
	close(fd);
}

/* A daemon that does not read: bounded, counted, the oldest lost; then the rest arrives. */
static void test_slow_daemon(void **state)
{
	struct sink_set *set = sink_set__new();
	struct sink_note note = fixture_note;
	struct sink_stats stats;
	char text[32], last[32] = "";
	unsigned int i, got = 0;
	const char *line;
	int fd = listen_here();

	(void)state;
	assert_int_equal(sink_set__add(set, sink_syslog__new(path, LOG_DAEMON)), 0);
	note.text = text;
	alarm(20);
	for (i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "number %u.", i);
		snprintf(last, sizeof(last), "number %u.", i);
		sink_set__note(set, &note);
	}
	alarm(0);
	sink_set__stats(set, &stats);
	assert_true(stats.dropped_full > 0);
	assert_true(stats.queued_bytes > 0);
	i = 0;
	do {
		line = receive(fd);
		got += *line != '\0';
		if (!*line)
			sink_set__flush(set);
		i = *line ? 0 : i + 1;
		if (*line)
			snprintf(text, sizeof(text), "%s", strstr(line, "number ") ?: "");
	} while (i < 3);
	text[strcspn(text, ".") + 1] = '\0';
	assert_string_equal(text, last);
	assert_int_equal(got + stats.dropped, 1000);
	sink_set__free(set);
	close(fd);
}

static void test_facility(void **state)
{
	int facility = -1;

	(void)state;
	assert_int_equal(sink_syslog__facility(NULL, &facility), 0);
	assert_int_equal(facility, LOG_DAEMON);
	assert_int_equal(sink_syslog__facility("LOCAL7", &facility), 0);
	assert_int_equal(facility, LOG_LOCAL7);
	assert_int_equal(sink_syslog__facility("nonsense", &facility), -EINVAL);
	assert_null(sink_syslog__new(
		"/a/path/that/is/longer/than/the/address/of/a/unix/socket/can/ever/"
		"be/which/is/one/hundred/and/eight/bytes/long",
		LOG_DAEMON));
	assert_int_equal(errno, ENAMETOOLONG);
}

static int make_directory(void **state)
{
	(void)state;
	if (!mkdtemp(directory))
		return -1;
	snprintf(path, sizeof(path), "%s/log", directory);
	return 0;
}

static int remove_directory(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_alert),	   cmocka_unit_test(test_reminder),
		cmocka_unit_test(test_priorities), cmocka_unit_test(test_hostile_and_long),
		cmocka_unit_test(test_reconnect),  cmocka_unit_test(test_slow_daemon),
		cmocka_unit_test(test_facility),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
