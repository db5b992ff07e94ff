/* SPDX-License-Identifier: GPL-2.0-only */
/* Turn scenarios, written down as spans in ms; the expected joins were worked out by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "metrics/turns.h"

#define MS     1000000ULL
#define ORIGIN (1000000 * MS)

enum { WAKE, STT, INTENT, RESPONSE, TTS, STAGES };

static struct stage_config stages[STAGES] = {
	[WAKE] = {.name = (char *)"wake_word", .kind = STAGE_FRAME, .turn = true},
	[STT] = {.name = (char *)"stt", .kind = STAGE_CALL, .turn = true},
	[INTENT] = {.name = (char *)"intent", .kind = STAGE_CALL, .turn = true},
	[RESPONSE] = {.name = (char *)"response", .kind = STAGE_CALL, .turn = true},
	[TTS] = {.name = (char *)"tts", .kind = STAGE_CALL, .turn = true},
};

static struct config config;

struct seen {
	unsigned int started, outcome[TURN_OUTCOMES], latencies, gaps, speeches;
	uint64_t latency_ms[64], gap_ms[64], speech_ms[64];
	uint16_t gap_a[64], gap_b[64];
	struct evidence_item item;
};

static void on_event(void *ctx, const struct turn_event *event)
{
	struct seen *seen = ctx;

	switch (event->what) {
	case TURN_EVENT_STARTED:
		seen->started++;
		break;
	case TURN_EVENT_GAP:
		seen->gap_a[seen->gaps % 64] = event->a;
		seen->gap_b[seen->gaps % 64] = event->b;
		seen->gap_ms[seen->gaps++ % 64] = event->value_ns / MS;
		break;
	case TURN_EVENT_SPEECH:
		seen->speech_ms[seen->speeches++ % 64] = event->value_ns / MS;
		break;
	case TURN_EVENT_LATENCY:
		seen->latency_ms[seen->latencies++ % 64] = event->value_ns / MS;
		seen->item = *event->item;
		break;
	case TURN_EVENT_OUTCOME:
		seen->outcome[event->outcome]++;
		break;
	}
}

static struct turns *begin(struct seen *seen, enum turn_key key)
{
	struct turns *t;

	memset(seen, 0, sizeof(*seen));
	config = (struct config){
		.stages = stages, .stages_n = STAGES, .turn = {.key = key, .idle_ns = 10000 * MS}};
	t = turns__new(&config, on_event, seen);
	assert_non_null(t);
	return t;
}

static struct wire_span make(int stage, uint64_t start_ms, uint64_t end_ms, uint64_t key)
{
	return (struct wire_span){.hdr.tid = (uint32_t)key,
				  .stage = (uint16_t)stage,
				  .flags = key ? WIRE_SPAN_KEY : 0,
				  .key = key,
				  .start_ns = ORIGIN + start_ms * MS,
				  .end_ns = ORIGIN + end_ms * MS};
}

static void feed(struct turns *t, int stage, uint64_t start_ms, uint64_t end_ms, uint64_t key)
{
	struct wire_span span = make(stage, start_ms, end_ms, key);

	if (stage == WAKE) {
		turns__wake(t, &span);
		return;
	}
	turns__begin(t, &span);
	turns__end(t, &span);
}

static void whole_turn(struct turns *t, uint64_t at_ms, uint64_t key)
{
	feed(t, STT, at_ms, at_ms + 100, key);
	feed(t, INTENT, at_ms + 110, at_ms + 150, key);
	feed(t, RESPONSE, at_ms + 170, at_ms + 300, key);
	feed(t, TTS, at_ms + 330, at_ms + 400, key);
}

static void test_one_user(void **state)
{
	struct seen seen;
	struct turns *t = begin(&seen, TURN_KEY_VALUE);

	(void)state;
	feed(t, WAKE, 0, 20, 7);
	whole_turn(t, 1020, 7);
	assert_int_equal(seen.started, 1);
	assert_int_equal(seen.outcome[TURN_COMPLETE], 1);
	assert_int_equal(seen.latency_ms[0], 400);
	assert_int_equal(seen.speeches, 1);
	assert_int_equal(seen.speech_ms[0], 1000);
	assert_int_equal(seen.gaps, 3);
	assert_int_equal(seen.gap_ms[0], 10);
	assert_int_equal(seen.gap_ms[1], 20);
	assert_int_equal(seen.gap_ms[2], 30);
	assert_int_equal(seen.gap_a[2], RESPONSE);
	assert_int_equal(seen.gap_b[2], TTS);
	/* The evidence adds up: stages and gaps are the whole. */
	assert_int_equal(seen.item.parts_n, 4);
	assert_int_equal(seen.item.parts[0].gap_ns, -1);
	uint64_t sum_ns = 0;

	for (size_t i = 0; i < 4; i++)
		sum_ns +=
			seen.item.parts[i].wall_ns + (i ? (uint64_t)seen.item.parts[i].gap_ns : 0);
	assert_int_equal(sum_ns, seen.item.wall_ns);
	turns__free(t);
}

