/* SPDX-License-Identifier: GPL-2.0-only */
#include "watch/state_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log/log.h"
#include "watch/state_text.h"
#include "watch/worker.h"

#define EVERY_NS      60000000000ULL
#define LAST_WAIT_MS  5000  /* for a disk, at the end */
#define CLOCK_SLIP_MS 60000 /* a clock that was set back by so little is no reason to forget */

struct state_file {
	struct worker_job job; /* writes `text` */
	struct worker *worker; /* borrowed */
	char *text;
	size_t text_alerts;
	int err;
	char *path;
	const char *name; /* in its directory; part of `path` */
	char *new_name;	  /* what it has until it is whole */
	int dir_fd;
	uint64_t next_ns;
	bool empty;   /* as last written */
	bool failing; /* said so */
};

struct state_file *state_file__open(const char *path, struct worker *worker)
{
	struct state_file *file = calloc(1, sizeof(*file));
	char *slash, *dir = NULL;
	int err = ENOMEM;

	if (!file)
		return NULL;
	file->dir_fd = -1;
	file->worker = worker;
	file->path = strdup(path);
	slash = file->path ? strrchr(file->path, '/') : NULL;
	file->name = slash ? slash + 1 : file->path;
	dir = slash ? strndup(file->path, (size_t)(slash - file->path) + 1) : strdup(".");
	if (file->path && dir && asprintf(&file->new_name, ".%s.new", file->name) >= 0) {
		if (!file->name[0] || !strcmp(file->name, ".") || !strcmp(file->name, ".."))
			errno = EISDIR;
		else
			file->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		err = errno;
	}
	free(dir);
	if (file->dir_fd >= 0)
		return file;
	state_file__close(file);
	errno = err;
	return NULL;
}

void state_file__close(struct state_file *file)
{
	if (!file)
		return;
	if (file->dir_fd >= 0)
		close(file->dir_fd);
	free(file->new_name);
	free(file->path);
	free(file);
}

int state_file__dir_fd(const struct state_file *file)
{
	return file->dir_fd;
}

