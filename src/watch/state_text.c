/* SPDX-License-Identifier: GPL-2.0-only */
#include "watch/state_text.h"

#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FORMAT	  "cheshire-state-1"
#define DEPTH_MAX 8 /* four are used */

struct reading {
	struct state_text *out;
	char *why;
};

static int __attribute__((format(printf, 2, 3)))
refuse(const struct reading *r, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(r->why, STATE_TEXT_WHY_MAX, fmt, args);
	va_end(args);
	return -EINVAL;
}

/* A member of that type. */
static int get(const struct reading *r, struct json_object *from, const char *key,
	       enum json_type type, struct json_object **out)
{
	if (!json_object_object_get_ex(from, key, out) || !json_object_is_type(*out, type))
		return refuse(r, "\"%s\" is missing or of another type", key);
	return 0;
}

/* A text without a zero byte in it. */
static int get_text(const struct reading *r, struct json_object *from, const char *key,
		    const char **out)
{
	struct json_object *value;
	int err = get(r, from, key, json_type_string, &value);

	if (err)
		return err;
	*out = json_object_get_string(value);
	if (strlen(*out) != (size_t)json_object_get_string_len(value))
		return refuse(r, "\"%s\" has a zero byte", key);
	return 0;
}

/* A time between two others, or null, which is never, where that is allowed. */
static int get_time(const struct reading *r, struct json_object *from, const char *key,
		    int64_t low_ms, bool may_be_null, int64_t *out)
{
	struct json_object *value;

	if (!json_object_object_get_ex(from, key, &value))
		return refuse(r, "\"%s\" is missing", key);
	if (!value && may_be_null) {
		*out = RULEGROUPS_NEVER;
		return 0;
	}
	if (!json_object_is_type(value, json_type_int))
		return refuse(r, "\"%s\" is no time", key);
	*out = json_object_get_int64(value);
	if (*out < low_ms || (r->out->saved_ms && *out > r->out->saved_ms))
		return refuse(r, "\"%s\" is out of order", key);
	return 0;
}

static int by_name(const void *pa, const void *pb)
{
	const struct label *a = pa, *b = pb;

	return strcmp(a->name, b->name);
}

static int get_labels(const struct reading *r, struct json_object *from, const char *key,
		      const struct label **out, size_t *n)
{
	struct json_object_iterator it, end;
	struct json_object *object;
	struct label *label;
	int err = get(r, from, key, json_type_object, &object);

	if (err)
		return err;
	if (json_object_object_length(object) > LABELS_MAX)
		return refuse(r, "\"%s\" has more than %d labels", key, LABELS_MAX);
	label = calloc(LABELS_MAX, sizeof(*label));
	if (!label)
		return -ENOMEM;
	*out = label;
	*n = 0;
	it = json_object_iter_begin(object);
	end = json_object_iter_end(object);
	for (; !json_object_iter_equal(&it, &end); json_object_iter_next(&it)) {
		label[*n].name = json_object_iter_peek_name(&it);
		err = get_text(r, object, label[*n].name, &label[*n].value);
		if (err)
			return err;
		if (!label[*n].name[0] || !label[*n].value[0])
			return refuse(r, "\"%s\" has an empty label", key);
		(*n)++;
	}
	qsort(label, *n, sizeof(*label), by_name);
	return 0;
}

static int get_value(const struct reading *r, struct json_object *from, double *out)
{
	const char *text;
	char *rest;
	int err = get_text(r, from, "value", &text);

	if (err)
		return err;
	*out = strtod(text, &rest);
	if (rest == text || *rest)
		return refuse(r, "\"value\" is no number");
	return 0;
}

static int get_state(const struct reading *r, struct json_object *from, enum alert_state *out)
{
	const char *text;
	int err = get_text(r, from, "state", &text);

	if (err)
		return err;
	if (!strcmp(text, alert_state_name(ALERT_PENDING)))
		*out = ALERT_PENDING;
	else if (!strcmp(text, alert_state_name(ALERT_FIRING)))
		*out = ALERT_FIRING;
	else
		return refuse(r, "\"state\" is neither pending nor firing");
	return 0;
}

static int get_times(const struct reading *r, struct json_object *from,
		     struct rule_alert_record *record)
{
	bool firing = record->state == ALERT_FIRING;
	int err = get_time(r, from, "active_at_ms", 0, false, &record->active_at_ms);

	err = err
		      ?: get_time(r, from, "fired_at_ms", record->active_at_ms, !firing,
				  &record->fired_at_ms);
	err = err
		      ?: get_time(r, from, "keep_firing_since_ms", record->active_at_ms, true,
				  &record->keep_firing_since_ms);
	if (!err && !firing &&
	    (record->fired_at_ms != RULEGROUPS_NEVER ||
	     record->keep_firing_since_ms != RULEGROUPS_NEVER))
		return refuse(r, "a pending alert has fired");
	return err;
}

static int get_alert(const struct reading *r, struct json_object *from,
		     struct rule_alert_record *record)
{
	int err;

	if (!json_object_is_type(from, json_type_object))
		return refuse(r, "an alert is no object");
	err = get_text(r, from, "group", &record->group);
	err = err ?: get_text(r, from, "alert", &record->alert);
	err = err ?: get_state(r, from, &record->state);
	err = err ?: get_labels(r, from, "labels", &record->labels, &record->labels_n);
	err = err ?: get_labels(r, from, "source", &record->source, &record->source_n);
	err = err ?: get_value(r, from, &record->value);
	return err ?: get_times(r, from, record);
}

