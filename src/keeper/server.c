/* SPDX-License-Identifier: GPL-2.0-only */
#include "keeper/server.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "keeper/channel.h"
#include "keeper/privileges.h"
#include "kernel/uprobe_link.h"
#include "log/log.h"
#include "target/insn.h"
#include "target/process_stats.h"
#include "target/sqlite_files.h"

#define DESCRIPTORS_MAX ((WATCHPOINTS_MAX + 1) * KEEPER_THREADS_MAX + 256)

static int reply(const struct keeper_server *s, uint32_t op, int err, const void *bytes, size_t len,
		 const int *fds, size_t fds_n)
{
	const struct keeper_reply head = {.op = op, .err = err, .data_bytes = (uint32_t)len};
	const struct iovec parts[] = {{(void *)&head, sizeof(head)}, {(void *)bytes, len}};

	return channel_send(s->channel, parts, len ? 2 : 1, fds, fds_n);
}

static int reply_error(const struct keeper_server *s, uint32_t op, int err)
{
	return reply(s, op, err, NULL, 0, NULL, 0);
}

/* One descriptor, which is closed here. */
static int reply_fd(const struct keeper_server *s, uint32_t op, int fd)
{
	int err;

	if (fd < 0)
		return reply_error(s, op, fd);
	err = reply(s, op, 0, NULL, 0, &fd, 1);
	close(fd);
	return err;
}

static int load(struct keeper_server *s, const struct keeper_request *r, char *why, size_t size)
{
	const struct loader_opts lo = {.tgid = (uint32_t)s->proc.pid,
				       .stages_n = r->load.stages_n,
				       .cached_n = r->load.cached_n,
				       .datagrams = r->load.datagrams,
				       .statements = r->load.statements,
				       .python = r->load.python,
				       .btf_path = s->opts->btf_path,
				       .force_perf = s->opts->force_perf};
	int err;

	keeper_server_stop_ticks(s);
	for (uint32_t i = 0; i < WATCHPOINTS_MAX; i++)
		keeper_server_stop_watch(s, i);
	loader__free(s->loader);
	s->loader = NULL;
	err = loader__open(&lo, &s->loader, why, size);
	if (err)
		return err;
	if (!s->calibrated)
		calibrate(s->loader, &s->calibration);
	s->calibrated = true;
	err = loader__attach_tracing(s->loader);
	if (!err)
		return 0;
	snprintf(why, size, "the scheduler and process hooks cannot be attached: %s", err_str(err));
	return err == -EPERM || err == -EACCES ? -EPERM : -EOPNOTSUPP;
}

static int answer_load(struct keeper_server *s, const struct keeper_request *r)
{
	struct loader_handles handles;
	struct keeper_loaded loaded;
	int fds[KEEPER_FDS_MAX];
	char why[512] = "";
	size_t fds_n;
	int err = load(s, r, why, sizeof(why));

	err = err ?: loader__export(s->loader, &handles);
	if (err)
		return reply(s, r->op, err, why, strlen(why), NULL, 0);
	fds_n = keeper_loaded_encode(&handles, &s->calibration, &loaded, fds);
	err = reply(s, r->op, 0, &loaded, sizeof(loaded), fds, fds_n);
	/* The links live as long as the session wants them to. */
	loader__keep_programs(s->loader);
	malloc_trim(0);
	return err;
}

/* A file without a name that holds the text. */
static int text_fd(const char *text, size_t len)
{
	int fd = memfd_create("cheshire", MFD_CLOEXEC), err;

	if (fd < 0)
		return -errno;
	for (size_t used = 0; used < len;) {
		ssize_t n = write(fd, text + used, len - used);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			err = n ? -errno : -EIO;
			close(fd);
			return err;
		}
		used += (size_t)n;
	}
	return fd;
}

/* Both sides keep the same table, so that an index means the same object. */
static int follow_maps(struct keeper_server *s, enum process_maps how, char *text)
{
	struct object_table fresh;
	int err;

	if (how == PROCESS_MAPS_REFRESH)
		return object_table_update(&s->objects, text, NULL);
	if (how != PROCESS_MAPS_FRESH)
		return 0;
	err = object_table_parse(&fresh, text);
	if (err)
		return err;
	object_table_free(&s->objects);
	s->objects = fresh;
	return 0;
}

static int answer_maps(struct keeper_server *s, const struct keeper_request *r)
{
	size_t len;
	char *text;
	int fd, err = process_read_maps(&s->proc, PROCESS_MAPS_LOOK, &text, &len);

	if (err)
		return reply_error(s, r->op, err);
	fd = text_fd(text, len);
	err = fd < 0 ? fd : follow_maps(s, r->maps, text);
	free(text);
	if (err && fd >= 0)
		close(fd);
	return reply_fd(s, r->op, err ?: fd);
}

