/* SPDX-License-Identifier: GPL-2.0-only */
#include "metrics/deadlock.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_BYTES 32

struct waiting {
	struct lock_wait wait;
	uint64_t since_ns; /* seen first */
	struct lock_owner owner;
};

struct table {
	size_t n;
	struct waiting row[DEADLOCK_WAITS_MAX]; /* ascending by tid */
};

struct deadlock {
	struct table table[2];
	unsigned int now; /* index of the table in force */
	uint64_t due_ns;
	char why[320];
};

/* Appends to a sentence; what does not fit is cut. */
struct sentence {
	char *text;
	size_t size, len;
};

struct look {
	const struct table *table;
	const struct deadlock_ops *ops;
	void *ctx;
	uint64_t now_ns;
};

struct deadlock *deadlock__new(void)
{
	return calloc(1, sizeof(struct deadlock));
}

void deadlock__free(struct deadlock *d)
{
	free(d);
}

static void __attribute__((format(printf, 2, 3))) say(struct sentence *s, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(s->text + s->len, s->size - s->len, format, args);
	va_end(args);
	if (n < 0)
		return;
	s->len += (size_t)n < s->size - s->len ? (size_t)n : s->size - s->len - 1;
}

static void say_thread(struct sentence *s, const struct look *look, uint32_t tid)
{
	char name[NAME_MAX_BYTES] = "";

	look->ops->name(look->ctx, tid, name, sizeof(name));
	say(s, "thread '%s' (%" PRIu32 ")", name, tid);
}

static int by_tid(const void *a, const void *b)
{
	uint32_t x = ((const struct lock_wait *)a)->tid, y = ((const struct lock_wait *)b)->tid;

	return (x > y) - (x < y);
}

static int by_row_tid(const void *key, const void *row)
{
	uint32_t x = *(const uint32_t *)key, y = ((const struct waiting *)row)->wait.tid;

	return (x > y) - (x < y);
}

static const struct waiting *find(const struct table *table, uint32_t tid)
{
	return bsearch(&tid, table->row, table->n, sizeof(table->row[0]), by_row_tid);
}

static bool same_wait(const struct lock_wait *a, const struct lock_wait *b)
{
	return a->address == b->address && a->switches == b->switches && a->value == b->value &&
	       a->flags == b->flags;
}

static bool same_owner(const struct lock_owner *a, const struct lock_owner *b)
{
	return a->tid == b->tid && (a->state == LOCK_OWNER_ENDED) == (b->state == LOCK_OWNER_ENDED);
}

/* Whose a lock is costs a read of the target's memory: it is asked of waits that last. */
static void take(struct waiting *row, const struct waiting *before, const struct look *look)
{
	row->since_ns = look->now_ns;
	row->owner = (struct lock_owner){LOCK_OWNER_UNKNOWN, 0};
	if (!before || !same_wait(&before->wait, &row->wait))
		return;
	look->ops->owner(look->ctx, &row->wait, &row->owner);
	/* It has changed hands. */
	if (before->owner.state != LOCK_OWNER_UNKNOWN && !same_owner(&before->owner, &row->owner))
		return;
	row->since_ns = before->since_ns;
}

static bool lasts(const struct waiting *row, uint64_t now_ns, uint64_t for_ns)
{
	return row->owner.state != LOCK_OWNER_UNKNOWN && now_ns - row->since_ns >= for_ns;
}

/* The wait of the thread that holds what this one waits for; NULL: it waits for no lock. */
static const struct waiting *next(const struct look *look, const struct waiting *row)
{
	const struct waiting *owner = find(look->table, row->owner.tid);

	return owner && lasts(owner, look->now_ns, DEADLOCK_SURE_NS) ? owner : NULL;
}

/* How many threads the cycle has that the thread of this row is in; 0: it is in none. */
static size_t cycle_of(const struct look *look, const struct waiting *row)
{
	const struct waiting *at = row;

	if (!lasts(row, look->now_ns, DEADLOCK_SURE_NS))
		return 0;
	for (size_t n = 1; n <= DEADLOCK_CHAIN_MAX; n++) {
		at = next(look, at);
		if (!at)
			return 0;
		if (at == row)
			return n;
	}
	return 0;
}

