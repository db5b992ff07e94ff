/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory/arena.h"
#include "config/config.h"
#include "config/config_new.h"

/* Adds to a list of names for people; *list is malloc'ed or NULL. */
static int add_name(char **list, const char *name, const char *why)
{
	char *longer;

	if (!list)
		return 0;
	if (asprintf(&longer, "%s%s%s%s", *list ? *list : "", *list ? ", " : "", name, why) < 0)
		return -ENOMEM;
	free(*list);
	*list = longer;
	return 0;
}

static bool engine_matches(const struct engine *engine, const char *const *objects,
			   size_t objects_n)
{
	for (size_t i = 0; i < engine->objects_n; i++)
		for (size_t j = 0; j < objects_n; j++)
			if (!fnmatch(engine->objects[i], objects[j], 0))
				return true;
	return false;
}

static struct stage_config *find_stage(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->stages_n; i++)
		if (!strcmp(config->stages[i].name, name))
			return &config->stages[i];
	return NULL;
}

/* The functions of a second engine for the same stage. */
static int merge_stage(struct config *config, const struct config *from, struct stage_config *stage,
		       const struct stage_config *more, const char *engine)
{
	char *engines;
	int err = config_take_probes(config, from, &more->call, &stage->call);

	if (!err)
		err = config_take_probes(config, from, &more->hit, &stage->hit);
	if (!err)
		err = config_take_probes(config, from, &more->from, &stage->from);
	if (!err)
		err = config_take_probes(config, from, &more->to, &stage->to);
	for (size_t i = 0; i < STATEMENT_LISTS && !err; i++)
		err = config_take_probes(config, from, &more->statement[i], &stage->statement[i]);
	if (!err)
		err = config_take_probes(config, from, &more->insert, &stage->insert);
	if (!err)
		err = config_take_probes(config, from, &more->evict, &stage->evict);
	if (!err)
		err = config_take_models(config, more, stage);
	if (err)
		return err;
	if (asprintf(&engines, "%s, %s", stage->engine, engine) < 0)
		return -ENOMEM;
	stage->engine = arena__strdup(config->arena, engines);
	free(engines);
	return stage->engine ? 0 : -ENOMEM;
}

static int apply_stage(struct config *config, const struct engine *engine,
		       const struct stage_config *stage, char **skipped)
{
	struct stage_config *there = find_stage(config, stage->name);
	char why[160];

	if (there && !there->engine)
		return 0; /* the operator's own */
	if (there && there->kind == stage->kind)
		return merge_stage(config, engine->config, there, stage, engine->name);
	if (there)
		snprintf(why, sizeof(why), " (%s is another kind of stage in %s)", stage->name,
			 there->engine ? there->engine : "the configuration");
	else if (config->stages_n == WIRE_STAGES_MAX)
		snprintf(why, sizeof(why), " (%s is one stage too many)", stage->name);
	else
		return config_take_stage(config, engine->config, stage, engine->name);
	return add_name(skipped, engine->name, why);
}

static int apply_engine(struct config *config, const struct engine *engine, char **skipped)
{
	const struct config *from = engine->config;
	int err = config_take_probes(config, from, &from->class_probes, &config->class_probes);

	for (size_t i = 0; !err && i < from->stages_n; i++)
		err = apply_stage(config, engine, &from->stages[i], skipped);
	return err;
}

int catalogue_apply(const struct catalogue *catalogue, struct config *config,
		    const char *const *objects, size_t objects_n, char **recognised, char **skipped)
{
	int n = 0, err = 0;

	if (recognised)
		*recognised = NULL;
	if (skipped)
		*skipped = NULL;
	for (size_t i = 0; !err && i < catalogue->n; i++) {
		const struct engine *engine = &catalogue->engines[i];

		if (!engine_matches(engine, objects, objects_n))
			continue;
		err = apply_engine(config, engine, skipped);
		if (!err)
			err = add_name(recognised, engine->name, "");
		n++;
	}
	return err ? err : n;
}
