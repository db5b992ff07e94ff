/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * windows.c - windows on a target's allocator, as the session and its keeper make them, without the
 * rest: what they see as JSON lines, for tests/live/test_alloc_windows.py.
 *
 *	windows PID [--object GLOB] [--calls N] [--sample BYTES] [--blocks N] [--ms T] [--rounds N]
 *[--pause MS]
 *		[--mappings] [--perf] [--site OFFSET:FUNCTION] [--wait]
 *
 * --site: counts the calls that return to that file offset of the executable, until a line on
 *stdin.
 * --wait: says "planned", and begins at a line on stdin.
 */
#include <errno.h>
#include <fnmatch.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "keeper/keeper.h"
#include "kernel/alloc_windows.h"
#include "kernel/calibrate.h"
#include "kernel/loader.h"
#include "log/log.h"
#include "target/alloc_plan.h"
#include "target/maps.h"
#include "target/process.h"
#include "watch/alloc_window.h"

static const char *const function_names[] = WIRE_ALLOC_FUNCTION_NAMES;
static const char *const counter_names[] = WIRE_ALLOC_CTR_NAMES;

struct run {
	int pid;
	const char *object;
	struct alloc_window_job job;
	unsigned int rounds, pause_ms;
	bool perf, wait, mappings;
	uint64_t site_offset;
	enum wire_alloc_function site_function;
	struct process proc;
	struct object_table objects;
	struct keeper *keeper;
	struct loader *loader;
	struct calibration calibration;
	struct alloc_windows *windows;
	struct alloc_plan plan;
};

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

static void fail(const char *what, int err)
{
	fprintf(stderr, "windows: %s: %s\n", what, err_str(err));
	exit(1);
}

static void parse(struct run *r, int argc, char **argv)
{
	static const struct option options[] = {
		{"object", 1, 0, 'o'},	 {"calls", 1, 0, 'c'},	{"sample", 1, 0, 's'},
		{"ms", 1, 0, 't'},	 {"rounds", 1, 0, 'r'}, {"pause", 1, 0, 'p'},
		{"mappings", 0, 0, 'm'}, {"perf", 0, 0, 'P'},	{"site", 1, 0, 'S'},
		{"blocks", 1, 0, 'b'},	 {"wait", 0, 0, 'w'},	{0, 0, 0, 0}};
	char *end;
	int c;

	*r = (struct run){.object = "libc.so*", .rounds = 1};
	r->job.opts.calls_max = 1000;
	r->job.time_max_ms = 1000;
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'o':
			r->object = optarg;
			break;
		case 'c':
			r->job.opts.calls_max = strtoull(optarg, NULL, 0);
			break;
		case 's':
			r->job.opts.sample_bytes = (uint32_t)strtoul(optarg, NULL, 0);
			break;
		case 'b':
			r->job.opts.blocks_max = (uint32_t)strtoul(optarg, NULL, 0);
			break;
		case 't':
			r->job.time_max_ms = (uint32_t)strtoul(optarg, NULL, 0);
			break;
		case 'r':
			r->rounds = (unsigned int)strtoul(optarg, NULL, 0);
			break;
		case 'p':
			r->pause_ms = (unsigned int)strtoul(optarg, NULL, 0);
			break;
		case 'm':
			r->mappings = true;
			break;
		case 'P':
			r->perf = true;
			break;
		case 'S':
			r->site_offset = strtoull(optarg, &end, 0);
			r->site_function = strtoul(end + 1, NULL, 0);
			break;
		case 'w':
			r->wait = true;
			break;
		default:
			exit(2);
		}
	}
	if (optind + 1 != argc)
		exit(2);
	r->pid = atoi(argv[optind]);
}

static void start(struct run *r)
{
	struct keeper_opts ko = {.proc = &r->proc, .force_perf = r->perf, .leaks = true};
	struct loader_opts lo = {.force_perf = r->perf};
	char why[512] = "";
	int err = process_open(&r->proc, r->pid);

	if (err)
		fail("the target", err);
	err = keeper__start(&ko, &r->keeper);
	if (err)
		fail("the keeper", err);
	r->proc.access = keeper_access();
	r->proc.access_ctx = r->keeper;
	lo.tgid = (uint32_t)r->pid;
	err = keeper__load(r->keeper, &lo, &r->loader, &r->calibration, why, sizeof(why));
	if (err)
		fail(why, err);
	err = keeper__load_alloc(r->keeper, &r->windows);
	if (err)
		fail("the programs", err);
	err = object_table_read(&r->objects, &r->proc);
	if (err)
		fail("the maps", err);
}

static void plan(struct run *r)
{
	uint64_t start_ns = now_ns();

	for (uint32_t i = 0; i < r->objects.n_objects; i++) {
		if (fnmatch(r->object, r->objects.objects[i]->basename, 0))
			continue;
		int err = alloc_plan_add(&r->plan, &r->proc, &r->objects, i,
					 ALLOC_BLOCKS | (r->mappings ? ALLOC_MAPPINGS : 0), 0);

		if (err)
			fail("the plan", err);
	}
	for (size_t i = 0; i < r->plan.functions_n; i++) {
		const struct alloc_function *f = &r->plan.functions[i];

		printf("{\"type\":\"function\",\"name\":\"%s\",\"function\":\"%s\",\"planned\":%d,"
		       "\"stepped\":%d,\"reason\":\"%s\"}\n",
		       f->name, function_names[f->function], f->planned, f->stepped, f->reason);
	}
	printf("{\"type\":\"planned\",\"places\":%zu,\"took_ns\":%llu}\n", r->plan.places_n,
	       (unsigned long long)(now_ns() - start_ns));
}

