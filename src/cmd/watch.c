/* SPDX-License-Identifier: GPL-2.0-only */
#include "cmd/cmd.h"
#include "cmd/options.h"
#include "cmd/output.h"
#include "config/config.h"
#include "log/log.h"
#include "sinks/sink.h"
#include "watch/rule_set.h"
#include "watch/session.h"

static const char doc[] =
	"Watch a running process: measure its stages, compare with budgets, print alerts.\v"
	"SIGUSR1 prints a summary, SIGHUP reads the configuration again, SIGINT and SIGTERM end.\n"
	"Exit code: 0 fine, 1 error, 2 usage or configuration, 3 a budget was violated "
	"(--fail-on), "
	"4 the target ended, 5 not permitted or the kernel lacks something.";

static int run(int argc, char **argv)
{
	struct session_opts so = {};
	struct config *config = NULL;
	struct rule_set *rules = NULL;
	struct sink_set *sinks;
	struct options o;
	int code = options_parse(OPTIONS_PID | OPTIONS_CONFIG | OPTIONS_RULES | OPTIONS_WATCH |
					 OPTIONS_BTF,
				 doc, argc, argv, &o);

	if (code >= 0)
		return code;
	if (!o.pid) {
		log_err("which process? give its PID with --pid");
		return EXIT_USAGE;
	}
	so.files.config_path = o.config_path;
	so.files.rules_paths = o.rules_paths;
	so.files.rules_n = o.rules_n;
	if (session_files_load(&so.files, &config, &rules))
		return EXIT_USAGE;
	sinks = output_open(&o);
	if (!sinks) {
		config_free(config);
		rule_set_free(rules);
		return EXIT_ERROR;
	}
	so.pid = o.pid;
	so.state_path = o.state_path;
	so.btf_path = o.btf_path;
	so.duration_ns = o.duration_ns;
	so.summary_interval_ns = o.summary_interval_ns;
	so.fail_on = o.fail_on;
	so.force_perf = o.force_perf;
	code = session_run(&so, config, rules, sinks);
	sink_set__free(sinks);
	return code;
}

const struct cmd cmd_watch = {"watch", "watch a process and print alerts", run};
