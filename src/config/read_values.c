/* SPDX-License-Identifier: GPL-2.0-only */
#include "config/read_values.h"

#include <string.h>

#include "config/expr.h"
#include "config/yaml.h"

/* As `uname -m` says them. */
static const char *const architectures[] = {"x86_64", "aarch64"};
#define ARCHITECTURES (sizeof(architectures) / sizeof(architectures[0]))

#if defined(__x86_64__)
#define HERE 0
#elif defined(__aarch64__)
#define HERE 1
#else
#error "values of this architecture have no name yet"
#endif

/* The place in `architectures`, or ARCHITECTURES. */
static size_t arch_of(const struct yaml_node *node)
{
	size_t i = 0;

	while (i < ARCHITECTURES && strcmp(architectures[i], node->key->text ?: ""))
		i++;
	return i;
}

static bool is_per_arch(const struct yaml_node *node)
{
	if (node->kind != YAML_MAP)
		return false;
	for (const struct yaml_node *n = node->first; n; n = n->next)
		if (arch_of(n) < ARCHITECTURES)
			return true;
	return false;
}

bool read_per_arch(struct reader *r, const struct yaml_node *node, read_fn read, void *here,
		   void *elsewhere)
{
	bool found = false;

	if (!is_per_arch(node))
		return false;
	for (const struct yaml_node *n = node->first; n; n = n->next) {
		size_t arch = arch_of(n);

		if (arch == ARCHITECTURES) {
			read_error(r, n->key,
				   "'%.60s' is no architecture: expected x86_64, aarch64",
				   n->key->text ?: "");
			continue;
		}
		found |= arch == HERE;
		read(r, n, arch == HERE ? here : elsewhere);
	}
	if (!found)
		read_error(r, node, "nothing for %s, on which it is read here",
			   architectures[HERE]);
	return true;
}

/* A value while it is read. */
struct value_read {
	unsigned int flags;
	int type;
	struct wire_value *out;
};

static void parse_text(struct reader *r, const struct yaml_node *node, void *ctx)
{
	const struct value_read *v = ctx;
	const char *text = read_text(r, node,
				     v->flags & EXPR_CONDITION ? "a condition (such as ret != 0)"
							       : "a value (such as arg0)");
	struct wire_value value;
	char err[256];
	size_t at;

	if (!text)
		return;
	if (expr_parse(text, v->flags, v->type, &value, err, sizeof(err), &at))
		read_error_at(r, node, at, "%s", err);
	else
		*v->out = value;
}

void read_value_text(struct reader *r, const struct yaml_node *node, unsigned int flags, int type,
		     struct wire_value *out)
{
	struct wire_value unused;
	struct value_read here = {flags, type, out}, elsewhere = {flags, type, &unused};

	if (!read_per_arch(r, node, parse_text, &here, &elsewhere))
		parse_text(r, node, &here);
}

int read_value_type(struct reader *r, const struct yaml_node *map)
{
	const struct yaml_node *node = yaml_get(map, "type");
	const char *text = node ? read_text(r, node, "a type (such as i32)") : NULL;
	char err[256];
	int type;

	if (!text)
		return -1;
	type = expr_type(text, strlen(text), err, sizeof(err));
	if (type < 0) {
		read_error(r, node, "%s", err);
		return -1;
	}
	return type;
}

static void read_typed(struct reader *r, const struct yaml_node *node, void *ctx)
{
	static const struct read_key keys[] = {{"value", NULL}, {"type", NULL}};
	struct value_read *v = ctx;
	const struct yaml_node *value;

	if (node->kind != YAML_MAP) {
		read_value_text(r, node, v->flags, -1, v->out);
		return;
	}
	read_map(r, node, READ_KEYS(keys), NULL);
	value = yaml_get(node, "value");
	if (value)
		read_value_text(r, value, v->flags, read_value_type(r, node), v->out);
	else
		read_error(r, node, "'value' is missing");
}

void read_value(struct reader *r, const struct yaml_node *node, unsigned int flags,
		struct wire_value *out)
{
	struct wire_value unused;
	struct value_read here = {flags, -1, out}, elsewhere = {flags, -1, &unused};

	if (!read_per_arch(r, node, read_typed, &here, &elsewhere))
		read_typed(r, node, &here);
}
