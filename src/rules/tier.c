/* SPDX-License-Identifier: GPL-2.0-only */
#include "rules/tier.h"

#include <math.h>

/* Ticks that are meant to be `hold` apart may be a little less: see alert.c. */
#define TICK_JITTER_NS 100000000ULL

size_t tier_of(const struct users_config *config, double users)
{
	size_t i = 0;

	while (i + 1 < config->tiers_n && users > config->tiers[i].up_to)
		i++;
	return i;
}

bool tier_step(struct tier *tier, const struct users_config *config, const struct sample *users,
	       uint64_t now_ns)
{
	bool known = !users->idle && users->quality != QUALITY_UNKNOWN && !isnan(users->value);
	size_t before = tier->now, wanted;

	if (!config->tiers_n || !known) {
		tier->below_since_ns = 0;
		return false;
	}
	wanted = tier_of(config, users->value);
	if (wanted >= tier->now) {
		tier->now = wanted;
		tier->below_since_ns = 0;
		return tier->now != before;
	}
	if (!tier->below_since_ns) {
		tier->below_since_ns = now_ns;
		tier->below_most = wanted;
	}
	if (wanted > tier->below_most)
		tier->below_most = wanted;
	if (now_ns - tier->below_since_ns + TICK_JITTER_NS < config->hold_ns)
		return false;
	tier->now = tier->below_most;
	tier->below_since_ns = 0;
	return true;
}