static int answer_object(struct keeper_server *s, const struct keeper_request *r)
{
	if (r->object >= s->objects.n_objects)
		return reply_error(s, r->op, -ENOENT);
	return reply_fd(s, r->op, object_open_file(s->objects.objects[r->object], &s->proc));
}

static int answer_attach(struct keeper_server *s, const struct keeper_request *r,
			 const struct keeper_probe *probes)
{
	struct keeper_attached attached;
	struct uprobe_link *link;
	const int *fds;
	size_t n;
	int err = r->attach.n > KEEPER_PERF_PROBES_MAX && s->loader && !loader__multi(s->loader)
			  ? -E2BIG
			  : keeper_server_attach(s, r, probes, &link);

	err = err ?: keeper_server_keep_link(s, link, &attached.link);
	if (err)
		return reply_error(s, r->op, err);
	fds = uprobe_link__fds(link, &n);
	return reply(s, r->op, 0, &attached, sizeof(attached), fds, n);
}

static int answer_alloc_load(struct keeper_server *s, const struct keeper_request *r)
{
	int fds[2], err = keeper_server_load_alloc(s, fds);

	return err ? reply_error(s, r->op, err) : reply(s, r->op, 0, NULL, 0, fds, 2);
}

static int answer_memory(struct keeper_server *s, const struct keeper_request *r)
{
	char bytes[KEEPER_MEMORY_MAX];
	int err = keeper_server_memory(s, r->memory.address, bytes, r->memory.length);

	return reply(s, r->op, err, bytes, err ? 0 : r->memory.length, NULL, 0);
}

static int answer_scatter(struct keeper_server *s, const struct keeper_request *r,
			  const struct keeper_piece *pieces)
{
	static char bytes[KEEPER_PIECES_MAX + KEEPER_MEMORY_MAX];
	ssize_t len = keeper_server_scatter(s, pieces, r->scatter.n, bytes);

	if (len < 0)
		return reply_error(s, r->op, (int)len);
	return reply(s, r->op, 0, bytes, (size_t)len, NULL, 0);
}

static int answer_file(struct keeper_server *s, const struct keeper_request *r)
{
	char text[KEEPER_TEXT_MAX];
	size_t len = 0;
	int err = process_read_file(&s->proc, r->file.which, r->file.tid, text, sizeof(text), &len);

	return reply(s, r->op, err, text, err ? 0 : len, NULL, 0);
}

static int answer_descriptors(struct keeper_server *s, const struct keeper_request *r)
{
	size_t len;
	char *text;
	int fd, err = process_read_descriptors(&s->proc, &text, &len);

	if (err)
		return reply_error(s, r->op, err);
	fd = text_fd(text, len);
	free(text);
	return reply_fd(s, r->op, fd);
}

static int answer_facts(struct keeper_server *s, const struct keeper_request *r)
{
	struct process_file_facts facts = {};
	int err = process_read_facts(&s->proc, &r->facts, &facts);

	return reply(s, r->op, err, &facts, err ? 0 : sizeof(facts), NULL, 0);
}

static int answer_count(struct keeper_server *s, const struct keeper_request *r)
{
	uint32_t count;
	int err = r->count == PROCESS_COUNT_SQLITE ? sqlite_files_count(&s->proc, &count)
						   : process_count_fds(&s->proc, &count);

	return reply(s, r->op, err, &count, err ? 0 : sizeof(count), NULL, 0);
}

static int answer_watch(struct keeper_server *s, const struct keeper_request *r)
{
	struct keeper_watched watched;
	int err = keeper_server_watch(s, r, &watched);

	return reply(s, r->op, err, &watched, err ? 0 : sizeof(watched), NULL, 0);
}

static int answer_watched(struct keeper_server *s, const struct keeper_request *r)
{
	struct keeper_watched watched;
	int err = keeper_server_watched(s, r->slot, &watched);

	return reply(s, r->op, err, &watched, err ? 0 : sizeof(watched), NULL, 0);
}