/* The return address must lie where the stack pointer at the entry points (x86-64). */
static bool stack_agrees(const struct wire_alloc *b)
{
	uint64_t at = b->sp_entry - b->regs.sp, word;

	if (at + sizeof(word) > b->stack_bytes)
		return false;
	memcpy(&word, b->stack + at, sizeof(word));
	return word == b->return_address;
}

static void print_block(void *ctx, const struct wire_alloc *b)
{
	struct run *r = ctx;
	const struct wire_alloc_head *h = &b->head;
	uint64_t offset = 0;
	const struct object *obj;

	printf("{\"type\":\"%s\",\"function\":\"%s\",\"window\":%u,\"pointer\":%llu,\"old\":%llu,"
	       "\"size\":%llu,\"time_ns\":%llu,\"tid\":%u,\"weight\":%g",
	       h->kind == WIRE_ALLOC_BLOCK ? "block" : "site_block", function_names[h->function],
	       h->window, (unsigned long long)h->pointer, (unsigned long long)h->old_pointer,
	       (unsigned long long)h->size_bytes, (unsigned long long)h->time_ns, h->tid,
	       alloc_block_weight(h));
	if (h->kind == WIRE_ALLOC_BLOCK) {
		obj = object_table_lookup(&r->objects, b->return_address, &offset);
		printf(",\"caller\":\"%s\",\"caller_offset\":%llu,\"stack_bytes\":%u,"
		       "\"stack_agrees\":%d",
		       obj ? obj->basename : "", (unsigned long long)offset, b->stack_bytes,
		       stack_agrees(b));
	}
	puts("}");
}

static void print_stats(const struct run *r, const struct alloc_window_stats *s, uint64_t took_ns)
{
	printf("{\"type\":\"window\",\"window\":%u,\"calls\":%llu,\"opened_ns\":%llu,"
	       "\"ended_ns\":%llu,\"ended\":%d,\"took_ns\":%llu,\"cost_ns\":%llu",
	       s->window, (unsigned long long)s->calls, (unsigned long long)s->opened_ns,
	       (unsigned long long)s->ended_ns, s->ended, (unsigned long long)took_ns,
	       (unsigned long long)alloc_window_cost_ns(s,
							r->calibration.trap[TRAP_EMULATED].hot_ns,
							r->calibration.trap[TRAP_STEPPED].hot_ns));
	for (size_t i = 0; i < WIRE_ALLOC_CTRS; i++)
		printf(",\"%s\":%llu", counter_names[i], (unsigned long long)s->counters[i]);
	puts("}");
}

static void run_windows(struct run *r)
{
	r->job.keeper = r->keeper;
	r->job.objects = &r->objects;
	r->job.windows = r->windows;
	r->job.plan = &r->plan;
	r->job.functions = ALLOC_BLOCKS | ALLOC_MAPPINGS;
	r->job.block = print_block;
	r->job.ctx = r;
	for (unsigned int i = 0; i < r->rounds; i++) {
		const struct timespec pause = {r->pause_ms / 1000,
					       (long)(r->pause_ms % 1000) * 1000000};
		struct alloc_window_stats stats;
		uint64_t start_ns = now_ns();
		int err = alloc_window_run(&r->job, &stats);

		if (err)
			fail("the window", err);
		print_stats(r, &stats, now_ns() - start_ns);
		fflush(stdout);
		nanosleep(&pause, NULL);
	}
}

static void count_site(struct run *r)
{
	struct alloc_site_plan plan_of_site;
	struct link_list links = {};
	struct wire_alloc_site site;
	int err = alloc_site_plan_make(&plan_of_site, &r->proc, &r->objects, 0, r->site_offset,
				       r->site_function, 3, 0);

	if (err)
		fail(plan_of_site.reason, err);
	alloc_windows__want_blocks(r->windows, 3, 1000);
	err = alloc_site_attach(r->keeper, &r->objects, &plan_of_site, &links);
	if (err)
		fail("the site", err);
	printf("{\"type\":\"counting\",\"stepped\":%d,\"function\":\"%s\",\"reason\":\"%s\"}\n",
	       !insn_class_emulated(plan_of_site.call.site.cls),
	       function_names[plan_of_site.function], plan_of_site.reason);
	fflush(stdout);
	(void)getchar();
	(void)alloc_windows__drain(r->windows, print_block, r);
	alloc_windows__site(r->windows, 3, &site);
	printf("{\"type\":\"site\",\"calls\":%llu,\"bytes\":%llu,\"returned\":%llu,\"failed\":%llu,"
	       "\"lost\":%llu}\n",
	       (unsigned long long)site.calls, (unsigned long long)site.bytes,
	       (unsigned long long)site.returned, (unsigned long long)site.failed,
	       (unsigned long long)site.records_lost);
	link_list_free(&links);
}

int main(int argc, char **argv)
{
	struct run *r = calloc(1, sizeof(*r));

	if (!r)
		return 1;
	parse(r, argc, argv);
	start(r);
	plan(r);
	fflush(stdout);
	if (r->wait)
		(void)getchar();
	if (r->site_offset)
		count_site(r);
	else
		run_windows(r);
	fflush(stdout);
	alloc_plan_free(&r->plan);
	alloc_windows__free(r->windows);
	loader__free(r->loader);
	keeper__stop(r->keeper);
	object_table_free(&r->objects);
	process_close(&r->proc);
	free(r);
	return 0;
}
