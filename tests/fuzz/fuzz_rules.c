/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fuzz_rules.c - any bytes as a rule file, as a file of unit tests, as a template and as a series.
 *
 * Beyond not crashing: a refusal has a reason, what is accepted has none, messages hold nothing
 * that a terminal would obey, and what is accepted can be evaluated.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "memory/arena.h"
#include "promql/labels.h"
#include "promql/store.h"
#include "rulefile/rulefile.h"
#include "rulefile/rulegroups.h"
#include "rulefile/series_desc.h"
#include "rulefile/testfile.h"
#include "template/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* libfyaml 0.7.12 does not free the text of some broken scalars. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libfyaml.so";
}

static void check(int holds)
{
	if (!holds)
		abort();
}

static void check_messages(const struct config_errors *errors)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	check(out != NULL);
	config_errors__print(errors, out);
	fclose(out);
	for (size_t i = 0; i < len; i++)
		check(text[i] == '\n' || ((unsigned char)text[i] >= 0x20 && text[i] != 0x7f));
	free(text);
}

/* Two series of every name that an expression is likely to have been given by the fuzzer. */
static void evaluate(const struct rulefile *file)
{
	static const struct rulegroups_opts opts = {.interval_ms = 1000};
	const struct label label[] = {{LABELS_NAME, "up"}, {"job", "a"}};
	struct label_table *table = label_table__new();
	struct store *store = store__new(table, 1000);
	struct rulegroups *groups = rulegroups__new(store, &file, 1, &opts);
	struct store_series *series = store__series(store, labels_make(table, label, 2));

	for (int64_t s = 0; s < 4; s++) {
		store__append(store, series, s * 1000, (double)(s % 2));
		rulegroups__tick(groups, s * 1000, NULL);
	}
	rulegroups__free(groups);
	store__free(store);
	label_table__free(table);
}

static void try_rules(const char *text, size_t size)
{
	struct config_errors *errors = config_errors__new(), *warnings = config_errors__new();
	struct rulefile *file;
	int err = rulefile_parse("fuzz.yml", text, size, NULL, errors, warnings, &file);

	check(!err == !config_errors__count(errors));
	check(!err == (file != NULL));
	check_messages(errors);
	check_messages(warnings);
	if (file)
		evaluate(file);
	rulefile_free(file);
	config_errors__free(errors);
	config_errors__free(warnings);
}

/* Short ones only: a long test is no mistake. */
static int is_short(const struct testfile *file)
{
	size_t values = 0;

	for (size_t i = 0; i < file->tests_n; i++) {
		for (size_t k = 0; k < file->tests[i].series_n; k++)
			values += file->tests[i].series[k].n;
		for (size_t k = 0; k < file->tests[i].alerts_n; k++)
			values += (size_t)(file->tests[i].alerts[k].eval_time_ms /
					   file->evaluation_interval_ms);
		for (size_t k = 0; k < file->tests[i].exprs_n; k++)
			values += (size_t)(file->tests[i].exprs[k].eval_time_ms /
					   file->evaluation_interval_ms);
	}
	return values < 2000;
}

static void try_tests(const char *text, size_t size)
{
	struct config_errors *errors = config_errors__new(), *warnings = config_errors__new();
	struct testfile *file;
	int err = testfile_parse("fuzz.yml", text, size, errors, warnings, &file);
	char *said = NULL;
	size_t len;
	FILE *out;

	check(!err == !config_errors__count(errors));
	check(!err == (file != NULL));
	check_messages(errors);
	out = open_memstream(&said, &len);
	if (file && is_short(file)) {
		int failures = testfile_run(file, NULL, 0, out);

		fflush(out);
		check(failures >= 0 && !failures == !len);
	}
	fclose(out);
	free(said);
	testfile_free(file);
	config_errors__free(errors);
	config_errors__free(warnings);
}

static void try_template(const char *text, size_t size)
{
	const struct label label[] = {{LABELS_NAME, "up"}, {"job", "a"}};
	const struct template_data data = {.labels = label, .labels_n = 2, .value = 1.5};
	struct template_error error, doubt;
	struct arena *arena = arena__new();
	const struct template *template;
	char *copy = strndup(text, size), *made;
	int err = template_parse(copy, arena, &template, &error, &doubt);

	check(!err == !error.message[0]);
	if (err) {
		check(error.at <= strlen(copy));
	} else {
		made = template_expand(template, &data);
		check(made && (!template_is_plain(template) || !strcmp(made, copy)));
		free(made);
	}
	free(copy);
	arena__free(arena);
}

static void try_series(const char *text, size_t size)
{
	struct series_error error = {0};
	struct series_desc desc;

	if (!series_desc_parse(text, size, &desc, &error))
		series_desc_free(&desc);
	else
		check(error.at <= size && error.message[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;

	if (!size)
		return 0;
	switch (text[0]) {
	case 't':
		try_tests(text, size);
		break;
	case '{':
	case 'x':
		try_template(text, size);
		try_series(text, size);
		break;
	default:
		try_rules(text, size);
	}
	return 0;
}
