/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How alerts are told, and what their priorities ask for.
 *
 *	alerts: { rate: 30/min, remind: 4h, group: 30s }
 *	priorities:
 *	  P0: { respond_within: 15min, response: "Emergency scaling" }
 */
#include <math.h>

#include "config/read_parts.h"
#include "config/reader.h"
#include "config/yaml.h"
#include "memory/arena.h"

#define WEEK_NS	     (7 * 86400 * SECOND_NS)
#define RATE_MAX     100000 /* a minute */
#define RATE_ROUNDED 1e-6

static void read_rate(struct reader *r, const struct yaml_node *node, void *ctx)
{
	double per_s = -1, per_min;

	(void)ctx;
	read_quantity(r, node, UNIT_PER_S, &per_s);
	if (per_s < 0)
		return;
	per_min = round(per_s * 60);
	if (per_min < 1 || per_min > RATE_MAX || fabs(per_s * 60 - per_min) > RATE_ROUNDED)
		read_error(r, node, "expected a whole number of alerts from 1/min to %d/min",
			   RATE_MAX);
	else
		r->config->alerts.rate_per_min = (uint32_t)per_min;
}

static void read_remind(struct reader *r, const struct yaml_node *node, void *ctx)
{
	(void)ctx;
	read_ns(r, node, 0, 4 * WEEK_NS, &r->config->alerts.remind_ns);
}

static void read_group(struct reader *r, const struct yaml_node *node, void *ctx)
{
	(void)ctx;
	read_ns(r, node, 0, 86400 * SECOND_NS, &r->config->alerts.group_ns);
}

void read_alerts(struct reader *r, const struct yaml_node *node, void *ctx)
{
	static const struct read_key keys[] = {
		{"rate", read_rate},
		{"remind", read_remind},
		{"group", read_group},
	};

	read_map(r, node, READ_KEYS(keys), ctx);
}

static void read_respond_within(struct reader *r, const struct yaml_node *node, void *ctx)
{
	uint64_t ns = 0;

	read_ns(r, node, SECOND_NS, 52 * WEEK_NS, &ns);
	((struct priority_config *)ctx)->respond_within_s = ns / SECOND_NS;
}

static void read_response(struct reader *r, const struct yaml_node *node, void *ctx)
{
	bool nothing = node->kind == YAML_SCALAR && node->quoted && !node->text[0];

	/* "" is how to have none. */
	((struct priority_config *)ctx)->response = nothing ? arena__strdup(r->arena, "")
							    : read_line(r, node);
}

static void read_priority(struct reader *r, const struct yaml_node *node, unsigned int which)
{
	static const struct read_key keys[] = {
		{"respond_within", read_respond_within},
		{"response", read_response},
	};

	read_map(r, node, READ_KEYS(keys), &r->config->priorities[which]);
}

#define READ_PRIORITY(n)                                                                           \
	static void read_p##n(struct reader *r, const struct yaml_node *node, void *ctx)           \
	{                                                                                          \
		(void)ctx;                                                                         \
		read_priority(r, node, n);                                                         \
	}
READ_PRIORITY(0)
READ_PRIORITY(1)
READ_PRIORITY(2)
READ_PRIORITY(3)

void read_priorities(struct reader *r, const struct yaml_node *node, void *ctx)
{
	static const struct read_key keys[] = {
		{"P0", read_p0},
		{"P1", read_p1},
		{"P2", read_p2},
		{"P3", read_p3},
	};

	read_map(r, node, READ_KEYS(keys), ctx);
}
