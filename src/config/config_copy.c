/* SPDX-License-Identifier: GPL-2.0-only */
/* Copies of parts of one configuration into another that outlives it. */
#include <errno.h>
#include <string.h>

#include "memory/arena.h"
#include "config/config.h"
#include "config/config_new.h"

static struct config_pos copy_pos(struct arena *arena, struct config_pos pos)
{
	pos.file = arena__strdup(arena, pos.file);
	return pos;
}

static int take_budget(struct config *config, const struct budget_config *from)
{
	struct arena *arena = config->arena;
	struct budget_config *b;

	b = arena__append(arena, config->budgets, config->budgets_n, sizeof(*b));
	if (!b)
		return -ENOMEM;
	config->budgets = b;
	b += config->budgets_n++;
	*b = *from;
	b->metric = arena__strdup(arena, b->metric);
	b->pos = copy_pos(arena, b->pos);
	b->alert = arena__strdup(arena, b->alert);
	b->action = arena__strdup(arena, b->action);
	b->impact = arena__strdup(arena, b->impact);
	return 0;
}

static int take_tiers(struct config *config, const struct users_config *from)
{
	struct users_config *users = &config->users;

	users->tiers = arena__alloc(config->arena, from->tiers_n * sizeof(*users->tiers) + 1);
	if (!users->tiers)
		return -ENOMEM;
	for (size_t i = 0; i < from->tiers_n; i++) {
		users->tiers[i] = from->tiers[i];
		users->tiers[i].name = arena__strdup(config->arena, from->tiers[i].name);
		users->tiers[i].action = arena__strdup(config->arena, from->tiers[i].action);
	}
	users->tiers_n = from->tiers_n;
	return 0;
}

static bool has_database(const struct config *config, const char *kind)
{
	for (size_t i = 0; i < config->databases_n; i++)
		if (!strcmp(config->databases[i].kind, kind))
			return true;
	return false;
}

static int take_database(struct config *config, const struct database_config *from)
{
	struct arena *arena = config->arena;
	struct database_config *db;

	if (config->databases_n == CONFIG_DATABASES_MAX)
		return 0;
	db = arena__append(arena, config->databases, config->databases_n, sizeof(*db));
	if (!db)
		return -ENOMEM;
	config->databases = db;
	db += config->databases_n++;
	*db = *from;
	db->kind = arena__strdup(arena, from->kind);
	db->pos = copy_pos(arena, from->pos);
	db->open = arena__strdup(arena, from->open);
	db->close = arena__strdup(arena, from->close);
	db->paths = arena__alloc(arena, from->paths_n * sizeof(*db->paths) + 1);
	if (!db->paths)
		return -ENOMEM;
	for (size_t i = 0; i < from->paths_n; i++)
		db->paths[i] = arena__strdup(arena, from->paths[i]);
	return 0;
}

int config_take_missing(struct config *config, const struct config *from)
{
	/* Budgets of one's own are all there are, unless the tiers are one's own too. */
	bool tiers = !config->tiers_given && !config->budgets_given;
	int err = tiers ? take_tiers(config, &from->users) : 0;

	for (size_t i = 0; !err && i < from->budgets_n; i++)
		if (from->budgets[i].tier ? tiers : !config->budgets_given)
			err = take_budget(config, &from->budgets[i]);
	for (size_t i = 0; !err && i < from->databases_n; i++)
		if (!has_database(config, from->databases[i].kind))
			err = take_database(config, &from->databases[i]);
	for (int i = 0; i < CONFIG_PRIORITIES; i++) {
		struct priority_config *p = &config->priorities[i];

		if (!p->respond_within_s)
			p->respond_within_s = from->priorities[i].respond_within_s;
		if (!p->response)
			p->response = arena__strdup(config->arena, from->priorities[i].response);
	}
	return arena__failed(config->arena) ? -ENOMEM : err;
}

/* The number of a class in `config`, by its name in `from`; added when it is new. */
static int map_class(struct config *config, const struct config *from, uint8_t class, uint8_t *out)
{
	const char *name;
	char **names;

	*out = 0;
	if (!class)
		return 0;
	name = from->classes[class - 1];
	for (size_t i = 0; i < config->classes_n; i++) {
		if (!strcmp(config->classes[i], name)) {
			*out = (uint8_t)(i + 1);
			return 0;
		}
	}
	if (config->classes_n == 100)
		return -E2BIG;
	names = arena__append(config->arena, config->classes, config->classes_n, sizeof(*names));
	if (!names)
		return -ENOMEM;
	config->classes = names;
	names[config->classes_n++] = arena__strdup(config->arena, name);
	*out = (uint8_t)config->classes_n;
	return 0;
}

int config_take_probes(struct config *config, const struct config *from,
		       const struct probe_list *probes, struct probe_list *list)
{
	struct probe_config *p;
	int err;

	for (size_t i = 0; i < probes->n; i++) {
		p = arena__append(config->arena, list->item, list->n, sizeof(*p));
		if (!p)
			return -ENOMEM;
		list->item = p;
		p += list->n++;
		*p = probes->item[i];
		p->probe = arena__strdup(config->arena, p->probe);
		p->pos = copy_pos(config->arena, p->pos);
		err = map_class(config, from, p->handle_class, &p->handle_class);
		if (err)
			return err;
	}
	return 0;
}

int config_take_models(struct config *config, const struct stage_config *from,
		       struct stage_config *to)
{
	char **models;

	for (size_t i = 0; i < from->models_n; i++) {
		models = arena__append(config->arena, to->models, to->models_n, sizeof(*models));
		if (!models)
			return -ENOMEM;
		to->models = models;
		models[to->models_n++] = arena__strdup(config->arena, from->models[i]);
	}
	return arena__failed(config->arena) ? -ENOMEM : 0;
}

int config_take_stage(struct config *config, const struct config *from,
		      const struct stage_config *stage, const char *engine)
{
	struct stage_config *s;
	int err;

	s = arena__append(config->arena, config->stages, config->stages_n, sizeof(*s));
	if (!s)
		return -ENOMEM;
	config->stages = s;
	s += config->stages_n++;
	*s = *stage;
	memset(&s->call, 0, sizeof(s->call));
	memset(&s->hit, 0, sizeof(s->hit));
	memset(&s->from, 0, sizeof(s->from));
	memset(&s->to, 0, sizeof(s->to));
	memset(&s->insert, 0, sizeof(s->insert));
	memset(&s->evict, 0, sizeof(s->evict));
	memset(s->statement, 0, sizeof(s->statement));
	s->models = NULL;
	s->models_n = 0;
	s->name = arena__strdup(config->arena, stage->name);
	s->pos = copy_pos(config->arena, stage->pos);
	s->engine = arena__strdup(config->arena, engine);
	err = config_take_probes(config, from, &stage->call, &s->call);
	if (!err)
		err = config_take_probes(config, from, &stage->hit, &s->hit);
	if (!err)
		err = config_take_probes(config, from, &stage->from, &s->from);
	if (!err)
		err = config_take_probes(config, from, &stage->to, &s->to);
	for (size_t i = 0; i < STATEMENT_LISTS && !err; i++)
		err = config_take_probes(config, from, &stage->statement[i], &s->statement[i]);
	if (!err)
		err = config_take_probes(config, from, &stage->insert, &s->insert);
	if (!err)
		err = config_take_probes(config, from, &stage->evict, &s->evict);
	if (!err)
		err = config_take_models(config, stage, s);
	if (!err && arena__failed(config->arena))
		err = -ENOMEM;
	return err;
}
