/* SPDX-License-Identifier: GPL-2.0-only */
#include <stdio.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/options.h"
#include "config/metric_names.h"
#include "log/log.h"
#include "rules/export_names.h"
#include "rules/export_rules.h"
#include "watch/session.h"

static const char doc[] = "Write the budgets of a configuration as a Prometheus rule file (rules), "
			  "or the names under "
			  "which rules know the metrics, with type, id and labels (names).";

static const char *labels_of(const struct export_name *name)
{
	bool window = name->form == EXPORT_WINDOW && !name->fixed_window;

	switch (name->subject) {
	case EXPORT_STAGE:
		return window ? "stage,window" : "stage";
	case EXPORT_CACHE:
		return window ? "cache,window" : "cache";
	case EXPORT_GAP:
		return window ? "from,to,window" : "from,to";
	case EXPORT_DATABASE:
		return window ? "kind,window" : "kind";
	case EXPORT_TARGET:
		break;
	}
	return window ? "window" : "-";
}

/* What stands before the name of the metric. */
static const char *before(const struct export_name *name)
{
	switch (name->subject) {
	case EXPORT_STAGE:
		return "STAGE.";
	case EXPORT_CACHE:
		return "cache.NAME.";
	case EXPORT_DATABASE:
		return "db.KIND.";
	case EXPORT_GAP:
	case EXPORT_TARGET:
		break;
	}
	return "";
}

static int export_names(const struct config *config)
{
	struct export_name name;

	for (size_t i = 0; export_name_at(config->target_name, i, &name); i++)
		printf("%-48s %-8s %-15s %s%s\n", name.name, export_name_type(&name),
		       labels_of(&name), before(&name), name.def->name);
	return EXIT_FINE;
}

static int run(int argc, char **argv)
{
	struct config_errors *errors;
	struct config *config = NULL;
	struct options o;
	int code = options_parse(OPTIONS_CONFIG | OPTIONS_WHAT, doc, argc, argv, &o);

	if (code >= 0)
		return code;
	if (!o.word || (strcmp(o.word, "rules") && strcmp(o.word, "names"))) {
		log_err("export what? `cheshire export rules` or `cheshire export names`");
		return EXIT_USAGE;
	}
	errors = config_errors__new();
	if (!errors)
		return EXIT_ERROR;
	if (config_load(o.config_path, errors, &config)) {
		config_errors__print(errors, stderr);
		code = EXIT_USAGE;
	} else if (!strcmp(o.word, "names")) {
		code = export_names(config);
	} else {
		export_rules(config, stdout);
		code = EXIT_FINE;
	}
	config_free(config);
	config_errors__free(errors);
	return code;
}

const struct cmd cmd_export = {"export", "write the budgets as Prometheus rules", run};
