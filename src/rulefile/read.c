/* SPDX-License-Identifier: GPL-2.0-only */
#include "rulefile/read.h"

#include <string.h>

#include "promql/ast.h"
#include "rulefile/rulefile.h"

struct yaml_node *rule_yaml(const char *file, const char *text, size_t len, struct arena *arena,
			    struct config_errors *errors)
{
	static const struct yaml_limits limits = {
		.bytes = RULEFILE_BYTES_MAX, .nodes = 1000000, .children = 60000};

	return yaml_parse_limited(file, text, len, &limits, arena, errors);
}

bool rule_is_null(const struct yaml_node *node)
{
	static const char *const nulls[] = {"", "~", "null", "Null", "NULL"};

	if (!node)
		return true;
	for (size_t i = 0; i < sizeof(nulls) / sizeof(nulls[0]); i++)
		if (node->kind == YAML_SCALAR && !node->quoted && !strcmp(node->text, nulls[i]))
			return true;
	return false;
}

const char *rule_scalar(struct reader *r, const struct yaml_node *node)
{
	if (rule_is_null(node))
		return "";
	if (node->kind == YAML_SCALAR)
		return node->text;
	read_error(r, node, "expected a text");
	return NULL;
}

void rule_duration(struct reader *r, const struct yaml_node *node, int64_t *ms)
{
	const char *text = rule_scalar(r, node);

	if (!text || rule_is_null(node))
		return;
	if (!strcmp(text, "0"))
		*ms = 0;
	else if (!text[0])
		read_error(r, node, "empty duration string");
	else if (promql_duration(text, strlen(text), ms))
		read_error(r, node, "not a valid duration string: \"%.60s\"", text);
}

const struct yaml_node *rule_items(struct reader *r, const struct yaml_node *node)
{
	if (rule_is_null(node))
		return NULL;
	if (node->kind == YAML_LIST)
		return node->first;
	read_error(r, node, "expected a list (- item)");
	return NULL;
}

struct config_pos rule_place(const struct reader *r, const struct yaml_node *node, size_t at,
			     const char *end)
{
	struct config_pos pos = read_pos(r, node);

	yaml_locate(node, at, end, &pos.line, &pos.column);
	return pos;
}

static bool is_name(const char *text, bool colons)
{
	size_t n = 0;

	for (; text[n]; n++) {
		char c = text[n];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
		      (c >= '0' && c <= '9' && n) || (c == ':' && colons)))
			return false;
	}
	return n > 0;
}

bool rule_is_label_name(const char *text)
{
	return is_name(text, false);
}

bool rule_is_metric_name(const char *text)
{
	return is_name(text, true);
}
