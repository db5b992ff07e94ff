/* SPDX-License-Identifier: GPL-2.0-only */
#include "watch/recognise.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "config/config.h"
#include "log/log.h"
#include "target/maps.h"

int recognise_engines(struct config *config, const struct object_table *objects, char **engines,
		      char **skipped, char *why, size_t why_size)
{
	struct config_errors *errors;
	struct catalogue *catalogue = NULL;
	const char **names;
	size_t n = 0;
	int err;

	*engines = NULL;
	*skipped = NULL;
	if (config->stages_given)
		return 0;
	errors = config_errors__new();
	names = calloc(objects->n_objects + 1, sizeof(*names));
	err = errors && names ? catalogue_load(errors, &catalogue) : -ENOMEM;
	for (size_t i = 0; !err && i < objects->n_objects; i++)
		if (!objects->objects[i]->gone)
			names[n++] = objects->objects[i]->basename;
	if (!err)
		err = catalogue_apply(catalogue, config, names, n, engines, skipped);
	if (err < 0)
		snprintf(why, why_size, "the engine catalogue cannot be used: %s", err_str(err));
	catalogue_free(catalogue);
	config_errors__free(errors);
	free(names);
	return err < 0 ? err : 0;
}
