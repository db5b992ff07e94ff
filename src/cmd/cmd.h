/* SPDX-License-Identifier: GPL-2.0-only */
/* cmd.h - the subcommands; one file each.  They return an exit code of watch/session.h. */
#ifndef CHESHIRE_CMD_CMD_H
#define CHESHIRE_CMD_CMD_H

struct cmd {
	const char *name;
	const char *summary;		   /* one line of help */
	int (*run)(int argc, char **argv); /* argv[0] is "cheshire NAME" */
};

extern const struct cmd cmd_watch;
extern const struct cmd cmd_check;
extern const struct cmd cmd_stages;
extern const struct cmd cmd_config;
extern const struct cmd cmd_rules;
extern const struct cmd cmd_export;
extern const struct cmd cmd_leaks;

#endif
