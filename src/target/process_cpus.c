/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * CPUs available to a target = affinity ∩ cgroup quota. The quota is the tightest of all cgroups
 * from the target's own up to the root, as the host's cgroup file systems show them: v2 cpu.max
 * ("MAX PERIOD"), v1 cpu.cfs_quota_us and cpu.cfs_period_us.
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "target/proc_file.h"
#include "target/process.h"
#include "target/process_access.h"
#include "target/process_stats.h"

#define CPUS_MAX 8192

static int read_affinity(pid_t pid, uint32_t *cpus)
{
	cpu_set_t *set = CPU_ALLOC(CPUS_MAX);
	size_t size = CPU_ALLOC_SIZE(CPUS_MAX);
	int err = 0;

	if (!set)
		return -ENOMEM;
	CPU_ZERO_S(size, set);
	if (sched_getaffinity(pid, size, set) < 0)
		err = -errno;
	else
		*cpus = (uint32_t)CPU_COUNT_S(size, set);
	CPU_FREE(set);
	return err;
}

static int read_limit(const char *dir, const char *name, char *buf, size_t size)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	return proc_file_read(-1, path, buf, size, NULL);
}

/* Quota of one cgroup directory in thousandths of a CPU; 0: none set; negative errno. */
static int64_t quota_of(const char *dir, bool v2)
{
	uint64_t quota, period;
	char buf[64], *end;
	int err;

	err = read_limit(dir, v2 ? "cpu.max" : "cpu.cfs_quota_us", buf, sizeof(buf));
	if (err)
		return err;
	if (strncmp(buf, "max", 3) == 0 || buf[0] == '-')
		return 0;
	quota = strtoull(buf, &end, 10);
	if (!v2) {
		err = read_limit(dir, "cpu.cfs_period_us", buf, sizeof(buf));
		if (err)
			return err;
		end = buf;
	}
	period = strtoull(end, NULL, 10);
	if (period == 0 || quota == 0 || quota > UINT32_MAX)
		return -EPROTO;
	return (int64_t)(quota * 1000 / period);
}

/* Walks from the target's cgroup up to the mount, keeping the tightest quota. */
static int tightest_quota(const char *mount, const char *group, bool v2, uint32_t *milli)
{
	char dir[PATH_MAX], *slash;
	size_t root = strlen(mount);
	int64_t quota;

	if (strstr(group, "/.."))
		return -EXDEV;
	if (snprintf(dir, sizeof(dir), "%s%s", mount, group) >= (int)sizeof(dir))
		return -ENAMETOOLONG;
	if (access(dir, F_OK) < 0)
		return -errno;
	while (strlen(dir) >= root) {
		quota = quota_of(dir, v2);
		/* The root group has no quota file. */
		if (quota < 0 && quota != -ENOENT)
			return (int)quota;
		if (quota > 0 && (*milli == 0 || quota < *milli))
			*milli = (uint32_t)quota;
		slash = strrchr(dir, '/');
		if (!slash || (size_t)(slash - dir) < root)
			break;
		*slash = '\0';
	}
	return 0;
}

/* Does the comma-separated list name the cpu controller? */
static bool has_cpu_controller(const char *list)
{
	const char *p = list;
	size_t len;

	while (*p) {
		len = strcspn(p, ",");
		if (len == 3 && strncmp(p, "cpu", 3) == 0)
			return true;
		p += len + (p[len] == ',');
	}
	return false;
}

/*
 * One "ID:CONTROLLERS:PATH" line. True: it was the one of the cpu controller, so the rest need not
 * be looked at. On a hybrid host the v2 line (no controllers) has no cpu files: v1 wins.
 */
static bool quota_of_line(char *line, struct process_cpus *cpus, int *err)
{
	char mount[128], *list, *group;
	bool v2;

	list = strchr(line, ':');
	group = list ? strchr(list + 1, ':') : NULL;
	if (!group)
		return false;
	*list++ = '\0';
	*group++ = '\0';
	v2 = *list == '\0';
	if (!v2 && !has_cpu_controller(list))
		return false;
	if (v2)
		snprintf(mount, sizeof(mount), "/sys/fs/cgroup");
	else
		snprintf(mount, sizeof(mount), "/sys/fs/cgroup/%.100s", list);
	if (!v2 && access(mount, F_OK) < 0)
		snprintf(mount, sizeof(mount), "/sys/fs/cgroup/cpu");
	*err = tightest_quota(mount, strcmp(group, "/") == 0 ? "" : group, v2, &cpus->quota_milli);
	return !v2;
}

static int read_quota(const struct process *proc, struct process_cpus *cpus)
{
	char buf[16384], *line, *save = NULL;
	int err, found = -ENOENT;

	err = process_read_file(proc, PROCESS_FILE_CGROUP, 0, buf, sizeof(buf), NULL);
	if (err)
		return err;
	for (line = strtok_r(buf, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (quota_of_line(line, cpus, &found))
			break;
	return found;
}

int process_read_cpus(const struct process *proc, struct process_cpus *cpus)
{
	int err;

	memset(cpus, 0, sizeof(*cpus));
	err = read_affinity(proc->pid, &cpus->affinity);
	if (err)
		return err;
	err = process_check(proc);
	if (err)
		return err;
	err = read_quota(proc, cpus);
	if (err) {
		cpus->quota_unknown = true;
		snprintf(cpus->note, sizeof(cpus->note), "cgroup CPU quota not readable: %s",
			 strerror(-err));
	}
	cpus->available_milli = cpus->affinity * 1000;
	if (cpus->quota_milli && cpus->quota_milli < cpus->available_milli)
		cpus->available_milli = cpus->quota_milli;
	if (cpus->available_milli == 0)
		cpus->available_milli = 1;
	return 0;
}
