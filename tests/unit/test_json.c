/* SPDX-License-Identifier: GPL-2.0-only */
/* test_json.c - the JSON interface: what docs/output.md shows, read back by another parser. */
#include "sink_fixture.h"

#include <unistd.h>

#include <json-c/json.h>

/* Everything that `write` sends to a JSON sink on a pipe, NUL-terminated. */
static char *output_of(void (*write)(struct sink *sink, const void *object), const void *object)
{
	char *out = calloc(1, 65536);
	struct sink *sink;
	size_t len = 0;
	ssize_t n;
	int fds[2];

	assert_non_null(out);
	assert_int_equal(pipe(fds), 0);
	sink = sink_json__new(fds[1]);
	assert_non_null(sink);
	write(sink, object);
	sink->ops->free(sink);
	close(fds[1]);
	while ((n = read(fds[0], out + len, 65535 - len)) > 0)
		len += (size_t)n;
	close(fds[0]);
	return out;
}

#define WRITER(what)                                                                               \
	static void write_##what(struct sink *sink, const void *object)                            \
	{                                                                                          \
		sink->ops->what(sink, object);                                                     \
	}
WRITER(hello)
WRITER(alert)
WRITER(summary)
WRITER(note)
WRITER(leaks)
WRITER(bye)

/* Strictly one object on one line; the caller puts it. */
static struct json_object *parse_line(const char *text)
{
	struct json_tokener *tokener = json_tokener_new();
	struct json_object *object;
	size_t len = strlen(text);

	assert_true(len > 1);
	assert_ptr_equal(strchr(text, '\n'), text + len - 1);
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	object = json_tokener_parse_ex(tokener, text, (int)len);
	assert_int_equal(json_tokener_get_error(tokener), json_tokener_success);
	json_tokener_free(tokener);
	assert_true(json_object_is_type(object, json_type_object));
	return object;
}

static const char *string_at(struct json_object *object, const char *key)
{
	struct json_object *value;

	assert_true(json_object_object_get_ex(object, key, &value));
	return json_object_get_string(value);
}

static double number_at(struct json_object *object, const char *key)
{
	struct json_object *value;

	assert_true(json_object_object_get_ex(object, key, &value));
	return json_object_get_double(value);
}

static struct json_object *documented(void (*write)(struct sink *sink, const void *object),
				      const void *object, const char *type)
{
	char *text = output_of(write, object);
	struct json_object *parsed;

	fixture_assert_documented(text);
	parsed = parse_line(text);
	assert_string_equal(string_at(parsed, "type"), type);
	assert_string_equal(string_at(parsed, "ts"), "2026-11-22T10:41:07.123Z");
	assert_true(number_at(parsed, "pid") == 1234);
	free(text);
	return parsed;
}

static void test_documented(void **state)
{
	(void)state;
	json_object_put(documented(write_hello, &fixture_hello, "hello"));
	json_object_put(documented(write_alert, &fixture_resolved, "alert"));
	json_object_put(documented(write_alert, &fixture_unknown, "alert"));
	json_object_put(documented(write_alert, &fixture_reminder, "alert"));
	json_object_put(documented(write_leaks, &fixture_leaks, "leaks"));
	json_object_put(documented(write_leaks, &fixture_no_leaks, "leaks"));
	json_object_put(documented(write_note, &fixture_note, "note"));
	json_object_put(documented(write_bye, &fixture_bye, "bye"));
}

/* The keys that the interface promises, with their values. */
static void test_alert(void **state)
{
	static const char *const keys[] = {
		"ts",		"state",
		"alert",	"severity",
		"priority",	"metric",
		"value",	"unit",
		"limit",	"target",
		"over_percent", "window_s",
		"for_s",	"respond_within_s",
		"quality",	"pid",
		"process",	"action",
		"impact",	"evidence",
	};
	struct json_object *alert = documented(write_alert, &fixture_firing, "alert");
	struct json_object *evidence, *span, *wait;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		assert_true(json_object_object_get_ex(alert, keys[i], NULL));
	assert_string_equal(string_at(alert, "state"), "firing");
	assert_string_equal(string_at(alert, "priority"), "P1");
	assert_true(number_at(alert, "value") == 1.43);
	assert_true(json_object_object_get_ex(alert, "evidence", &evidence));
	assert_int_equal(json_object_array_length(evidence), 1);
	span = json_object_array_get_idx(evidence, 0);
	assert_true(json_object_object_get_ex(span, "wait_s", &wait));
	assert_int_equal(json_object_object_length(wait), WIRE_WAITS);
	assert_true(number_at(wait, "disk") == 1.41);
	json_object_put(alert);
}