static int read_all(int fd, char *text, size_t *len)
{
	ssize_t n;

	while (*len <= STATE_TEXT_BYTES_MAX) {
		n = read(fd, text + *len, STATE_TEXT_BYTES_MAX + 1 - *len);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (!n)
			return 0;
		*len += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

/* Never through a link, never a fifo, never what somebody else has put there. */
static int read_file_in(const struct state_file *file, char **text, size_t *len)
{
	int fd = openat(file->dir_fd, file->name,
			O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;
	int err = 0;

	*len = 0;
	*text = NULL;
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st))
		err = -errno;
	else if (!S_ISREG(st.st_mode) || st.st_uid != geteuid())
		err = -EPERM;
	if (!err) {
		*text = malloc(STATE_TEXT_BYTES_MAX + 1);
		err = *text ? read_all(fd, *text, len) : -ENOMEM;
	}
	close(fd);
	return err;
}

/* Why a state that can be read is of no use, or NULL. */
static const char *useless(const struct state_text *state, const char *target, int64_t now_ms)
{
	if (strcmp(state->target, target))
		return "it is of another target";
	if (now_ms - state->saved_ms > STATE_FILE_AGE_MAX_MS)
		return "it is older than an hour";
	if (state->saved_ms - now_ms > CLOCK_SLIP_MS)
		return "it is of a time to come: the clock was set back";
	return NULL;
}

/* Time that passed without us counts neither for a pending alert nor for one that is kept. */
static void shift(struct rule_alert_record *record, int64_t by_ms)
{
	if (record->state == ALERT_PENDING)
		record->active_at_ms += by_ms;
	if (record->keep_firing_since_ms != RULEGROUPS_NEVER)
		record->keep_firing_since_ms += by_ms;
}

static size_t import_all(struct state_file *file, struct state_text *state,
			 struct rulegroups *groups, int64_t now_ms)
{
	int64_t away_ms = now_ms > state->saved_ms ? now_ms - state->saved_ms : 0;
	size_t taken = 0;

	for (size_t i = 0; i < state->n; i++) {
		shift(&state->record[i], away_ms);
		taken += !rulegroups__import(groups, &state->record[i]);
	}
	log_info("%s: %zu alerts go on after %lld s", file->path, taken,
		 (long long)(away_ms / 1000));
	if (taken < state->n)
		log_warn("%s: %zu alerts are of rules that are not there any more", file->path,
			 state->n - taken);
	return taken;
}

size_t state_file__load(struct state_file *file, struct rule_watch *rules, const char *target,
			uint64_t now_ns)
{
	int64_t now_ms = rule_watch__ts_ms(rules, now_ns);
	char why[STATE_TEXT_WHY_MAX];
	const char *reason = NULL;
	struct state_text state;
	size_t len, taken = 0;
	char *text;
	int err = read_file_in(file, &text, &len);

	if (err == -ENOENT) {
		log_info("%s: not there yet", file->path);
		return 0;
	}
	if (err) {
		reason = err == -EPERM || err == -ELOOP ? "not a regular file of our own"
							: err_str(err);
	} else if (state_text_read(text, len, &state, why)) {
		reason = why[0] ? why : "out of memory";
	} else {
		reason = useless(&state, target, now_ms);
		if (!reason)
			taken = import_all(file, &state, rule_watch__groups(rules), now_ms);
		state_text_free(&state);
	}
	if (reason)
		log_warn("%s: not used: %s", file->path, reason);
	free(text);
	return taken;
}

static int write_all(int fd, const char *text, size_t len)
{
	while (len) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			text += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

/* The flags are those that the filter of system calls lets through. */
static int replace(const struct state_file *file, const char *text)
{
	int fd, err;

	/* Of one that was killed while it wrote. */
	(void)unlinkat(file->dir_fd, file->new_name, 0);
	fd = openat(file->dir_fd, file->new_name,
		    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	err = write_all(fd, text, strlen(text));
	if (!err && fsync(fd))
		err = -errno;
	if (close(fd) && !err)
		err = -errno;
	if (!err && renameat(file->dir_fd, file->new_name, file->dir_fd, file->name))
		err = -errno;
	if (err)
		(void)unlinkat(file->dir_fd, file->new_name, 0);
	else
		(void)fsync(file->dir_fd);
	return err;
}

static void note(struct state_file *file, int err)
{
	if (err && !file->failing)
		log_warn("%s: cannot be written (%s): alerts that are pending or firing will not "
			 "survive a restart",
			 file->path, err_str(err));
	if (!err && file->failing)
		log_warn("%s: can be written again", file->path);
	file->failing = err != 0;
}

/* By the worker: a disk may be slow. */
static void run_write(struct worker_job *job)
{
	struct state_file *file = (struct state_file *)job;

	file->err = replace(file, file->text);
}

static void done_write(struct worker_job *job)
{
	struct state_file *file = (struct state_file *)job;

	note(file, file->err);
	file->empty = !file->err && !file->text_alerts;
	free(file->text);
	file->text = NULL;
}

/* Text of what there is now, for the job.  False: nothing to write. */
static bool take_text(struct state_file *file, struct rule_watch *rules, const char *target,
		      uint64_t now_ns, bool even_empty)
{
	const struct rulegroups *groups = rule_watch__groups(rules);

	file->next_ns = now_ns + EVERY_NS;
	if (!groups)
		return false;
	file->job = (struct worker_job){run_write, done_write};
	file->text = state_text_write(groups, target, rule_watch__ts_ms(rules, now_ns),
				      &file->text_alerts);
	if (!file->text) {
		note(file, -ENOMEM);
		return false;
	}
	if (file->text_alerts || !file->empty || even_empty)
		return true;
	free(file->text);
	file->text = NULL;
	return false;
}

void state_file__tick(struct state_file *file, struct rule_watch *rules, const char *target,
		      uint64_t now_ns)
{
	if (now_ns < file->next_ns || worker__busy(file->worker) ||
	    !take_text(file, rules, target, now_ns, false))
		return;
	if (!worker__start(file->worker, &file->job))
		return;
	/* No thread to be had. */
	run_write(&file->job);
	done_write(&file->job);
}

void state_file__save(struct state_file *file, struct rule_watch *rules, const char *target,
		      uint64_t now_ns)
{
	if (worker__wait(file->worker, LAST_WAIT_MS)) {
		note(file, -ETIMEDOUT);
		return;
	}
	if (!take_text(file, rules, target, now_ns, true))
		return;
	if (worker__start(file->worker, &file->job)) {
		run_write(&file->job);
		done_write(&file->job);
	} else if (worker__wait(file->worker, LAST_WAIT_MS)) {
		note(file, -ETIMEDOUT);
	}
}