static void test_eight_users_at_once(void **state)
{
	struct seen seen;
	struct turns *t = begin(&seen, TURN_KEY_VALUE);
	static const uint64_t at[4] = {0, 110, 170, 330}, until[4] = {100, 150, 300, 400};

	(void)state;
	for (int round = 0; round < 3; round++)
		for (int step = 0; step < 4; step++) {
			for (uint64_t user = 1; user <= 8; user++)
				feed(t, STT + step, round * 1000 + at[step] + user,
				     round * 1000 + until[step] + 2 * user, user);
			assert_int_equal(turns__open(t), step == 3 ? 0 : 8);
		}
	assert_int_equal(seen.started, 24);
	assert_int_equal(seen.outcome[TURN_COMPLETE], 24);
	assert_int_equal(seen.outcome[TURN_INTERRUPTED], 0);
	for (uint64_t i = 0; i < 24; i++)
		assert_int_equal(seen.latency_ms[i], 400 + i % 8 + 1);
	turns__free(t);
}

static void test_barge_in(void **state)
{
	struct seen seen;
	struct turns *t = begin(&seen, TURN_KEY_VALUE);

	(void)state;
	feed(t, STT, 0, 100, 7);
	feed(t, INTENT, 110, 150, 7);
	/* The user speaks again before any audio; the old synthesis still ends, later. */
	feed(t, STT, 200, 280, 7);
	feed(t, TTS, 160, 290, 7);
	assert_int_equal(seen.outcome[TURN_INTERRUPTED], 1);
	assert_int_equal(seen.outcome[TURN_COMPLETE], 0);
	feed(t, TTS, 300, 500, 7);
	assert_int_equal(seen.outcome[TURN_COMPLETE], 1);
	assert_int_equal(seen.latency_ms[0], 300);
	turns__free(t);
}

static void test_abandoned_after_idle(void **state)
{
	struct seen seen;
	struct turns *t = begin(&seen, TURN_KEY_VALUE);

	(void)state;
	feed(t, STT, 0, 100, 7);
	turns__tick(t, ORIGIN + 10100 * MS, 0);
	assert_int_equal(seen.outcome[TURN_ABANDONED], 0);
	/* A stage still running is not idleness. */
	turns__tick(t, ORIGIN + 30000 * MS, ORIGIN + 150 * MS);
	assert_int_equal(seen.outcome[TURN_ABANDONED], 0);
	turns__tick(t, ORIGIN + 30001 * MS, 0);
	assert_int_equal(seen.outcome[TURN_ABANDONED], 1);
	assert_int_equal(turns__open(t), 0);
	feed(t, TTS, 30002, 30003, 7);
	assert_int_equal(seen.outcome[TURN_COMPLETE], 0);
	turns__free(t);
}

