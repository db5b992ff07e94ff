/* SPDX-License-Identifier: GPL-2.0-only */
#include <string.h>

#include "memory/arena.h"
#include "config/near.h"
#include "config/read_parts.h"
#include "config/reader.h"
#include "config/yaml.h"

static void read_turn_key(struct reader *r, const struct yaml_node *node, void *ctx)
{
	static const char *const names[] = {
		[TURN_KEY_THREAD] = "thread",
		[TURN_KEY_VALUE] = "value",
		[TURN_KEY_NONE] = "none",
	};
	const char *text = read_text(r, node, "thread, value or none");

	(void)ctx;
	for (size_t i = 0; text && i < sizeof(names) / sizeof(names[0]); i++) {
		if (!strcmp(text, names[i])) {
			r->config->turn.key = (enum turn_key)i;
			return;
		}
	}
	if (text)
		read_error(r, node, "expected thread, value or none, not '%.60s'", text);
}

static void read_idle(struct reader *r, const struct yaml_node *node, void *ctx)
{
	(void)ctx;
	read_ns(r, node, SECOND_NS / 10, 3600 * SECOND_NS, &r->config->turn.idle_ns);
}

/* The name of a stage; where the file has stages it must be one of them. */
static char *read_stage_name(struct reader *r, const struct yaml_node *node, bool frame)
{
	const struct config *config = r->config;
	const char *text = read_text(r, node, "the name of a stage");
	struct near near;

	if (!text)
		return NULL;
	near_init(&near, text);
	for (size_t i = 0; i < config->stages_n; i++) {
		const struct stage_config *stage = &config->stages[i];

		near_add(&near, stage->name);
		if (strcmp(stage->name, text))
			continue;
		if (stage->kind && frame != (stage->kind == STAGE_FRAME))
			read_error(r, node, "stage '%s' is %s frame stage", text,
				   frame ? "no" : "a");
		return arena__strdup(r->arena, text);
	}
	if (config->engines && read_is_name(text))
		return arena__strdup(r->arena, text);
	if (near_best(&near))
		read_error(r, node, "no stage '%.60s' (did you mean '%s'?)", text,
			   near_best(&near));
	else
		read_error(r, node, "no stage '%.60s' is configured", text);
	return NULL;
}

static void read_start(struct reader *r, const struct yaml_node *node, void *ctx)
{
	(void)ctx;
	r->config->turn.start = read_stage_name(r, node, false);
}

static void read_end(struct reader *r, const struct yaml_node *node, void *ctx)
{
	(void)ctx;
	r->config->turn.end = read_stage_name(r, node, false);
}

static void read_wake(struct reader *r, const struct yaml_node *node, void *ctx)
{
	(void)ctx;
	r->config->turn.wake = read_stage_name(r, node, true);
}

void read_turn(struct reader *r, const struct yaml_node *node, void *ctx)
{
	static const struct read_key keys[] = {
		{"key", read_turn_key}, {"idle", read_idle}, {"start", read_start},
		{"end", read_end},	{"wake", read_wake},
	};

	read_map(r, node, READ_KEYS(keys), ctx);
}
