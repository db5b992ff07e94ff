/* SPDX-License-Identifier: GPL-2.0-only */
#include "watch/target_open.h"

#include <errno.h>
#include <stdio.h>

#include "log/log.h"
#include "target/maps.h"
#include "target/process.h"

int target_open(struct process *proc, pid_t pid)
{
	int err = process_open(proc, pid);

	if (err == -ESRCH)
		log_err("no process with PID %d", pid);
	else if (err == -EINVAL)
		log_err("%d is a thread, not a process: give the PID of the process", pid);
	else if (err)
		log_err("process %d cannot be opened: %s", pid, err_str(err));
	return err;
}

int target_objects(struct object_table *objects, const struct process *proc, char *why, size_t size)
{
	int err = object_table_read(objects, proc);

	if (err)
		snprintf(why, size, "its maps cannot be read: %s%s", err_str(err),
			 err == -EACCES || err == -EPERM
				 ? " (needs root, or CAP_BPF, CAP_PERFMON and CAP_SYS_PTRACE)"
				 : "");
	if (err || objects->n_objects)
		return err;
	snprintf(why, size, "it maps no code: a kernel thread");
	return process_check(proc) ?: -EINVAL;
}