static void test_several_sentences_are_one_turn(void **state)
{
	struct seen seen;
	struct turns *t = begin(&seen, TURN_KEY_VALUE);

	(void)state;
	whole_turn(t, 0, 7);
	feed(t, TTS, 900, 1000, 7);
	feed(t, TTS, 1500, 1600, 7);
	assert_int_equal(seen.outcome[TURN_COMPLETE], 1);
	assert_int_equal(seen.latencies, 1);
	assert_int_equal(seen.gaps, 3);
	whole_turn(t, 2000, 7);
	assert_int_equal(seen.outcome[TURN_COMPLETE], 2);
	assert_int_equal(seen.outcome[TURN_INTERRUPTED], 0);
	turns__free(t);
}

static void test_no_key_one_after_the_other(void **state)
{
	struct seen seen;
	struct turns *t = begin(&seen, TURN_KEY_NONE);

	(void)state;
	for (uint64_t i = 0; i < 5; i++)
		whole_turn(t, i * 1000, 0);
	assert_int_equal(seen.outcome[TURN_COMPLETE], 5);
	assert_int_equal(seen.outcome[TURN_UNKNOWN], 0);
	turns__free(t);
}

static void test_no_key_overlap_is_unknown(void **state)
{
	struct seen seen;
	struct turns *t = begin(&seen, TURN_KEY_NONE);
	struct turns_losses losses;

	(void)state;
	feed(t, STT, 0, 100, 0);
	feed(t, STT, 50, 150, 0);
	feed(t, INTENT, 160, 170, 0);
	feed(t, TTS, 300, 400, 0);
	feed(t, TTS, 350, 450, 0);
	assert_int_equal(seen.started, 2);
	assert_int_equal(seen.outcome[TURN_UNKNOWN], 2);
	assert_int_equal(seen.latencies, 0);
	turns__losses(t, &losses);
	assert_int_equal(losses.overlapped, 2);
	/* Once it has been quiet for long enough, turns are told apart again. */
	turns__tick(t, ORIGIN + 10449 * MS, 0);
	assert_int_equal(turns__open(t), 2);
	turns__tick(t, ORIGIN + 10451 * MS, 0);
	assert_int_equal(turns__open(t), 0);
	whole_turn(t, 11000, 0);
	assert_int_equal(seen.outcome[TURN_COMPLETE], 1);
	turns__free(t);
}

static void test_lost_start(void **state)
{
	struct seen seen;
	struct turns *t = begin(&seen, TURN_KEY_VALUE);
	struct turns_losses losses;

	(void)state;
	feed(t, INTENT, 110, 150, 7);
	feed(t, TTS, 330, 400, 7);
	assert_int_equal(seen.started, 0);
	turns__losses(t, &losses);
	assert_int_equal(losses.unjoined, 2);
	turns__free(t);
}

static void test_wake_of_somebody_else(void **state)
{
	struct seen seen;
	struct turns *t = begin(&seen, TURN_KEY_VALUE);

	(void)state;
	feed(t, WAKE, 0, 20, 8);
	whole_turn(t, 1020, 7);
	assert_int_equal(seen.speeches, 0);
	turns__free(t);
	/* Said twice: the later one is answered. */
	t = begin(&seen, TURN_KEY_THREAD);
	feed(t, WAKE, 0, 20, 5);
	feed(t, WAKE, 500, 520, 5);
	whole_turn(t, 1020, 5);
	assert_int_equal(seen.speech_ms[0], 500);
	turns__free(t);
}

static void test_without_stt_the_first_stage_opens(void **state)
{
	struct seen seen;
	struct turns *t;

	(void)state;
	stages[STT].name = (char *)"other";
	stages[STT].turn = false;
	t = begin(&seen, TURN_KEY_THREAD);
	stages[STT].name = (char *)"stt";
	stages[STT].turn = true;
	feed(t, INTENT, 110, 150, 3);
	feed(t, TTS, 330, 400, 3);
	feed(t, TTS, 450, 500, 3);
	feed(t, INTENT, 1000, 1010, 3);
	feed(t, TTS, 1020, 1100, 3);
	assert_int_equal(seen.started, 2);
	assert_int_equal(seen.latency_ms[0], 290);
	assert_int_equal(seen.latency_ms[1], 100);
	turns__free(t);
}