static void say_cycle(struct sentence *s, const struct look *look, const struct waiting *row,
		      size_t n)
{
	say(s, "deadlock: ");
	say_thread(s, look, row->wait.tid);
	if (n == 1) {
		say(s, " waits for a lock that it holds itself");
		return;
	}
	for (size_t i = 0; i < n && i < DEADLOCK_THREADS_MAX; i++) {
		say(s, "%s waits for a lock held by ", i ? ", which" : "");
		row = next(look, row);
		say_thread(s, look, row->wait.tid);
	}
	if (n > DEADLOCK_THREADS_MAX)
		say(s, ", and so on through %zu threads", n);
}

static void say_held(struct sentence *s, const struct look *look, const struct waiting *row)
{
	uint64_t waited_s = (look->now_ns - row->since_ns) / 1000000000ULL;

	say_thread(s, look, row->wait.tid);
	if (row->owner.state == LOCK_OWNER_ENDED) {
		say(s, " waits for a lock whose owner (thread %" PRIu32 ") has ended",
		    row->owner.tid);
		return;
	}
	say(s, " has waited %" PRIu64 " s and more for a lock held by ", waited_s);
	say_thread(s, look, row->owner.tid);
	say(s, ", which %s", row->owner.state == LOCK_OWNER_RUNS ? "runs" : "sleeps");
}

/* How long this wait may last, by what is known of who would have to end it. */
static uint64_t patience_ns(const struct look *look, const struct waiting *row)
{
	const struct waiting *last = row;

	if (row->owner.state == LOCK_OWNER_ENDED)
		return DEADLOCK_SURE_NS;
	for (size_t n = 0; row && n < DEADLOCK_CHAIN_MAX; n++) {
		last = row;
		row = find(look->table, row->owner.tid);
	}
	if (last->owner.state == LOCK_OWNER_UNKNOWN || last->owner.state == LOCK_OWNER_IDLE)
		return UINT64_MAX;
	return DEADLOCK_HELD_NS;
}

/* The worst first: a cycle, an owner that has ended, then the longest wait. */
static void judge(struct deadlock *d, const struct look *look)
{
	struct sentence s = {.text = d->why, .size = sizeof(d->why)};
	const struct table *table = look->table;
	const struct waiting *worst = NULL;
	size_t stuck = 0;

	d->why[0] = '\0';
	d->due_ns = UINT64_MAX;
	for (size_t i = 0; i < table->n; i++) {
		const struct waiting *row = &table->row[i];
		uint64_t patience = patience_ns(look, row);
		size_t n = d->why[0] ? 0 : cycle_of(look, row);

		if (n)
			say_cycle(&s, look, row, n);
		if (patience == UINT64_MAX)
			continue;
		if (look->now_ns - row->since_ns < patience) {
			if (row->since_ns + patience < d->due_ns)
				d->due_ns = row->since_ns + patience;
			continue;
		}
		stuck++;
		if (!worst || row->owner.state > worst->owner.state ||
		    (row->owner.state == worst->owner.state && row->since_ns < worst->since_ns))
			worst = row;
	}
	if (worst && !d->why[0])
		say_held(&s, look, worst);
	if (d->why[0] && stuck > 1)
		say(&s, "; %zu threads wait so in all", stuck);
}

void deadlock__feed(struct deadlock *d, struct lock_wait *waits, size_t n,
		    const struct deadlock_ops *ops, void *ctx, uint64_t now_ns)
{
	const struct table *before = &d->table[d->now];
	struct table *table = &d->table[!d->now];
	const struct look look = {table, ops, ctx, now_ns};

	qsort(waits, n, sizeof(waits[0]), by_tid);
	table->n = n < DEADLOCK_WAITS_MAX ? n : DEADLOCK_WAITS_MAX;
	for (size_t i = 0; i < table->n; i++) {
		table->row[i].wait = waits[i];
		take(&table->row[i], find(before, waits[i].tid), &look);
	}
	d->now = !d->now;
	judge(d, &look);
}

uint64_t deadlock__due_ns(const struct deadlock *d)
{
	return d->due_ns;
}

const char *deadlock__why(const struct deadlock *d)
{
	return d->why[0] ? d->why : NULL;
}