static void test_summary(void **state)
{
	struct json_object *summary = documented(write_summary, &fixture_summary, "summary");
	struct json_object *metrics, *metric, *value, *drops;

	(void)state;
	assert_true(json_object_object_get_ex(summary, "metrics", &metrics));
	assert_int_equal(json_object_object_length(metrics), fixture_summary.metrics_n);
	assert_true(json_object_object_get_ex(metrics, "memory.rss", &metric));
	assert_true(json_object_object_get_ex(metric, "value", &value));
	/* Whole numbers stay whole. */
	assert_true(json_object_is_type(value, json_type_int));
	assert_true(json_object_get_int64(value) == 327155712);
	assert_string_equal(string_at(metric, "unit"), "bytes");
	assert_true(json_object_object_get_ex(metrics, "intent.count", &metric));
	assert_true(json_object_object_get_ex(metric, "value", &value));
	assert_null(value);
	assert_true(json_object_object_get_ex(summary, "drops", &drops));
	assert_true(number_at(drops, "ring_full") == 3);
	json_object_put(summary);
}

static void test_leaks(void **state)
{
	struct json_object *leaks = documented(write_leaks, &fixture_leaks, "leaks");
	struct json_object *sites, *site, *rate, *frames;

	(void)state;
	assert_true(json_object_object_get_ex(leaks, "sites", &sites));
	assert_int_equal(json_object_array_length(sites), 2);
	site = json_object_array_get_idx(sites, 0);
	assert_true(number_at(site, "rank") == 1);
	/* The frame that is blamed, not the innermost one. */
	assert_string_equal(string_at(site, "function"), "keep_audio");
	assert_string_equal(string_at(site, "file"), "src/voice.c");
	assert_true(number_at(site, "line") == 41);
	assert_true(json_object_object_get_ex(site, "bytes_per_hour", &rate));
	assert_true(number_at(rate, "low") == 47185920);
	assert_true(json_object_object_get_ex(site, "frames", &frames));
	assert_int_equal(json_object_array_length(frames), 4);
	site = json_object_array_get_idx(frames, 3);
	assert_null(string_at(site, "function"));
	assert_null(string_at(site, "line"));
	json_object_put(leaks);
}

static void test_hostile(void **state)
{
	struct sink_alert alert = {.head = {.process = HOSTILE},
				   .alert = HOSTILE,
				   .metric = HOSTILE,
				   .value = INFINITY,
				   .limit = NAN,
				   .target = -INFINITY,
				   .over_percent = 1e300,
				   .window_s = 1e-9};
	char *text = output_of(write_alert, &alert);
	struct json_object *parsed = parse_line(text), *value;
	const char *p;

	(void)state;
	for (p = text; *p; p++)
		assert_true(*p == '\n' || ((unsigned char)*p >= 0x20 && (unsigned char)*p < 0x7f));
	/* Only what is no UTF-8 is lost. */
	assert_string_equal(string_at(parsed, "alert"),
			    "a\"b\\c\n\033[31m\xef\xbf\xbd\xef\xbf\xbd(\xe2\x80\xae\xc2\x9b"
			    "e");
	assert_true(json_object_object_get_ex(parsed, "value", &value));
	assert_null(value);
	assert_true(number_at(parsed, "over_percent") == 1e300);
	assert_true(number_at(parsed, "window_s") == 1e-9);
	json_object_put(parsed);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_documented), cmocka_unit_test(test_alert),
		cmocka_unit_test(test_summary),	   cmocka_unit_test(test_leaks),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
