/* SPDX-License-Identifier: GPL-2.0-only */
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "memory/arena.h"
#include "config/expr.h"
#include "config/metric_names.h"
#include "config/near.h"
#include "config/python_probe.h"
#include "config/read_parts.h"
#include "config/reader.h"
#include "config/yaml.h"

#define SPAN_VALUES  (PROBE_KEY | PROBE_HANDLE | PROBE_WHERE | PROBE_ERROR | PROBE_WORK | PROBE_EXIT)
#define CALL_VALUES  (SPAN_VALUES | PROBE_CACHED | PROBE_OF_PYTHON)
#define FRAME_VALUES (SPAN_VALUES | PROBE_WHEN | PROBE_HIT)
#define FROM_VALUES  (PROBE_KEY | PROBE_HANDLE | PROBE_WHERE | PROBE_EXIT)
#define TO_VALUES    SPAN_VALUES
#define DAY_NS	     (86400 * SECOND_NS)
#define MS_NS	     1000000ull

static void set_kind(struct reader *r, const struct yaml_node *node, struct stage_config *stage,
		     enum stage_kind kind)
{
	if (stage->kind)
		read_error(r, node->key, "a stage is one of call, frame, stream and statement");
	stage->kind = kind;
}

/* Their spans come by other ways than those of code: one stage has the one kind or the other. */
static void check_python_stage(struct reader *r, const struct yaml_node *node,
			       struct stage_config *stage)
{
	size_t python = 0, others = 0;

	for (size_t i = 0; i < stage->call.n; i++) {
		const char *probe = stage->call.item[i].probe;

		if (probe && python_probe_is(probe))
			python++;
		else if (probe)
			others++;
	}
	stage->python = python > 0;
	if (python && others)
		read_error(r, node->key, "a stage has Python functions or others, not both");
}

static void read_call(struct reader *r, const struct yaml_node *node, void *ctx)
{
	struct stage_config *stage = ctx;
	const struct probe_place place = {.what = "a call", .values = CALL_VALUES};

	set_kind(r, node, stage, STAGE_CALL);
	read_probes(r, node, &place, &stage->call);
	check_python_stage(r, node, stage);
}

static void read_frame(struct reader *r, const struct yaml_node *node, void *ctx)
{
	struct stage_config *stage = ctx;
	const struct probe_place place = {
		.what = "a frame", .values = FRAME_VALUES, .hits = &stage->hit};

	set_kind(r, node, stage, STAGE_FRAME);
	read_probes(r, node, &place, &stage->call);
}

static void read_gap(struct reader *r, const struct yaml_node *node, void *ctx)
{
	read_ns(r, node, MS_NS, 3600 * SECOND_NS, &((struct stage_config *)ctx)->gap_ns);
}

static void read_latency(struct reader *r, const struct yaml_node *node, void *ctx)
{
	struct stage_config *stage = ctx;
	const char *text = read_text(r, node, "first or last");

	if (!text)
		return;
	if (strcmp(text, "first") && strcmp(text, "last"))
		read_error(r, node, "expected first or last, not '%.60s'", text);
	stage->latency_is_first = !strcmp(text, "first");
}

static void read_timeout(struct reader *r, const struct yaml_node *node, void *ctx)
{
	read_ns(r, node, 1, DAY_NS, &((struct stage_config *)ctx)->timeout_ns);
}

static void read_hang(struct reader *r, const struct yaml_node *node, void *ctx)
{
	read_ns(r, node, 100 * MS_NS, DAY_NS, &((struct stage_config *)ctx)->hang_ns);
}

static void read_voice(struct reader *r, const struct yaml_node *node, void *ctx)
{
	read_bool(r, node, &((struct stage_config *)ctx)->voice);
}

static void read_turn_flag(struct reader *r, const struct yaml_node *node, void *ctx)
{
	read_bool(r, node, &((struct stage_config *)ctx)->turn);
}

static void read_models(struct reader *r, const struct yaml_node *node, void *ctx)
{
	struct stage_config *stage = ctx;
	char **models;

	if (node->kind != YAML_LIST || !node->first) {
		read_error(r, node, "expected a list of globs on paths ([ \"*.gguf\" ])");
		return;
	}
	for (const struct yaml_node *n = node->first; n; n = n->next) {
		const char *text = read_text(r, n, "a glob");

		if (!text)
			continue;
		models = arena__append(r->arena, stage->models, stage->models_n, sizeof(*models));
		if (!models)
			return;
		stage->models = models;
		models[stage->models_n++] = arena__strdup(r->arena, text);
	}
}

