/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Users, and the budgets that come on top while so many of them are active.
 *
 *	users:
 *	  tiers:
 *	    - up_to: 5
 *	      budgets: { cpu.usage: { target: 30%, warning: 30% } }
 *	    - name: more users
 *	      budgets: { users.active: { warning: 5 } }
 */
#include <stdio.h>

#include "config/read_parts.h"
#include "config/reader.h"
#include "config/yaml.h"
#include "memory/arena.h"

#define TIER_USERS_MAX 1e6

static void read_port(struct reader *r, const struct yaml_node *node, void *ctx)
{
	double port = 0;

	(void)ctx;
	if (!read_whole(r, node, UNIT_COUNT, 1, 65535, &port))
		return;
	r->config->users.port = (uint16_t)port;
}

static void read_hold(struct reader *r, const struct yaml_node *node, void *ctx)
{
	(void)ctx;
	read_ns(r, node, 0, 86400 * SECOND_NS, &r->config->users.hold_ns);
}

static void read_up_to(struct reader *r, const struct yaml_node *node, void *ctx)
{
	double users = 0;

	if (read_whole(r, node, UNIT_COUNT, 1, TIER_USERS_MAX, &users))
		((struct tier_config *)ctx)->up_to = (uint32_t)users;
}

static void read_name(struct reader *r, const struct yaml_node *node, void *ctx)
{
	((struct tier_config *)ctx)->name = read_line(r, node);
}

static void read_action(struct reader *r, const struct yaml_node *node, void *ctx)
{
	((struct tier_config *)ctx)->action = read_line(r, node);
}

static const struct tier_config *tier_before(const struct config *config)
{
	size_t n = config->users.tiers_n;

	return n ? &config->users.tiers[n - 1] : NULL;
}

/* "up to 5 users", "6 to 15 users", "more than 30 users" */
static char *default_name(struct reader *r, const struct tier_config *tier)
{
	const struct tier_config *before = tier_before(r->config);
	char text[64];

	if (!before && tier->up_to == UINT32_MAX)
		snprintf(text, sizeof(text), "any number of users");
	else if (!before)
		snprintf(text, sizeof(text), "up to %u users", tier->up_to);
	else if (tier->up_to == UINT32_MAX)
		snprintf(text, sizeof(text), "more than %u users", before->up_to);
	else
		snprintf(text, sizeof(text), "%u to %u users", before->up_to + 1, tier->up_to);
	return arena__strdup(r->arena, text);
}

static bool check_order(struct reader *r, const struct yaml_node *node,
			const struct tier_config *tier)
{
	const struct tier_config *before = tier_before(r->config);

	if (r->config->users.tiers_n == CONFIG_TIERS_MAX) {
		read_error(r, node, "more than %d tiers", CONFIG_TIERS_MAX);
		return false;
	}
	if (!before)
		return true;
	if (before->up_to == UINT32_MAX) {
		read_error(r, node,
			   "the tier before this one has no 'up_to': nothing is beyond it");
		return false;
	}
	if (tier->up_to <= before->up_to) {
		read_error(r, node, "up_to (%u) is not above that of the tier before (%u)",
			   tier->up_to, before->up_to);
		return false;
	}
	return true;
}

/* What the budgets of a tier do not say themselves. */
static void finish_budgets(struct reader *r, const struct tier_config *tier, size_t first)
{
	struct config *config = r->config;

	for (size_t i = first; i < config->budgets_n; i++) {
		config->budgets[i].tier = (uint8_t)config->users.tiers_n;
		if (!config->budgets[i].action)
			config->budgets[i].action = tier->action;
	}
}

static void read_tier(struct reader *r, const struct yaml_node *node)
{
	static const struct read_key keys[] = {
		{"up_to", read_up_to},
		{"name", read_name},
		{"action", read_action},
		{"budgets", NULL},
	};
	struct users_config *users = &r->config->users;
	struct tier_config tier = {.up_to = UINT32_MAX}, *item;
	const struct yaml_node *budgets = yaml_get(node, "budgets");
	size_t first = r->config->budgets_n;

	if (!read_map(r, node, READ_KEYS(keys), &tier) || !check_order(r, node, &tier))
		return;
	if (!tier.name)
		tier.name = default_name(r, &tier);
	item = arena__append(r->arena, users->tiers, users->tiers_n, sizeof(*item));
	if (!item)
		return;
	users->tiers = item;
	item[users->tiers_n++] = tier;
	if (budgets)
		read_budget_map(r, budgets);
	finish_budgets(r, &tier, first);
}

/* Without the tiers: budgets may be on the connections of the port. */
void read_users(struct reader *r, const struct yaml_node *node, void *ctx)
{
	static const struct read_key keys[] = {
		{"port", read_port},
		{"hold", read_hold},
		{"tiers", NULL},
	};

	read_map(r, node, READ_KEYS(keys), ctx);
}

void read_tiers(struct reader *r, const struct yaml_node *node, void *ctx)
{
	const struct yaml_node *tiers = yaml_get(node, "tiers");

	(void)ctx;
	if (!tiers)
		return;
	r->config->tiers_given = true;
	if (tiers->kind != YAML_LIST) {
		read_error(r, tiers, "expected a list of tiers (- up_to: 5)");
		return;
	}
	for (const struct yaml_node *n = tiers->first; n; n = n->next)
		read_tier(r, n);
}
