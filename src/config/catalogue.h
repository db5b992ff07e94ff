/* SPDX-License-Identifier: GPL-2.0-only */
/* catalogue.h - what the readers need of the catalogue beyond config.h. */
#ifndef CHESHIRE_CONFIG_CATALOGUE_H
#define CHESHIRE_CONFIG_CATALOGUE_H

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"

/* True when some embedded engine has a stage of that name. */
bool catalogue_has_stage(const char *name);
/* Reads one engine's file into *engine; 0 or a negative errno.  config_free(engine->config). */
int engine_parse(const char *name, const char *text, size_t len, struct config_errors *errors,
		 struct engine *engine);

#endif /* CHESHIRE_CONFIG_CATALOGUE_H */
