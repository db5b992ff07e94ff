/* SPDX-License-Identifier: GPL-2.0-only */
#include "rulefile/testfile.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "config/errors.h"
#include "memory/arena.h"
#include "promql/labels.h"
#include "rulefile/read.h"
#include "rulefile/rulefile.h"

#define DEFAULT_EVALUATION_MS 60000

struct testfile_read {
	struct reader base; /* first */
	const char *end;
	struct config_errors *warnings;
	struct testfile *out;
	size_t values_n; /* of all series so far */
};

/* An array for the items of a list, *n of them; NULL for none. */
static void *items_array(struct testfile_read *r, const struct yaml_node *list, size_t item_bytes)
{
	return rule_items(&r->base, list) ? arena__alloc(r->base.arena, list->children * item_bytes)
					  : NULL;
}

static const char *text_of(struct testfile_read *r, const struct yaml_node *map, const char *key)
{
	const struct yaml_node *node = yaml_get(map, key);
	const char *text = node ? rule_scalar(&r->base, node) : "";

	return text ? text : "";
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct label *)a)->name, ((const struct label *)b)->name);
}

static void read_labels(struct testfile_read *r, const struct yaml_node *node,
			struct test_labels *out)
{
	if (rule_is_null(node))
		return;
	if (node->kind != YAML_MAP) {
		read_error(&r->base, node, "expected a mapping (name: text)");
		return;
	}
	out->label = arena__alloc(r->base.arena, node->children * sizeof(*out->label));
	for (const struct yaml_node *v = node->first; v && out->label; v = v->next) {
		const char *value = rule_scalar(&r->base, v);

		if (v->key->text && value)
			out->label[out->n++] = (struct label){v->key->text, value};
	}
	if (out->label)
		qsort(out->label, out->n, sizeof(*out->label), by_name);
}

/* A number as YAML writes it. */
static void read_number(struct testfile_read *r, const struct yaml_node *node, double *out)
{
	const char *text = rule_scalar(&r->base, node), *digits;
	char plain[400], *end;
	size_t n = 0;
	long long integer;

	if (!text || rule_is_null(node))
		return;
	digits = text + (*text == '-' || *text == '+');
	if (!node->quoted && !strcasecmp(digits, ".inf")) {
		*out = *text == '-' ? -INFINITY : INFINITY;
		return;
	}
	if (!node->quoted && !strcasecmp(text, ".nan")) {
		*out = NAN;
		return;
	}
	for (const char *p = text; *p && n + 1 < sizeof(plain); p++)
		if (*p != '_')
			plain[n++] = *p;
	plain[n] = '\0';
	errno = 0;
	integer = strtoll(plain, &end, 0);
	if (!*end && end != plain && !errno && !node->quoted) {
		*out = (double)integer;
		return;
	}
	*out = strtod(plain, &end);
	if (node->quoted || *end || end == plain ||
	    strspn(digits, "0123456789.eE+-_") != strlen(digits))
		read_error(&r->base, node, "expected a number, not '%.40s'", text);
}

static struct label *keep_labels(struct testfile_read *r, const struct label *label, size_t n)
{
	struct label *kept = arena__alloc(r->base.arena, (n + 1) * sizeof(*kept));

	for (size_t i = 0; kept && i < n; i++)
		kept[i] = (struct label){arena__strdup(r->base.arena, label[i].name),
					 arena__strdup(r->base.arena, label[i].value)};
	return kept;
}

static void read_sample(struct testfile_read *r, const struct yaml_node *node,
			struct test_expected_sample *out)
{
	static const struct read_key keys[] = {{"labels", NULL}, {"value", NULL}};
	const struct yaml_node *labels = yaml_get(node, "labels");
	struct series_error error = {0};
	struct config_pos pos;
	struct label *parsed;
	const char *text;

	if (!read_map(&r->base, node, READ_KEYS(keys), NULL))
		return;
	read_number(r, yaml_get(node, "value"), &out->value);
	text = text_of(r, node, "labels");
	if (series_labels_parse(text, strlen(text), &parsed, &out->labels_n, &error)) {
		pos = labels ? rule_place(&r->base, labels, error.at, r->end)
			     : read_pos(&r->base, node);
		config_errors__add(r->base.errors, &pos, "labels \"%.80s\": %s", text,
				   error.message);
		return;
	}
	out->label = keep_labels(r, parsed, out->labels_n);
	free(parsed);
}

static void read_expr_case(struct testfile_read *r, const struct yaml_node *node,
			   struct test_expr_case *out)
{
	static const struct read_key keys[] = {
		{"expr", NULL}, {"eval_time", NULL}, {"exp_samples", NULL}};
	const struct yaml_node *samples = yaml_get(node, "exp_samples");

