/* SPDX-License-Identifier: GPL-2.0-only */
/* keeper.c - the session's side: the keeper's beginning and end, and what is asked of it. */
#include "keeper/keeper.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "keeper/asking.h"
#include "keeper/channel.h"
#include "keeper/server.h"
#include "log/log.h"

/*
 * Against a hang only.  What changes the kernel waits for its verifier and its grace periods, and
 * on a machine that is slow and busy these last for most of a minute.
 */
#define CHANGE_MS 300000
#define ANSWER_MS 10000
#define END_MS	  1000

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

void keeper_close_answer(struct keeper *k)
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
		keeper_close_answer(k);
	return err;
}

static bool changes_kernel(enum keeper_op op)
{
	return op == KEEPER_LOAD || op == KEEPER_ATTACH || op == KEEPER_ALLOC_LOAD ||
	       op == KEEPER_DETACH;
}

int keeper_ask(struct keeper *k, const struct keeper_request *request, const void *rest,
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

static int ticks(struct keeper *k, uint32_t hz)
{
	const struct keeper_request request = {.op = KEEPER_TICKS, .ticks_hz = hz};

	return keeper_ask(k, &request, NULL, 0);
}

static int watch_ask(struct keeper *k, const struct keeper_request *request,
		     struct keeper_watched *out)
{
	int err = keeper_ask(k, request, NULL, 0);

	*out = (struct keeper_watched){};
	if (!err)
		memcpy(out, k->bytes, sizeof(*out));
	return err;
}

int keeper__ticks(struct keeper *k, uint32_t hz)
{
	return KEEPER_LOCKED(k, ticks(k, hz));
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
	return KEEPER_LOCKED(k, watch_ask(k, &request, out));
}

int keeper__watched(struct keeper *k, uint32_t slot, struct keeper_watched *out)
{
	const struct keeper_request request = {.op = KEEPER_WATCHED, .slot = slot};

	return KEEPER_LOCKED(k, watch_ask(k, &request, out));
}
