/* SPDX-License-Identifier: GPL-2.0-only */
/* session.h - the life of `cheshire watch`: one process, one epoll loop, until it ends. */
#ifndef CHESHIRE_WATCH_SESSION_H
#define CHESHIRE_WATCH_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "rules/alert.h"
#include "watch/session_files.h"

struct sink_set;
struct config;
struct rule_set;

/* Exit codes, the same for every subcommand; docs/output.md. */
enum exit_code {
	EXIT_FINE = 0,
	EXIT_ERROR = 1,
	EXIT_USAGE = 2,
	EXIT_VIOLATED = 3,
	EXIT_TARGET = 4,
	EXIT_NOT_PERMITTED = 5,
};

struct session_opts {
	pid_t pid;
	struct session_files files; /* read again on SIGHUP */
	const char *state_path;	    /* of the rules' alerts; NULL: none */
	const char *btf_path;
	uint64_t duration_ns;	      /* 0: until a signal or the target's end */
	uint64_t summary_interval_ns; /* 0: as the configuration says */
	enum severity fail_on;	      /* SEVERITY_NONE: violations do not change the exit code */
	bool force_perf;
	bool leaks; /* nothing but a search for leaks: its report stands for the summary */
};

/*
 * Watches until the target ends, a signal comes or the duration is over.  Takes the configuration
 * and the rules (NULL: none) over.  Returns an exit code.
 */
int session_run(const struct session_opts *opts, struct config *config, struct rule_set *rules,
		struct sink_set *sinks);

/* Exit code for a negative errno of starting to watch. */
int session_exit_code(int err);

#endif
