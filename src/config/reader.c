/* SPDX-License-Identifier: GPL-2.0-only */
#include "config/reader.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "config/errors.h"
#include "config/metric_names.h"
#include "config/near.h"
#include "config/units.h"
#include "config/yaml.h"
#include "memory/arena.h"

struct config_pos read_pos(const struct reader *r, const struct yaml_node *node)
{
	return (struct config_pos){.file = r->file, .line = node->line, .column = node->column};
}

void read_error(struct reader *r, const struct yaml_node *node, const char *fmt, ...)
{
	struct config_pos pos = read_pos(r, node);
	va_list args;

	va_start(args, fmt);
	config_errors__vadd(r->errors, &pos, fmt, args);
	va_end(args);
}

void read_error_at(struct reader *r, const struct yaml_node *node, size_t at, const char *fmt, ...)
{
	struct config_pos pos = read_pos(r, node);
	va_list args;

	/* Text over several lines or with escapes: its own place is all that is sure. */
	if (node->text_column && !strchr(node->text, '\n')) {
		pos.column = node->text_column;
		for (size_t i = 0; i < at && node->text[i]; i++)
			pos.column += ((unsigned char)node->text[i] & 0xc0) != 0x80;
	}
	va_start(args, fmt);
	config_errors__vadd(r->errors, &pos, fmt, args);
	va_end(args);
}

static void unknown_key(struct reader *r, const struct yaml_node *key, const struct read_key *keys,
			size_t n)
{
	char known[256] = "";
	struct near near;
	size_t at = 0;

	near_init(&near, key->text);
	for (size_t i = 0; i < n; i++) {
		near_add(&near, keys[i].name);
		if (at < sizeof(known))
			at += (size_t)snprintf(known + at, sizeof(known) - at, "%s%s",
					       i ? ", " : "", keys[i].name);
	}
	if (near_best(&near))
		read_error(r, key, "unknown key '%.60s' (did you mean '%s'?)", key->text,
			   near_best(&near));
	else
		read_error(r, key, "unknown key '%.60s': expected one of %s", key->text, known);
}

bool read_map(struct reader *r, const struct yaml_node *node, const struct read_key *keys, size_t n,
	      void *ctx)
{
	if (node->kind != YAML_MAP) {
		read_error(r, node, "expected a mapping (key: value)");
		return false;
	}
	for (const struct yaml_node *v = node->first; v; v = v->next) {
		size_t i = 0;

		if (!v->key->text || !v->key->text[0])
			continue; /* said by the YAML layer, or an empty key */
		while (i < n && strcmp(keys[i].name, v->key->text))
			i++;
		if (i == n)
			unknown_key(r, v->key, keys, n);
		else if (keys[i].read)
			keys[i].read(r, v, ctx);
	}
	return true;
}

const char *read_text(struct reader *r, const struct yaml_node *node, const char *what)
{
	if (node->kind != YAML_SCALAR || !node->text[0]) {
		read_error(r, node, "expected %s", what);
		return NULL;
	}
	return node->text;
}

void read_ns(struct reader *r, const struct yaml_node *node, uint64_t min_ns, uint64_t max_ns,
	     uint64_t *out)
{
	const char *text = read_text(r, node, units_expected(UNIT_S));
	char err[256];
	size_t at;
	uint64_t ns;

	if (!text)
		return;
	if (units_parse_ns(text, &ns, err, sizeof(err), &at))
		read_error_at(r, node, at, "%s", err);
	else if (ns < min_ns)
		read_error(r, node, "'%s' is too short: at least %gs", text, (double)min_ns / 1e9);
	else if (ns > max_ns)
		read_error(r, node, "'%s' is too long: at most %gs", text, (double)max_ns / 1e9);
	else
		*out = ns;
}

void read_quantity(struct reader *r, const struct yaml_node *node, enum unit unit, double *out)
{
	const char *text = read_text(r, node, units_expected(unit));
	char err[256];
	size_t at;
	double v;

	if (!text)
		return;
	if (units_parse(text, unit, &v, err, sizeof(err), &at))
		read_error_at(r, node, at, "%s", err);
	else
		*out = v;
}

void read_bool(struct reader *r, const struct yaml_node *node, bool *out)
{
	const char *text = read_text(r, node, "yes or no");

	if (!text)
		return;
	if (!strcmp(text, "yes") || !strcmp(text, "true"))
		*out = true;
	else if (!strcmp(text, "no") || !strcmp(text, "false"))
		*out = false;
	else
		read_error(r, node, "expected yes or no, not '%.60s'", text);
}

bool read_is_name(const char *text)
{
	size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_");

	return !text[n] && n && n < METRIC_STAGE_MAX && text[0] >= 'a' && text[0] <= 'z';
}

bool read_whole(struct reader *r, const struct yaml_node *node, enum unit unit, double low,
		double high, double *out)
{
	double value = -1;

	read_quantity(r, node, unit, &value);
	if (value < 0)
		return false;
	if (value < low || value > high || value != floor(value)) {
		read_error(r, node, "expected a whole number from %.0f to %.0f", low, high);
		return false;
	}
	*out = value;
	return true;
}

char *read_line(struct reader *r, const struct yaml_node *node)
{
	const char *text = read_text(r, node, "a text");
	char *copy = text ? arena__strdup(r->arena, text) : NULL;

	for (char *p = copy; p && *p; p++)
		if (*p == '\n' || *p == '\t')
			*p = ' ';
	return copy;
}
