/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * current.c - PyGILState keeps each thread's state in thread specific data, in all versions, so
 * that callbacks from C find it: under one key for all threads.  The first 32 keys of glibc lie in
 * struct pthread, to which pthread_self() points, which is what the state says its thread is.  So
 * the key is the place where every thread has the address of its own state, and nothing else needs
 * to be known.
 */
#include "python/current.h"

#include <errno.h>
#include <stdbool.h>

#include "python/layout.h"
#include "python/memory.h"
#include "python/validate.h"

/* Elsewhere than on x86-64 the C library's thread is laid out in ways that were not tried. */
#ifdef __x86_64__
#define LAYOUT_KNOWN true
#else
#define LAYOUT_KNOWN false
#endif

#define KEYS	      32u
#define KEYS_OFFSET   0x310 /* struct pthread.specific_1stblock of glibc for x86-64 */
#define KEY_BYTES     16    /* struct pthread_key_data: sequence number, value */
#define THREADS_ASKED 64

struct key_votes {
	unsigned int seen[KEYS];
	unsigned int threads;
};

static void ask_thread(struct python_memory *m, const struct python_offsets *o, uint64_t tstate,
		       struct key_votes *votes)
{
	uint64_t self, data[KEYS * KEY_BYTES / 8];

	if (python_memory__read_u64(m, tstate + (uint64_t)o->tstate_thread_id, &self) || !self ||
	    python_memory__read(m, self + KEYS_OFFSET, data, sizeof(data)))
		return;
	votes->threads++;
	for (unsigned int key = 0; key < KEYS; key++)
		votes->seen[key] += data[key * 2 + 1] == tstate;
}

void python_current_find(struct python_memory *m, struct python_offsets *o)
{
	struct key_votes votes = {.threads = 0};
	unsigned int best = 0;
	uint64_t tstate;
	int err = python_memory__read_u64(m, o->interpreter + (uint64_t)o->interpreter_threads,
					  &tstate);

	o->current = PYTHON_CURRENT_UNKNOWN;
	if (!LAYOUT_KNOWN)
		return;
	for (int i = 0; !err && i < THREADS_ASKED && tstate; i++) {
		if (!python_is_tstate(m, o, o->interpreter, tstate))
			break;
		ask_thread(m, o, tstate, &votes);
		err = python_memory__read_u64(m, tstate + (uint64_t)o->tstate_next, &tstate);
	}
	for (unsigned int key = 1; key < KEYS; key++)
		if (votes.seen[key] > votes.seen[best])
			best = key;
	/* A thread that is just starting or ending has none. */
	if (!votes.seen[best] || votes.seen[best] * 2 < votes.threads)
		return;
	o->current = PYTHON_CURRENT_TSS;
	o->current_offset = KEYS_OFFSET + (int64_t)best * KEY_BYTES + 8;
}

/* struct _gil_runtime_state, the same since 3.9: interval, last holder, locked, switches, then: */
#define GIL_HOLDER 8
#define GIL_LOCKED 16
#define GIL_WAIT   32 /* two pairs of a condition and a mutex */
#define GIL_BYTES  208

void python_gil_find(struct python_memory *m, const struct python_layout *layout,
		     struct python_offsets *o)
{
	uint64_t gil = o->runtime + (uint64_t)layout->runtime_gil, holder;
	int32_t locked;

	if (!LAYOUT_KNOWN)
		return;
	if (layout->runtime_gil == PYTHON_NONE &&
	    python_memory__read_u64(m, o->interpreter + (uint64_t)layout->interpreter_gil, &gil))
		return;
	if (!gil || gil % 8 || python_memory__read_u64(m, gil + GIL_HOLDER, &holder) ||
	    python_memory__read(m, gil + GIL_LOCKED, &locked, sizeof(locked)))
		return;
	if (locked < -1 || locked > 1 ||
	    (holder && !python_is_tstate(m, o, o->interpreter, holder)))
		return;
	o->gil = gil;
	o->gil_wait = gil + GIL_WAIT;
	o->gil_wait_bytes = GIL_BYTES - GIL_WAIT;
}