	out->expr = text_of(r, node, "expr");
	if (!read_map(&r->base, node, READ_KEYS(keys), NULL))
		return;
	rule_duration(&r->base, yaml_get(node, "eval_time"), &out->eval_time_ms);
	out->expected = items_array(r, samples, sizeof(*out->expected));
	if (!out->expected)
		return;
	for (const struct yaml_node *v = samples->first; v; v = v->next)
		read_sample(r, v, &out->expected[out->n++]);
}

static void read_alert_case(struct testfile_read *r, const struct yaml_node *node,
			    struct test_alert_case *out)
{
	static const struct read_key keys[] = {
		{"eval_time", NULL}, {"alertname", NULL}, {"exp_alerts", NULL}};
	static const struct read_key alert_keys[] = {{"exp_labels", NULL},
						     {"exp_annotations", NULL}};
	const struct yaml_node *alerts = yaml_get(node, "exp_alerts");

	out->alertname = text_of(r, node, "alertname");
	if (!read_map(&r->base, node, READ_KEYS(keys), NULL))
		return;
	rule_duration(&r->base, yaml_get(node, "eval_time"), &out->eval_time_ms);
	if (!out->alertname[0])
		read_error(&r->base, node,
			   "an item under alert_rule_test misses required attribute alertname");
	out->expected = items_array(r, alerts, sizeof(*out->expected));
	if (!out->expected)
		return;
	for (const struct yaml_node *v = alerts->first; v; v = v->next) {
		struct test_expected_alert *alert = &out->expected[out->n++];

		if (rule_is_null(v) || !read_map(&r->base, v, READ_KEYS(alert_keys), NULL))
			continue;
		read_labels(r, yaml_get(v, "exp_labels"), &alert->labels);
		read_labels(r, yaml_get(v, "exp_annotations"), &alert->annotations);
	}
}

static const char *skip_space(const char *p)
{
	return p + strspn(p, " \t\r");
}

/* The places of a mistake are those of the two texts that a line is made of. */
static void refuse_series(struct testfile_read *r, const struct yaml_node *node, size_t series_len,
			  const struct series_error *error)
{
	const struct yaml_node *series = yaml_get(node, "series"),
			       *values = yaml_get(node, "values");
	struct config_pos pos = read_pos(&r->base, node);

	if (error->at <= series_len && series)
		pos = rule_place(&r->base, series, error->at, r->end);
	else if (error->at > series_len && values)
		pos = rule_place(&r->base, values, error->at - series_len - 1, r->end);
	config_errors__add(r->base.errors, &pos, "%s", error->message);
}

static void parse_series(struct testfile_read *r, struct test_case *test,
			 const struct yaml_node *node, const char *line, size_t series_len)
{
	struct series_desc *out = &test->series[test->series_n];
	struct series_error error = {0};
	int err = series_desc_parse(line, strlen(line), out, &error);

	if (err == -EINVAL)
		refuse_series(r, node, series_len, &error);
	if (err)
		return;
	test->series_n++;
	r->values_n += out->n;
	if (r->values_n > TESTFILE_VALUES_MAX)
		read_error(&r->base, node, "more than %d values in one file", TESTFILE_VALUES_MAX);
}

/*
 * promtool makes a script of the series, one a line.  A text that ends with the end of a line (a
 * block without `-`) leaves an empty line there, which ends the script: the series after it are
 * not loaded.  False: so it is.
 */
static bool read_series(struct testfile_read *r, struct test_case *test,
			const struct yaml_node *node)
{
	static const struct read_key keys[] = {{"series", NULL}, {"values", NULL}};
	const char *series = text_of(r, node, "series"), *values = text_of(r, node, "values");
	char *line, *end;

	if (!read_map(&r->base, node, READ_KEYS(keys), NULL))
		return true;
	series = skip_space(series);
	line = arena__alloc(r->base.arena, strlen(series) + strlen(values) + 2);
	if (!line)
		return true;
	stpcpy(stpcpy(stpcpy(line, series), " "), values);
	end = strchr(line, '\n');
	if (end)
		*end++ = '\0';
	if (end && *skip_space(end) && *skip_space(end) != '\n') {
		read_error(&r->base, node, "the series and its values are more than one line");
		return true;
	}
	if (!*skip_space(line) || *line == '#')
		return false;
	if (r->values_n <= TESTFILE_VALUES_MAX)
		parse_series(r, test, node, line, strlen(series));
	if (end && node->next) {
		struct config_pos pos = read_pos(&r->base, node->next);

		config_errors__add(r->warnings, &pos,
				   "this series and those after it are not loaded, as by promtool: "
				   "the values before end with an empty line (write >- or |-)");
	}
	return !end;
}

static void read_input(struct testfile_read *r, const struct yaml_node *list,
		       struct test_case *test)
{
	test->series = items_array(r, list, sizeof(*test->series));
	if (!test->series)
		return;
	for (const struct yaml_node *v = list->first; v; v = v->next)
		if (!read_series(r, test, v))
			return;
}

