/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * server_memory.c - which of the target's memory the keeper reads out: the code of its objects
 * freely, since their files are open to the session anyway.  Of all else only words, which the
 * planner (GOT slots, tables of a switch) and the search for deadlocks (mutexes) need, and not
 * more of them in a second than these could want: who takes the session over does not get to read
 * the target's heap.
 *
 * But where the configuration asks for it at the start (Python's functions, leaks), the session
 * does look at objects in the target's heap, and then gets what it asks for.
 */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "keeper/server.h"
#include "target/process_access.h"

#define WORDS_AT_ONCE  16384
#define WORDS_A_SECOND 1024

static bool is_code(const struct object_table *objects, uint64_t addr, size_t len)
{
	uint64_t offset, last;
	const struct object *obj = object_table_lookup(objects, addr, &offset);

	return obj && object_table_lookup(objects, addr + len - 1, &last) == obj &&
	       last - offset == len - 1;
}

/* A bucket that fills again with time. */
static bool may_read_word(struct keeper_server *s)
{
	struct timespec ts;
	uint64_t now_ns, more;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	now_ns = (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
	if (!s->words_since_ns) {
		s->words_since_ns = now_ns;
		s->words_left = WORDS_AT_ONCE;
	}
	more = (now_ns - s->words_since_ns) / (1000000000ULL / WORDS_A_SECOND);
	s->words_since_ns += more * (1000000000ULL / WORDS_A_SECOND);
	s->words_left += more;
	if (s->words_left > WORDS_AT_ONCE)
		s->words_left = WORDS_AT_ONCE;
	if (!s->words_left)
		return false;
	s->words_left--;
	return true;
}

int keeper_server_memory(struct keeper_server *s, uint64_t addr, void *buf, size_t len)
{
	if (is_code(&s->objects, addr, len))
		return process_read_memory(&s->proc, addr, buf, len);
	if (len > KEEPER_WORD_MAX)
		return -EPERM;
	return may_read_word(s) ? process_read_memory(&s->proc, addr, buf, len) : -EBUSY;
}

ssize_t keeper_server_scatter(struct keeper_server *s, const struct keeper_piece *pieces, size_t n,
			      char buf[KEEPER_PIECES_MAX + KEEPER_MEMORY_MAX])
{
	struct process_memory_part parts[KEEPER_PIECES_MAX];
	size_t used = n;
	int err;

	if (!s->opts->objects)
		return -EPERM;
	for (size_t i = 0; i < n; i++) {
		parts[i] = (struct process_memory_part){.address = pieces[i].address,
							.buf = buf + used,
							.length = pieces[i].length};
		used += pieces[i].length;
	}
	err = process_read_scatter(&s->proc, parts, n);
	if (err)
		return err;
	for (size_t i = 0; i < n; i++) {
		buf[i] = parts[i].err != 0;
		if (parts[i].err)
			memset(parts[i].buf, 0, parts[i].length);
	}
	return (ssize_t)used;
}
