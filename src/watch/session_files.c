/* SPDX-License-Identifier: GPL-2.0-only */
#include "watch/session_files.h"

#include <errno.h>
#include <stdio.h>

#include "config/config.h"
#include "watch/rule_set.h"

/* Warnings are no reason to stop. */
static void print_warnings(const struct config_errors *warnings)
{
	if (!config_errors__count(warnings))
		return;
	fputs("warning:\n", stderr);
	config_errors__print(warnings, stderr);
}

static int load(const struct session_files *files, struct config_errors *errors,
		struct config_errors *warnings, struct config **config, struct rule_set **rules)
{
	int err = config_load(files->config_path, errors, config);

	if (err || !files->rules_n)
		return err;
	err = rule_set_load(files->rules_paths, files->rules_n, *config, errors, warnings, rules);
	if (!err)
		return 0;
	config_free(*config);
	*config = NULL;
	return err;
}

int session_files_load(const struct session_files *files, struct config **config,
		       struct rule_set **rules)
{
	struct config_errors *errors = config_errors__new();
	struct config_errors *warnings = config_errors__new();
	int err = -ENOMEM;

	*config = NULL;
	*rules = NULL;
	if (errors && warnings) {
		err = load(files, errors, warnings, config, rules);
		print_warnings(warnings);
		config_errors__print(errors, stderr);
	}
	config_errors__free(errors);
	config_errors__free(warnings);
	return err;
}