static void test_abnormal_synthesis_is_no_audio(void **state)
{
	struct seen seen;
	struct turns *t = begin(&seen, TURN_KEY_VALUE);
	struct wire_span span = make(TTS, 110, 120, 7);

	(void)state;
	feed(t, STT, 0, 100, 7);
	span.flags |= WIRE_SPAN_ABNORMAL;
	turns__begin(t, &span);
	turns__end(t, &span);
	assert_int_equal(seen.outcome[TURN_COMPLETE], 0);
	turns__free(t);
}

static void test_more_turns_than_room(void **state)
{
	struct seen seen;
	struct turns *t = begin(&seen, TURN_KEY_VALUE);
	struct turns_losses losses;

	(void)state;
	for (uint64_t user = 1; user <= TURNS_MAX + 10; user++)
		feed(t, STT, user, user + 1, user);
	assert_int_equal(turns__open(t), TURNS_MAX);
	turns__losses(t, &losses);
	assert_int_equal(losses.full, 10);
	assert_int_equal(seen.outcome[TURN_UNKNOWN], 10);
	turns__free(t);
}

/* Two users whose turns overlap by a millisecond; the first stage of a third is long. */
static void test_most_open_at_once(void **state)
{
	struct seen seen;
	struct turns *t = begin(&seen, TURN_KEY_VALUE);
	bool whole;

	(void)state;
	whole_turn(t, 1000, 7);
	whole_turn(t, 1399, 8);
	whole_turn(t, 1900, 7);
	assert_int_equal(turns__most(t, ORIGIN + 3000 * MS, &whole), 2);
	assert_true(whole);
	assert_int_equal(turns__most(t, ORIGIN + 4000 * MS, &whole), 0);
	feed(t, STT, 1399, 5000, 9);
	assert_int_equal(turns__most(t, ORIGIN + 5100 * MS, &whole), 3);
	assert_int_equal(turns__most(t, ORIGIN + 5200 * MS, &whole), 1);
	/* It never gets its audio: its user waits until `idle` is over. */
	turns__tick(t, ORIGIN + 14900 * MS, 0);
	assert_int_equal(turns__most(t, ORIGIN + 14900 * MS, &whole), 1);
	turns__tick(t, ORIGIN + 15100 * MS, 0);
	assert_int_equal(turns__most(t, ORIGIN + 15200 * MS, &whole), 1);
	assert_int_equal(turns__most(t, ORIGIN + 15300 * MS, &whole), 0);
	turns__free(t);
}

/* A barge-in is one user, at every instant. */
static void test_interrupted_is_one_user(void **state)
{
	struct seen seen;
	struct turns *t = begin(&seen, TURN_KEY_VALUE);
	bool whole;

	(void)state;
	feed(t, STT, 1000, 1100, 7);
	feed(t, INTENT, 1110, 1150, 7);
	whole_turn(t, 1300, 7);
	assert_int_equal(seen.outcome[TURN_INTERRUPTED], 1);
	assert_int_equal(turns__most(t, ORIGIN + 3000 * MS, &whole), 1);
	turns__free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_most_open_at_once),
		cmocka_unit_test(test_interrupted_is_one_user),
		cmocka_unit_test(test_one_user),
		cmocka_unit_test(test_eight_users_at_once),
		cmocka_unit_test(test_barge_in),
		cmocka_unit_test(test_abandoned_after_idle),
		cmocka_unit_test(test_several_sentences_are_one_turn),
		cmocka_unit_test(test_no_key_one_after_the_other),
		cmocka_unit_test(test_no_key_overlap_is_unknown),
		cmocka_unit_test(test_lost_start),
		cmocka_unit_test(test_wake_of_somebody_else),
		cmocka_unit_test(test_without_stt_the_first_stage_opens),
		cmocka_unit_test(test_abnormal_synthesis_is_no_audio),
		cmocka_unit_test(test_more_turns_than_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
