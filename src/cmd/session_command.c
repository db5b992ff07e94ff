/* SPDX-License-Identifier: GPL-2.0-only */
#include "cmd/session_command.h"

#include "cmd/options.h"
#include "cmd/output.h"
#include "config/config.h"
#include "sinks/sink.h"
#include "watch/rule_set.h"
#include "watch/session.h"

static void fill(const struct options *o, struct session_opts *so)
{
	so->files.config_path = o->config_path;
	so->files.rules_paths = o->rules_paths;
	so->files.rules_n = o->rules_n;
	so->pid = o->pid;
	so->state_path = o->state_path;
	so->btf_path = o->btf_path;
	so->duration_ns = o->duration_ns;
	so->summary_interval_ns = o->summary_interval_ns;
	so->fail_on = o->fail_on;
	so->force_perf = o->force_perf;
}

int session_command(const struct options *options, struct session_opts *so,
		    void (*adapt)(struct config *config))
{
	struct config *config = NULL;
	struct rule_set *rules = NULL;
	struct sink_set *sinks;
	int code;

	fill(options, so);
	if (session_files_load(&so->files, &config, &rules))
		return EXIT_USAGE;
	if (adapt)
		adapt(config);
	config->leaks.debuginfod |= options->debuginfod;
	sinks = output_open(options);
	if (!sinks) {
		config_free(config);
		rule_set_free(rules);
		return EXIT_ERROR;
	}
	code = session_run(so, config, rules, sinks);
	sink_set__free(sinks);
	return code;
}
