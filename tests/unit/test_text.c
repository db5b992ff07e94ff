/* SPDX-License-Identifier: GPL-2.0-only */
/* test_text.c - text for people: what docs/output.md shows, colour, hostile names, numbers. */
#include "sink_fixture.h"

#include <unistd.h>

#include "sinks/format.h"
#include "sinks/text.h"

#define DOCUMENTED(name, render, object)                                                           \
	static void name(void **state)                                                             \
	{                                                                                          \
		struct strbuf out = {0};                                                           \
                                                                                                   \
		(void)state;                                                                       \
		render(&out, false, &object);                                                      \
		assert_false(out.failed);                                                          \
		fixture_assert_documented(out.data);                                               \
		strbuf_free(&out);                                                                 \
	}

static const struct sink_alert slow_turn = {
	.head = FIXTURE_HEAD,
	.state = SINK_ALERT_FIRING,
	.alert = "End-to-end latency",
	.severity = SINK_SEVERITY_WARNING,
	.priority = 2,
	.stat = "p95",
	.value = 2,
	.unit = UNIT_S,
	.limit = 1.8,
	.target = 1.5,
	.window_s = 300,
	.respond_within_s = 86400,
	.evidence = fixture_turns,
	.evidence_n = 1,
};

DOCUMENTED(test_hello, text_hello, fixture_hello)
DOCUMENTED(test_firing, text_alert, fixture_firing)
DOCUMENTED(test_slow_turn, text_alert, slow_turn)
DOCUMENTED(test_resolved, text_alert, fixture_resolved)
DOCUMENTED(test_unknown, text_alert, fixture_unknown)
DOCUMENTED(test_reminder, text_alert, fixture_reminder)
DOCUMENTED(test_summary, text_summary, fixture_summary)
DOCUMENTED(test_note, text_note, fixture_note)
DOCUMENTED(test_leaks, text_leaks, fixture_leaks)
DOCUMENTED(test_no_leaks, text_leaks, fixture_no_leaks)
DOCUMENTED(test_bye, text_bye, fixture_bye)

/* Colour adds escape sequences and nothing else. */
static void test_color(void **state)
{
	struct strbuf plain = {0}, color = {0};
	size_t from, to = 0;

	(void)state;
	text_alert(&plain, false, &fixture_firing);
	text_alert(&color, true, &fixture_firing);
	assert_non_null(strstr(color.data, "\033[31mFIRING"));
	for (from = 0; from < color.len; from++) {
		if (color.data[from] == '\033')
			while (color.data[from] != 'm')
				from++;
		else
			color.data[to++] = color.data[from];
	}
	color.data[to] = '\0';
	assert_string_equal(color.data, plain.data);
	strbuf_free(&plain);
	strbuf_free(&color);
}

static void assert_harmless(const char *text)
{
	for (; *text; text++)
		assert_true(*text == '\n' || ((unsigned char)*text >= 0x20 && *text != 0x7f));
}

static void test_hostile(void **state)
{
	struct sink_evidence evidence = {.kind = SINK_EVIDENCE_SPAN,
					 .stage = HOSTILE,
					 .thread = HOSTILE,
					 .tid = 1,
					 .wall_s = 1};
	struct sink_alert alert = {.head = {.process = HOSTILE, .pid = 7},
				   .alert = HOSTILE,
				   .stat = HOSTILE,
				   .action = HOSTILE,
				   .impact = HOSTILE,
				   .state = SINK_ALERT_FIRING,
				   .evidence = &evidence,
				   .evidence_n = 1};
	struct strbuf out = {0};
	size_t lines = 0, i;

	(void)state;
	text_alert(&out, false, &alert);
	assert_harmless(out.data);
	for (i = 0; i < out.len; i++)
		lines += out.data[i] == '\n';
	assert_int_equal(lines, 4);
	assert_non_null(strstr(out.data, "a\"b\\\\c\\n\\x1b[31m\\xff\\xc3(\\u202e\\u009be"));
	strbuf_free(&out);
}

/* Names of functions, files and types are the target's. */
static void test_hostile_leak(void **state)
{
	struct sink_frame frame = {.function = HOSTILE, .file = HOSTILE, .object = HOSTILE};
	struct sink_leak_site site = {.verdict = "suspect",
				      .reason = HOSTILE,
				      .rate = {NAN, NAN, INFINITY},
				      .confidence = NAN,
				      .referenced_from = HOSTILE,
				      .frames = &frame,
				      .frames_n = 1};
	struct sink_leak_type type = {.name = HOSTILE, .objects_per_h = NAN, .rate = {NAN}};
	const char *limit = HOSTILE;
	struct sink_leaks leaks = {.head = {.process = HOSTILE},
				   .duration_s = NAN,
				   .sites = &site,
				   .sites_n = 1,
				   .types = &type,
				   .types_n = 1,
				   .limits = &limit,
				   .limits_n = 1};
	struct strbuf out = {0};

	(void)state;
	text_leaks(&out, false, &leaks);
	assert_harmless(out.data);
	strbuf_free(&out);
}

