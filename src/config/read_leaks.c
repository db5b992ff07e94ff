/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How leaks are looked for.
 *
 *	leaks: { hunt: yes, above: 5MB/h, interval: 4s, settle: 10s, watch: 10s, calls: 2000,
 *		 debuginfod: no }
 */
#include "config/errors.h"
#include "config/read_parts.h"
#include "config/reader.h"
#include "config/yaml.h"

#define HOUR_NS (3600 * SECOND_NS)

static void read_hunt(struct reader *r, const struct yaml_node *node, void *ctx)
{
	struct leaks_config *leaks = ctx;
	size_t before = config_errors__count(r->errors);
	bool hunt = false;

	read_bool(r, node, &hunt);
	if (config_errors__count(r->errors) == before)
		leaks->hunt = hunt ? LEAKS_HUNT_YES : LEAKS_HUNT_NO;
}

static void read_above(struct reader *r, const struct yaml_node *node, void *ctx)
{
	struct leaks_config *leaks = ctx;
	double above = 0;
	size_t before = config_errors__count(r->errors);

	read_quantity(r, node, UNIT_BYTES_PER_H, &above);
	if (config_errors__count(r->errors) != before)
		return;
	if (above < 0)
		read_error(r, node, "a growth of less than nothing is no leak");
	else
		leaks->above_bytes_per_h = above;
}

static void read_interval(struct reader *r, const struct yaml_node *node, void *ctx)
{
	read_ns(r, node, SECOND_NS, HOUR_NS, &((struct leaks_config *)ctx)->interval_ns);
}

static void read_settle(struct reader *r, const struct yaml_node *node, void *ctx)
{
	read_ns(r, node, SECOND_NS, 24 * HOUR_NS, &((struct leaks_config *)ctx)->settle_ns);
}

static void read_watch(struct reader *r, const struct yaml_node *node, void *ctx)
{
	read_ns(r, node, SECOND_NS, HOUR_NS, &((struct leaks_config *)ctx)->watch_ns);
}

static void read_calls(struct reader *r, const struct yaml_node *node, void *ctx)
{
	double calls = 0;

	if (read_whole(r, node, UNIT_COUNT, 100, 1000000, &calls))
		((struct leaks_config *)ctx)->calls = (uint32_t)calls;
}

static void read_debuginfod(struct reader *r, const struct yaml_node *node, void *ctx)
{
	read_bool(r, node, &((struct leaks_config *)ctx)->debuginfod);
}

void read_leaks(struct reader *r, const struct yaml_node *node, void *ctx)
{
	static const struct read_key keys[] = {
		{"hunt", read_hunt},
		{"above", read_above},
		{"interval", read_interval},
		{"settle", read_settle},
		{"watch", read_watch},
		{"calls", read_calls},
		{"debuginfod", read_debuginfod},
	};

	(void)ctx;
	read_map(r, node, READ_KEYS(keys), &r->config->leaks);
}
