/* SPDX-License-Identifier: GPL-2.0-only */
/* options.h - the options that subcommands share, parsed by argp into one plain struct. */
#ifndef CHESHIRE_CMD_OPTIONS_H
#define CHESHIRE_CMD_OPTIONS_H

#include <argp.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "rules/alert.h"

enum output_kind {
	OUTPUT_TEXT = 0,
	OUTPUT_JSON = 1,
};

#define OPTIONS_RULES_MAX 64

/* Which of the options a subcommand has; bits. */
enum option_set {
	OPTIONS_PID = 1 << 0,
	OPTIONS_CONFIG = 1 << 1,
	OPTIONS_WATCH = 1 << 2,
	OPTIONS_BTF = 1 << 3,
	OPTIONS_PATTERN = 1 << 4,
	OPTIONS_RULES = 1 << 6,
	OPTIONS_WHAT = 1 << 5,	   /* one word that is no option */
	OPTIONS_OUTPUT = 1 << 7,   /* in OPTIONS_WATCH too */
	OPTIONS_DURATION = 1 << 8, /* likewise */
	OPTIONS_DEBUGINFOD = 1 << 9,
	OPTIONS_TARGET = OPTIONS_PID | 1 << 10, /* it cannot do without a process */
};

struct options {
	pid_t pid; /* 0: not given */
	const char *config_path;
	const char *rules_paths[OPTIONS_RULES_MAX];
	size_t rules_n;
	const char *state_path;
	const char *btf_path;
	const char *pattern;
	const char *word;
	enum output_kind output;
	bool syslog;
	int syslog_facility;
	uint64_t duration_ns;
	uint64_t summary_interval_ns;
	enum severity fail_on;
	bool force_perf;
	bool debuginfod;
};

/*
 * Parses the command line of a subcommand that takes the options of `set`.  Returns -1 to go on,
 * or an exit code: help was asked for, or something is wrong (said on stderr, everything at once).
 */
int options_parse(unsigned int set, const char *doc, int argc, char **argv, struct options *out);

#endif
