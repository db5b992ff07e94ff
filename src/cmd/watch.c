/* SPDX-License-Identifier: GPL-2.0-only */
#include "cmd/cmd.h"
#include "cmd/options.h"
#include "cmd/session_command.h"
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
	struct options o;
	int code = options_parse(OPTIONS_TARGET | OPTIONS_CONFIG | OPTIONS_RULES | OPTIONS_WATCH |
					 OPTIONS_BTF,
				 doc, argc, argv, &o);

	return code >= 0 ? code : session_command(&o, &so, NULL);
}

const struct cmd cmd_watch = {"watch", "watch a process and print alerts", run};
