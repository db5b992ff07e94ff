/* SPDX-License-Identifier: GPL-2.0-only */
/* ledger_state.h - the inside of a ledger, shared by ledger.c, ledger_site.c and verdict.c. */
#ifndef CHESHIRE_LEAKS_LEDGER_STATE_H
#define CHESHIRE_LEAKS_LEDGER_STATE_H

#include "leaks/ledger.h"

#define NS_PER_S 1e9
/* Ages by octaves of settle_ns: the last one has no end. */
#define AGE_CLASSES 8
#define NONE	    UINT32_MAX

struct block {
	uint64_t ptr, size_bytes, time_ns;
	uint64_t seen_ns; /* when it was last found not to be free; 0: not looked at yet */
	uint64_t due_ns, interval_ns;
	uint64_t fingerprint;
	double stands_for; /* allocations */
	uint32_t site, window;
	uint32_t next; /* in the chain of its hash, or of the free ones */
	uint32_t generation;
	bool used, unknowable;
	/*
	 * It was looked at before its address could be handed out unseen; and its content has been
	 * the same since: another block would hardly have it.
	 */
	bool looked, unchanged;
};

struct window {
	uint64_t opened_ns, closed_ns, hits, sampled, dropped;
	bool mappings_only;
};

/* What is known of a site beside its blocks. */
struct site {
	uint64_t hash, first_seen_ns;
	uint64_t sampled_n, sampled_bytes;
	double stands_for; /* allocations, of all that were sampled */
	uint32_t followed_n;
	uint64_t early_deaths, early_touches;
	uint64_t young_deaths; /* of early_deaths: after they were looked at in the window */
	uint64_t lasted_n;     /* looks that found a block of an age of check_first_ns or more */
	/* By the age at which it happened, from settle_ns on. */
	uint64_t deaths[AGE_CLASSES], touches[AGE_CLASSES];
	double exposure_s[AGE_CLASSES];
	uint64_t lost_n, referenced_n, referenced_from[MAPPING_KINDS];
	uint64_t watched_n, watched_used_n, watched_ns, watch_touches;
	uint64_t counted_calls, counted_bytes, counted_ns;
	uint32_t next;
	bool mapping;
};

struct leak_ledger {
	struct leak_options options;
	struct block *blocks;
	uint32_t *block_heads; /* by hash of the address */
	uint32_t heads_n;      /* a power of two */
	uint32_t blocks_n;     /* places of `blocks` that were ever used */
	uint32_t free_block;   /* of these; NONE: none */
	struct site *sites;
	uint32_t *site_heads;
	uint32_t sites_n;
	struct window *windows;
	uint32_t windows_n, windows_room;
	uint64_t mappings_only_ns; /* of counts.probed_ns */
	struct leak_ledger_counts counts;
};

/* The class of an age that has reached settle_ns. */
unsigned int ledger_age_class(const struct leak_ledger *ledger, uint64_t age_ns);
/* It is the block that was sampled, and no other one at its address. */
static inline bool ledger_block_is_sure(const struct block *block)
{
	return block->looked && block->unchanged && !block->unknowable;
}
/* NONE: no room. */
uint32_t ledger_site(struct leak_ledger *ledger, uint64_t hash, uint64_t now_ns);
struct site *ledger_site_find(const struct leak_ledger *ledger, uint64_t hash);
/* What happened to a block since it was last seen; `end_ns` now, or when it was last alive. */
void ledger_site_follow(const struct leak_ledger *ledger, struct site *site,
			const struct block *block, uint64_t end_ns);
void ledger_site_died(const struct leak_ledger *ledger, struct site *site,
		      const struct block *block, uint64_t now_ns, bool touched);

/* What the survivors of a site say of its rate. */
struct rate_estimate {
	uint64_t survivors_n, survivors_bytes, unknowable_n, sure_n, young_n, windows_n;
	/*
	 * Of what survived in windows that are old enough as a whole: the part that comes from the
	 * first half of the time; and as how many survivors that stand for one each and come one by
	 * one it counts.
	 */
	double first_half, independent_n;
	double oldest_s;
	double rate, low, high;
	double blocks_per_s;
	uint32_t sizes[LEAK_SIZE_CLASSES];
};

/* From the blocks that have reached the age.  0 or -ENOMEM. */
int ledger_estimate(const struct leak_ledger *ledger, uint32_t site, uint64_t age_ns,
		    uint64_t now_ns, struct rate_estimate *out);

#endif /* CHESHIRE_LEAKS_LEDGER_STATE_H */
