/* SPDX-License-Identifier: GPL-2.0-only */
#include "rulefile/alert_set.h"

#include <stdlib.h>
#include <string.h>

/* FNV-1a. */
static uint64_t hash_text(uint64_t hash, const char *text)
{
	do
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3ull;
	while (*text++);
	return hash;
}

uint64_t label_list_hash(const struct label *label, size_t n)
{
	uint64_t hash = 0xcbf29ce484222325ull;

	for (size_t i = 0; i < n; i++)
		hash = hash_text(hash_text(hash, label[i].name), label[i].value);
	return hash;
}

bool label_list_equal(const struct label *a, size_t a_n, const struct label *b, size_t b_n)
{
	if (a_n != b_n)
		return false;
	for (size_t i = 0; i < a_n; i++)
		if (strcmp(a[i].name, b[i].name) || strcmp(a[i].value, b[i].value))
			return false;
	return true;
}

/* An insertion sort: it keeps equal names in order, and lists are short and nearly sorted. */
size_t label_list_settle(struct label *label, size_t n)
{
	size_t kept = 0;

	for (size_t i = 1; i < n; i++) {
		struct label moving = label[i];
		size_t at = i;

		for (; at && strcmp(label[at - 1].name, moving.name) > 0; at--)
			label[at] = label[at - 1];
		label[at] = moving;
	}
	for (size_t i = 0; i < n; i++) {
		if (i + 1 < n && !strcmp(label[i].name, label[i + 1].name))
			continue;
		if (label[i].value[0])
			label[kept++] = label[i];
	}
	return kept;
}

struct label *label_list_copy(const struct label *label, size_t n)
{
	size_t bytes = n * sizeof(*label) + 1;
	struct label *copy;
	char *text;

	for (size_t i = 0; i < n; i++)
		bytes += strlen(label[i].name) + strlen(label[i].value) + 2;
	copy = malloc(bytes);
	if (!copy)
		return NULL;
	text = (char *)(copy + n);
	for (size_t i = 0; i < n; i++) {
		copy[i].name = text;
		text = stpcpy(text, label[i].name) + 1;
		copy[i].value = text;
		text = stpcpy(text, label[i].value) + 1;
	}
	return copy;
}

/* The first entry whose hash is not below. */
static size_t lower_bound(const struct alert_set *set, uint64_t hash)
{
	size_t low = 0, high = set->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (set->entry[middle]->hash < hash)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct alert_entry *alert_set__find(const struct alert_set *set, const struct label *label,
				    size_t n, uint64_t hash)
{
	for (size_t i = lower_bound(set, hash); i < set->n && set->entry[i]->hash == hash; i++)
		if (label_list_equal(set->entry[i]->alert.labels, set->entry[i]->alert.labels_n,
				     label, n))
			return set->entry[i];
	return NULL;
}

static void free_entry(struct alert_entry *entry)
{
	if (!entry)
		return;
	free((void *)entry->alert.labels);
	free(entry);
}

static bool make_room(struct alert_set *set)
{
	size_t room = set->room ? set->room * 2 : 4;
	struct alert_entry **entry;

	if (set->n < set->room)
		return true;
	entry = reallocarray(set->entry, room, sizeof(*entry));
	if (!entry)
		return false;
	set->entry = entry;
	set->room = room;
	return true;
}

struct alert_entry *alert_set__add(struct alert_set *set, const struct label *label, size_t n,
				   uint64_t hash)
{
	struct alert_entry *entry = calloc(1, sizeof(*entry));
	size_t at = lower_bound(set, hash);

	if (!entry)
		return NULL;
	entry->hash = hash;
	entry->alert.labels = label_list_copy(label, n);
	entry->alert.labels_n = n;
	if (!entry->alert.labels || !make_room(set)) {
		free_entry(entry);
		return NULL;
	}
	memmove(set->entry + at + 1, set->entry + at, (set->n - at) * sizeof(*set->entry));
	set->entry[at] = entry;
	set->n++;
	return entry;
}

void alert_set__drop(struct alert_set *set, bool (*drop)(const struct alert_entry *entry))
{
	size_t kept = 0;

	for (size_t i = 0; i < set->n; i++) {
		if (drop(set->entry[i]))
			free_entry(set->entry[i]);
		else
			set->entry[kept++] = set->entry[i];
	}
	set->n = kept;
}

void alert_set__free(struct alert_set *set)
{
	for (size_t i = 0; i < set->n; i++)
		free_entry(set->entry[i]);
	free(set->entry);
	*set = (struct alert_set){0};
}
