/* SPDX-License-Identifier: GPL-2.0-only */
/* maps.c - arrays and hash tables; every value is an allocation of its own. */
#include "shim.h"

#include <errno.h>
#include <sanitizer/asan_interface.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAPS_MAX 32

struct element {
	unsigned long used; /* stamp of the last use */
	struct element *next;
	int dead; /* deleted or replaced: poisoned, kept until the reset */
	void *key;
	void *value;
};

struct map {
	struct shim_map_def def;
	void **array; /* by index, per-CPU maps by index and CPU; NULL: still zeros */
	struct element *elements;
	__u32 live;
};

static unsigned long uses; /* of hash elements so far */
static struct map maps[MAPS_MAX];
static unsigned maps_n;

void shim_maps_reset(void);

static void *allocate(size_t bytes)
{
	void *data = calloc(1, bytes);

	if (!data)
		abort();
	return data;
}

static int is_hash(__u32 type)
{
	return type == BPF_MAP_TYPE_HASH || type == BPF_MAP_TYPE_LRU_HASH;
}

static __u32 array_size(const struct map *map)
{
	return map->def.max_entries * (map->def.type == BPF_MAP_TYPE_PERCPU_ARRAY ? SHIM_CPUS : 1);
}

void shim_maps_reset(void)
{
	while (maps_n) {
		struct map *map = &maps[--maps_n];

		for (__u32 i = 0; map->array && i < array_size(map); i++)
			free(map->array[i]);
		free(map->array);
		while (map->elements) {
			struct element *e = map->elements;

			map->elements = e->next;
			ASAN_UNPOISON_MEMORY_REGION(e->value, map->def.value_bytes);
			free(e->key);
			free(e->value);
			free(e);
		}
		memset(map, 0, sizeof(*map));
	}
}

static struct map *map_named(const void *id)
{
	for (unsigned i = 0; i < maps_n; i++)
		if (maps[i].def.id == id)
			return &maps[i];
	if (maps_n == MAPS_MAX)
		abort();
	maps[maps_n].def.id = id;
	return &maps[maps_n++];
}

static struct map *map_get(const struct shim_map_def *def)
{
	struct map *map = map_named(def->id);
	__u32 max_entries = map->def.max_entries ? map->def.max_entries : def->max_entries;

	if (map->def.type)
		return map;
	map->def = *def;
	map->def.max_entries = max_entries;
	if (!is_hash(def->type))
		map->array = allocate(array_size(map) * sizeof(void *));
	return map;
}

void shim_set_max_entries(const void *id, __u32 max_entries)
{
	struct map *map = map_named(id);

	if (map->def.type)
		abort(); /* in use already */
	map->def.max_entries = max_entries;
}

static struct element *find(struct map *map, const void *key)
{
	for (struct element *e = map->elements; e; e = e->next)
		if (!e->dead && !memcmp(e->key, key, map->def.key_bytes)) {
			e->used = ++uses;
			return e;
		}
	return NULL;
}

void *shim_lookup_cpu(const struct shim_map_def *def, const void *key, __u32 cpu)
{
	struct map *map = map_get(def);
	__u32 index = *(const __u32 *)key;

	if (index >= map->def.max_entries)
		return NULL;
	if (map->def.type == BPF_MAP_TYPE_PERCPU_ARRAY)
		index = index * SHIM_CPUS + cpu;
	if (!map->array[index])
		map->array[index] = allocate(map->def.value_bytes);
	return map->array[index];
}

void *shim_lookup(const struct shim_map_def *def, const void *key)
{
	struct element *e;

	if (!is_hash(def->type))
		return shim_lookup_cpu(def, key, shim.cpu);
	e = find(map_get(def), key);
	return e ? e->value : NULL;
}

static void kill_element(struct map *map, struct element *e)
{
	e->dead = 1;
	memset(e->value, 0xdb, map->def.value_bytes);
	ASAN_POISON_MEMORY_REGION(e->value, map->def.value_bytes);
	map->live--;
}

static struct element *least_used(struct map *map)
{
	struct element *found = NULL;

	for (struct element *e = map->elements; e; e = e->next)
		if (!e->dead && (!found || e->used < found->used))
			found = e;
	return found;
}

long shim_update(const struct shim_map_def *def, const void *key, const void *value,
		 unsigned long long flags)
{
	struct map *map = map_get(def);
	struct element *old, *e;

	if ((flags != BPF_ANY && flags != BPF_NOEXIST) || !is_hash(map->def.type))
		return -EINVAL;
	old = find(map, key);
	if (old && flags == BPF_NOEXIST)
		return -EEXIST;
	if (!old && map->live >= map->def.max_entries) {
		if (map->def.type != BPF_MAP_TYPE_LRU_HASH)
			return -E2BIG;
		kill_element(map, least_used(map));
	}
	e = allocate(sizeof(*e));
	e->key = allocate(map->def.key_bytes);
	e->value = allocate(map->def.value_bytes);
	memcpy(e->key, key, map->def.key_bytes);
	memcpy(e->value, value, map->def.value_bytes);
	/* As the kernel's hash without preallocation: a new element, the old one is freed. */
	if (old)
		kill_element(map, old);
	e->next = map->elements;
	map->elements = e;
	e->used = ++uses;
	map->live++;
	return 0;
}

long shim_delete(const struct shim_map_def *def, const void *key)
{
	struct map *map = map_get(def);
	struct element *e = find(map, key);

	if (!e)
		return -ENOENT;
	kill_element(map, e);
	return 0;
}

long shim_for_each(const struct shim_map_def *def, long (*step)(void *, void *, void *, void *),
		   void *ctx)
{
	long n = 0;

	for (struct element *e = map_get(def)->elements; e; e = e->next) {
		if (e->dead)
			continue;
		n++;
		if (step((void *)(uintptr_t)def->id, e->key, e->value, ctx))
			break;
	}
	return n;
}
