/* SPDX-License-Identifier: GPL-2.0-only */
#include "cmd/cmd.h"
#include "cmd/options.h"
#include "cmd/session_command.h"
#include "config/config.h"
#include "watch/session.h"

/* Long enough for survivors to be told from what is merely in use, at the default times. */
#define DURATION_NS (300 * 1000000000ULL)

static const char doc[] =
	"Look for allocations of a running process that are never freed, and name their code.\v"
	"Windows on its allocator, a few thousand calls at a time, within half of `limits: "
	"overhead`; the blocks seen are looked at again from outside.  Nothing is waited for: a "
	"search begins at once, but memory must grow for anything to be called a leak.  Times "
	"come from `leaks:` of the configuration; without --duration it takes 5 minutes.  SIGUSR1 "
	"prints what is known, SIGINT and SIGTERM end.\n"
	"Exit code: 0 fine, also when leaks were found, 1 error, 2 usage or configuration, 4 the "
	"target ended, 5 not permitted or the kernel lacks something.";

/* Nothing but the search: no stages, no budgets. */
static void strip(struct config *config)
{
	config->stages_n = 0;
	config->budgets_n = 0;
	config->users.tiers_n = 0;
	config->class_probes.n = 0;
	config->engines = false;
	config->datagrams = false;
	config->summary_interval_ns = 0;
	config->leaks.hunt = LEAKS_HUNT_NOW;
}

static int run(int argc, char **argv)
{
	struct session_opts so = {.leaks = true};
	struct options o;
	int code = options_parse(OPTIONS_TARGET | OPTIONS_CONFIG | OPTIONS_OUTPUT |
					 OPTIONS_DURATION | OPTIONS_BTF | OPTIONS_DEBUGINFOD,
				 doc, argc, argv, &o);

	if (code >= 0)
		return code;
	if (!o.duration_ns)
		o.duration_ns = DURATION_NS;
	return session_command(&o, &so, strip);
}

const struct cmd cmd_leaks = {"leaks", "find what a process allocates and never frees", run};
