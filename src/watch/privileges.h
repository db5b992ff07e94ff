/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CHESHIRE_WATCH_PRIVILEGES_H
#define CHESHIRE_WATCH_PRIVILEGES_H

#include <stdbool.h>

/*
 * Called once, when everything is attached: keeps only the capabilities that late attaching and
 * reading the target still need, sets no_new_privs, makes the process non-dumpable and installs
 * the seccomp filter.  `multi`: probes are uprobe_multi links (perf event uprobes need
 * CAP_SYS_ADMIN to attach).  `state_dir_fd`: see syscall_filter.h.  0 or a negative errno; what
 * could not be dropped is logged.
 */
int privileges_drop(bool multi, int state_dir_fd);

#endif