static void read_active_cpu(struct reader *r, const struct yaml_node *node, void *ctx)
{
	read_bool(r, node, &((struct stage_config *)ctx)->active_cpu);
}

static void read_memory(struct reader *r, const struct yaml_node *node, void *ctx)
{
	read_bool(r, node, &((struct stage_config *)ctx)->memory);
}

/* Inside `stream:`; gap and latency may stand here or beside it. */
static void read_stream(struct reader *r, const struct yaml_node *node, void *ctx)
{
	static const struct read_key keys[] = {
		{"from", NULL},	 {"to", NULL},	{"key", NULL},	   {"handle", NULL},
		{"where", NULL}, {"gap", NULL}, {"latency", NULL},
	};
	struct stage_config *stage = ctx;
	struct probe_config shared = {.probe = NULL};
	struct probe_place from = {.what = "the start of a stream",
				   .values = FROM_VALUES,
				   .entry = true,
				   .shared = &shared};
	struct probe_place to = {
		.what = "an output of a stream", .values = TO_VALUES, .shared = &shared};
	const struct yaml_node *n;

	set_kind(r, node, stage, STAGE_STREAM);
	if (!read_map(r, node, READ_KEYS(keys), NULL))
		return;
	/* What is shared comes first, wherever it stands in the file. */
	if ((n = yaml_get(node, "key")))
		read_shared_key(r, n, &shared);
	if ((n = yaml_get(node, "handle")))
		read_shared_handle(r, n, &shared);
	if ((n = yaml_get(node, "where")))
		read_shared_where(r, n, &shared);
	if ((n = yaml_get(node, "gap")))
		read_gap(r, n, stage);
	if ((n = yaml_get(node, "latency")))
		read_latency(r, n, stage);
	if ((n = yaml_get(node, "from")))
		read_probes(r, n, &from, &stage->from);
	else
		read_error(r, node, "'from' is missing: the function that starts the stream");
	if ((n = yaml_get(node, "to")))
		read_probes(r, n, &to, &stage->to);
	else
		read_error(r, node, "'to' is missing: the function that gives output");
}

static void read_statement_stage(struct reader *r, const struct yaml_node *node, void *ctx)
{
	struct stage_config *stage = ctx;

	set_kind(r, node, stage, STAGE_STATEMENT);
	read_statement(r, node, stage);
}

static const struct read_key stage_keys[] = {
	{"call", read_call},	   {"frame", read_frame},
	{"stream", read_stream},   {"statement", read_statement_stage},
	{"timeout", read_timeout}, {"hang", read_hang},
	{"gap", read_gap},	   {"latency", read_latency},
	{"voice", read_voice},	   {"turn", read_turn_flag},
	{"models", read_models},   {"active_cpu", read_active_cpu},
	{"memory", read_memory},   {"inside", NULL}, /* after the functions, wherever it stands */
};

/* What follows the ':' of a probe, without @entry or @return. */
static bool symbol_matches(const char *glob, const char *probe)
{
	const char *symbol = strchr(probe, ':'), *at;
	char name[PROBE_TEXT_LIMIT];

	if (!symbol)
		return false;
	at = strrchr(++symbol, '@');
	snprintf(name, sizeof(name), "%.*s", at ? (int)(at - symbol) : -1, symbol);
	return !fnmatch(glob, name, 0);
}

/* Calls on the same handle, on any thread, are inside of those of the functions that match. */
static void apply_inside(struct reader *r, const struct yaml_node *node,
			 const struct stage_config *stage)
{
	const char *glob = read_text(r, node, "a glob on the stage's own functions");
	bool any = false;

	for (size_t i = 0; glob && i < stage->call.n; i++) {
		struct probe_config *probe = &stage->call.item[i];

		if (!probe->probe)
			return;
		if (!probe->handle.base || expr_uses_ret(&probe->handle)) {
			read_error(r, node->key,
				   "'inside' needs a 'handle' from the entry of every function: "
				   "'%.100s' has none",
				   probe->probe);
			return;
		}
		probe->inside = true;
		probe->encloses = symbol_matches(glob, probe->probe);
		any = any || probe->encloses;
	}
	if (glob && stage->call.n && !any)
		read_error(r, node, "no function of the stage matches '%.100s'", glob);
}

/* A job of the background asks the database as well: statements belong to no turn. */
static void check_statement(struct reader *r, const struct yaml_node *node,
			    const struct stage_config *stage)
{
	if (stage->turn)
		read_error(r, yaml_get(node, "turn"), "statements take no part in turns");
	if (stage->memory)
		read_error(r, yaml_get(node, "memory"), "'memory' is not for statements");
}

