/* SPDX-License-Identifier: GPL-2.0-only */
/* keeper_attach.c - the session's side: programs and links that the keeper loads and makes for it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "keeper/asking.h"
#include "kernel/alloc_windows.h"
#include "kernel/uprobe_link.h"
#include "log/log.h"
#include "target/maps.h"

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
	int err = keeper_ask(k, &request, NULL, 0);

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
		keeper_close_answer(k);
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
	err = keeper_ask(k, request, probes, n * sizeof(*probes));
	if (err)
		return err;
	if (k->fds_n > n) {
		keeper_close_answer(k);
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
		int err = keeper_ask(k, &request, numbers + at, some * sizeof(*numbers));

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
	int err = keeper_ask(k, &request, NULL, 0);

	*out = NULL;
	return err ?: alloc_windows__new(k->fds[0], k->fds[1], out);
}

int keeper__load(struct keeper *k, const struct loader_opts *opts, struct loader **out,
		 struct calibration *calibration, char *why, size_t why_size)
{
	return KEEPER_LOCKED(k, load(k, opts, out, calibration, why, why_size));
}

int keeper__attach(struct keeper *k, uint32_t prog, bool uretprobe, const struct object *obj,
		   const struct keeper_probe *probes, size_t n, struct uprobe_link **out)
{
	return KEEPER_LOCKED(k, attach(k, prog, uretprobe, obj, probes, n, out));
}

int keeper__load_alloc(struct keeper *k, struct alloc_windows **out)
{
	return KEEPER_LOCKED(k, load_alloc(k, out));
}