static int get_all(const struct reading *r)
{
	struct state_text *out = r->out;
	struct json_object *alerts;
	const char *format;
	size_t n;
	int err;

	if (!json_object_is_type(out->root, json_type_object))
		return refuse(r, "not a state file");
	if (get_text(r, out->root, "format", &format) || strcmp(format, FORMAT))
		return refuse(r, "not a state file of this version (" FORMAT ")");
	err = get_time(r, out->root, "saved_ms", 1, false, &out->saved_ms);
	err = err ?: get_text(r, out->root, "target", &out->target);
	err = err ?: get(r, out->root, "alerts", json_type_array, &alerts);
	if (err)
		return err;
	n = json_object_array_length(alerts);
	if (n > STATE_TEXT_ALERTS_MAX)
		return refuse(r, "more than %d alerts", STATE_TEXT_ALERTS_MAX);
	out->record = calloc(n + 1, sizeof(*out->record));
	if (!out->record)
		return -ENOMEM;
	for (; out->n < n && !err; out->n++)
		err = get_alert(r, json_object_array_get_idx(alerts, out->n), &out->record[out->n]);
	return err;
}

static int parse(const struct reading *r, const char *text, size_t len)
{
	struct json_tokener *tokener = json_tokener_new_ex(DEPTH_MAX);
	enum json_tokener_error error;
	size_t end;

	if (!tokener)
		return -ENOMEM;
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
	r->out->root = json_tokener_parse_ex(tokener, text, (int)len);
	error = json_tokener_get_error(tokener);
	end = json_tokener_get_parse_end(tokener);
	json_tokener_free(tokener);
	if (error != json_tokener_success)
		return refuse(r, "not JSON, at byte %zu: %s", end, json_tokener_error_desc(error));
	return 0;
}

int state_text_read(const char *text, size_t len, struct state_text *out,
		    char why[STATE_TEXT_WHY_MAX])
{
	const struct reading r = {out, why};
	int err;

	memset(out, 0, sizeof(*out));
	why[0] = '\0';
	if (len > STATE_TEXT_BYTES_MAX)
		return refuse(&r, "longer than %d bytes", STATE_TEXT_BYTES_MAX);
	err = parse(&r, text, len);
	err = err ?: get_all(&r);
	if (err)
		state_text_free(out);
	return err;
}

void state_text_free(struct state_text *state)
{
	/* A record that was refused may have labels too. */
	for (size_t i = 0; i < state->n; i++) {
		free((void *)state->record[i].labels);
		free((void *)state->record[i].source);
	}
	free(state->record);
	json_object_put(state->root);
	memset(state, 0, sizeof(*state));
}

/* An allocation that fails makes all of it NULL in the end. */
struct writing {
	struct json_object *alerts;
	bool failed;
};

static void put(struct writing *w, struct json_object *to, const char *key,
		struct json_object *value)
{
	if (!value || json_object_object_add(to, key, value)) {
		json_object_put(value);
		w->failed = true;
	}
}

static void put_time(struct writing *w, struct json_object *to, const char *key, int64_t ms)
{
	if (ms != RULEGROUPS_NEVER)
		put(w, to, key, json_object_new_int64(ms));
	else if (json_object_object_add(to, key, NULL))
		w->failed = true;
}

static void put_labels(struct writing *w, struct json_object *to, const char *key,
		       const struct label *label, size_t n)
{
	struct json_object *labels = json_object_new_object();

	for (size_t i = 0; labels && i < n; i++)
		put(w, labels, label[i].name, json_object_new_string(label[i].value));
	put(w, to, key, labels);
}

static void put_alert(void *ctx, const struct rule_alert_record *record)
{
	struct writing *w = ctx;
	struct json_object *alert = json_object_new_object();
	char value[32];

	if (!alert || w->failed) {
		json_object_put(alert);
		w->failed = true;
		return;
	}
	snprintf(value, sizeof(value), "%.17g", record->value);
	put(w, alert, "group", json_object_new_string(record->group));
	put(w, alert, "alert", json_object_new_string(record->alert));
	put(w, alert, "state", json_object_new_string(alert_state_name(record->state)));
	put_labels(w, alert, "labels", record->labels, record->labels_n);
	put_labels(w, alert, "source", record->source, record->source_n);
	put(w, alert, "value", json_object_new_string(value));
	put_time(w, alert, "active_at_ms", record->active_at_ms);
	put_time(w, alert, "fired_at_ms", record->fired_at_ms);
	put_time(w, alert, "keep_firing_since_ms", record->keep_firing_since_ms);
	if (json_object_array_length(w->alerts) >= STATE_TEXT_ALERTS_MAX ||
	    json_object_array_add(w->alerts, alert)) {
		json_object_put(alert);
		w->failed = true;
	}
}

char *state_text_write(const struct rulegroups *groups, const char *target, int64_t saved_ms,
		       size_t *n)
{
	struct writing w = {.alerts = json_object_new_array()};
	struct json_object *root = json_object_new_object();
	const char *made = NULL;
	char *text = NULL;

	*n = 0;
	if (w.alerts && root) {
		rulegroups__export(groups, put_alert, &w);
		*n = json_object_array_length(w.alerts);
		put(&w, root, "format", json_object_new_string(FORMAT));
		put(&w, root, "saved_ms", json_object_new_int64(saved_ms));
		put(&w, root, "target", json_object_new_string(target));
		put(&w, root, "alerts", w.alerts);
		w.alerts = NULL;
		made = w.failed ? NULL
				: json_object_to_json_string_ext(root, JSON_C_TO_STRING_PLAIN);
		if (made && asprintf(&text, "%s\n", made) < 0)
			text = NULL;
	}
	json_object_put(w.alerts);
	json_object_put(root);
	return text;
}
