/* SPDX-License-Identifier: GPL-2.0-only */
/* keeper.c - the session's side: asking. */
#include "keeper/keeper.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "keeper/channel.h"
#include "keeper/server.h"
#include "kernel/alloc_windows.h"
#include "kernel/uprobe_link.h"
#include "log/log.h"
#include "target/maps.h"

/*
 * Against a hang only.  What changes the kernel waits for its verifier and its grace periods, and
 * on a machine that is slow and busy these last for most of a minute.
 */
#define CHANGE_MS 300000
#define ANSWER_MS 10000
#define END_MS	  1000
#define TEXT_MAX  (64u << 20) /* bytes of maps or of a list of descriptors */

struct keeper {
	pthread_mutex_t lock; /* from the question until all of the answer was taken */
	int fd;		      /* -1: lost */
	pid_t pid;
	bool multi;
	/* The last answer. */
	struct keeper_reply reply;
	const void *bytes;
	int fds[KEEPER_FDS_MAX];
	size_t fds_n;
	char buffer[KEEPER_REPLY_MAX] __attribute__((aligned(8)));
};

_Static_assert(KEEPER_FDS_MAX <= CHANNEL_FDS_MAX, "descriptors of an answer");

int keeper__start(const struct keeper_opts *opts, struct keeper **out)
{
	struct keeper *k = calloc(1, sizeof(*k));
	pid_t parent = getpid();
	int ends[2], err;

	*out = NULL;
	if (!k)
		return -ENOMEM;
	err = socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) ? -errno : 0;
	if (err) {
		free(k);
		return err;
	}
	pthread_mutex_init(&k->lock, NULL);
	k->pid = fork();
	if (!k->pid)
		keeper_serve(ends[1], parent, opts);
	err = k->pid < 0 ? -errno : 0;
	close(ends[1]);
	k->fd = ends[0];
	if (err) {
		close(k->fd);
		free(k);
		return err;
	}
	*out = k;
	return 0;
}

static void give_up(struct keeper *k)
{
	if (k->fd >= 0)
		close(k->fd);
	k->fd = -1;
}

void keeper__check(struct keeper *k)
{
	struct pollfd pfd = {.events = POLLIN};

	if (pthread_mutex_trylock(&k->lock))
		return;
	pfd.fd = k->fd;
	/* Nothing was asked, so whatever can be read now is its end, or out of order. */
	if (k->fd >= 0 && poll(&pfd, 1, 0) > 0)
		give_up(k);
	pthread_mutex_unlock(&k->lock);
}

static bool has_ended(const struct keeper *k)
{
	return waitpid(k->pid, NULL, WNOHANG) != 0;
}

void keeper__stop(struct keeper *k)
{
	const struct timespec pause = {.tv_nsec = 1000000};

	if (!k)
		return;
	give_up(k);
	/* The end of the channel ends it; whatever it does just now, our end does too. */
	for (int i = 0; i < END_MS && !has_ended(k); i++)
		nanosleep(&pause, NULL);
	free(k);
}

int keeper__fd(const struct keeper *k)
{
	return k->fd;
}

bool keeper__lost(const struct keeper *k)
{
	return k->fd < 0;
}

