/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CHESHIRE_KEEPER_PRIVILEGES_H
#define CHESHIRE_KEEPER_PRIVILEGES_H

#include <stdbool.h>

enum privileges_role {
	PRIVILEGES_OF_SESSION = 0, /* none */
	PRIVILEGES_OF_KEEPER = 1,
};

struct privileges {
	enum privileges_role role;
	bool perf;	  /* keeper: probes are perf events, which need CAP_SYS_ADMIN */
	bool events;	  /* keeper: clocks and watchpoints on threads, which do not */
	int channel_fd;	  /* between the two */
	int state_dir_fd; /* session: see syscall_filter.h; -1: none */
};

/*
 * Keeps only the capabilities that the role needs, sets no_new_privs, makes the process
 * non-dumpable, limits where the session may change files (file_limits.h) and installs the seccomp
 * filter.  With one thread only.  0 or a negative errno; what could not be dropped is logged.
 */
int privileges_drop(const struct privileges *p);

#define PRIVILEGES_NOBODY 65534 /* user and group */

/*
 * For a child that talks to strangers: no capability, no way to get one back, and where it was root
 * the user `nobody`, for root owns much without any.  System calls are not filtered.  With one
 * thread only.  0, or a negative errno: then the child must end.
 */
int privileges_give_up(void);

/*
 * What is lacking of CAP_BPF, CAP_PERFMON and CAP_SYS_PTRACE, as a list of names; "" where all
 * three are effective.
 */
void privileges_missing(char *names, unsigned int size);

#endif
