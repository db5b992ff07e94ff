/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Kinds of databases, by the port or the unix socket of the server, or by the functions that open
 * and close a handle of an embedded one.
 *
 *	databases:
 *	  postgresql: { ports: [5432, 6432], paths: ["/run/postgresql/.s.PGSQL.5432"] }
 *	  sqlite: { open: sqlite_open, close: sqlite_close }
 *
 * A kind that is given replaces the built-in one of that name; the others stay.
 */
#include <string.h>

#include "config/metric_names.h"
#include "config/read_parts.h"
#include "config/reader.h"
#include "config/yaml.h"
#include "memory/arena.h"

#define PATHS_MAX     32
#define PATH_TEXT_MAX 255

/* One node, or each of a list. */
static void each(struct reader *r, const struct yaml_node *node, read_fn fn, void *ctx)
{
	if (node->kind != YAML_LIST) {
		fn(r, node, ctx);
		return;
	}
	for (const struct yaml_node *n = node->first; n; n = n->next)
		fn(r, n, ctx);
}

static const char *kind_of_port(const struct config *config, const struct database_config *db,
				uint16_t port)
{
	for (size_t i = 0; i < config->databases_n; i++)
		for (size_t j = 0; j < config->databases[i].ports_n; j++)
			if (config->databases[i].ports[j] == port)
				return config->databases[i].kind;
	for (size_t j = 0; j < db->ports_n; j++)
		if (db->ports[j] == port)
			return db->kind;
	return NULL;
}

static void read_port(struct reader *r, const struct yaml_node *node, void *ctx)
{
	struct database_config *db = ctx;
	const char *taken;
	double port = 0;

	if (!read_whole(r, node, UNIT_COUNT, 1, 65535, &port))
		return;
	taken = kind_of_port(r->config, db, (uint16_t)port);
	if (taken)
		read_error(r, node, "port %u is one of '%s' already", (unsigned int)port, taken);
	else if (db->ports_n == CONFIG_DATABASE_PORTS_MAX)
		read_error(r, node, "more than %d ports", CONFIG_DATABASE_PORTS_MAX);
	else
		db->ports[db->ports_n++] = (uint16_t)port;
}

static void read_path(struct reader *r, const struct yaml_node *node, void *ctx)
{
	struct database_config *db = ctx;
	const char *text = read_text(r, node, "a path (such as /run/redis/redis.sock)");
	char **paths;

	if (!text)
		return;
	if (!text[0] || strlen(text) > PATH_TEXT_MAX) {
		read_error(r, node, "a path has 1 to %d bytes", PATH_TEXT_MAX);
		return;
	}
	if (!strchr("/@*?[", text[0])) {
		read_error(r, node,
			   "'%.60s' begins neither with / nor with @ (abstract): the "
			   "whole path is matched",
			   text);
		return;
	}
	if (db->paths_n == PATHS_MAX) {
		read_error(r, node, "more than %d paths", PATHS_MAX);
		return;
	}
	paths = arena__append(r->arena, db->paths, db->paths_n, sizeof(*paths));
	if (!paths)
		return;
	db->paths = paths;
	paths[db->paths_n++] = arena__strdup(r->arena, text);
}

static void read_ports(struct reader *r, const struct yaml_node *node, void *ctx)
{
	each(r, node, read_port, ctx);
}

static void read_paths(struct reader *r, const struct yaml_node *node, void *ctx)
{
	each(r, node, read_path, ctx);
}

static char *read_stage(struct reader *r, const struct yaml_node *node)
{
	const char *text = read_text(r, node, "the name of a stage");

	if (!text)
		return NULL;
	if (!read_is_name(text)) {
		read_error(r, node, "'%.60s' is no name of a stage", text);
		return NULL;
	}
	return arena__strdup(r->arena, text);
}

static void read_open(struct reader *r, const struct yaml_node *node, void *ctx)
{
	((struct database_config *)ctx)->open = read_stage(r, node);
}

static void read_close(struct reader *r, const struct yaml_node *node, void *ctx)
{
	((struct database_config *)ctx)->close = read_stage(r, node);
}

/* db.<class>.latency is of statements of that class. */
static bool is_class(const char *kind)
{
	static const char *const classes[] = {"simple", "complex", "fulltext", "analytics"};

	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
		if (!strcmp(classes[i], kind))
			return true;
	return false;
}

static bool kind_is_good(struct reader *r, const struct yaml_node *key)
{
	if (!read_is_name(key->text))
		read_error(r, key,
			   "'%.60s' is no name: lower-case letters, digits and _, a letter "
			   "first",
			   key->text);
	else if (is_class(key->text))
		read_error(r, key, "'%s' is a class of statements", key->text);
	else if (r->config->databases_n == CONFIG_DATABASES_MAX)
		read_error(r, key, "more than %d kinds of databases", CONFIG_DATABASES_MAX);
	else
		return true;
	return false;
}

static void read_kind(struct reader *r, const struct yaml_node *node)
{
	static const struct read_key keys[] = {
		{"ports", read_ports},
		{"paths", read_paths},
		{"open", read_open},
		{"close", read_close},
	};
	struct database_config db = {.pos = read_pos(r, node->key)}, *item;

	if (!kind_is_good(r, node->key))
		return;
	db.kind = arena__strdup(r->arena, node->key->text);
	if (!read_map(r, node, READ_KEYS(keys), &db))
		return;
	if (!yaml_get(node, "open") != !yaml_get(node, "close"))
		read_error(r, node, "an embedded database needs both 'open' and 'close'");
	item = arena__append(r->arena, r->config->databases, r->config->databases_n, sizeof(*item));
	if (!item)
		return;
	r->config->databases = item;
	item[r->config->databases_n++] = db;
}

void read_databases(struct reader *r, const struct yaml_node *node, void *ctx)
{
	(void)ctx;
	if (node->kind != YAML_MAP) {
		read_error(r, node, "expected a mapping of kinds (postgresql: { ports: [5432] })");
		return;
	}
	for (const struct yaml_node *n = node->first; n; n = n->next)
		if (n->key->text && n->key->text[0])
			read_kind(r, n);
}
