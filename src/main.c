/* SPDX-License-Identifier: GPL-2.0-only */
#include <stdio.h>
#include <string.h>

#include "cmd/cmd.h"
#include "watch/session.h"

static const struct cmd *const cmds[] = { &cmd_watch, &cmd_check, &cmd_stages, &cmd_config };

static void usage(FILE *out)
{
	fputs("usage: cheshire COMMAND [OPTION...]\n\n", out);
	for (size_t i = 0; i < sizeof(cmds) / sizeof(cmds[0]); i++)
		fprintf(out, "  %-8s %s\n", cmds[i]->name, cmds[i]->summary);
	fputs("\n`cheshire COMMAND --help` lists the options of a command.\n", out);
}

int main(int argc, char **argv)
{
	static char name[64];

	if (argc >= 2 && !strcmp(argv[1], "--version")) {
		puts("cheshire " CHESHIRE_VERSION);
		return EXIT_FINE;
	}
	for (size_t i = 0; argc >= 2 && i < sizeof(cmds) / sizeof(cmds[0]); i++) {
		if (strcmp(argv[1], cmds[i]->name))
			continue;
		snprintf(name, sizeof(name), "cheshire %s", cmds[i]->name);
		argv[1] = name;
		return cmds[i]->run(argc - 1, argv + 1);
	}
	if (argc >= 2 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "help"))) {
		usage(stdout);
		return EXIT_FINE;
	}
	usage(stderr);
	return EXIT_USAGE;
}
