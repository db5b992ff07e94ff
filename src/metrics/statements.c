/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * statements.c - two tables: of the hashes that the kernel knows, and of redacted texts.
 *
 * A program that writes its values into the text makes a new hash each time, and all of them have
 * one redacted text.  So hashes may be forgotten soon, texts are kept while they come.  Each entry
 * has one of WAYS places; the one not asked for longest goes first.
 */
#include "metrics/statements.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sql/sql.h"

#define WAYS	   4
#define HASH_SETS  1024
#define TEXT_SETS  128
#define FNV_OFFSET 14695981039346656037ULL
#define FNV_PRIME  1099511628211ULL

struct seen {
	uint64_t hash; /* 0: free */
	uint64_t used;
	uint64_t text; /* hash of the redacted text */
	uint32_t id;
	uint32_t cls; /* enum wire_class */
};

struct shown {
	uint64_t hash; /* 0: free */
	uint64_t used;
	uint32_t id; /* changes with the text */
	char *text;
};

struct statements {
	uint64_t clock;
	uint32_t changes; /* texts that were ever put in */
	struct seen seen[HASH_SETS][WAYS];
	struct shown shown[TEXT_SETS][WAYS];
};

struct statements *statements__new(void)
{
	return calloc(1, sizeof(struct statements));
}

void statements__free(struct statements *s)
{
	if (!s)
		return;
	for (size_t set = 0; set < TEXT_SETS; set++)
		for (size_t way = 0; way < WAYS; way++)
			free(s->shown[set][way].text);
	free(s);
}

static uint64_t hash_text(const char *text)
{
	uint64_t hash = FNV_OFFSET;

	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * FNV_PRIME;
	hash ^= hash >> 32;
	return hash ? hash : 1;
}

static struct seen *find_seen(struct statements *s, uint64_t hash)
{
	struct seen *set = s->seen[hash % HASH_SETS];

	for (size_t way = 0; way < WAYS; way++) {
		if (hash && set[way].hash == hash) {
			set[way].used = ++s->clock;
			return &set[way];
		}
	}
	return NULL;
}

static struct seen *place_seen(struct statements *s, uint64_t hash)
{
	struct seen *set = s->seen[hash % HASH_SETS], *oldest = set;

	for (size_t way = 1; way < WAYS; way++)
		if (set[way].used < oldest->used)
			oldest = &set[way];
	return oldest;
}

/* Position and number of changes together: an id is of one text only. */
static uint32_t new_id(struct statements *s, size_t set, size_t way)
{
	uint32_t change = ++s->changes % (UINT32_MAX / (TEXT_SETS * WAYS) - 1);

	return change * TEXT_SETS * WAYS + (uint32_t)(set * WAYS + way) + TEXT_SETS * WAYS;
}

static uint32_t keep_text(struct statements *s, uint64_t hash, const char *text)
{
	size_t set = hash % TEXT_SETS, at = 0;
	struct shown *ways = s->shown[set];

	for (size_t way = 0; way < WAYS; way++) {
		if (ways[way].hash == hash) {
			ways[way].used = ++s->clock;
			return ways[way].id;
		}
		if (ways[way].used < ways[at].used)
			at = way;
	}
	free(ways[at].text);
	ways[at] = (struct shown){
		.hash = hash, .used = ++s->clock, .id = new_id(s, set, at), .text = strdup(text)};
	return ways[at].id;
}

enum wire_class statements__learn(struct statements *s, uint64_t hash, const char *text,
				  size_t bytes, enum language language)
{
	struct seen *seen = find_seen(s, hash);
	char shown[SQL_REDACTED_MAX];

	if (seen && statements__text(s, seen->id))
		return (enum wire_class)seen->cls;
	if (!seen)
		seen = place_seen(s, hash);
	seen->hash = hash;
	seen->used = ++s->clock;
	seen->cls = sql_read(text, bytes, language, shown);
	seen->text = hash_text(shown);
	seen->id = keep_text(s, seen->text, shown);
	return (enum wire_class)seen->cls;
}

enum wire_class statements__class(struct statements *s, uint64_t hash)
{
	const struct seen *seen = find_seen(s, hash);

	return seen ? (enum wire_class)seen->cls : WIRE_CLASS_PENDING;
}

uint32_t statements__id(struct statements *s, uint64_t hash)
{
	const struct seen *seen = find_seen(s, hash);

	return seen ? seen->id : 0;
}

const char *statements__text(const struct statements *s, uint32_t id)
{
	const struct shown *shown;

	if (!id)
		return NULL;
	shown = &s->shown[id / WAYS % TEXT_SETS][id % WAYS];
	return shown->id == id ? shown->text : NULL;
}
