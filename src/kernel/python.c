/* SPDX-License-Identifier: GPL-2.0-only */
#include "kernel/python.h"

#include <errno.h>
#include <stdlib.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "cheshire/hist.h"
#include "kernel/loader_state.h"

int python_choose(struct loader *l, bool wanted)
{
	struct bpf_map *const maps[] = {
		l->skel->maps.python_conf,	 l->skel->maps.python_threads,
		l->skel->maps.python_codes,	 l->skel->maps.python_stats,
		l->skel->maps.python_calls,	 l->skel->maps.python_watches,
		l->skel->maps.python_generators, l->skel->maps.python_newest};
	int err;

	l->python = wanted;
	l->skel->rodata->cfg_python = wanted;
	if (wanted)
		return 0;
	err = bpf_program__set_autoload(l->skel->progs.python_tick, false);
	err = err ?: bpf_program__set_autoload(l->skel->progs.python_watch, false);
	err = err ?: bpf_program__set_autoload(l->skel->progs.python_unwind, false);
	for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]) && !err; i++)
		err = bpf_map__set_autocreate(maps[i], false);
	return err;
}

struct wire_python *python_conf(struct loader *l)
{
	return l->python_shared.base;
}

struct wire_watch *python_watch_at(struct loader *l, uint32_t i)
{
	return &((struct wire_watch *)l->watches_shared.base)[i];
}

int python_set_class(struct loader *l, uint64_t code, const struct wire_python_code *cls)
{
	if (!l->python)
		return -ENOENT;
	return bpf_map__update_elem(l->skel->maps.python_codes, &code, sizeof(code), cls,
				    sizeof(*cls), BPF_ANY);
}

void python_forget_classes(struct loader *l)
{
	uint64_t key;

	if (!l->python)
		return;
	for (size_t i = 0; i < WIRE_PYTHON_CODES; i++)
		if (bpf_map__get_next_key(l->skel->maps.python_codes, NULL, &key, sizeof(key)) ||
		    bpf_map__delete_elem(l->skel->maps.python_codes, &key, sizeof(key), 0))
			break;
}

int python_generator_known(struct loader *l, uint64_t frame, uint64_t code, uint32_t cls)
{
	struct wire_python_open open = {.code = code, .cls = cls};

	if (!l->python)
		return -ENOENT;
	open.since_ns = python_conf(l)->since_ns;
	return bpf_map__update_elem(l->skel->maps.python_generators, &frame, sizeof(frame), &open,
				    sizeof(open), BPF_ANY);
}

void python_generator_gone(struct loader *l, uint64_t frame)
{
	struct wire_python_open open;

	if (!l->python || bpf_map__lookup_elem(l->skel->maps.python_generators, &frame,
					       sizeof(frame), &open, sizeof(open), 0))
		return;
	open.since_ns = 0;
	(void)bpf_map__update_elem(l->skel->maps.python_generators, &frame, sizeof(frame), &open,
				   sizeof(open), BPF_EXIST);
}

int python_stats(struct loader *l, struct wire_python_stats *out)
{
	const size_t words = sizeof(*out) / sizeof(uint64_t);
	const uint32_t zero = 0;
	struct wire_python_stats *each;
	int err;

	*out = (struct wire_python_stats){};
	if (!l->python)
		return -ENOENT;
	each = calloc((size_t)l->cpus_n, sizeof(*each));
	if (!each)
		return -ENOMEM;
	err = bpf_map__lookup_elem(l->skel->maps.python_stats, &zero, sizeof(zero), each,
				   (size_t)l->cpus_n * sizeof(*each), 0);
	for (int cpu = 0; !err && cpu < l->cpus_n; cpu++)
		for (size_t i = 0; i < words; i++)
			((uint64_t *)out)[i] += ((const uint64_t *)&each[cpu])[i];
	free(each);
	return err;
}

#define ADD(field, n) ((void)__atomic_fetch_add(&(field), (n), __ATOMIC_RELAXED))

static void raise_max(uint64_t *max, uint64_t value)
{
	uint64_t old = __atomic_load_n(max, __ATOMIC_RELAXED);

	while (value > old && !__atomic_compare_exchange_n(max, &old, value, true, __ATOMIC_RELAXED,
							   __ATOMIC_RELAXED))
		;
}

void python_count_span(struct loader *l, const struct wire_span *span)
{
	struct wire_stage_stats *stats = &((struct wire_stage_stats *)l->stats.base)[span->stage];
	struct wire_histogram *hist =
		&((struct wire_histogram *)
			  l->hists.base)[span->stage * WIRE_HISTS + WIRE_HIST_LATENCY];
	const struct wire_stage *conf = loader__stage(l, span->stage);
	uint64_t wall_ns = span->end_ns - span->start_ns;

	if (span->flags & WIRE_SPAN_ABNORMAL) {
		ADD(stats->abnormal_thread_end, 1);
		return;
	}
	ADD(stats->spans, 1);
	ADD(stats->sum_ns, wall_ns);
	ADD(stats->cpu_ns, span->cpu_ns);
	ADD(stats->process_cpu_ns, span->process_cpu_ns);
	for (size_t i = 0; i < WIRE_WAITS; i++)
		ADD(stats->wait_ns[i], span->wait_ns[i]);
	if (conf->timeout_ns && wall_ns > conf->timeout_ns)
		ADD(stats->timeouts, 1);
	raise_max((uint64_t *)&stats->max_ns, wall_ns);
	ADD(hist->bucket[hist_bucket(wall_ns)], 1);
}

uint32_t python_take_slot(struct loader *l, uint32_t stage, uint64_t start_ns, uint32_t tid)
{
	struct wire_stage_stats *stats = &((struct wire_stage_stats *)l->stats.base)[stage];

	for (uint32_t i = 0; i < WIRE_OPEN_SLOTS; i++) {
		uint32_t at = (tid + i) % WIRE_OPEN_SLOTS;
		__u64 free = 0;

		if (__atomic_compare_exchange_n(&stats->open[at].start_ns, &free, start_ns, false,
						__ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
			stats->open[at].tid = tid;
			return at + 1;
		}
	}
	return 0;
}

void python_free_slot(struct loader *l, uint32_t stage, uint32_t slot)
{
	struct wire_stage_stats *stats = &((struct wire_stage_stats *)l->stats.base)[stage];

	if (slot)
		__atomic_store_n(&stats->open[(slot - 1) % WIRE_OPEN_SLOTS].start_ns, 0,
				 __ATOMIC_RELAXED);
}
