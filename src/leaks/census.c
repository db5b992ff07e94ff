/* SPDX-License-Identifier: GPL-2.0-only */
#include "leaks/census.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "leaks/census_types.h"

#define NS_PER_S 1e9
/* Open addressing; at most three quarters are filled. */
#define SLOTS	   (1u << 17)
#define SLOTS_FULL (SLOTS / 4 * 3)
/* Fewer words that look like objects of a type are by chance, or do not matter. */
#define OBJECTS_FEW    8u
#define OWN_WEIGHT     8.0
#define REFERENCES_MAX 10000000u
#define ITEMS_MAX      (1u << 24)
#define OBJECT_ALIGN   16u

struct slot {
	uint64_t type; /* 0: free */
	uint64_t objects, items;
};

struct census {
	struct mapping *maps; /* of this count: owned */
	size_t maps_n, map;
	uint64_t map_at;
	uint64_t low, high; /* of all writable memory: types lie in it */
	struct slot *slots;
	size_t slots_n;
	struct census_kind *kinds; /* types that were looked up, ascending by address */
	size_t kinds_n;
	unsigned int counts_n;
	uint64_t begun_ns, before_ns, lost, read_bytes;
	bool counting;
	uint64_t buf[MEMORY_READ_BYTES / 8];
};

struct census *census__new(void)
{
	struct census *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->slots = calloc(SLOTS, sizeof(*c->slots));
	c->kinds = calloc(CENSUS_TYPES_MAX, sizeof(*c->kinds));
	if (!c->slots || !c->kinds) {
		census__free(c);
		errno = ENOMEM;
		return NULL;
	}
	return c;
}

void census__free(struct census *c)
{
	if (!c)
		return;
	free(c->maps);
	free(c->slots);
	free(c->kinds);
	free(c);
}

static bool holds_objects(const struct mapping *m)
{
	return m->writable &&
	       (m->kind == MAPPING_HEAP || m->kind == MAPPING_ANON || m->kind == MAPPING_DATA);
}

int census__begin(struct census *c, const struct mappings *mappings, uint64_t now_ns)
{
	struct mapping *maps = calloc(mappings->n + 1, sizeof(*maps));

	if (!maps)
		return -ENOMEM;
	free(c->maps);
	c->maps = maps;
	c->maps_n = c->map = 0;
	c->map_at = 0;
	for (size_t i = 0; i < mappings->n; i++)
		if (holds_objects(&mappings->all[i]))
			maps[c->maps_n++] = mappings->all[i];
	c->low = c->maps_n ? maps[0].start : 0;
	c->high = c->maps_n ? maps[c->maps_n - 1].end : 0;
	memset(c->slots, 0, SLOTS * sizeof(*c->slots));
	c->slots_n = 0;
	c->lost = 0;
	/* Of one that was given up nothing is known: the one before it stays the one before. */
	if (!c->counting)
		c->before_ns = c->begun_ns;
	for (size_t i = 0; i < c->kinds_n && !c->counting; i++) {
		c->kinds[i].before = c->kinds[i].now;
		c->kinds[i].before_items = c->kinds[i].now_items;
	}
	c->begun_ns = now_ns;
	c->counting = true;
	return 0;
}

static void count_object(struct census *c, uint64_t type, uint64_t items)
{
	size_t at = (type >> 4) * 0x9e3779b97f4a7c15ULL >> 40 & (SLOTS - 1);

	while (c->slots[at].type && c->slots[at].type != type)
		at = (at + 1) & (SLOTS - 1);
	if (!c->slots[at].type) {
		if (c->slots_n == SLOTS_FULL) {
			c->lost++;
			return;
		}
		c->slots[at].type = type;
		c->slots_n++;
	}
	c->slots[at].objects++;
	c->slots[at].items += items < ITEMS_MAX ? items : 0;
}

/*
 * The lower half of the first word counts references; the upper one is none of it since 3.14, and 0
 * before.  Those that never die (3.12 on) have a count that is out of bounds.
 */
static bool looks_like_object(const struct census *c, const uint64_t *words)
{
	return (uint32_t)words[0] - 1 < REFERENCES_MAX && !(words[0] >> 32 & 0xffff) &&
	       words[1] - c->low < c->high - c->low && !(words[1] % OBJECT_ALIGN);
}

static void scan_words(struct census *c, size_t n)
{
	for (size_t i = 0; i + 1 < n; i += OBJECT_ALIGN / 8)
		if (looks_like_object(c, c->buf + i))
			count_object(c, c->buf[i + 1], i + 2 < n ? c->buf[i + 2] : 0);
}

static int scan_piece(struct census *c, const struct target_memory *memory)
{
	const struct mapping *m = &c->maps[c->map];
	uint64_t left = m->end - m->start - c->map_at;
	uint64_t bytes = left < MEMORY_READ_BYTES ? left : MEMORY_READ_BYTES;
	int err = target_memory_read(memory, m->start + c->map_at, c->buf, bytes);

	if (!err) {
		scan_words(c, bytes / 8);
		c->read_bytes += bytes;
	}
	c->map_at += bytes;
	if (c->map_at >= m->end - m->start) {
		c->map++;
		c->map_at = 0;
	}
	return err == -EFAULT ? 0 : err;
}

