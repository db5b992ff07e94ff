/* SPDX-License-Identifier: GPL-2.0-only */
#include "watch/recognise.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "log/log.h"
#include "target/maps.h"

static size_t rank(const struct stage_config *stage)
{
	static const char *const order[] = {"wake_word", "stt", "intent", "response", "tts"};
	size_t i = 0;

	while (i < sizeof(order) / sizeof(order[0]) && strcmp(stage->name, order[i]))
		i++;
	return i;
}

/* Engines come by their names; for people, stages stand in the order that a turn passes them. */
static void sort_stages(struct config *config)
{
	for (size_t i = 1; i < config->stages_n; i++) {
		struct stage_config stage = config->stages[i];
		size_t to = i;

		for (; to && rank(&config->stages[to - 1]) > rank(&stage); to--)
			config->stages[to] = config->stages[to - 1];
		config->stages[to] = stage;
	}
}

int recognise_engines(struct config *config, const struct object_table *objects, char **engines,
		      char *why, size_t why_size)
{
	struct config_errors *errors;
	struct catalogue *catalogue = NULL;
	const char **names;
	char *skipped = NULL;
	size_t n = 0;
	int err;

	*engines = NULL;
	if (!config->engines)
		return 0;
	errors = config_errors__new();
	names = calloc(objects->n_objects + 1, sizeof(*names));
	err = errors && names ? catalogue_load(errors, &catalogue) : -ENOMEM;
	for (size_t i = 0; !err && i < objects->n_objects; i++)
		if (!objects->objects[i]->gone)
			names[n++] = objects->objects[i]->basename;
	if (!err)
		err = catalogue_apply(catalogue, config, names, n, engines, &skipped);
	sort_stages(config);
	if (err < 0)
		snprintf(why, why_size, "the engine catalogue cannot be used: %s", err_str(err));
	if (skipped)
		log_warn("engines left out: %s", skipped);
	free(skipped);
	catalogue_free(catalogue);
	config_errors__free(errors);
	free(names);
	return err < 0 ? err : 0;
}
