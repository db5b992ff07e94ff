/* SPDX-License-Identifier: GPL-2.0-only */
#include "kernel/alloc_windows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <bpf/libbpf.h>

struct alloc_windows {
	struct ring_buffer *ring;
	volatile struct wire_alloc_control *control; /* shared with the programs */
	size_t mapped_bytes;
	int ring_fd, control_fd;
	uint32_t last; /* window's number */
	bool open;
	bool told;	/* to end; */
	bool by_itself; /* it had ended before */

	uint64_t opened_ns;
	/* As they were when the last window was closed. */
	uint64_t before[WIRE_ALLOC_CTRS];
	alloc_block_fn fn;
	void *ctx;
};

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

/* What came over the ring is the programs' own, but is looked at as if it were not. */
static bool is_sound(const struct wire_alloc *block, size_t len)
{
	if (len < sizeof(block->head) || block->head.function >= WIRE_ALLOC_FUNCTIONS)
		return false;
	if (block->head.kind == WIRE_ALLOC_SITE_BLOCK)
		return block->head.site < WIRE_ALLOC_SITES_MAX;
	return block->head.kind == WIRE_ALLOC_BLOCK && len >= sizeof(*block) &&
	       block->stack_bytes <= WIRE_ALLOC_STACK_MAX;
}

static int on_record(void *ctx, void *data, size_t len)
{
	struct alloc_windows *w = ctx;

	if (w->fn && is_sound(data, len))
		w->fn(w->ctx, data);
	return 0;
}

static int share(struct alloc_windows *w)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *base;

	w->mapped_bytes = (sizeof(*w->control) + page - 1) & ~(page - 1);
	base = mmap(NULL, w->mapped_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, w->control_fd, 0);
	if (base == MAP_FAILED)
		return -errno;
	w->control = base;
	/* Others may have used the programs before: their windows are not ours. */
	for (size_t i = 0; i < WIRE_ALLOC_CTRS; i++)
		w->before[i] = w->control->counters[i];
	w->last = (uint32_t)(now_ns() / 1000000);
	w->ring = ring_buffer__new(w->ring_fd, on_record, w, NULL);
	return w->ring ? 0 : -errno;
}

int alloc_windows__new(int ring_fd, int control_fd, struct alloc_windows **out)
{
	struct alloc_windows *w = calloc(1, sizeof(*w));
	int err;

	*out = NULL;
	if (!w) {
		close(ring_fd);
		close(control_fd);
		return -ENOMEM;
	}
	w->ring_fd = ring_fd;
	w->control_fd = control_fd;
	err = share(w);
	if (err) {
		alloc_windows__free(w);
		return err;
	}
	*out = w;
	return 0;
}

void alloc_windows__free(struct alloc_windows *w)
{
	if (!w)
		return;
	if (w->control) {
		w->control->window = 0;
		munmap((void *)w->control, w->mapped_bytes);
	}
	ring_buffer__free(w->ring);
	close(w->ring_fd);
	close(w->control_fd);
	free(w);
}

static bool note_brief(struct alloc_windows *w, uint64_t path)
{
	volatile __u64 *places = &w->control->brief[wire_alloc_path_at(path)];

	for (size_t i = 0; i < WIRE_ALLOC_PATH_WAYS; i++) {
		if (places[i])
			continue;
		places[i] = path;
		return true;
	}
	return false;
}

int alloc_windows__brief(struct alloc_windows *w, const uint64_t *paths, size_t n)
{
	if (w->open)
		return -EBUSY;
	memset((void *)w->control->brief, 0, sizeof(w->control->brief));
	for (size_t i = 0; i < n; i++)
		(void)note_brief(w, paths[i]);
	return 0;
}

