/* SPDX-License-Identifier: GPL-2.0-only */
/* test_leak_report.c - how many places leak: `memory.leaks`. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "watch/leak_report.h"

static struct leak_report report;

/* Allocated in `function` at the line, behind a frame of the C++ library. */
static struct leak_report_site *add(enum leak_verdict verdict, const char *function, uint32_t line,
				    uint64_t offset)
{
	struct leak_report_site *site = &report.sites[report.sites_n++];
	struct frame_name *frame = &site->frames[1];

	*site = (struct leak_report_site){
		.site.verdict = verdict, .frames_n = 2, .own = 1, .function = "malloc"};
	snprintf(site->frames[0].function, FRAME_FUNCTION_MAX, "operator new(unsigned long)");
	snprintf(frame->function, FRAME_FUNCTION_MAX, "%s", function);
	snprintf(frame->file, FRAME_FILE_MAX, line ? "voice.c" : "");
	snprintf(frame->object, FRAME_FILE_MAX, "alice");
	frame->line = line;
	frame->offset = offset;
	return site;
}

static int forget(void **state)
{
	(void)state;
	report = (struct leak_report){};
	return 0;
}

static void a_line_reached_by_two_ways_is_one(void **state)
{
	(void)state;
	add(LEAK_CONFIRMED, "audio_block_new", 20, 0x100);
	add(LEAK_CONFIRMED, "audio_block_new", 20, 0x180);
	assert_int_equal(leak_report_places(&report), 1);
	add(LEAK_CONFIRMED, "audio_block_new", 31, 0x1c0);
	assert_int_equal(leak_report_places(&report), 2);
	add(LEAK_CONFIRMED, "session_new", 20, 0x200);
	assert_int_equal(leak_report_places(&report), 3);
	snprintf(add(LEAK_CONFIRMED, "session_new", 20, 0x200)->frames[1].object, FRAME_FILE_MAX,
		 "libvoice.so");
	assert_int_equal(leak_report_places(&report), 4);
}

static void what_is_not_confirmed_does_not_count(void **state)
{
	(void)state;
	add(LEAK_PROBABLE, "audio_block_new", 20, 0x100);
	add(LEAK_SUSPECT, "session_new", 12, 0x200);
	assert_int_equal(leak_report_places(&report), 0);
	add(LEAK_CONFIRMED, "audio_block_new", 20, 0x180);
	assert_int_equal(leak_report_places(&report), 1);
}

static void without_lines_each_call_is_one(void **state)
{
	(void)state;
	add(LEAK_CONFIRMED, "", 0, 0x100);
	add(LEAK_CONFIRMED, "", 0, 0x100);
	add(LEAK_CONFIRMED, "", 0, 0x140);
	assert_int_equal(leak_report_places(&report), 2);
}

/* Nothing is known of them that would make them the same. */
static void stacks_that_were_not_read_are_places_each(void **state)
{
	(void)state;
	add(LEAK_CONFIRMED, "", 0, 0)->frames_n = 0;
	add(LEAK_CONFIRMED, "", 0, 0)->frames_n = 0;
	assert_int_equal(leak_report_places(&report), 2);
	assert_int_equal(leak_report_places(NULL), 0);
}

static void set_rate(struct leak_report_site *site, double low, double rate, double high)
{
	site->site.rate_low = low;
	site->site.rate = rate;
	site->site.rate_high = high;
}

/* A row for a line, with the sum of its ways; a way that only might leak has one of its own. */
static void rates_of_a_line_are_added(void **state)
{
	struct leak_place place;

	(void)state;
	set_rate(add(LEAK_CONFIRMED, "audio_block_new", 20, 0x100), 5, 10, 20);
	set_rate(add(LEAK_CONFIRMED, "session_new", 30, 0x300), 1, 2, 3);
	set_rate(add(LEAK_PROBABLE, "audio_block_new", 20, 0x180), 3, 6, 9);
	set_rate(add(LEAK_SUSPECT, "audio_block_new", 20, 0x1c0), 100, 100, 100);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(leak_report_first(&report, i), i == 2 ? 0 : i);
	leak_report_place(&report, 0, &place);
	assert_int_equal(place.ways, 2);
	assert_true(place.low == 8 && place.rate == 16 && place.high == 29);
	leak_report_place(&report, 1, &place);
	assert_int_equal(place.ways, 1);
	assert_true(place.low == 1 && place.rate == 2 && place.high == 3);
}

/* Each was cut to what memory grows by: so is their sum. */
static void nobody_leaks_more_than_growth(void **state)
{
	struct leak_place place;

	(void)state;
	report.growth = (struct leak_growth){true, 10, 8, 12};
	set_rate(add(LEAK_CONFIRMED, "audio_block_new", 20, 0x100), 5, 12, 12);
	set_rate(add(LEAK_CONFIRMED, "audio_block_new", 20, 0x180), 3, 6, 9);
	leak_report_place(&report, 0, &place);
	assert_true(place.low == 8 && place.rate == 18 && place.high == 21);
	report.sites[0].site.gated = true;
	leak_report_place(&report, 0, &place);
	assert_true(place.low == 8 && place.rate == 12 && place.high == 12);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_line_reached_by_two_ways_is_one, forget),
		cmocka_unit_test_setup(what_is_not_confirmed_does_not_count, forget),
		cmocka_unit_test_setup(without_lines_each_call_is_one, forget),
		cmocka_unit_test_setup(stacks_that_were_not_read_are_places_each, forget),
		cmocka_unit_test_setup(rates_of_a_line_are_added, forget),
		cmocka_unit_test_setup(nobody_leaks_more_than_growth, forget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