static void read_test(struct testfile_read *r, const struct yaml_node *node, struct test_case *out)
{
	static const struct read_key keys[] = {
		{"interval", NULL},
		{"input_series", NULL},
		{"alert_rule_test", NULL},
		{"promql_expr_test", NULL},
		{"external_labels", NULL},
		{"external_url", NULL},
		{"name", NULL},
	};
	const struct yaml_node *alerts = yaml_get(node, "alert_rule_test");
	const struct yaml_node *exprs = yaml_get(node, "promql_expr_test");

	out->name = text_of(r, node, "name");
	out->external_url = text_of(r, node, "external_url");
	if (rule_is_null(node) || !read_map(&r->base, node, READ_KEYS(keys), NULL))
		return;
	rule_duration(&r->base, yaml_get(node, "interval"), &out->interval_ms);
	read_labels(r, yaml_get(node, "external_labels"), &out->external_labels);
	read_input(r, yaml_get(node, "input_series"), out);
	out->alerts = items_array(r, alerts, sizeof(*out->alerts));
	for (const struct yaml_node *v = out->alerts ? alerts->first : NULL; v; v = v->next)
		read_alert_case(r, v, &out->alerts[out->alerts_n++]);
	out->exprs = items_array(r, exprs, sizeof(*out->exprs));
	for (const struct yaml_node *v = out->exprs ? exprs->first : NULL; v; v = v->next)
		read_expr_case(r, v, &out->exprs[out->exprs_n++]);
}

static const char **read_names(struct testfile_read *r, const struct yaml_node *list, size_t *n)
{
	const char **names = items_array(r, list, sizeof(*names));

	for (const struct yaml_node *v = names ? list->first : NULL; v; v = v->next) {
		const char *text = rule_scalar(&r->base, v);

		if (text)
			names[(*n)++] = text;
	}
	return names;
}

static void read_order(struct testfile_read *r, const struct yaml_node *list)
{
	struct testfile *out = r->out;

	out->group_eval_order = read_names(r, list, &out->order_n);
	if (out->order_n > RULEFILE_GROUPS_MAX) {
		read_error(&r->base, list, "more than %d groups", RULEFILE_GROUPS_MAX);
		return;
	}
	for (size_t i = 0; i < out->order_n; i++)
		for (size_t k = 0; k < i; k++)
			if (!strcmp(out->group_eval_order[i], out->group_eval_order[k])) {
				read_error(&r->base, list,
					   "group name repeated in evaluation order: %.80s",
					   out->group_eval_order[i]);
				return;
			}
}

static void read_root(struct testfile_read *r, const struct yaml_node *root)
{
	static const struct read_key keys[] = {{"rule_files", NULL},
					       {"evaluation_interval", NULL},
					       {"group_eval_order", NULL},
					       {"tests", NULL}};
	const struct yaml_node *tests = yaml_get(root, "tests");

	if (rule_is_null(root) || !read_map(&r->base, root, READ_KEYS(keys), NULL))
		return;
	r->out->rule_files = read_names(r, yaml_get(root, "rule_files"), &r->out->rule_files_n);
	rule_duration(&r->base, yaml_get(root, "evaluation_interval"),
		      &r->out->evaluation_interval_ms);
	read_order(r, yaml_get(root, "group_eval_order"));
	r->out->tests = items_array(r, tests, sizeof(*r->out->tests));
	for (const struct yaml_node *v = r->out->tests ? tests->first : NULL; v; v = v->next)
		read_test(r, v, &r->out->tests[r->out->tests_n++]);
}

int testfile_parse(const char *file, const char *text, size_t len, struct config_errors *errors,
		   struct config_errors *warnings, struct testfile **out)
{
	struct arena *arena = arena__new();
	struct testfile *made = arena ? arena__alloc(arena, sizeof(*made)) : NULL;
	struct testfile_read r = {.base = {.arena = arena, .errors = errors},
				  .end = text + len,
				  .warnings = warnings,
				  .out = made};
	size_t before = config_errors__count(errors);
	bool no_memory;

	*out = NULL;
	if (!made) {
		arena__free(arena);
		return -ENOMEM;
	}
	made->memory = arena;
	config_errors__add_source(errors, file, text, len);
	config_errors__add_source(warnings, file, text, len);
	r.base.file = arena__strdup(arena, file);
	if (r.base.file)
		read_root(&r, rule_yaml(file, text, len, arena, errors));
	if (!made->evaluation_interval_ms)
		made->evaluation_interval_ms = DEFAULT_EVALUATION_MS;
	no_memory = arena__failed(arena);
	if (config_errors__count(errors) == before && !no_memory) {
		*out = made;
		return 0;
	}
	testfile_free(made);
	return no_memory ? -ENOMEM : -EINVAL;
}

void testfile_free(struct testfile *testfile)
{
	if (!testfile)
		return;
	for (size_t i = 0; i < testfile->tests_n; i++)
		for (size_t k = 0; k < testfile->tests[i].series_n; k++)
			series_desc_free(&testfile->tests[i].series[k]);
	arena__free(testfile->memory);
}
