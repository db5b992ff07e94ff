/* SPDX-License-Identifier: GPL-2.0-only */
/* read_statement.c - `statement:`, the functions that database statements pass through. */
#include <string.h>

#include "config/read_parts.h"
#include "config/reader.h"
#include "config/yaml.h"

#define EXIT_VALUES (PROBE_WHERE | PROBE_EXIT)
#define TEXTS	    (PROBE_TEXT | PROBE_NAMED | PROBE_HANDLE)

static const struct {
	const char *key;
	uint8_t role; /* enum wire_role */
	struct probe_place place;
} lists[] = {
	{"execute",
	 WIRE_ROLE_EXECUTE,
	 {.what = "an execution", .values = TEXTS | EXIT_VALUES | PROBE_ERROR}},
	{"prepare", WIRE_ROLE_PREPARE, {.what = "a preparation", .values = TEXTS | EXIT_VALUES}},
	{"step",
	 WIRE_ROLE_STEP,
	 {.what = "a step", .values = PROBE_HANDLE | EXIT_VALUES | PROBE_WHEN | PROBE_ERROR}},
	{"reset",
	 WIRE_ROLE_RESET,
	 {.what = "a reset", .values = PROBE_HANDLE | PROBE_WHERE, .entry = true}},
	{"free",
	 WIRE_ROLE_FREE,
	 {.what = "the end of a handle", .values = PROBE_HANDLE | PROBE_WHERE, .entry = true}},
	{"begin", WIRE_ROLE_BEGIN, {.what = "a sending", .values = TEXTS | EXIT_VALUES}},
	{"end",
	 WIRE_ROLE_END,
	 {.what = "a result", .values = PROBE_HANDLE | EXIT_VALUES | PROBE_WHEN | PROBE_ERROR}},
};

#define LISTS (sizeof(lists) / sizeof(lists[0]))

static void read_language(struct reader *r, const struct yaml_node *node, enum language *out)
{
	static const char *const names[] = {
		[LANGUAGE_SQL] = "sql",
		[LANGUAGE_POSTGRESQL] = "postgresql",
		[LANGUAGE_REDIS] = "redis",
	};
	const char *text = read_text(r, node, "sql, postgresql or redis");

	for (size_t i = 0; text && i < sizeof(names) / sizeof(names[0]); i++) {
		if (!strcmp(text, names[i])) {
			*out = (enum language)i;
			return;
		}
	}
	if (text)
		read_error(r, node, "expected sql, postgresql or redis, not '%.60s'", text);
}

/* What has no meaning without the other. */
static void check_probe(struct reader *r, const struct yaml_node *node, uint8_t role,
			const struct probe_config *p)
{
	bool text = p->text.base != WIRE_BASE_NONE, name = p->name.base != WIRE_BASE_NONE;
	bool handle = p->handle.base != WIRE_BASE_NONE;

	if (p->length.base && !text)
		read_error(r, node, "'length' says nothing without 'text'");
	if (role != WIRE_ROLE_EXECUTE && !handle)
		read_error(r, node, "'handle' is missing: which statement or connection it is");
	if (role == WIRE_ROLE_PREPARE && !text)
		read_error(r, node, "'text' is missing: what is prepared");
	if ((role == WIRE_ROLE_EXECUTE || role == WIRE_ROLE_BEGIN) && text && name)
		read_error(r, node, "an execution has a 'text', or was prepared: not both");
	if ((role == WIRE_ROLE_EXECUTE || role == WIRE_ROLE_BEGIN) && !text && !handle)
		read_error(r, node, "'text' is missing, or the 'handle' that was prepared");
}

static const struct probe_list *list_of(const struct stage_config *stage, uint8_t role)
{
	return &stage->statement[role - WIRE_ROLE_EXECUTE];
}

void read_statement(struct reader *r, const struct yaml_node *node, struct stage_config *stage)
{
	static const struct read_key keys[] = {
		{"language", NULL}, {"execute", NULL}, {"prepare", NULL}, {"step", NULL},
		{"reset", NULL},    {"free", NULL},    {"begin", NULL},	  {"end", NULL},
	};
	const struct yaml_node *n;

	if (!read_map(r, node, READ_KEYS(keys), NULL))
		return;
	if ((n = yaml_get(node, "language")))
		read_language(r, n, &stage->language);
	for (size_t i = 0; i < LISTS; i++) {
		struct probe_list *list = &stage->statement[lists[i].role - WIRE_ROLE_EXECUTE];

		n = yaml_get(node, lists[i].key);
		if (!n)
			continue;
		read_probes(r, n, &lists[i].place, list);
		for (size_t p = 0; p < list->n; p++)
			check_probe(r, n, lists[i].role, &list->item[p]);
	}
	if (!list_of(stage, WIRE_ROLE_BEGIN)->n != !list_of(stage, WIRE_ROLE_END)->n)
		read_error(r, node, "'begin' and 'end' go together");
	if (!list_of(stage, WIRE_ROLE_EXECUTE)->n && !list_of(stage, WIRE_ROLE_STEP)->n &&
	    !list_of(stage, WIRE_ROLE_BEGIN)->n)
		read_error(r, node, "a statement needs one of 'execute', 'step' and 'begin'");
}
