/* SPDX-License-Identifier: GPL-2.0-only */
/* session_files.h - the files of a session: its configuration and its rules. */
#ifndef CHESHIRE_WATCH_SESSION_FILES_H
#define CHESHIRE_WATCH_SESSION_FILES_H

#include <stddef.h>

struct config;
struct rule_set;

struct session_files {
	const char *config_path; /* NULL: built in */
	const char *const *rules_paths;
	size_t rules_n;
};

/*
 * Reads them all; what is wrong is printed on stderr.  0, or -EINVAL or another negative errno:
 * then both are NULL.  *rules is NULL where there are no rule files.
 */
int session_files_load(const struct session_files *files, struct config **config,
		       struct rule_set **rules);

#endif
