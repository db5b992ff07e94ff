/* SPDX-License-Identifier: GPL-2.0-only */
#include "config/config.h"

#include <stdio.h>

#include "cmd/cmd.h"
#include "cmd/options.h"
#include "watch/session.h"

static int run(int argc, char **argv)
{
	struct options o;
	int code = options_parse(0, "Print the built-in configuration, ready to edit.", argc, argv,
				 &o);

	if (code >= 0)
		return code;
	if (fputs(config_builtin_text(), stdout) < 0 || fflush(stdout))
		return EXIT_ERROR;
	return EXIT_FINE;
}

const struct cmd cmd_config = {"config", "print the built-in configuration, ready to edit", run};
