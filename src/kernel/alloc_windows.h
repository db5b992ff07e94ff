/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * alloc_windows.h - allocations of the target, watched for a number of calls at a time.
 *
 * The session's side: the programs were loaded by the keeper (alloc_programs.h), the probes are
 * links of the caller's.  One window goes so (watch/alloc_window.h does it):
 *
 * 1. attach the probes;
 * 2. alloc_windows__open(): the programs record from now on;
 * 3. poll alloc_windows__fd(), readable when the window ended and now and then for records, and
 *    alloc_windows__drain(): ALLOC_BLOCKS_FIT fit;
 * 4. alloc_windows__end(), as soon as alloc_windows__ended() or when its time is over;
 * 5. look at the blocks, which of them are there, then alloc_windows__looked();
 * 6. detach the probes, one after the other: what they see now is late;
 * 7. alloc_windows__close(): what it saw; drains what is left.
 *
 * One thread at a time.  Nothing of it is pinned: it ends with the process.
 */
#ifndef CHESHIRE_KERNEL_ALLOC_WINDOWS_H
#define CHESHIRE_KERNEL_ALLOC_WINDOWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cheshire/wire_alloc.h"

struct alloc_windows;

/* Records that the ring buffer holds while nobody reads. */
#define ALLOC_BLOCKS_FIT 480

/* Takes the descriptors of the two maps over, also on failure.  0 or a negative errno. */
int alloc_windows__new(int ring_fd, int control_fd, struct alloc_windows **out);
void alloc_windows__free(struct alloc_windows *windows);

struct alloc_window_opts {
	uint64_t calls_max;  /* of all functions and threads together; at least 1 */
	uint32_t blocks_max; /* that are sampled; 0: ALLOC_BLOCKS_FIT, so that none is lost */

	uint32_t sample_bytes; /* a call becomes a record with the probability size / sample_bytes:
				* so often in that many bytes, whatever the sizes; 0: each does */
	uint32_t brief_sample_bytes; /* the same for calls of paths that alloc_windows__brief() has
				      * been told */
	uint64_t code_start, code_end; /* addresses of the allocator's code */
	/*
	 * What that code calls by itself is not looked at.  To be said where its own functions are
	 * not probed: else such a call is known by the one that it is part of.
	 */
	bool outer_only;
};

/* What a window saw. */
struct alloc_window_stats {
	uint32_t window;    /* its number, from 1 */
	uint64_t opened_ns; /* CLOCK_MONOTONIC; all probes are there */
	uint64_t ended_ns; /* when it had seen enough, or was told to end: until then it sees all */
	uint64_t calls;	   /* by the target's code, of the functions that were probed, until then */
	bool ended;	   /* by calls_max or blocks_max, not by time */
	/* enum wire_alloc_counter, since the window before was closed */
	uint64_t counters[WIRE_ALLOC_CTRS];
};

/*
 * The paths (wire_alloc_path) whose blocks are known not to last, in place of those before; what
 * finds no room is sampled as others are.  -EBUSY: a window is open.
 */
int alloc_windows__brief(struct alloc_windows *windows, const uint64_t *paths, size_t n);
/* -EBUSY: one is open. */
int alloc_windows__open(struct alloc_windows *windows, const struct alloc_window_opts *opts);
/* Has it seen enough? */
bool alloc_windows__ended(const struct alloc_windows *windows);
/* Readable when it ended, or when some sixteen records wait. */
int alloc_windows__fd(const struct alloc_windows *windows);

/*
 * The records that are there, checked: `block` has its stack (stack_bytes of it) only where
 * head.kind is WIRE_ALLOC_BLOCK; for WIRE_ALLOC_SITE_BLOCK no more than the head may be looked at.
 * Valid during the call.
 */
typedef void (*alloc_block_fn)(void *ctx, const struct wire_alloc *block);
int alloc_windows__drain(struct alloc_windows *windows, alloc_block_fn fn, void *ctx);

/* It sees no further calls; those under way may return.  Before the probes are taken off. */
void alloc_windows__end(struct alloc_windows *windows);
/*
 * The blocks were looked at.  Until then the programs see which addresses are handed out again,
 * also behind the window's end.
 */
void alloc_windows__looked(struct alloc_windows *windows);
/*
 * Of a block that has head.kept: has no call been given its address since, nor realloc the block?
 * Meant until the next window; while one is open it may yet become false.
 */
bool alloc_windows__keeps(const struct alloc_windows *windows, uint64_t pointer);
/* After the probes were taken off; fn gets what is left. */
void alloc_windows__close(struct alloc_windows *windows, alloc_block_fn fn, void *ctx,
			  struct alloc_window_stats *stats);

/* How many calls the sampled one stands for: 1, or more where it had been sampled by its size. */
double alloc_block_weight(const struct wire_alloc_head *block);

/*
 * The time that the window's traps took from the target, by what a trap costs
 * (calibration.trap[].hot_ns): no measurement, for the ledger.
 */
uint64_t alloc_window_cost_ns(const struct alloc_window_stats *stats, uint32_t emulated_ns,
			      uint32_t stepped_ns);

/*
 * What a call site counted, since the programs were loaded; i below WIRE_ALLOC_SITES_MAX.  It
 * counts calls and the bytes they ask for, exactly; what becomes of the blocks it does not know.
 */
void alloc_windows__site(const struct alloc_windows *windows, uint32_t i,
			 struct wire_alloc_site *out);
/* So many of the site's next blocks come as records of their own (WIRE_ALLOC_SITE_BLOCK). */
void alloc_windows__want_blocks(struct alloc_windows *windows, uint32_t i, uint32_t n);

#endif
