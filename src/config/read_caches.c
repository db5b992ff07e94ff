/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Caches: the functions of one, and what tells a hit.
 *
 *	caches:
 *	  tts:
 *	    lookup: { probe: "assistant:tts_cache_get", hit: "ret != 0" }
 *	    insert: { probe: "assistant:tts_cache_put", bytes: arg3 }
 *	    evict: { probe: "assistant:tts_cache_drop", bytes: "*(arg1 + 24)" }
 *
 * A cache is a stage of a kind of its own, called "cache.tts", that is no part of a turn.
 */
#include <stdio.h>
#include <string.h>

#include "memory/arena.h"
#include "config/metric_names.h"
#include "config/read_parts.h"
#include "config/reader.h"
#include "config/yaml.h"

#define LOOKUP_VALUES (PROBE_FOUND | PROBE_WHERE | PROBE_ERROR | PROBE_SIZE | PROBE_EXIT)
#define BYTES_VALUES  (PROBE_BYTES | PROBE_WHERE | PROBE_SIZE | PROBE_EXIT)

/* True when the probe, or each of the list, has a condition of a hit; else it is said. */
static void check_hits(struct reader *r, const struct yaml_node *node,
		       const struct probe_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->item[i].probe && list->item[i].when.base == WIRE_BASE_NONE)
			read_error(r, node,
				   "'hit' is missing: what tells that a look-up has found "
				   "something, such as \"ret != 0\"");
}

static void read_lookup(struct reader *r, const struct yaml_node *node, void *ctx)
{
	const struct probe_place place = {.what = "a look-up", .values = LOOKUP_VALUES};
	struct stage_config *cache = ctx;

	read_probes(r, node, &place, &cache->call);
	check_hits(r, node, &cache->call);
}

static void read_insert(struct reader *r, const struct yaml_node *node, void *ctx)
{
	const struct probe_place place = {
		.what = "an insertion", .values = BYTES_VALUES, .entry = true};

	read_probes(r, node, &place, &((struct stage_config *)ctx)->insert);
}

static void read_evict(struct reader *r, const struct yaml_node *node, void *ctx)
{
	const struct probe_place place = {
		.what = "an eviction", .values = BYTES_VALUES, .entry = true};

	read_probes(r, node, &place, &((struct stage_config *)ctx)->evict);
}

static const struct read_key cache_keys[] = {
	{"lookup", read_lookup},
	{"insert", read_insert},
	{"evict", read_evict},
};

static struct stage_config *add_cache(struct reader *r, const struct yaml_node *key)
{
	struct config *config = r->config;
	char name[METRIC_STAGE_MAX];
	struct stage_config *cache;

	if (!read_is_name(key->text) ||
	    strlen(METRIC_CACHE_PREFIX) + strlen(key->text) >= sizeof(name)) {
		read_error(r, key,
			   "'%.60s' is no name: lower-case letters, digits and _, "
			   "a letter first, at most %zu",
			   key->text, sizeof(name) - sizeof(METRIC_CACHE_PREFIX));
		return NULL;
	}
	if (config->stages_n == WIRE_STAGES_MAX) {
		read_error(r, key, "more than %d stages and caches", WIRE_STAGES_MAX);
		return NULL;
	}
	cache = arena__append(r->arena, config->stages, config->stages_n, sizeof(*cache));
	if (!cache)
		return NULL;
	config->stages = cache;
	cache += config->stages_n++;
	snprintf(name, sizeof(name), METRIC_CACHE_PREFIX "%s", key->text);
	cache->name = arena__strdup(r->arena, name);
	cache->pos = read_pos(r, key);
	cache->kind = STAGE_CACHE;
	return cache;
}

void read_caches(struct reader *r, const struct yaml_node *node, void *ctx)
{
	struct stage_config *cache;

	(void)ctx;
	if (node->kind != YAML_MAP) {
		read_error(r, node, "expected a mapping of caches (name: { lookup: … })");
		return;
	}
	for (const struct yaml_node *n = node->first; n; n = n->next) {
		cache = n->key->text ? add_cache(r, n->key) : NULL;
		if (!cache || !read_map(r, n, READ_KEYS(cache_keys), cache))
			continue;
		if (!yaml_get(n, "lookup"))
			read_error(r, n->key,
				   "'lookup' is missing: the function that looks "
				   "something up");
	}
}