static struct census_kind *find_kind(const struct census *c, uint64_t addr)
{
	size_t low = 0, high = c->kinds_n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (c->kinds[mid].addr == addr)
			return &c->kinds[mid];
		if (c->kinds[mid].addr < addr)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

static int compare_kinds(const void *a, const void *b)
{
	const struct census_kind *x = a, *y = b;

	return (x->addr > y->addr) - (x->addr < y->addr);
}

static int compare_slots(const void *a, const void *b)
{
	const struct slot *x = a, *y = b;

	return (x->objects < y->objects) - (x->objects > y->objects);
}

/* What is new, the most frequent first, as far as there is room.  The table is one no more. */
static int look_up_new(struct census *c, const struct target_memory *memory)
{
	size_t known = c->kinds_n, n = 0;
	int err;

	for (size_t i = 0, to = 0; to < c->slots_n; i++)
		if (c->slots[i].type)
			c->slots[to++] = c->slots[i];
	if (c->slots_n)
		qsort(c->slots, c->slots_n, sizeof(*c->slots), compare_slots);
	for (size_t i = 0; i < c->slots_n && known + n < CENSUS_TYPES_MAX; i++) {
		if (c->slots[i].objects < OBJECTS_FEW)
			break;
		if (!find_kind(c, c->slots[i].type))
			c->kinds[known + n++] = (struct census_kind){.addr = c->slots[i].type};
	}
	err = census_look_up(memory, c->kinds + known, &n);
	if (err)
		return err;
	c->kinds_n = known + n;
	qsort(c->kinds, c->kinds_n, sizeof(*c->kinds), compare_kinds);
	return 0;
}

static int finish(struct census *c, const struct target_memory *memory)
{
	int err = look_up_new(c, memory);

	if (err)
		return err;
	for (size_t i = 0; i < c->kinds_n; i++)
		c->kinds[i].now = c->kinds[i].now_items = 0;
	for (size_t i = 0; i < c->slots_n; i++) {
		struct census_kind *kind = find_kind(c, c->slots[i].type);

		if (!kind)
			continue;
		kind->now = c->slots[i].objects;
		kind->now_items = c->slots[i].items;
	}
	c->counting = false;
	c->counts_n++;
	return 0;
}

int census__step(struct census *c, const struct target_memory *memory, uint64_t budget_bytes)
{
	uint64_t done = 0;

	if (!c->counting)
		return 0;
	while (c->map < c->maps_n) {
		int err;

		if (done >= budget_bytes)
			return 1;
		done += MEMORY_READ_BYTES;
		err = scan_piece(c, memory);
		if (err)
			return err;
	}
	return finish(c, memory);
}

/* An object of a class of the program's own takes its parts with it: they weigh as much again. */
static double growth_of(const struct census_type *t)
{
	return ((double)t->now_bytes - (double)t->before_bytes) * (t->builtin ? 1 : OWN_WEIGHT);
}

static int compare_types(const void *a, const void *b)
{
	const struct census_type *x = a, *y = b;
	double left = growth_of(x), right = growth_of(y);

	if (left != right)
		return (left < right) - (left > right);
	return (x->now < y->now) - (x->now > y->now);
}

static void fill_type(const struct census_kind *kind, struct census_type *out)
{
	*out = (struct census_type){
		.addr = kind->addr,
		.before = kind->before,
		.now = kind->now,
		.before_bytes =
			kind->before * kind->basic_bytes + kind->before_items * kind->item_bytes,
		.now_bytes = kind->now * kind->basic_bytes + kind->now_items * kind->item_bytes,
		.bytes_known = kind->bytes_known,
		.builtin = kind->builtin,
	};
	memcpy(out->name, kind->name, sizeof(out->name));
}

size_t census__growing(const struct census *c, struct census_type *types, size_t max,
		       double *elapsed_s)
{
	struct census_type *all;
	size_t n = 0;

	*elapsed_s = (double)(c->begun_ns - c->before_ns) / NS_PER_S;
	if (c->counts_n < 2 || c->counting)
		return 0;
	all = calloc(c->kinds_n + 1, sizeof(*all));
	for (size_t i = 0; all && i < c->kinds_n; i++)
		if (c->kinds[i].now > c->kinds[i].before)
			fill_type(&c->kinds[i], &all[n++]);
	if (n)
		qsort(all, n, sizeof(*all), compare_types);
	if (n > max)
		n = max;
	if (n)
		memcpy(types, all, n * sizeof(*types));
	free(all);
	return n;
}

uint64_t census__lost(const struct census *c)
{
	return c->lost;
}

uint64_t census__read_bytes(const struct census *c)
{
	return c->read_bytes;
}
