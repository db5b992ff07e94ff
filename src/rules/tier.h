/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tier.h - which budgets come on top for so many users.
 *
 * More users than the tier allows: the higher one is in force at once.  Fewer: after `hold` without
 * a break, the highest that was asked for meanwhile.  While the number is not known, the tier
 * stays.
 */
#ifndef CHESHIRE_RULES_TIER_H
#define CHESHIRE_RULES_TIER_H

#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "metrics/sample.h"

/* All zero: the first tier. */
struct tier {
	size_t now;		 /* index into the tiers */
	uint64_t below_since_ns; /* a lower one has been asked for since; 0: not */
	size_t below_most;	 /* the highest of those */
};

/* Where so many users belong; the last tier where they are beyond all. */
size_t tier_of(const struct users_config *config, double users);
/* One tick; true when another tier is in force now. */
bool tier_step(struct tier *tier, const struct users_config *config, const struct sample *users,
	       uint64_t now_ns);

#endif /* CHESHIRE_RULES_TIER_H */
