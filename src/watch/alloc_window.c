/* SPDX-License-Identifier: GPL-2.0-only */
#include "watch/alloc_window.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include <time.h>

#include "keeper/keeper.h"
#include "target/alloc_plan.h"
#include "target/maps.h"

#define POLL_MS 20 /* how soon it is seen that it shall stop, or that its time is over */

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static int attach(const struct alloc_window_job *job, struct link_list *links)
{
	struct probe_queue q = {};
	int err = 0;

	for (size_t i = 0; i < job->plan->places_n && !err; i++) {
		const struct alloc_place *place = &job->plan->places[i];

		if (place->functions & job->functions)
			err = probe_queue_add(&q, &place->site, false, place->cookie);
	}
	if (!err && !q.n)
		err = -ENOENT;
	err = err
		      ?: probe_queue_attach(&q, job->keeper, LOADER_PROGS + ALLOC_PROG_WINDOW,
					    false, job->objects, links);
	probe_queue_free(&q);
	return err;
}

static void watch(const struct alloc_window_job *job)
{
	uint64_t end_ms = now_ms() + job->time_max_ms;
	struct pollfd p = {.fd = alloc_windows__fd(job->windows), .events = POLLIN};

	while (!alloc_windows__ended(job->windows) && !(job->stop && *job->stop)) {
		uint64_t now = now_ms();

		if (now >= end_ms)
			break;
		(void)poll(&p, 1, end_ms - now < POLL_MS ? (int)(end_ms - now) : POLL_MS);
		/* When it has, the probes go first; the records can wait. */
		if (!alloc_windows__ended(job->windows))
			(void)alloc_windows__drain(job->windows, job->block, job->ctx);
	}
}

/* The allocator's object is that of the first function. */
static void find_code(const struct alloc_window_job *job, struct alloc_window_opts *opts)
{
	const struct object *obj;

	if (!job->plan->functions_n)
		return;
	obj = job->objects->objects[job->plan->functions[0].object];
	if (!obj->n_segments)
		return;
	opts->code_start = obj->segments[0].start;
	opts->code_end = obj->segments[obj->n_segments - 1].end;
}

static int look(const struct alloc_window_job *job)
{
	int err = 0;

	if (job->look) {
		(void)alloc_windows__drain(job->windows, job->block, job->ctx);
		err = job->look(job->ctx);
	}
	alloc_windows__looked(job->windows);
	return err;
}

int alloc_window_run(const struct alloc_window_job *job, struct alloc_window_stats *stats)
{
	struct alloc_window_opts opts = job->opts;
	struct link_list links = {};
	bool open = false;
	int err;

	memset(stats, 0, sizeof(*stats));
	find_code(job, &opts);
	err = attach(job, &links);
	err = err ?: alloc_windows__open(job->windows, &opts);
	if (!err) {
		open = true;
		watch(job);
		alloc_windows__end(job->windows);
		err = look(job);
	}
	link_list_free(&links);
	if (open)
		alloc_windows__close(job->windows, job->block, job->ctx, stats);
	return err;
}

int alloc_site_attach(struct keeper *keeper, const struct object_table *objects,
		      const struct alloc_site_plan *plan, struct link_list *links)
{
	struct probe_queue q = {};
	int err = probe_queue_add(&q, &plan->call.site, false, plan->call.cookie);

	if (!err && plan->behind.site.len)
		err = probe_queue_add(&q, &plan->behind.site, false, plan->behind.cookie);
	err = err
		      ?: probe_queue_attach(&q, keeper, LOADER_PROGS + ALLOC_PROG_SITE, false,
					    objects, links);
	probe_queue_free(&q);
	return err;
}
