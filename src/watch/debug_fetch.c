/* SPDX-License-Identifier: GPL-2.0-only */
#include "watch/debug_fetch.h"

#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "keeper/channel.h"
#include "keeper/privileges.h"
#include "log/log.h"
#include "stacks/debug_files.h"
#include "watch/clock.h"
#include "watch/debug_fetch_child.h"

/* Not /tmp, which is often memory. */
#define DIRECTORY "/var/tmp/cheshire-debuginfod-%d-XXXXXX"
/* The child ends by itself before. */
#define PARENT_NS ((DEBUG_FETCH_S + 5) * 1000000000ULL)
#define LOOK_MS	  100
#define CLEAN_S	  20
#define DIRS_OPEN 16

struct fetch {
	char dir[sizeof(DIRECTORY) + 16];
	int channel;
	pid_t child;
	sigset_t ending; /* signals that end us, and wait until the directory is gone */
	sigset_t before;
	struct debug_files *files;
};

static bool asked_to_end(const struct fetch *f)
{
	sigset_t pending;

	if (sigpending(&pending))
		return false;
	return (sigismember(&pending, SIGINT) == 1 && sigismember(&f->ending, SIGINT) == 1) ||
	       (sigismember(&pending, SIGTERM) == 1 && sigismember(&f->ending, SIGTERM) == 1);
}

static void hold_signals(struct fetch *f)
{
	sigemptyset(&f->ending);
	sigaddset(&f->ending, SIGINT);
	sigaddset(&f->ending, SIGTERM);
	sigprocmask(SIG_BLOCK, &f->ending, &f->before);
}

/* A directory that the child may write to, whoever it is by then. */
static int make_directory(struct fetch *f)
{
	snprintf(f->dir, sizeof(f->dir), DIRECTORY, (int)getpid());
	return mkdtemp(f->dir) ? 0 : -errno;
}

static int start_child(struct fetch *f, const struct process *proc)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return -errno;
	f->child = fork();
	if (!f->child) {
		close(pair[0]);
		_exit(debug_fetch_child(proc, pair[1], f->dir));
	}
	close(pair[1]);
	f->channel = pair[0];
	return f->child < 0 ? -errno : 0;
}

static void take(struct fetch *f, const struct debug_fetch_found *found, int fd)
{
	int err = debug_files__add(f->files, found->build_id, found->build_id_len, fd);

	if (err && err != -EEXIST)
		log_warn("debuginfod: a debug file is not used: %s", err_str(err));
}

/* Until the child has nothing more to say. */
static void receive(struct fetch *f)
{
	uint64_t end_ns = clock_ns(CLOCK_MONOTONIC) + PARENT_NS;

	while (!asked_to_end(f)) {
		struct debug_fetch_found found = {};
		size_t len, fds_n = 1;
		int fd = -1, err;

		err = channel_receive(f->channel, LOOK_MS, &found, sizeof(found), &len, &fd,
				      &fds_n);
		if (!err && fds_n == 1 && len == sizeof(found)) {
			take(f, &found, fd);
			continue;
		}
		if (!err && fds_n)
			close(fd);
		if (err == -ETIMEDOUT && clock_ns(CLOCK_MONOTONIC) < end_ns)
			continue;
		if (err == -ETIMEDOUT)
			log_warn("debuginfod: the servers take too long: the rest is left out");
		return;
	}
}

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	(void)remove(path);
	return 0;
}

/* By who may have written there: whatever is found in it leads to nothing that is anybody else's.
 */
static void clean(const struct fetch *f)
{
	pid_t cleaner = fork();

	if (!cleaner) {
		int err = privileges_give_up();

		alarm(CLEAN_S);
		if (!err)
			err = nftw(f->dir, remove_entry, DIRS_OPEN, FTW_DEPTH | FTW_PHYS);
		_exit(err ? 1 : 0);
	}
	if (cleaner > 0)
		(void)waitpid(cleaner, NULL, 0);
	/* Where it could not be given away, it is empty. */
	(void)rmdir(f->dir);
	if (!access(f->dir, F_OK))
		log_warn("debuginfod: %s could not be removed", f->dir);
}

static void fetch(struct fetch *f, const struct process *proc)
{
	int err = make_directory(f);

	if (!err && !geteuid() && chown(f->dir, PRIVILEGES_NOBODY, PRIVILEGES_NOBODY))
		err = -errno;
	err = err ?: start_child(f, proc);
	if (!err)
		receive(f);
	else
		log_warn("debuginfod: nothing can be fetched: %s", err_str(err));
	if (f->child > 0) {
		kill(f->child, SIGKILL);
		(void)waitpid(f->child, NULL, 0);
	}
	if (f->channel >= 0)
		close(f->channel);
	if (f->dir[0])
		clean(f);
}

struct debug_files *debug_fetch(const struct process *proc)
{
	struct fetch f = {.channel = -1, .child = -1};
	const char *urls = getenv("DEBUGINFOD_URLS");

	if (!urls || !urls[strspn(urls, " ")]) {
		log_warn(
			"debuginfod: DEBUGINFOD_URLS is not set, so no server is asked; sudo keeps "
			"it with --preserve-env=DEBUGINFOD_URLS");
		return NULL;
	}
	f.files = debug_files__new();
	if (!f.files)
		return NULL;
	hold_signals(&f);
	fetch(&f, proc);
	sigprocmask(SIG_SETMASK, &f.before, NULL);
	if (debug_files__count(f.files))
		return f.files;
	debug_files__free(f.files);
	return NULL;
}