int keeper_answer(struct keeper_server *s, const void *data, size_t len)
{
	struct keeper_request r;
	const void *rest;

	if (keeper_request_decode(data, len, &r, &rest))
		return reply_error(s, len >= sizeof(r) ? r.op : 0, -EPROTO);
	switch ((enum keeper_op)r.op) {
	case KEEPER_LOAD:
		return answer_load(s, &r);
	case KEEPER_MAPS:
		return answer_maps(s, &r);
	case KEEPER_OBJECT:
		return answer_object(s, &r);
	case KEEPER_ATTACH:
		return answer_attach(s, &r, rest);
	case KEEPER_MEMORY:
		return answer_memory(s, &r);
	case KEEPER_SCATTER:
		return answer_scatter(s, &r, rest);
	case KEEPER_FILE:
		return answer_file(s, &r);
	case KEEPER_DESCRIPTORS:
		return answer_descriptors(s, &r);
	case KEEPER_FACTS:
		return answer_facts(s, &r);
	case KEEPER_COUNT:
		return answer_count(s, &r);
	case KEEPER_DETACH:
		return reply_error(s, r.op, keeper_server_detach(s, rest, r.detach.n));
	case KEEPER_ALLOC_LOAD:
		return answer_alloc_load(s, &r);
	case KEEPER_TICKS:
		return reply_error(s, r.op, keeper_server_ticks(s, r.ticks_hz));
	case KEEPER_WATCH:
		return answer_watch(s, &r);
	case KEEPER_WATCHED:
		return answer_watched(s, &r);
	case KEEPER_OPS:
		break;
	}
	return reply_error(s, r.op, -EPROTO);
}

/* --- the process ---------------------------------------------------------------------------- */

static int by_number(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* All but stderr and what the keeper works with: outputs and files are the session's. */
static void close_others(const struct keeper_server *s)
{
	int kept[] = {STDERR_FILENO, s->channel, s->proc.dirfd, s->proc.pidfd};
	unsigned int from = 0;

	qsort(kept, sizeof(kept) / sizeof(kept[0]), sizeof(kept[0]), by_number);
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
		if (kept[i] < 0)
			continue;
		if ((unsigned int)kept[i] > from)
			(void)close_range(from, (unsigned int)kept[i] - 1, 0);
		from = (unsigned int)kept[i] + 1;
	}
	(void)close_range(from, ~0U, 0);
}

/* The standard descriptors are there, whatever reads or writes them by mistake. */
static void open_standard(void)
{
	int fd = open("/dev/null", O_RDWR);

	if (fd > STDIN_FILENO)
		close(fd);
	else if (fd == STDIN_FILENO && dup2(fd, STDOUT_FILENO) < 0)
		log_info("no standard output for the keeper: %s", err_str(errno));
}

/*
 * It ends when the session does, not when somebody presses a key, or kills the session's process
 * group.
 */
static void ignore_signals(void)
{
	static const int numbers[] = {SIGINT,  SIGTERM, SIGHUP,	 SIGUSR1,
				      SIGPIPE, SIGTSTP, SIGTTIN, SIGTTOU};

	(void)setpgid(0, 0);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		signal(numbers[i], SIG_IGN);
}

/* A clock and up to four watchpoints for each thread of the target. */
static void raise_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	limit.rlim_cur = limit.rlim_max < DESCRIPTORS_MAX ? limit.rlim_max : DESCRIPTORS_MAX;
	if (setrlimit(RLIMIT_NOFILE, &limit))
		log_info("the limit of descriptors stays as it was: %s", err_str(errno));
}

static void prepare(struct keeper_server *s, pid_t parent)
{
	const struct privileges p = {.role = PRIVILEGES_OF_KEEPER,
				     .perf = s->opts->force_perf || !uprobe_link_have_multi(),
				     .events = s->opts->objects || s->opts->leaks,
				     .channel_fd = s->channel,
				     .state_dir_fd = -1};

	/* No signal at its parent's death: the end of the channel tells, see server_attach.c. */
	if (getppid() != parent)
		_exit(0);
	prctl(PR_SET_NAME, "cheshire-keeper");
	ignore_signals();
	close_others(s);
	open_standard();
	loader_raise_memlock();
	if (p.events)
		raise_descriptors();
	(void)privileges_drop(&p);
}

void keeper_serve(int channel, pid_t parent, const struct keeper_opts *opts)
{
	static char buffer[KEEPER_REQUEST_MAX] __attribute__((aligned(8)));
	struct keeper_server s = {.channel = channel, .opts = opts, .proc = *opts->proc};
	size_t len;
	int err;

	prepare(&s, parent);
	s.decoder = decoder__open();
	do {
		err = channel_receive(channel, -1, buffer, sizeof(buffer), &len, NULL, NULL);
		if (err == -EMSGSIZE)
			err = reply_error(&s, 0, -EPROTO);
		else if (!err)
			err = keeper_answer(&s, buffer, len);
	} while (!err);
	keeper_server_detach_all(&s);
	_exit(0);
}