/* The keys that speak of streams only are mistakes elsewhere. */
static void check_stage(struct reader *r, const struct yaml_node *node,
			const struct stage_config *stage)
{
	static const char *const stream_only[] = {"gap", "latency"};
	const struct yaml_node *n;

	if (!stage->kind) {
		read_error(r, node->key,
			   "stage '%s' needs one of call, frame, stream and statement",
			   stage->name);
		return;
	}
	for (size_t i = 0; i < 2 && stage->kind != STAGE_STREAM; i++)
		if ((n = yaml_get(node, stream_only[i])))
			read_error(r, n->key, "'%s' is for streams only", stream_only[i]);
	n = yaml_get(node, "inside");
	if (n && stage->kind == STAGE_STREAM)
		read_error(r, n->key, "'inside' is for calls and frames only");
	else if (n)
		apply_inside(r, n, stage);
	if (stage->kind == STAGE_STATEMENT)
		check_statement(r, node, stage);
}

static bool check_name(struct reader *r, const struct yaml_node *key)
{
	if (!read_is_name(key->text)) {
		read_error(r, key,
			   "'%.60s' is no name: lower-case letters, digits and _, "
			   "a letter first, at most %d",
			   key->text, METRIC_STAGE_MAX - 1);
		return false;
	}
	if (metric_name_reserved(key->text)) {
		read_error(r, key, "a stage cannot be called '%s': metrics of that name exist",
			   key->text);
		return false;
	}
	return true;
}

/* "Query timeout: 60 seconds": one that takes longer hangs. */
static void statement_defaults(struct stage_config *stage)
{
	stage->voice = false;
	stage->turn = false;
	stage->timeout_ns = 60 * SECOND_NS;
	stage->hang_ns = 60 * SECOND_NS;
}

void read_stages(struct reader *r, const struct yaml_node *node, void *ctx)
{
	struct config *config = r->config;
	struct stage_config *stage;

	(void)ctx;
	config->stages_given = true;
	if (node->kind != YAML_MAP) {
		read_error(r, node, "expected a mapping of stages (name: { call: … })");
		return;
	}
	for (const struct yaml_node *n = node->first; n; n = n->next) {
		if (!n->key->text || !check_name(r, n->key))
			continue;
		if (config->stages_n == WIRE_STAGES_MAX) {
			read_error(r, n->key, "more than %d stages", WIRE_STAGES_MAX);
			return;
		}
		stage = arena__append(r->arena, config->stages, config->stages_n, sizeof(*stage));
		if (!stage)
			return;
		config->stages = stage;
		stage += config->stages_n++;
		stage->name = arena__strdup(r->arena, n->key->text);
		stage->pos = read_pos(r, n->key);
		stage->gap_ns = 2 * SECOND_NS;
		stage->hang_ns = 4 * SECOND_NS;
		stage->voice = true;
		stage->turn = true;
		/* Listening goes on all day: not voice processing unless the file says so. */
		if (yaml_get(n, "frame"))
			stage->voice = false;
		if (yaml_get(n, "statement"))
			statement_defaults(stage);
		if (read_map(r, n, READ_KEYS(stage_keys), stage))
			check_stage(r, n, stage);
	}
}

void read_classes(struct reader *r, const struct yaml_node *node, void *ctx)
{
	const struct probe_place place = {
		.what = "a class", .values = PROBE_HANDLE | PROBE_WHERE, .entry = true};
	struct config *config = r->config;
	struct probe_list *list = &config->class_probes;
	char **names;

	(void)ctx;
	if (node->kind != YAML_MAP) {
		read_error(r, node,
			   "expected a mapping of classes (name: [ { probe: …, "
			   "handle: … } ])");
		return;
	}
	for (const struct yaml_node *n = node->first; n; n = n->next) {
		size_t before = list->n;

		if (!n->key->text || !check_name(r, n->key))
			continue;
		if (config->classes_n == 100) {
			read_error(r, n->key, "more than 100 classes");
			return;
		}
		names = arena__append(r->arena, config->classes, config->classes_n, sizeof(*names));
		if (!names)
			return;
		config->classes = names;
		names[config->classes_n++] = arena__strdup(r->arena, n->key->text);
		read_probes(r, n, &place, list);
		for (size_t i = before; i < list->n; i++) {
			list->item[i].handle_class = (uint8_t)config->classes_n;
			if (!list->item[i].handle.base)
				read_error(r, n,
					   "'handle' is missing: which argument gets the "
					   "class");
		}
	}
}
