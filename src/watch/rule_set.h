/* SPDX-License-Identifier: GPL-2.0-only */
/* rule_set.h - the rule files of a session, read and checked against what is exported. */
#ifndef CHESHIRE_WATCH_RULE_SET_H
#define CHESHIRE_WATCH_RULE_SET_H

#include <stddef.h>

#include "rulefile/rulefile.h"

struct rule_set {
	struct rulefile **files;
	size_t n;
	size_t rules_n; /* in all files */
};

/*
 * Reads all files.  Beside what rulefile_parse() says, a metric that nobody exports, neither
 * cheshire with this configuration nor a recording rule, is a mistake.  Everything wrong goes to
 * `errors` and `warnings`.  0, -EINVAL or -ENOMEM; on failure *out is NULL.
 */
int rule_set_load(const char *const *paths, size_t n, const struct config *config,
		  struct config_errors *errors, struct config_errors *warnings,
		  struct rule_set **out);
void rule_set_free(struct rule_set *set);

#endif
