/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "config/near.h"
#include "log/log.h"
#include "watch/session.h"

static const struct cmd *const cmds[] = {&cmd_watch, &cmd_check,  &cmd_stages, &cmd_config,
					 &cmd_rules, &cmd_export, &cmd_leaks};

static void usage(FILE *out)
{
	fputs("usage: cheshire COMMAND [OPTION...]\n\n", out);
	for (size_t i = 0; i < sizeof(cmds) / sizeof(cmds[0]); i++)
		fprintf(out, "  %-8s %s\n", cmds[i]->name, cmds[i]->summary);
	fputs("\n`cheshire COMMAND --help` lists the options of a command.\n", out);
}

static void say_unknown(const char *word)
{
	struct near near;
	const char *best;

	near_init(&near, word);
	for (size_t i = 0; i < sizeof(cmds) / sizeof(cmds[0]); i++)
		near_add(&near, cmds[i]->name);
	best = near_best(&near);
	log_err("no command '%s'%s%s%s", word, best ? " (did you mean '" : "", best ?: "",
		best ? "'?)" : "");
}

/* A descriptor of ours must never be taken for a standard one that was closed. */
static int open_standard(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd < 0)
		return -1;
	return close(fd);
}

/* What could not be written is no success. */
static int end_output(int code)
{
	if (!fflush(stdout) && !ferror(stdout))
		return code;
	log_err("standard output cannot be written: %s", err_str(-errno));
	return code == EXIT_FINE ? EXIT_ERROR : code;
}

static int run(int argc, char **argv)
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
	if (argc >= 2)
		say_unknown(argv[1]);
	usage(stderr);
	return EXIT_USAGE;
}

int main(int argc, char **argv)
{
	if (open_standard())
		return EXIT_ERROR;
	return end_output(run(argc, argv));
}
