/* SPDX-License-Identifier: GPL-2.0-only */
/* Looks at Python's stacks: what is the most frequent, how a stack is written, and how much. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "python/seen_stacks.h"

static void look(struct seen_stacks *s, uint32_t stage, uint64_t at_ns, const char *text)
{
	struct seen_stack seen = {.stage = stage, .at_ns = at_ns};

	snprintf(seen.text, sizeof(seen.text), "%s", text);
	seen_stacks_add(s, &seen);
}

static void the_most_frequent_comes_first(void **state)
{
	struct seen_stacks *s = calloc(1, sizeof(*s));
	struct seen_stack_count top[2];
	size_t looks;

	(void)state;
	assert_non_null(s);
	assert_int_equal(seen_stacks_top(s, 1, 0, top, 2, &looks), 0);
	assert_int_equal(looks, 0);
	look(s, 1, 5, "old");
	look(s, 1, 10, "rare");
	for (int i = 0; i < 3; i++) {
		look(s, 1, 11, "usual");
		look(s, 2, 11, "of another");
	}
	look(s, 1, 12, "rare");
	look(s, 1, 13, "once");
	assert_int_equal(seen_stacks_top(s, 1, 10, top, 2, &looks), 2);
	assert_int_equal(looks, 6);
	assert_string_equal(top[0].text, "usual");
	assert_int_equal(top[0].n, 3);
	assert_string_equal(top[1].text, "rare");
	assert_int_equal(top[1].n, 2);
	assert_int_equal(seen_stacks_top(s, 3, 0, top, 2, &looks), 0);
	free(s);
}

static void the_oldest_are_forgotten(void **state)
{
	struct seen_stacks *s = calloc(1, sizeof(*s));
	struct seen_stack_count top[3];
	size_t looks;

	(void)state;
	assert_non_null(s);
	look(s, 1, 1, "first");
	for (int i = 0; i < SEEN_STACKS_KEPT; i++)
		look(s, 1, 2, i % 2 ? "odd" : "even");
	assert_int_equal(seen_stacks_top(s, 1, 0, top, 3, &looks), 2);
	assert_int_equal(looks, SEEN_STACKS_KEPT);
	assert_int_equal(top[0].n, SEEN_STACKS_KEPT / 2);
	free(s);
}

static struct python_frame frame(const char *file, const char *qualname, uint32_t line)
{
	struct python_frame f = {.line = line};

	snprintf(f.file, sizeof(f.file), "%s", file);
	snprintf(f.qualname, sizeof(f.qualname), "%s", qualname);
	return f;
}

static void stacks_are_written(void **state)
{
	struct python_frame frames[9] = {frame("/srv/voice/answers.py", "Answers.find", 12),
					 frame("stages.py", "respond", 0)};
	char text[SEEN_STACK_TEXT_MAX];

	(void)state;
	seen_stack_text(frames, 2, text, sizeof(text));
	assert_string_equal(text, "Answers.find (voice/answers.py:12) < respond (stages.py)");
	seen_stack_text(frames, 1, text, sizeof(text));
	seen_stack_suspended(text, sizeof(text));
	assert_string_equal(text, "Answers.find (voice/answers.py:12), suspended there");
	seen_stack_text(frames, 1, text, 20);
	seen_stack_suspended(text, 20);
	assert_string_equal(text, "Answers.find (voice");
	seen_stack_text(frames, 0, text, sizeof(text));
	assert_string_equal(text, "");
	for (int i = 0; i < 9; i++) {
		char name[16];

		snprintf(name, sizeof(name), "f%d", i);
		frames[i] = frame("/a/b.py", name, (uint32_t)i + 1);
	}
	seen_stack_text(frames, 6, text, sizeof(text));
	assert_null(strstr(text, "more"));
	assert_non_null(strstr(text, "f5 (a/b.py:6)"));
	seen_stack_text(frames, 9, text, sizeof(text));
	assert_string_equal(text, "f0 (a/b.py:1) < f1 (a/b.py:2) < f2 (a/b.py:3) < f3 (a/b.py:4) < "
				  "f4 (a/b.py:5) < (3 more) < f8 (a/b.py:9)");
}

/* Names of the target may be as long as they like: the text ends where its room does. */
static void long_names_are_cut(void **state)
{
	struct python_frame frames[9], one;
	char text[SEEN_STACK_TEXT_MAX], name[PYTHON_NAME_MAX];

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	one = frame(name, name, UINT32_MAX);
	for (size_t i = 0; i < 9; i++)
		frames[i] = one;
	for (size_t size = 1; size <= sizeof(text); size++) {
		seen_stack_text(frames, 9, text, size);
		assert_true(strlen(text) < size);
	}
	assert_true(strlen(text) > 400);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_most_frequent_comes_first),
		cmocka_unit_test(the_oldest_are_forgotten),
		cmocka_unit_test(stacks_are_written),
		cmocka_unit_test(long_names_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
