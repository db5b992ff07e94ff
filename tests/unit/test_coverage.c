/* SPDX-License-Identifier: GPL-2.0-only */
/* docs/coverage.md names metrics: each must be in the tables of the program. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/metric_names.h"

#define PAGE	  "docs/coverage.md"
#define PAGE_MAX  (256 * 1024)
#define LEAST_IDS 40
/* What stands for the name of any stage. */
#define ANY_STAGE "STAGE."

static char *read_page(void)
{
	FILE *file = fopen(PAGE, "r");
	char *text = calloc(1, PAGE_MAX);
	size_t n;

	assert_non_null(file);
	assert_non_null(text);
	n = fread(text, 1, PAGE_MAX - 1, file);
	assert_true(n > 0 && n < PAGE_MAX - 1);
	fclose(file);
	return text;
}

/* Words with a dot in them and nothing that an id has not; files of tests are none. */
static bool is_id(const char *word)
{
	const char *rest = strncmp(word, ANY_STAGE, strlen(ANY_STAGE)) ? word : word + 5;

	return strchr(word, '.') && !strstr(word, ".py") &&
	       strspn(rest, "abcdefghijklmnopqrstuvwxyz_0123456789.") == strlen(rest);
}

static bool is_metric(const char *word)
{
	struct metric_ref ref;
	enum statistic stat;
	char id[256];
	size_t len;

	if (!strncmp(word, ANY_STAGE, strlen(ANY_STAGE)))
		snprintf(id, sizeof(id), "stt.%s", word + strlen(ANY_STAGE));
	else
		snprintf(id, sizeof(id), "%s", word);
	if (metric_find_stat(id, &ref, &len, &stat))
		return false;
	return stat == STAT_INVALID || (ref.def->stats & (1u << stat));
}

static void test_every_id_is_a_metric(void **state)
{
	char *text = read_page(), *save, *word;
	size_t ids = 0, wrong = 0;
	bool quoted = false;

	(void)state;
	/* Every second piece between backquotes is inside of them. */
	for (word = strtok_r(text, "`", &save); word; word = strtok_r(NULL, "`", &save)) {
		if (quoted && is_id(word)) {
			ids++;
			if (!is_metric(word)) {
				print_message(PAGE ": no such metric: %s\n", word);
				wrong++;
			}
		}
		quoted = !quoted;
	}
	free(text);
	assert_int_equal(wrong, 0);
	assert_true(ids >= LEAST_IDS);
}

static void test_what_is_invented_is_noticed(void **state)
{
	(void)state;
	assert_true(is_metric("stt.latency.p95"));
	assert_true(is_metric("STAGE.error_rate"));
	assert_false(is_metric("stt.latency.p90"));
	assert_false(is_metric("stt.accuracy"));
	assert_false(is_metric("memory.rss.p95"));
	assert_false(is_metric("STAGE.word_error_rate"));
	assert_false(is_id("test_budgets.py:voice_rows"));
	assert_false(is_id("STAGE_X"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_id_is_a_metric),
		cmocka_unit_test(test_what_is_invented_is_noticed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
