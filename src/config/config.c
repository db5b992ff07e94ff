/* SPDX-License-Identifier: GPL-2.0-only */
#include "config/config.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "memory/arena.h"
#include "config/config_new.h"
#include "config/embedded.h"
#include "config/errors.h"
#include "config/metric_names.h"
#include "config/read_file.h"
#include "config/read_parts.h"
#include "config/reader.h"
#include "config/yaml.h"

#define BUILTIN_NAME "config/alice.yaml"

static void read_name(struct reader *r, const struct yaml_node *node, void *ctx)
{
	const char *text = read_text(r, node, "a name (such as alice)");

	(void)ctx;
	if (!text)
		return;
	if (read_is_name(text))
		r->config->target_name = arena__strdup(r->arena, text);
	else
		read_error(r, node,
			   "'%.60s' is no name: lower-case letters, digits and _, a letter "
			   "first",
			   text);
}

static void read_target(struct reader *r, const struct yaml_node *node, void *ctx)
{
	static const struct read_key keys[] = {{"name", read_name}};

	read_map(r, node, READ_KEYS(keys), ctx);
}

static void read_overhead(struct reader *r, const struct yaml_node *node, void *ctx)
{
	double percent = 0;
	size_t before = config_errors__count(r->errors);

	(void)ctx;
	read_quantity(r, node, UNIT_PERCENT, &percent);
	if (config_errors__count(r->errors) != before)
		return;
	if (percent < 0.01 || percent > 50)
		read_error(r, node, "the overhead limit is between 0.01%% and 50%% of one CPU");
	else
		r->config->overhead_percent = percent;
}

static void read_records(struct reader *r, const struct yaml_node *node, void *ctx)
{
	double per_s = 0;
	size_t before = config_errors__count(r->errors);

	(void)ctx;
	read_quantity(r, node, UNIT_PER_S, &per_s);
	if (config_errors__count(r->errors) != before)
		return;
	if (per_s < 1 || per_s > 100000 || per_s != floor(per_s))
		read_error(r, node, "expected a whole number of records from 1/s to 100000/s");
	else
		r->config->records_per_s = (uint32_t)per_s;
}

static void read_retry(struct reader *r, const struct yaml_node *node, void *ctx)
{
	(void)ctx;
	read_ns(r, node, SECOND_NS, 3600 * SECOND_NS, &r->config->retry_ns);
}

static void read_limits(struct reader *r, const struct yaml_node *node, void *ctx)
{
	static const struct read_key keys[] = {
		{"overhead", read_overhead}, {"records", read_records}, {"retry", read_retry}};

	read_map(r, node, READ_KEYS(keys), ctx);
}

static void read_interval(struct reader *r, const struct yaml_node *node, void *ctx)
{
	(void)ctx;
	read_ns(r, node, SECOND_NS, 86400 * SECOND_NS, &r->config->summary_interval_ns);
}

static void read_summary(struct reader *r, const struct yaml_node *node, void *ctx)
{
	static const struct read_key keys[] = {{"interval", read_interval}};

	read_map(r, node, READ_KEYS(keys), ctx);
}

static void read_engines(struct reader *r, const struct yaml_node *node, void *ctx)
{
	(void)ctx;
	read_bool(r, node, &r->config->engines);
}

static void read_datagrams(struct reader *r, const struct yaml_node *node, void *ctx)
{
	(void)ctx;
	read_bool(r, node, &r->config->datagrams);
}

static void read_sockets(struct reader *r, const struct yaml_node *node, void *ctx)
{
	static const struct read_key keys[] = {{"datagrams", read_datagrams}};

	read_map(r, node, READ_KEYS(keys), ctx);
}

/* Parts in the order in which they need each other, not in that of the file. */
static void read_config(struct reader *r, const struct yaml_node *root)
{
	static const struct read_key keys[] = {
		{"target", read_target},   {"limits", read_limits},
		{"summary", read_summary}, {"sockets", read_sockets},
		{"classes", NULL},	   {"stages", NULL},
		{"caches", NULL},	   {"turn", NULL},
		{"budgets", NULL},	   {"engines", NULL},
		{"users", NULL},	   {"databases", read_databases},
		{"alerts", read_alerts},   {"priorities", read_priorities},
		{"leaks", read_leaks},
	};
	static const struct read_key ordered[] = {
		{"classes", read_classes}, {"stages", read_stages}, {"turn", read_turn},
		{"caches", read_caches},   {"users", read_users},   {"budgets", read_budgets},
		{"users", read_tiers},
	};
	const struct yaml_node *n;

	if (!read_map(r, root, READ_KEYS(keys), NULL))
		return;
	r->config->engines = !yaml_get(root, "stages");
	if ((n = yaml_get(root, "engines")))
		read_engines(r, n, NULL);
	for (size_t i = 0; i < sizeof(ordered) / sizeof(ordered[0]); i++)
		if ((n = yaml_get(root, ordered[i].name)))
			ordered[i].read(r, n, NULL);
}

struct config *config_new(void)
{
	struct arena *arena = arena__new();
	struct config *config = arena ? arena__alloc(arena, sizeof(*config)) : NULL;