/* A line that is reached by two ways is one row, with what is known of each way below it. */
static void test_ways(void **state)
{
	const double mb = 1 << 20;
	struct sink_leak_site sites[] = {fixture_leak_sites[0], fixture_leak_sites[1],
					 fixture_leak_sites[0]};
	struct sink_leaks leaks = fixture_leaks;
	struct strbuf out = {0};

	(void)state;
	sites[0].ways = 2;
	sites[0].place_rate = (struct sink_rate){51 * mb, 46 * mb, 56 * mb};
	sites[2].verdict = "probable";
	sites[2].rate = (struct sink_rate){mb, mb / 2, 2 * mb};
	leaks.sites = sites;
	leaks.sites_n = 3;
	text_leaks(&out, false, &leaks);
	assert_non_null(strstr(out.data, "   1  confirmed  51.0 MB/h   46.0 MB/h to 56.0 MB/h "));
	assert_non_null(strstr(out.data, " keep_audio at src/voice.c:41, 2 ways\n"
					 "       way 1    confirmed, 50.0 MB/h"));
	assert_non_null(strstr(out.data, "\n       way 2    probable, 1.00 MB/h"));
	assert_non_null(strstr(out.data, "   2  suspect "));
	assert_null(strstr(out.data, "   3  "));
	strbuf_free(&out);
}

/* Causes while it fires, then and now when it is over. */
static void test_growth(void **state)
{
	struct sink_evidence evidence[] = {
		{.kind = SINK_EVIDENCE_NOTE, .text = "confirmed leak: keep at voice.c:41"},
		{.kind = SINK_EVIDENCE_NOTE, .text = "suspect leak: add"},
		{.kind = SINK_EVIDENCE_COMPARISON, .text = "before 50.0 MB/h, after 2.00 MB/h"},
	};
	struct sink_alert alert = {.head = FIXTURE_HEAD,
				   .alert = "Memory Growth Rate",
				   .unit = UNIT_BYTES_PER_H,
				   .state = SINK_ALERT_FIRING,
				   .evidence = evidence,
				   .evidence_n = 3};
	struct strbuf firing = {0}, over = {0};

	(void)state;
	text_alert(&firing, false, &alert);
	assert_non_null(strstr(firing.data, "\n    cause    confirmed leak: keep at voice.c:41\n"
					    "             suspect leak: add\n"));
	assert_null(strstr(firing.data, "before"));
	alert.state = SINK_ALERT_RESOLVED;
	text_alert(&over, false, &alert);
	assert_non_null(strstr(over.data, "\n    compared before 50.0 MB/h, after 2.00 MB/h\n"));
	assert_null(strstr(over.data, "keep"));
	strbuf_free(&firing);
	strbuf_free(&over);
}

static void test_no_color_wanted(void **state)
{
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_false(sink_text__wants_color(fds[1]));
	close(fds[0]);
	close(fds[1]);
}

static void test_units(void **state)
{
	static const struct {
		double value;
		enum unit unit;
		const char *text;
	} cases[] = {
		{1.43, UNIT_S, "1.43 s"},
		{0.9996, UNIT_S, "1.00 s"},
		{0.999, UNIT_S, "999 ms"},
		{0.0123, UNIT_S, "12.3 ms"},
		{4.2e-6, UNIT_S, "4.20 us"},
		{98e-9, UNIT_S, "98 ns"},
		{0, UNIT_S, "0.00 s"},
		{312.0 * 1048576, UNIT_BYTES, "312 MB"},
		{1023.9 * 1048576, UNIT_BYTES, "1.00 GB"},
		{512, UNIT_BYTES, "512 B"},
		{0, UNIT_BYTES, "0 B"},
		{11.5 * 1048576, UNIT_BYTES_PER_H, "11.5 MB/h"},
		{-11.5 * 1048576, UNIT_BYTES_PER_H, "-11.5 MB/h"},
		{37.2, UNIT_PERCENT, "37.2 %"},
		{9.996, UNIT_PERCENT, "10.0 %"},
		{10e6, UNIT_BIT_PER_S, "10.0 Mbit/s"},
		{12, UNIT_COUNT, "12"},
		{1.5, UNIT_COUNT, "1.50"},
		{0.854, UNIT_RATIO, "0.85"},
		{2.5, UNIT_PER_S, "2.50 /s"},
		{1, UNIT_PER_H, "1 /h"},
		{NAN, UNIT_S, "unknown"},
		{INFINITY, UNIT_COUNT, "unknown"},
	};
	char text[FORMAT_MAX];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(unit_format(text, sizeof(text), cases[i].value, cases[i].unit),
				    cases[i].text);
}

static void test_times(void **state)
{
	char text[FORMAT_MAX];

	(void)state;
	assert_string_equal(duration_format(text, sizeof(text), 0), "0s");
	assert_string_equal(duration_format(text, sizeof(text), 300000000), "300ms");
	assert_string_equal(duration_format(text, sizeof(text), 1500000000), "1.5s");
	assert_string_equal(duration_format(text, sizeof(text), 300000000000), "5m");
	assert_string_equal(duration_format(text, sizeof(text), 90000000000), "1m30s");
	assert_string_equal(duration_format(text, sizeof(text), 5400000000000), "1h30m");
	assert_string_equal(duration_format(text, sizeof(text), UINT64_MAX), "5124095h34m33s");
	assert_string_equal(timestamp_format(text, sizeof(text), FIXTURE_TS_NS),
			    "2026-11-22T10:41:07.123Z");
	assert_string_equal(timestamp_format(text, sizeof(text), 0), "1970-01-01T00:00:00.000Z");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hello),
		cmocka_unit_test(test_firing),
		cmocka_unit_test(test_resolved),
		cmocka_unit_test(test_slow_turn),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_reminder),
		cmocka_unit_test(test_summary),
		cmocka_unit_test(test_note),
		cmocka_unit_test(test_leaks),
		cmocka_unit_test(test_no_leaks),
		cmocka_unit_test(test_bye),
		cmocka_unit_test(test_hostile_leak),
		cmocka_unit_test(test_color),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_no_color_wanted),
		cmocka_unit_test(test_growth),
		cmocka_unit_test(test_ways),
		cmocka_unit_test(test_units),
		cmocka_unit_test(test_times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
