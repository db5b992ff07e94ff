/* SPDX-License-Identifier: GPL-2.0-only */
/* Causes of alerts, and the groups that they make. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "rules/cause.h"
#include "rules/groups.h"

#define S  1000000000ULL
#define MS 1000000ULL

enum { STT, INTENT, TTS, STAGES };

static struct stage_config stages[STAGES] = {
	{.name = (char *)"stt"}, {.name = (char *)"intent"}, {.name = (char *)"tts"}};
static const struct config config = {.stages = stages, .stages_n = STAGES};

static void test_cause_of_metric(void **state)
{
	static const char *const rows[][2] = {
		{"stt.latency", "stage:stt"},
		{"wake_word.rtf", "stage:wake_word"},
		{"stt.latency.p95", "stage:stt"},
		{"turn.gap.stt.intent", "gap:stt-intent"},
		{"turn.latency", "turn"},
		{"turn.outcome.abandoned", "turn"},
		{"cpu.usage", "cpu"},
		{"cpu.voice", "cpu"},
		{"memory.growth", "memory"},
		{"memory.peak", "memory"},
		{"fds.open", "fds"},
		{"threads.count", "threads"},
		{"io.disk", "disk"},
		{"io.network", "network"},
		{"io.network.loopback", "network"},
		{"users.active", "users"},
		{"target.up", "target"},
		{"db.connections", "db"},
	};
	char cause[CAUSE_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cause_of_metric(rows[i][0], cause);
		assert_string_equal(cause, rows[i][1]);
	}
}

static struct evidence_item turn(uint64_t stt_ms, uint64_t gap_ms, uint64_t intent_ms,
				 uint64_t tts_ms)
{
	return (struct evidence_item){
		.kind = EVIDENCE_TURN,
		.wall_ns = (stt_ms + gap_ms + intent_ms + tts_ms) * MS,
		.parts_n = 3,
		.parts = {{.stage = STT, .gap_ns = -1, .wall_ns = stt_ms * MS},
			  {.stage = INTENT,
			   .gap_ns = (int64_t)(gap_ms * MS),
			   .wall_ns = intent_ms * MS},
			  {.stage = TTS, .gap_ns = 0, .wall_ns = tts_ms * MS}},
	};
}

static void test_cause_of_turns(void **state)
{
	struct evidence_item items[] = {turn(900, 0, 100, 100), turn(500, 0, 100, 300),
					turn(200, 0, 100, 300)};
	char cause[CAUSE_MAX] = "turn";

	(void)state;
	assert_false(cause_of_turns(&config, items, 0, cause));
	assert_true(cause_of_turns(&config, items, 3, cause));
	assert_string_equal(cause, "stage:stt");
	items[0] = turn(100, 1000, 50, 50);
	assert_true(cause_of_turns(&config, items, 1, cause));
	assert_string_equal(cause, "gap:stt-intent");
	/* Half of it is not most of it. */
	strcpy(cause, "turn");
	items[0] = turn(500, 0, 250, 250);
	assert_false(cause_of_turns(&config, items, 1, cause));
	assert_string_equal(cause, "turn");
}

static uint64_t change(struct groups *g, size_t i, const char *cause, bool firing, uint64_t second)
{
	groups__change(g, i, cause, firing, second * S);
	return groups__tell(g, i).id;
}

static void test_one_cause_one_group(void **state)
{
	struct groups *g = groups__new(4, 30 * S);

	(void)state;
	assert_int_equal(groups__tell(g, 0).id, 0);
	assert_int_equal(change(g, 0, "stage:stt", true, 100), 1);
	assert_false(groups__tell(g, 0).also);
	assert_int_equal(change(g, 1, "memory", true, 101), 2);
	/* However late, while one of them fires. */
	assert_int_equal(change(g, 2, "stage:stt", true, 1000), 1);
	assert_true(groups__tell(g, 2).also);
	assert_string_equal(groups__tell(g, 2).cause, "stage:stt");
	assert_false(groups__tell(g, 0).also);
	assert_int_equal(groups__last(g), 2);
	groups__free(g);
}

static void test_after_the_end(void **state)
{
	struct groups *g = groups__new(4, 30 * S);

	(void)state;
	change(g, 0, "cpu", true, 100);
	assert_int_equal(change(g, 0, "cpu", false, 200), 1);
	assert_int_equal(change(g, 1, "cpu", true, 230), 1);
	assert_int_equal(change(g, 1, "cpu", false, 240), 1);
	assert_int_equal(change(g, 0, "cpu", true, 271), 2);
	assert_false(groups__tell(g, 0).also);
	/* What was told of group 1 stays there. */
	assert_int_equal(groups__tell(g, 1).id, 1);
	groups__free(g);
}

/* The evidence of an alert may change while it fires: its group does not. */
static void test_keeps_its_group(void **state)
{
	struct groups *g = groups__new(4, 30 * S);

	(void)state;
	change(g, 0, "turn", true, 100);
	assert_int_equal(change(g, 0, "stage:stt", true, 110), 1);
	assert_int_equal(change(g, 0, "stage:tts", false, 500), 1);
	assert_string_equal(groups__tell(g, 0).cause, "turn");
	assert_int_equal(change(g, 0, "stage:tts", true, 501), 2);
	groups__free(g);
}

static void test_unknown_alerts_group_in_time(void **state)
{
	struct groups *g = groups__new(4, 30 * S);

	(void)state;
	assert_int_equal(change(g, 0, "stage:stt", false, 100), 1);
	assert_int_equal(change(g, 1, "stage:stt", false, 100), 1);
	assert_int_equal(change(g, 2, "stage:stt", false, 200), 2);
	groups__free(g);
}

/* More causes over time than there are places. */
static void test_places_are_used_again(void **state)
{
	struct groups *g = groups__new(3, 0);
	char cause[CAUSE_MAX];

	(void)state;
	change(g, 0, "cpu", true, 1);
	for (int i = 0; i < 200; i++) {
		snprintf(cause, sizeof(cause), "stage:s%d", i);
		change(g, 1, cause, true, 10 + (uint64_t)i * 10);
		assert_int_equal(change(g, 2, cause, true, 12 + (uint64_t)i * 10), i + 2);
		change(g, 1, cause, false, 14 + (uint64_t)i * 10);
		change(g, 2, cause, false, 14 + (uint64_t)i * 10);
	}
	assert_int_equal(change(g, 1, "cpu", true, 10000), 1);
	groups__free(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cause_of_metric),
		cmocka_unit_test(test_cause_of_turns),
		cmocka_unit_test(test_one_cause_one_group),
		cmocka_unit_test(test_after_the_end),
		cmocka_unit_test(test_keeps_its_group),
		cmocka_unit_test(test_unknown_alerts_group_in_time),
		cmocka_unit_test(test_places_are_used_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