	if (!config) {
		arena__free(arena);
		return NULL;
	}
	config->arena = arena;
	config->target_name = arena__strdup(arena, "alice");
	config->turn.idle_ns = 10 * SECOND_NS;
	config->overhead_percent = 1;
	config->retry_ns = 60 * SECOND_NS;
	config->records_per_s = 200;
	config->engines = true;
	config->users.hold_ns = 60 * SECOND_NS;
	config->leaks.above_bytes_per_h = 5.0 * (1 << 20);
	config->leaks.interval_ns = 4 * SECOND_NS;
	config->leaks.settle_ns = 10 * SECOND_NS;
	config->leaks.watch_ns = 10 * SECOND_NS;
	config->leaks.calls = 2000;
	config->alerts.remind_ns = 4 * 3600 * SECOND_NS;
	config->alerts.rate_per_min = 30;
	config->alerts.group_ns = 30 * SECOND_NS;
	return config;
}

void config_free(struct config *config)
{
	if (config)
		arena__free(config->arena);
}

bool config_hunts_leaks(const struct config *config)
{
	if (config->leaks.hunt != LEAKS_HUNT_AUTO)
		return config->leaks.hunt != LEAKS_HUNT_NO;
	for (size_t i = 0; i < config->budgets_n; i++)
		if (!strcmp(config->budgets[i].metric, "memory.growth") ||
		    !strcmp(config->budgets[i].metric, "memory.leaks"))
			return true;
	return false;
}

/* FNV-1a: tells an unchanged file at a reload, no more. */
static uint64_t digest_of(const char *text, size_t len)
{
	uint64_t hash = 0xcbf29ce484222325ULL;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (unsigned char)text[i]) * 0x100000001b3ULL;
	return hash;
}

/* Reads a text into config; all mistakes are in errors. */
static int parse_into(struct config *config, const char *name, const char *text, size_t len,
		      struct config_errors *errors)
{
	size_t before = config_errors__count(errors);
	struct reader r = {.arena = config->arena, .errors = errors, .config = config};
	struct yaml_node *root;

	config->digest = digest_of(text, len);
	r.file = arena__strdup(config->arena, name);
	config_errors__add_source(errors, name, text, len);
	root = r.file ? yaml_parse(r.file, text, len, config->arena, errors) : NULL;
	/* A file of comments only is one that changes nothing. */
	if (root && !(root->kind == YAML_SCALAR && !root->text[0]))
		read_config(&r, root);
	if (arena__failed(config->arena)) {
		config_errors__add(errors, NULL, "out of memory");
		return -ENOMEM;
	}
	return config_errors__count(errors) == before ? 0 : -EINVAL;
}

static const struct embedded *find_builtin(void)
{
	for (size_t i = 0; i < embedded_files_n; i++)
		if (!strcmp(embedded_files[i].name, BUILTIN_NAME))
			return &embedded_files[i];
	return NULL;
}

const char *config_builtin_text(void)
{
	const struct embedded *file = find_builtin();

	return file ? file->start : "";
}

/* What a file does not say is taken from the built-in one: it may have any stages. */
static int add_builtin(struct config *config, struct config_errors *errors)
{
	struct config *builtin = config_new();
	const char *text = config_builtin_text();
	int err;

	if (!builtin)
		return -ENOMEM;
	err = parse_into(builtin, BUILTIN_NAME, text, strlen(text), errors);
	if (!err)
		err = config_take_missing(config, builtin);
	config_free(builtin);
	return err;
}

static bool has_database(const struct config *config, const char *kind)
{
	for (size_t i = 0; i < config->databases_n; i++)
		if (!strcmp(config->databases[i].kind, kind))
			return true;
	return false;
}

/* Budgets on a kind of database: all kinds are known only now. */
static int check_databases(const struct config *config, struct config_errors *errors)
{
	int err = 0;

	for (size_t i = 0; i < config->budgets_n; i++) {
		const struct budget_config *budget = &config->budgets[i];
		struct metric_ref ref;

		if (metric_find(budget->metric, &ref) || !ref.database[0] ||
		    has_database(config, ref.database))
			continue;
		config_errors__add(errors, &budget->pos, "no such kind of database: '%.60s'",
				   ref.database);
		err = -EINVAL;
	}
	return err;
}

int config_parse(const char *name, const char *text, size_t len, struct config_errors *errors,
		 struct config **out)
{
	struct config *config = config_new();
	int err;

	*out = NULL;
	if (!config)
		return -ENOMEM;
	err = parse_into(config, name, text, len, errors);
	if (!err)
		err = add_builtin(config, errors);
	if (!err)
		err = check_databases(config, errors);
	if (err) {
		config_free(config);
		return err;
	}
	*out = config;
	return 0;
}

int config_load(const char *path, struct config_errors *errors, struct config **out)
{
	const char *builtin = config_builtin_text();
	struct config_pos pos = {.file = path};
	char *text;
	size_t len;
	int err;

	*out = NULL;
	if (!path) {
		err = config_parse(BUILTIN_NAME, builtin, strlen(builtin), errors, out);
		if (!err)
			(*out)->budgets_given = (*out)->tiers_given = false;
		return err;
	}
	err = read_file(path, YAML_BYTES_MAX, &text, &len);
	if (err)
		config_errors__add(errors, &pos, "cannot read the file: %s",
				   err == -EINVAL ? "not a regular file" : strerror(-err));
	else
		err = config_parse(path, text, len, errors, out);
	free(text);
	return err;
}
