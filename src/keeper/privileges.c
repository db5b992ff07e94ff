/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * privileges.c - what the two processes may do.
 *
 * The session keeps no capability.  The keeper's, and what each is for:
 *
 *   CAP_BPF			programs and maps
 *   CAP_PERFMON		tracing programs
 *   CAP_SYS_PTRACE		/proc/PID/maps, io, exe and root, and the memory of processes of
 *				other users
 *   CAP_CHECKPOINT_RESTORE	/proc/PID/map_files, the kernel's own link to a mapped file
 *   CAP_DAC_READ_SEARCH	files and directories that only the target's user may read
 *   CAP_SYS_ADMIN		only without uprobe_multi: perf event uprobes ask for it by name
 *
 * The user ID stays: without capabilities root is the owner of its own files and no more.
 */
#include "keeper/privileges.h"

#include <cap-ng.h>
#include <errno.h>
#include <grp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "keeper/file_limits.h"
#include "keeper/syscall_filter.h"
#include "log/log.h"

static const unsigned int keeper_caps[] = {CAP_BPF, CAP_PERFMON, CAP_SYS_PTRACE,
					   CAP_CHECKPOINT_RESTORE, CAP_DAC_READ_SEARCH};

#define KEEPER_CAPS (sizeof(keeper_caps) / sizeof(keeper_caps[0]))
#define KEPT_MAX    (KEEPER_CAPS + 1)

#define THREAD_END_MS 100

/*
 * Before Linux 5.19, where unprivileged BPF is off, the maps that are there cannot be read either
 * (c8644cd0efe7, "bpf: refine kernel.unprivileged_bpf_disabled behaviour").  Found by trying.
 */
static bool maps_need_bpf(void)
{
	int map = bpf_map_create(BPF_MAP_TYPE_ARRAY, NULL, sizeof(uint32_t), sizeof(uint64_t), 1,
				 NULL);
	const uint32_t key = 0;
	uint64_t value;
	bool need = false;

	if (map < 0)
		return false;
	capng_clear(CAPNG_SELECT_ALL);
	if (!capng_update(CAPNG_ADD, CAPNG_PERMITTED, CAP_BPF) && !capng_apply(CAPNG_SELECT_CAPS))
		need = bpf_map_lookup_elem(map, &key, &value) == -EPERM;
	close(map);
	return need;
}

/* The needed capabilities that the process has; asking for another would fail the whole call. */
static size_t caps_to_keep(const struct privileges *p, unsigned int caps[KEPT_MAX])
{
	size_t n = 0;

	if (p->role == PRIVILEGES_OF_SESSION)
		return 0;
	for (size_t i = 0; i < KEEPER_CAPS; i++)
		if (capng_have_capability(CAPNG_PERMITTED, keeper_caps[i]))
			caps[n++] = keeper_caps[i];
	if (p->perf && capng_have_capability(CAPNG_PERMITTED, CAP_SYS_ADMIN))
		caps[n++] = CAP_SYS_ADMIN;
	return n;
}

/*
 * A thread's capabilities are its own: what another thread holds cannot be dropped from here.
 * One that was joined just now may still be on its way out of the kernel, so it is waited for.
 */
static bool other_threads(void)
{
	const struct timespec pause = {.tv_nsec = 1000000};
	struct stat st;

	for (int i = 0; i < THREAD_END_MS; i++) {
		if (stat("/proc/self/task", &st))
			return true;
		/* Two links are the directory's own. */
		if (st.st_nlink == 3)
			return false;
		nanosleep(&pause, NULL);
	}
	return true;
}

static int keep_caps(const unsigned int *caps, size_t n)
{
	capng_clear(CAPNG_SELECT_ALL);
	for (size_t i = 0; i < n; i++)
		if (capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, caps[i]))
			return -EINVAL;
	return capng_apply(CAPNG_SELECT_CAPS) ? -EPERM : 0;
}

