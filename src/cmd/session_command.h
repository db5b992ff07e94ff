/* SPDX-License-Identifier: GPL-2.0-only */
/* session_command.h - what the subcommands that attach to a process have in common. */
#ifndef CHESHIRE_CMD_SESSION_COMMAND_H
#define CHESHIRE_CMD_SESSION_COMMAND_H

struct config;
struct options;
struct session_opts;

/*
 * Loads the files, opens the outputs and runs the session to its end.  What no option says is as
 * in *so; `adapt` may change the configuration, NULL: it stays.  Returns an exit code.
 */
int session_command(const struct options *options, struct session_opts *so,
		    void (*adapt)(struct config *config));

#endif