int alloc_windows__open(struct alloc_windows *w, const struct alloc_window_opts *opts)
{
	if (w->open)
		return -EBUSY;
	w->control->calls_max = opts->calls_max ?: 1;
	w->control->blocks_max = opts->blocks_max ?: ALLOC_BLOCKS_FIT;
	w->control->sampled = 0;
	w->control->sample_bytes = opts->sample_bytes;
	w->control->brief_sample_bytes = opts->brief_sample_bytes;
	w->control->code_start = opts->code_start;
	w->control->code_end = opts->code_end;
	w->control->outer_only = opts->outer_only;
	w->control->calls = 0;
	w->control->ended_ns = 0;
	w->control->looked = 0;
	memset((void *)w->control->kept, 0, sizeof(w->control->kept));
	w->open = true;
	w->by_itself = false;
	w->told = false;

	w->last = w->last == UINT32_MAX ? 1 : w->last + 1;
	w->opened_ns = now_ns();
	__atomic_store_n(&w->control->window, w->last, __ATOMIC_SEQ_CST);
	return 0;
}

bool alloc_windows__ended(const struct alloc_windows *w)
{
	return w->control->ended_ns != 0;
}

int alloc_windows__fd(const struct alloc_windows *w)
{
	return ring_buffer__epoll_fd(w->ring);
}

int alloc_windows__drain(struct alloc_windows *w, alloc_block_fn fn, void *ctx)
{
	int n;

	w->fn = fn;
	w->ctx = ctx;
	n = ring_buffer__consume(w->ring);
	w->fn = NULL;
	return n < 0 ? n : 0;
}

void alloc_windows__end(struct alloc_windows *w)
{
	__u64 none = 0;

	if (!w->open || w->told)
		return;
	w->told = true;
	/* The programs may come first. */
	w->by_itself = !__atomic_compare_exchange_n(&w->control->ended_ns, &none, now_ns(), false,
						    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

void alloc_windows__looked(struct alloc_windows *w)
{
	__atomic_store_n(&w->control->looked, 1, __ATOMIC_SEQ_CST);
}

bool alloc_windows__keeps(const struct alloc_windows *w, uint64_t pointer)
{
	const volatile __u64 *kept = &w->control->kept[wire_alloc_kept_at(pointer)];

	for (size_t i = 0; i < WIRE_ALLOC_KEPT_WAYS; i++)
		if (kept[i] == pointer)
			return true;
	return false;
}

void alloc_windows__close(struct alloc_windows *w, alloc_block_fn fn, void *ctx,
			  struct alloc_window_stats *stats)
{
	memset(stats, 0, sizeof(*stats));
	if (!w->open)
		return;
	alloc_windows__end(w);

	stats->window = w->last;
	stats->opened_ns = w->opened_ns;
	stats->ended = w->by_itself;
	stats->ended_ns = w->control->ended_ns;

	stats->calls = w->control->calls;
	if (stats->calls > w->control->calls_max)
		stats->calls = w->control->calls_max;
	__atomic_store_n(&w->control->window, 0, __ATOMIC_SEQ_CST);
	w->open = false;
	(void)alloc_windows__drain(w, fn, ctx);
	for (size_t i = 0; i < WIRE_ALLOC_CTRS; i++) {
		uint64_t now = w->control->counters[i];

		stats->counters[i] = now - w->before[i];
		w->before[i] = now;
	}
}

double alloc_block_weight(const struct wire_alloc_head *block)
{
	uint64_t size_bytes = block->size_bytes ?: 1;

	return size_bytes >= block->sample_bytes ? 1
						 : (double)block->sample_bytes / (double)size_bytes;
}

uint64_t alloc_window_cost_ns(const struct alloc_window_stats *stats, uint32_t emulated_ns,
			      uint32_t stepped_ns)
{
	return stats->counters[WIRE_ALLOC_CTR_HITS_EMULATED] * emulated_ns +
	       stats->counters[WIRE_ALLOC_CTR_HITS_STEPPED] * stepped_ns;
}

void alloc_windows__site(const struct alloc_windows *w, uint32_t i, struct wire_alloc_site *out)
{
	memset(out, 0, sizeof(*out));
	if (i < WIRE_ALLOC_SITES_MAX)
		*out = *(const struct wire_alloc_site *)&w->control->sites[i];
}

void alloc_windows__want_blocks(struct alloc_windows *w, uint32_t i, uint32_t n)
{
	if (i < WIRE_ALLOC_SITES_MAX)
		__atomic_store_n(&w->control->sites[i].records_left, (int64_t)n, __ATOMIC_RELAXED);
}
