/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * privileges.c - what a session may do once it is attached.
 *
 * The capabilities that stay, and what each is for:
 *
 *   CAP_BPF		links of new probes (after a dlopen, an exec, at return sites learnt while
 *			running) and runs of iterators where unprivileged BPF is off; maps and
 *			programs of a reload
 *   CAP_PERFMON	loading tracing programs at a reload
 *   CAP_SYS_PTRACE	/proc/PID/maps, exe and root, and the memory of processes of other users
 *   CAP_DAC_READ_SEARCH	objects below directories that only the target's user may search;
 *the list of its descriptors where the kernel does not count them (before 6.2) CAP_SYS_ADMIN only
 *without uprobe_multi: perf event uprobes ask for it by name
 *
 * CAP_CHECKPOINT_RESTORE, which opens /proc/PID/map_files, goes: an object that is mapped later
 * is found by its path in the target's root; docs/safety.md says what that costs.
 *
 * The user ID stays: without capabilities root is the owner of its own files and no more.
 */
#include "watch/privileges.h"

#include <cap-ng.h>
#include <errno.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include "log/log.h"
#include "watch/syscall_filter.h"

static const unsigned int kept_caps[] = {CAP_BPF, CAP_PERFMON, CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH};

#define KEPT_MAX (sizeof(kept_caps) / sizeof(kept_caps[0]) + 1)

#define THREAD_END_MS 100

/* The kept capabilities that the process has; asking for another would fail the whole call. */
static size_t caps_to_keep(bool multi, unsigned int caps[KEPT_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < sizeof(kept_caps) / sizeof(kept_caps[0]); i++)
		if (capng_have_capability(CAPNG_PERMITTED, kept_caps[i]))
			caps[n++] = kept_caps[i];
	if (!multi && capng_have_capability(CAPNG_PERMITTED, CAP_SYS_ADMIN))
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

static int drop_caps(bool multi)
{
	unsigned int caps[KEPT_MAX];
	size_t n;
	int bounds;

	if (other_threads())
		return -EBUSY;
	if (capng_get_caps_process())
		return -EPERM;
	n = caps_to_keep(multi, caps);
	capng_clear(CAPNG_SELECT_ALL);
	/* While CAP_SETPCAP is still there.  Nothing is ever executed, so it may fail. */
	bounds = capng_apply(CAPNG_SELECT_BOUNDS);
	if (bounds)
		log_info("the bounding set of capabilities stays as it was (%d)", bounds);
	for (size_t i = 0; i < n; i++)
		if (capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, caps[i]))
			return -EINVAL;
	if (capng_apply(CAPNG_SELECT_CAPS))
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

int privileges_drop(bool multi, int state_dir_fd)
{
	int first = 0;

	umask(077);
	note(hide_memory(), "core dumps cannot be switched off", &first);
	note(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ? -errno : 0, "no_new_privs cannot be set",
	     &first);
	note(drop_caps(multi), "capabilities that are not needed cannot be dropped", &first);
	note(syscall_filter_install(multi, state_dir_fd),
	     "system calls cannot be restricted (seccomp)", &first);
	return first;
}