static int drop_caps(const struct privileges *p)
{
	unsigned int caps[KEPT_MAX];
	size_t n;
	int bounds;

	if (other_threads())
		return -EBUSY;
	if (capng_get_caps_process())
		return -EPERM;
	n = caps_to_keep(p, caps);
	capng_clear(CAPNG_SELECT_ALL);
	/* While CAP_SETPCAP is still there.  Nothing is ever executed, so it may fail. */
	bounds = capng_apply(CAPNG_SELECT_BOUNDS);
	if (bounds)
		log_info("the bounding set of capabilities stays as it was (%d)", bounds);
	if (p->role == PRIVILEGES_OF_SESSION && maps_need_bpf())
		caps[n++] = CAP_BPF;
	if (keep_caps(caps, n))
		return -EPERM;
	/* Before Linux 4.3 there is no ambient set; with an empty inheritable one it is empty. */
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	return 0;
}

/* What was measured of people's speech is in no core file, nor in the reach of a debugger. */
static int hide_memory(void)
{
	const struct rlimit none = {0, 0};
	int err = 0;

	if (prctl(PR_SET_DUMPABLE, 0))
		err = -errno;
	if (setrlimit(RLIMIT_CORE, &none) && !err)
		err = -errno;
	return err;
}

static void note(int err, const char *what, int *first)
{
	if (!err)
		return;
	log_warn("%s: %s", what, err_str(err));
	if (!*first)
		*first = err;
}

/* Not the keeper: whoever is limited like that may trace nobody, nor read a target's memory. */
static int limit_files(const struct privileges *p)
{
	int err = p->role == PRIVILEGES_OF_SESSION ? file_limits_apply(p->state_dir_fd) : 0;

	if (err != -EOPNOTSUPP)
		return err;
	log_info("this kernel does not limit where files may be changed (Landlock)");
	return 0;
}

int privileges_drop(const struct privileges *p)
{
	int first = 0;

	umask(077);
	note(hide_memory(), "core dumps cannot be switched off", &first);
	note(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ? -errno : 0, "no_new_privs cannot be set",
	     &first);
	note(drop_caps(p), "capabilities that are not needed cannot be dropped", &first);
	note(limit_files(p), "changing files cannot be restricted (Landlock)", &first);
	note(syscall_filter_install(p), "system calls cannot be restricted (seccomp)", &first);
	return first;
}

static int become_nobody(void)
{
	if (setgroups(0, NULL) ||
	    setresgid(PRIVILEGES_NOBODY, PRIVILEGES_NOBODY, PRIVILEGES_NOBODY) ||
	    setresuid(PRIVILEGES_NOBODY, PRIVILEGES_NOBODY, PRIVILEGES_NOBODY))
		return -errno;
	return 0;
}

int privileges_give_up(void)
{
	int err = 0;

	umask(077);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -errno;
	if (capng_get_caps_process())
		return -EPERM;
	/* Nothing is ever executed, so it may fail. */
	capng_clear(CAPNG_SELECT_ALL);
	(void)capng_apply(CAPNG_SELECT_BOUNDS);
	if (!geteuid() || !getuid())
		err = become_nobody();
	/* Not before: to become another user takes capabilities. */
	err = err ?: keep_caps(NULL, 0);
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	return err ?: hide_memory();
}

void privileges_missing(char *names, unsigned int size)
{
	static const unsigned int needed[] = {CAP_BPF, CAP_PERFMON, CAP_SYS_PTRACE};
	size_t used = 0;

	names[0] = '\0';
	if (capng_get_caps_process())
		return;
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		static const char *const text[] = {"CAP_BPF", "CAP_PERFMON", "CAP_SYS_PTRACE"};

		if (!capng_have_capability(CAPNG_EFFECTIVE, needed[i]) && used < size)
			used += (size_t)snprintf(names + used, size - used, "%s%s",
						 used ? ", " : "", text[i]);
	}
}
