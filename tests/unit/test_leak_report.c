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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_line_reached_by_two_ways_is_one, forget),
		cmocka_unit_test_setup(what_is_not_confirmed_does_not_count, forget),
		cmocka_unit_test_setup(without_lines_each_call_is_one, forget),
		cmocka_unit_test_setup(stacks_that_were_not_read_are_places_each, forget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
