/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The catalogue of engines: files of src/engines/ in the form
 *
 *	engine: flite
 *	objects: [ "libflite.so*" ]
 *	tested: yes
 *	note: "…"
 *	classes: …
 *	stages: …
 *	caches: …
 */
#include "config/catalogue.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory/arena.h"
#include "config/config_new.h"
#include "config/embedded.h"
#include "config/errors.h"
#include "config/read_parts.h"
#include "config/reader.h"
#include "config/yaml.h"

#define ENGINES_DIR "engines/"

static void read_engine_name(struct reader *r, const struct yaml_node *node, void *ctx)
{
	struct engine *engine = ctx;
	const char *text = read_text(r, node, "a name");

	if (text)
		engine->name = arena__strdup(r->arena, text);
}

static void read_tested(struct reader *r, const struct yaml_node *node, void *ctx)
{
	read_bool(r, node, &((struct engine *)ctx)->tested);
}

static void read_note(struct reader *r, const struct yaml_node *node, void *ctx)
{
	const char *text = read_text(r, node, "a text");

	if (text)
		((struct engine *)ctx)->note = arena__strdup(r->arena, text);
}

static void read_objects(struct reader *r, const struct yaml_node *node, void *ctx)
{
	struct engine *engine = ctx;
	const char *text;
	char **objects;

	if (node->kind != YAML_LIST || !node->first) {
		read_error(r, node, "expected a list of globs ([ \"libfoo.so*\" ])");
		return;
	}
	for (const struct yaml_node *n = node->first; n; n = n->next) {
		text = read_text(r, n, "a glob");
		if (!text)
			continue;
		objects = arena__append(r->arena, engine->objects, engine->objects_n,
					sizeof(*objects));
		if (!objects)
			return;
		engine->objects = objects;
		objects[engine->objects_n++] = arena__strdup(r->arena, text);
	}
}

static void read_engine(struct reader *r, const struct yaml_node *root, struct engine *engine)
{
	static const struct read_key keys[] = {
		{"engine", read_engine_name},
		{"objects", read_objects},
		{"tested", read_tested},
		{"note", read_note},
		{"classes", NULL},
		{"stages", NULL},
		{"caches", NULL},
	};
	const struct yaml_node *n;

	if (!read_map(r, root, READ_KEYS(keys), engine))
		return;
	if ((n = yaml_get(root, "classes")))
		read_classes(r, n, NULL);
	if ((n = yaml_get(root, "stages")))
		read_stages(r, n, NULL);
	if (!engine->name)
		read_error(r, root, "'engine' is missing: its name");
	if (!engine->objects_n)
		read_error(r, root, "'objects' is missing: what betrays the engine");
	if ((n = yaml_get(root, "caches")))
		read_caches(r, n, NULL);
	if (!engine->config->stages_n)
		read_error(r, root, "'stages' is missing");
}

int engine_parse(const char *name, const char *text, size_t len, struct config_errors *errors,
		 struct engine *engine)
{
	size_t before = config_errors__count(errors);
	struct reader r = {.errors = errors, .config = config_new()};
	struct yaml_node *root;

	memset(engine, 0, sizeof(*engine));
	if (!r.config)
		return -ENOMEM;
	engine->config = r.config;
	r.arena = r.config->arena;
	r.file = arena__strdup(r.arena, name);
	config_errors__add_source(errors, name, text, len);
	root = r.file ? yaml_parse(r.file, text, len, r.arena, errors) : NULL;
	if (root)
		read_engine(&r, root, engine);
	else if (config_errors__count(errors) == before)
		config_errors__add(errors, &(struct config_pos){.file = r.file}, "empty");
	for (size_t i = 0; i < r.config->stages_n; i++)
		r.config->stages[i].engine = engine->name;
	if (arena__failed(r.arena))
		config_errors__add(errors, NULL, "out of memory");
	if (config_errors__count(errors) == before)
		return 0;
	config_free(engine->config);
	memset(engine, 0, sizeof(*engine));
	return -EINVAL;
}

static bool is_engine(const struct embedded *file)
{
	return !strncmp(file->name, ENGINES_DIR, strlen(ENGINES_DIR));
}

int catalogue_load(struct config_errors *errors, struct catalogue **out)
{
	struct catalogue *catalogue = calloc(1, sizeof(*catalogue));
	int err = 0;

	*out = NULL;
	if (catalogue)
		catalogue->engines = calloc(embedded_files_n + 1, sizeof(*catalogue->engines));
	if (!catalogue || !catalogue->engines) {
		free(catalogue);
		return -ENOMEM;
	}
	for (size_t i = 0; i < embedded_files_n; i++) {
		const struct embedded *file = &embedded_files[i];
		int e;

		if (!is_engine(file))
			continue;
		e = engine_parse(file->name, file->start, file->len, errors,
				 &catalogue->engines[catalogue->n]);
		if (e)
			err = e;
		else
			catalogue->n++;
	}
	if (err) {
		catalogue_free(catalogue);
		return err;
	}
	*out = catalogue;
	return 0;
}

void catalogue_free(struct catalogue *catalogue)
{
	if (!catalogue)
		return;
	for (size_t i = 0; i < catalogue->n; i++)
		config_free(catalogue->engines[i].config);
	free(catalogue->engines);
	free(catalogue);
}

bool catalogue_has_stage(const char *name)
{
	struct config_errors *errors = config_errors__new();
	struct catalogue *catalogue = NULL;
	bool found = false;

	if (errors)
		catalogue_load(errors, &catalogue);
	for (size_t i = 0; catalogue && i < catalogue->n; i++) {
		const struct config *config = catalogue->engines[i].config;

		for (size_t j = 0; j < config->stages_n; j++)
			found = found || !strcmp(config->stages[j].name, name);
	}
	catalogue_free(catalogue);
	config_errors__free(errors);
	return found;
}
