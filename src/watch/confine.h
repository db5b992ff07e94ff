/* SPDX-License-Identifier: GPL-2.0-only */
/* confine.h - the session parts with its privileges, before it reads anything of the target's. */
#ifndef CHESHIRE_WATCH_CONFINE_H
#define CHESHIRE_WATCH_CONFINE_H

#include <stdbool.h>
#include <stddef.h>

struct config;
struct keeper;
struct process;

struct confinement {
	const struct config *config;
	const char *btf_path; /* see loader.h */
	bool force_perf;
	int state_dir_fd; /* see syscall_filter.h */
};

/*
 * Starts the keeper, drops everything here, and has the process looked at by way of the keeper.
 * `missing` is set to the capabilities that are lacking, to be said if something is not permitted.
 * 0, or a negative errno, which is logged; a keeper that is there is the caller's also then.
 */
int confine(const struct confinement *c, struct process *proc, struct keeper **keeper,
	    char *missing, size_t size);

#endif
