/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * gc_walk.c - doubly linked rings of PyGC_Head, one for each generation, whose heads are found by
 * what they are: two words in the collector's state that point to what points back to them.
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
#define HEAD_LOOKS    3	   /* at what may be one */
#define STATE_BYTES   512  /* of the collector's state; heads lie in the first of them */
#define REPAIRS_MAX   64   /* places of one list that were read again */
#define LOOK_AT_CLOCK 1024 /* objects between two looks */

static const char too_many_bytes[] = "more bytes than are read";

static bool is_misfit(int err)
{
	return err == -EFAULT || err == -EPROTO;
}

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

static bool is_address(uint64_t word)
{
	return word >= 4096 && word % 4 == 0;
}

/* Whether its neighbours point back to the head; one may just be put in, or be gone already. */
static int is_head(struct gc_walk *w, uint64_t at, bool *yes)
{
	int err = 0;

	*yes = false;
	for (int look = 0; look < HEAD_LOOKS && !*yes; look++) {
		struct node head = {}, next = {}, previous = {};

		err = read_node(w->memory, at, &head);
		if (err || !is_address(head.next) || !is_address(head.previous))
			return err;
		err = read_node(w->memory, head.next, &next);
		if (!err || is_misfit(err))
			err = read_node(w->memory, head.previous, &previous);
		*yes = next.previous == at || previous.next == at;
		if (err && !is_misfit(err))
			return err;
		if (*yes)
			break;
		python_memory__forget(w->memory, at, sizeof(head));
		python_memory__forget(w->memory, head.next, sizeof(next));
		python_memory__forget(w->memory, head.previous, sizeof(previous));
	}
	return 0;
}

static int find_heads(struct gc_walk *w, uint64_t interpreter, uint64_t heads[HEADS_MAX], size_t *n)
{
	const uint64_t state = interpreter + (uint64_t)w->offsets->interpreter_gc;
	int err = 0;

	*n = 0;
	for (uint64_t at = state; at < state + STATE_BYTES && *n < HEADS_MAX; at += 4) {
		bool yes;

		err = is_head(w, at, &yes);
		if (err)
			break;
		if (yes)
			heads[(*n)++] = at;
	}
	w->lists_n += (unsigned int)*n;
	for (size_t i = 0; i < GC_WALK_HEADS; i++)
		w->heads[i] = i < *n ? heads[i] : 0;
	return is_misfit(err) ? 0 : err;
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
		if (err && !is_misfit(err))
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
	if (is_misfit(err))
		return 0;
	*whole = !err;
	return err;
}

/*
 * Each head has two int's behind it.  Behind all three there is the list of what is kept for ever,
 * to 3.13 after one pointer more, which is aligned there: a head that was missed is noticed.
 */
void gc_walk_generations(const struct gc_walk *w, uint64_t generations[GC_WALK_GENERATIONS])
{
	const uint64_t size = 24, *heads = w->heads, kept = heads[3] - heads[0];
	bool fit = heads[0] && heads[1] - heads[0] == size && heads[2] - heads[1] == size &&
		   (kept == 3 * size || kept == 3 * size + 8 || kept == 3 * size + 12);

	for (size_t i = 0; i < GC_WALK_GENERATIONS; i++)
		generations[i] = fit ? heads[i] : 0;
}

int gc_walk_interpreter(struct gc_walk *w, uint64_t interpreter)
{
	uint64_t heads[HEADS_MAX];
	const char *partial = NULL;
	size_t n;
	int err = find_heads(w, interpreter, heads, &n);

	if (err == -EFBIG)
		w->partial = too_many_bytes;
	if (err || !w->lists_n)
		return err == -EFBIG ? 0 : err ?: -ENOENT;
	for (size_t i = 0; i < n; i++) {
		bool whole = false;

		/* There, back, and once more: each sees what the others lost. */
		for (int way = 0; way < 4 && !whole; way++) {
			err = walk_ring(w, heads[i], way & 1, &whole);
			if (err == -EFBIG)
				w->partial = too_many_bytes;
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