void keeper__cost(const struct keeper *k, uint64_t *cpu_ns, uint64_t *bytes)
{
	unsigned long long resident = 0, shared = 0;
	struct timespec ts = {};
	clockid_t clock;
	char path[32];
	FILE *f;

	/* Its number is not given anew before we waited for it. */
	if (!clock_getcpuclockid(k->pid, &clock))
		(void)clock_gettime(clock, &ts);
	*cpu_ns = (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
	snprintf(path, sizeof(path), "/proc/%d/statm", (int)k->pid);
	f = fopen(path, "re");
	if (f && fscanf(f, "%*u %20llu %20llu", &resident, &shared) != 2)
		resident = shared = 0;
	if (f)
		fclose(f);
	*bytes = resident > shared ? (resident - shared) * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

static void close_answer(struct keeper *k)
{
	for (size_t i = 0; i < k->fds_n; i++)
		close(k->fds[i]);
	k->fds_n = 0;
}

static int receive(struct keeper *k, enum keeper_op op, int timeout_ms)
{
	size_t len;
	int err;

	k->fds_n = KEEPER_FDS_MAX;
	err = channel_receive(k->fd, timeout_ms, k->buffer, sizeof(k->buffer), &len, k->fds,
			      &k->fds_n);
	if (err) {
		k->fds_n = 0;
		return err;
	}
	err = keeper_reply_decode(k->buffer, len, k->fds_n, op, &k->reply, &k->bytes);
	if (err)
		close_answer(k);
	return err;
}

static bool changes_kernel(enum keeper_op op)
{
	return op == KEEPER_LOAD || op == KEEPER_ATTACH || op == KEEPER_ALLOC_LOAD ||
	       op == KEEPER_DETACH;
}

/*
 * Asks and waits.  What was sent along stays in k until the next time; its descriptors are the
 * caller's from now on.  Whoever does not answer in time or in order is not asked again: the next
 * answer could be that to another question.
 */
static int ask(struct keeper *k, const struct keeper_request *request, const void *rest,
	       size_t rest_bytes)
{
	const struct iovec parts[] = {{(void *)request, sizeof(*request)},
				      {(void *)rest, rest_bytes}};
	int err;

	k->fds_n = 0;
	if (k->fd < 0)
		return -EPIPE;
	err = channel_send(k->fd, parts, rest_bytes ? 2 : 1, NULL, 0);
	err = err ?: receive(k, request->op, changes_kernel(request->op) ? CHANGE_MS : ANSWER_MS);
	if (!err)
		return k->reply.err;
	if (err != -EPIPE)
		log_warn("the keeper does not answer (%s)", err_str(err));
	give_up(k);
	return -EPIPE;
}

static int load(struct keeper *k, const struct loader_opts *opts, struct loader **out,
		struct calibration *calibration, char *why, size_t why_size)
{
	const struct keeper_request request = {.op = KEEPER_LOAD,
					       .load = {.stages_n = (uint32_t)opts->stages_n,
							.cached_n = (uint32_t)opts->cached_n,
							.datagrams = opts->datagrams,
							.statements = opts->statements,
							.python = opts->python}};
	struct loader_handles handles;
	int err = ask(k, &request, NULL, 0);

	*out = NULL;
	if (err == -EPIPE)
		snprintf(why, why_size, "the keeper of the privileges ended");
	else if (err)
		snprintf(why, why_size, "%.*s", (int)k->reply.data_bytes, (const char *)k->bytes);
	if (err)
		return err;
	err = keeper_loaded_decode(k->bytes, k->reply.data_bytes, k->fds, k->fds_n, &handles,
				   calibration);
	if (err) {
		close_answer(k);
	} else {
		k->multi = handles.multi;
		err = loader__adopt(opts, &handles, out);
	}
	if (err)
		snprintf(why, why_size, "the loaded programs cannot be used: %s", err_str(err));
	return err;
}

/* What the answers to one or several ATTACH brought. */
struct attached {
	int *fds;
	uint64_t *numbers;
	size_t fds_n, numbers_n;
};

static int attach_some(struct keeper *k, struct keeper_request *request,
		       const struct keeper_probe *probes, size_t n, struct attached *a)
{
	struct keeper_attached one;
	int err;

	request->attach.n = (uint32_t)n;
	err = ask(k, request, probes, n * sizeof(*probes));
	if (err)
		return err;
	if (k->fds_n > n) {
		close_answer(k);
		return -EPROTO;
	}
	memcpy(&one, k->bytes, sizeof(one));
	a->numbers[a->numbers_n++] = one.link;
	memcpy(a->fds + a->fds_n, k->fds, k->fds_n * sizeof(*a->fds));
	a->fds_n += k->fds_n;
	return 0;
}

static void detach(struct keeper *k, const uint64_t *numbers, size_t n)
{
	for (size_t at = 0; at < n; at += KEEPER_DETACH_MAX) {
		size_t some = n - at < KEEPER_DETACH_MAX ? n - at : KEEPER_DETACH_MAX;
		const struct keeper_request request = {.op = KEEPER_DETACH,
						       .detach = {.n = (uint32_t)some}};
		int err = ask(k, &request, numbers + at, some * sizeof(*numbers));

		/* Where it ended, what it had is off. */
		if (err && err != -EPIPE)
			log_warn("the keeper does not know a link: %s", err_str(err));
	}
}

static void release(void *ctx, const uint64_t *numbers, size_t n)
{
	struct keeper *k = ctx;

	pthread_mutex_lock(&k->lock);
	detach(k, numbers, n);
	pthread_mutex_unlock(&k->lock);
}

static int adopt(struct keeper *k, const struct attached *a, size_t probes_n,
		 struct uprobe_link **out)
{
	const struct uprobe_holder holder = {release, k};
	const struct uprobe_parts parts = {.fds = a->fds,
					   .fds_n = a->fds_n,
					   .numbers = a->numbers,
					   .numbers_n = a->numbers_n,
					   .probes_n = probes_n};

	return uprobe_link__adopt(&parts, &holder, out);
}

static int attach(struct keeper *k, uint32_t prog, bool uretprobe, const struct object *obj,
		  const struct keeper_probe *probes, size_t n, struct uprobe_link **out)
{
	struct keeper_request request = {.op = KEEPER_ATTACH,
					 .object = obj->index,
					 .attach = {.prog = prog, .uretprobe = uretprobe}};
	size_t most = k->multi ? KEEPER_PROBES_MAX : KEEPER_PERF_PROBES_MAX;
	struct attached a = {.fds = calloc(n + 1, sizeof(*a.fds)),
			     .numbers = calloc(n / most + 1, sizeof(*a.numbers))};
	int err = a.fds && a.numbers ? 0 : -ENOMEM;

	*out = NULL;
	for (size_t at = 0; at < n && !err; at += most)
		err = attach_some(k, &request, probes + at, n - at < most ? n - at : most, &a);
	err = err ?: adopt(k, &a, n, out);
	for (size_t i = 0; err && i < a.fds_n; i++)
		close(a.fds[i]);
	if (err)
		detach(k, a.numbers, a.numbers_n);
	free(a.fds);
	free(a.numbers);
	return err;
}

static int load_alloc(struct keeper *k, struct alloc_windows **out)
{
	const struct keeper_request request = {.op = KEEPER_ALLOC_LOAD};
	int err = ask(k, &request, NULL, 0);

	*out = NULL;
	return err ?: alloc_windows__new(k->fds[0], k->fds[1], out);
}

/* --- process_access ------------------------------------------------------------------------- */

static int read_file(void *ctx, enum process_file file, uint32_t tid, char *buf, size_t size,
		     size_t *len)
{
	const struct keeper_request request = {.op = KEEPER_FILE,
					       .file = {.which = file, .tid = tid}};
	struct keeper *k = ctx;
	int err = ask(k, &request, NULL, 0);
	size_t n = 0;

	if (!err) {
		n = k->reply.data_bytes < size - 1 ? k->reply.data_bytes : size - 1;
		memcpy(buf, k->bytes, n);
	}
	buf[n] = '\0';
	if (len)
		*len = n;
	return err;
}

static int read_all(int fd, char *buf, size_t len)
{
	for (size_t used = 0; used < len;) {
		ssize_t n = pread(fd, buf + used, len - used, (off_t)used);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EPROTO;
		used += (size_t)n;
	}
	buf[len] = '\0';
	return 0;
}

/* The text behind the one descriptor of the answer; terminated. */
static int take_text(struct keeper *k, char **text, size_t *len)
{
	struct stat st;
	int err = fstat(k->fds[0], &st) ? -errno : 0;

	*text = NULL;
	*len = 0;
	if (!err && (uint64_t)st.st_size > TEXT_MAX)
		err = -EFBIG;
	if (!err) {
		*text = malloc((size_t)st.st_size + 1);
		err = *text ? read_all(k->fds[0], *text, (size_t)st.st_size) : -ENOMEM;
	}
	if (!err) {
		*len = (size_t)st.st_size;
	} else {
		free(*text);
		*text = NULL;
	}
	close_answer(k);
	return err;
}

static int read_maps(void *ctx, enum process_maps how, char **text, size_t *len)
{
	const struct keeper_request request = {.op = KEEPER_MAPS, .maps = how};

	return ask(ctx, &request, NULL, 0) ?: take_text(ctx, text, len);
}

static int read_descriptors(void *ctx, char **text, size_t *len)
{
	const struct keeper_request request = {.op = KEEPER_DESCRIPTORS};

	return ask(ctx, &request, NULL, 0) ?: take_text(ctx, text, len);
}

static int read_memory(void *ctx, uint64_t addr, void *buf, size_t len)
{
	struct keeper *k = ctx;

	for (size_t at = 0; at < len; at += KEEPER_MEMORY_MAX) {
		size_t n = len - at < KEEPER_MEMORY_MAX ? len - at : KEEPER_MEMORY_MAX;
		const struct keeper_request request = {
			.op = KEEPER_MEMORY,
			.memory = {.address = addr + at, .length = (uint32_t)n}};
		int err = ask(k, &request, NULL, 0);

		if (err)
			return err;
		if (k->reply.data_bytes != n)
			return -EPROTO;
		memcpy((char *)buf + at, k->bytes, n);
	}
	return 0;
}

static int ticks(struct keeper *k, uint32_t hz)
{
	const struct keeper_request request = {.op = KEEPER_TICKS, .ticks_hz = hz};

	return ask(k, &request, NULL, 0);
}

static int watch_ask(struct keeper *k, const struct keeper_request *request,
		     struct keeper_watched *out)
{
	int err = ask(k, request, NULL, 0);

	*out = (struct keeper_watched){};
	if (!err)
		memcpy(out, k->bytes, sizeof(*out));
	return err;
}

/* As many pieces as fit into one request; returns how many. */
static size_t fill_pieces(const struct process_memory_part *parts, size_t n,
			  struct keeper_piece *pieces, size_t *bytes)
{
	size_t i;

	*bytes = 0;
	for (i = 0; i < n && i < KEEPER_PIECES_MAX; i++) {
		if (*bytes + parts[i].length > KEEPER_MEMORY_MAX)
			break;
		*bytes += parts[i].length;
		pieces[i] = (struct keeper_piece){parts[i].address, parts[i].length, 0};
	}
	return i;
}

static void take_pieces(const char *answer, struct process_memory_part *parts, size_t n)
{
	const char *bytes = answer + n;

	for (size_t i = 0; i < n; i++) {
		parts[i].err = answer[i] ? -EFAULT : 0;
		memcpy(parts[i].buf, bytes, parts[i].length);
		bytes += parts[i].length;
	}
}

/* One request; *done is how many of the parts were in it. */
static int read_pieces(void *ctx, struct process_memory_part *parts, size_t n, size_t *done)
{
	struct keeper_request request = {.op = KEEPER_SCATTER};
	struct keeper_piece pieces[KEEPER_PIECES_MAX];
	struct keeper *k = ctx;
	size_t bytes;
	int err;

	*done = fill_pieces(parts, n, pieces, &bytes);
	request.scatter.n = (uint32_t)*done;
	err = ask(k, &request, pieces, *done * sizeof(*pieces));
	if (err)
		return err;
	if (k->reply.data_bytes != *done + bytes)
		return -EPROTO;
	take_pieces(k->bytes, parts, *done);
	return 0;
}

static int open_object(void *ctx, const struct object *obj, int *fd)
{
	const struct keeper_request request = {.op = KEEPER_OBJECT, .object = obj->index};
	struct keeper *k = ctx;
	int err = ask(k, &request, NULL, 0);

	if (!err)
		*fd = k->fds[0];
	return err;
}

static int count_what(void *ctx, enum process_count what, uint32_t *count)
{
	const struct keeper_request request = {.op = KEEPER_COUNT, .count = what};
	struct keeper *k = ctx;
	int err = ask(k, &request, NULL, 0);

	if (!err)
		memcpy(count, k->bytes, sizeof(*count));
	return err;
}

static int read_facts(void *ctx, const struct process_file_ref *ref,
		      struct process_file_facts *facts)
{
	const struct keeper_request request = {.op = KEEPER_FACTS, .facts = *ref};
	struct keeper *k = ctx;
	int err = ask(k, &request, NULL, 0);

	if (!err)
		memcpy(facts, k->bytes, sizeof(*facts));
	return err;
}

/* --- one thread at a time -------------------------------------------------------------------- */

#define LOCKED(k, call)                                                                            \
	({                                                                                         \
		struct keeper *locked = (k);                                                       \
		int result;                                                                        \
                                                                                                   \
		pthread_mutex_lock(&locked->lock);                                                 \
		result = (call);                                                                   \
		pthread_mutex_unlock(&locked->lock);                                               \
		result;                                                                            \
	})

int keeper__load(struct keeper *k, const struct loader_opts *opts, struct loader **out,
		 struct calibration *calibration, char *why, size_t why_size)
{
	return LOCKED(k, load(k, opts, out, calibration, why, why_size));
}

int keeper__attach(struct keeper *k, uint32_t prog, bool uretprobe, const struct object *obj,
		   const struct keeper_probe *probes, size_t n, struct uprobe_link **out)
{
	return LOCKED(k, attach(k, prog, uretprobe, obj, probes, n, out));
}

int keeper__load_alloc(struct keeper *k, struct alloc_windows **out)
{
	return LOCKED(k, load_alloc(k, out));
}

int keeper__ticks(struct keeper *k, uint32_t hz)
{
	return LOCKED(k, ticks(k, hz));
}

int keeper__watch(struct keeper *k, uint32_t slot, const struct keeper_watch *watch,
		  struct keeper_watched *out)
{
	struct keeper_request request = {.op = KEEPER_WATCH, .watch = {.slot = slot}};

	if (watch) {
		request.watch.address = watch->address;
		request.watch.length = watch->length;
		request.watch.kind = watch->kind;
		request.watch.python = watch->python;
	}
	return LOCKED(k, watch_ask(k, &request, out));
}

int keeper__watched(struct keeper *k, uint32_t slot, struct keeper_watched *out)
{
	const struct keeper_request request = {.op = KEEPER_WATCHED, .slot = slot};

	return LOCKED(k, watch_ask(k, &request, out));
}

static int access_file(void *ctx, enum process_file file, uint32_t tid, char *buf, size_t size,
		       size_t *len)
{
	return LOCKED(ctx, read_file(ctx, file, tid, buf, size, len));
}

static int access_maps(void *ctx, enum process_maps how, char **text, size_t *len)
{
	return LOCKED(ctx, read_maps(ctx, how, text, len));
}

static int access_memory(void *ctx, uint64_t addr, void *buf, size_t len)
{
	return LOCKED(ctx, read_memory(ctx, addr, buf, len));
}

static int access_scatter(void *ctx, struct process_memory_part *parts, size_t n)
{
	size_t some = 0;
	int err = 0;

	/* The other thread's questions come in between. */
	for (size_t at = 0; at < n && !err; at += some)
		err = LOCKED(ctx, read_pieces(ctx, parts + at, n - at, &some));
	return err;
}

static int access_object(void *ctx, const struct object *obj, int *fd)
{
	return LOCKED(ctx, open_object(ctx, obj, fd));
}

static int access_count(void *ctx, enum process_count what, uint32_t *count)
{
	return LOCKED(ctx, count_what(ctx, what, count));
}

static int access_descriptors(void *ctx, char **text, size_t *len)
{
	return LOCKED(ctx, read_descriptors(ctx, text, len));
}

static int access_facts(void *ctx, const struct process_file_ref *ref,
			struct process_file_facts *facts)
{
	return LOCKED(ctx, read_facts(ctx, ref, facts));
}

const struct process_access *keeper_access(void)
{
	static const struct process_access access = {
		.read_file = access_file,
		.read_maps = access_maps,
		.read_memory = access_memory,
		.read_scatter = access_scatter,
		.open_object = access_object,
		.count = access_count,
		.read_descriptors = access_descriptors,
		.read_facts = access_facts,
	};

	return &access;
}
