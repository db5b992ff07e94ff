/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * gc_walk.c - doubly linked rings of PyGC_Head, one for each generation, whose heads are found by
 * what they are: a word in the collector's state that points to something that points back to it.
 * So generations may be of any number, as versions have them, and lie at any 4 bytes.
 *
 * While the collector runs, it keeps counts where the backward pointers are; that takes
 * milliseconds, and what is then read does not fit together: it is read again.
 */
#include "python/gc_walk.h"

#include <errno.h>
#include <string.h>

#include "python/memory.h"

#define FLAGS	      3ull /* bits of both pointers that are none of the address */
#define HEADS_MAX     16
#define STATE_BYTES   512  /* of the collector's state; heads lie in the first of them */
#define REPAIRS_MAX   64   /* places of one list that were read again */
#define LOOK_AT_CLOCK 1024 /* objects between two looks */

/* PyGC_Head and the object's first two words. */
struct node {
	uint64_t next, previous, refcount, type;
};

static int read_node(struct python_memory *m, uint64_t at, struct node *node)
{
	int err;

	*node = (struct node){0};
	/* Heads lie at any 4 bytes. */
	err = at % 4 ? -EPROTO : python_memory__read(m, at, node, sizeof(*node));
	node->next &= ~FLAGS;
	node->previous &= ~FLAGS;
	return err;
}

static size_t find_heads(struct gc_walk *w, uint64_t interpreter, uint64_t heads[HEADS_MAX])
{
	const uint64_t state = interpreter + (uint64_t)w->offsets->interpreter_gc;
	uint8_t bytes[STATE_BYTES];
	uint64_t next, back;
	size_t n = 0;

	if (python_memory__read(w->memory, state, bytes, sizeof(bytes)))
		return 0;
	for (size_t at = 0; at + 16 <= sizeof(bytes) && n < HEADS_MAX; at += 4) {
		memcpy(&next, bytes + at, sizeof(next));
		next &= ~FLAGS;
		if (next == state + at) { /* an empty list */
			w->lists_n++;
			continue;
		}
		if (next % 8 || python_memory__read_u64(w->memory, next + 8, &back) ||
		    (back & ~FLAGS) != state + at)
			continue;
		heads[n++] = state + at;
		w->lists_n++;
	}
	return n;
}

static const char *exhausted(const struct gc_walk *w)
{
	if (w->objects_n >= w->objects_max)
		return "more objects than are looked at";
	if (w->until_ns && w->objects_n % LOOK_AT_CLOCK == 0 &&
	    python_memory__now_ns(w->memory) > w->until_ns)
		return "it takes too long";
	return NULL;
}

/*
 * One way along a ring, by `next` or (backwards) by `previous`.  *whole: it came round to the head.
 * A neighbour that does not point back is read anew with the one before.
 */
static int walk_ring(struct gc_walk *w, uint64_t head, bool backwards, bool *whole)
{
	uint64_t at, before = head;
	unsigned int repairs = 0;
	struct node node;
	int err;

	*whole = false;
	err = read_node(w->memory, head, &node);
	at = backwards ? node.previous : node.next;
	while (!err && at != head) {
		uint64_t back;

		w->partial = exhausted(w);
		if (w->partial)
			return 0;
		err = read_node(w->memory, at, &node);
		if (err && err != -EFAULT && err != -EPROTO)
			return err;
		back = backwards ? node.next : node.previous;
		if (!err && back == before) {
			w->objects_n++;
			err = w->fn(w->ctx, at + (uint64_t)w->offsets->gc_head, node.type);
			before = at;
			at = backwards ? node.previous : node.next;
			continue;
		}
		if (repairs++ == REPAIRS_MAX)
			return 0;
		python_memory__forget(w->memory, at, sizeof(node));
		python_memory__forget(w->memory, before, sizeof(node));
		err = read_node(w->memory, before, &node);
		at = backwards ? node.previous : node.next;
	}
	if (err == -EFAULT || err == -EPROTO)
		return 0;
	*whole = !err;
	return err;
}

int gc_walk_interpreter(struct gc_walk *w, uint64_t interpreter)
{
	uint64_t heads[HEADS_MAX];
	const char *partial = NULL;
	size_t n;

	n = find_heads(w, interpreter, heads);
	if (!w->lists_n)
		return -ENOENT;
	for (size_t i = 0; i < n; i++) {
		bool whole = false;

		/* There, back, and once more: each sees what the others lost. */
		for (int way = 0; way < 4 && !whole; way++) {
			int err = walk_ring(w, heads[i], way & 1, &whole);

			if (err == -EFBIG)
				w->partial = "more bytes than are read";
			else if (err)
				return err;
			if (w->partial)
				return 0;
			if (!whole)
				python_memory__forget_all(w->memory);
		}
		if (!whole)
			partial = "a list of objects changed while it was read";
	}
	w->partial = partial;
	return 0;
}
