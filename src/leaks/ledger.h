/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ledger.h - the blocks that were sampled in windows on the allocator, what became of them, and the
 * sites that they come from.
 *
 * A site is a hash of the stack's return addresses (leak_site_hash).  A block is followed until it
 * was seen freed; those that reach the age `settle_ns` are survivors, and what happens to them from
 * then on is late.  The survivors of a site that leaks never die; so sites are ranked by that, not
 * by how much of them is there.  Pure: time comes from the caller, memory is looked at elsewhere.
 */
#ifndef CHESHIRE_LEAKS_LEDGER_H
#define CHESHIRE_LEAKS_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "leaks/reachability.h"
#include "leaks/survivor.h"

#define LEAK_SIZE_CLASSES 48 /* by the power of two: 2^i <= bytes < 2^(i+1); 0 holds 0 too */

struct leak_options {
	uint64_t settle_ns;	 /* default 10 s */
	uint64_t check_first_ns; /* from the window's end to the second check; default 1 s */
	uint64_t check_max_ns;	 /* each interval is twice the one before, at most this; 60 s */
	uint32_t blocks_max;	 /* followed at a time; default 16384 */
	uint32_t sites_max;	 /* default 4096 */
	uint32_t survivors_few;	 /* fewer survivors of a site say nothing; default 5 */
	double chance_max;	 /* see leak_site.chance; default 0.01 */
	uint64_t watch_ns;	 /* untouched for as long as this confirms; default 10 s */
};

/* A window that is over. */
struct leak_window {
	uint64_t opened_ns, closed_ns;
	uint64_t hits;	    /* allocations in it */
	uint64_t sampled;   /* of these, the ones that leak_ledger__add is called with */
	bool mappings_only; /* it says nothing of sites whose blocks are not mappings */
};

struct leak_sample {
	uint64_t site;
	uint64_t ptr, size_bytes;
	uint64_t time_ns;
	bool mapping; /* handed out by the kernel */
	/* The inverse of the probability with which it was taken; 0: that of the whole window. */
	double stands_for;
	/*
	 * What is known of it when the window is over: its end, or that it was not seen whether it
	 * ended; else when it was looked at while each call was still seen that might have been
	 * given its address (0: it was not), and what was found (block_check).
	 */
	enum block_evidence ended;
	bool unseen;
	uint64_t looked_ns, fingerprint;
	bool unknowable;
};

/* What memory as a whole does (bytes per second, with its interval): no site leaks more. */
struct leak_growth {
	bool known;
	double rate, low, high;
};

enum leak_verdict {
	LEAK_UNDECIDED = 0, /* too little was seen */
	LEAK_INNOCENT = 1,  /* its blocks are freed, or used */
	LEAK_SUSPECT = 2, /* blocks survive; it could be chance, or there is no growth to explain */
	LEAK_PROBABLE =
		3, /* its survivors never die, more of them come, and memory grows by as much */
	LEAK_CONFIRMED = 4, /* and those that were watched are not touched */
	LEAK_VERDICTS = 5,
};

enum leak_label { LEAK_LABEL_UNKNOWN = 0, LEAK_LABEL_LOST = 1, LEAK_LABEL_REFERENCED = 2 };

struct leak_site {
	uint64_t site;
	uint64_t first_seen_ns;
	uint64_t sampled_n, sampled_bytes;
	uint64_t young_n;		       /* not seen freed, but not old enough */
	uint64_t survivors_n, survivors_bytes; /* as old as `settled_s`, and not seen freed */
	uint64_t unknowable_n;		       /* of these, those of which it cannot be known */
	uint64_t sure_n;    /* of these, those that cannot be other blocks at the same addresses */
	uint64_t windows_n; /* that survivors come from */
	double settled_s;   /* settle_ns, or longer: the age from which none (hardly any) die */
	uint64_t early_deaths, late_deaths; /* before and after that age */
	uint64_t late_touches;		    /* survivors whose content changed */
	uint64_t young_deaths; /* of the early deaths, those after a look that found them there */
	double exposure_s;     /* block-seconds for which they were followed beyond that age */
	double oldest_s;       /* age of the oldest survivor */
	/* Estimated from the survivors; 95 %.  bytes per second. */
	double rate, rate_low, rate_high;
	double blocks_per_s;
	bool gated;   /* the rate was cut to what memory as a whole grows by */
	bool counted; /* the rate comes from a probe at the call site */
	double rate_ungated, rate_ungated_low;
	/* Had its survivors died as those of sites that die did: the chance of what was seen. */
	double chance;
	uint32_t sizes[LEAK_SIZE_CLASSES]; /* survivors */
	enum leak_label label;
	uint64_t lost_n, referenced_n;
	uint64_t referenced_from[MAPPING_KINDS]; /* blocks with a pointer from there */
	/* Blocks that were watched, those that were touched meanwhile; the longest time; accesses.
	 */
	uint64_t watched_n, watched_used_n, watched_ns, watch_touches;
	enum leak_verdict verdict;
	double confidence; /* 0 .. 1: 1 - chance, 0 while undecided or innocent */
	char reason[224];  /* of the verdict, in words */
};

struct leak_ledger_counts {
	uint64_t windows_n, probed_ns, hits, samples;
	uint64_t followed_n; /* blocks, now */
	uint64_t sites_n;
	uint64_t blocks_dropped; /* samples for which there was no room */
	uint64_t sites_dropped;
	uint64_t freed[BLOCK_EVIDENCES]; /* by how it was known */
};

struct leak_ledger;

/* NULL: defaults, also for each that is 0.  NULL and errno on failure. */
struct leak_ledger *leak_ledger__new(const struct leak_options *options);
void leak_ledger__free(struct leak_ledger *ledger);

/* First the window, then its samples, in the order of their times.  0 or -ENOMEM. */
int leak_ledger__window(struct leak_ledger *ledger, const struct leak_window *window);
int leak_ledger__add(struct leak_ledger *ledger, const struct leak_sample *sample);

/* Blocks that are due to be looked at: at most max are written.  Fill for survivor_judge__check. */
size_t leak_ledger__due(struct leak_ledger *ledger, uint64_t now_ns, struct block_check *out,
			size_t max);
/*
 * Blocks of the site are freed soon: many were, before they had the age `check_first_ns`, and
 * hardly any was found there at that age.  False where it is not known.
 */
bool leak_ledger__brief(const struct leak_ledger *ledger, uint64_t site);
/* When the next is due; UINT64_MAX: none is followed. */
uint64_t leak_ledger__next_due_ns(const struct leak_ledger *ledger);
/* What was found of them; now_ns is the time just before they were read. */
void leak_ledger__judged(struct leak_ledger *ledger, const struct block_check *checks, size_t n,
			 uint64_t now_ns);

/*
 * Survivors of a site (0: of all), those that are sure and the oldest first: for watchpoints, for
 * reachability.  Their ids are their sites.
 */
size_t leak_ledger__survivors(const struct leak_ledger *ledger, uint64_t site,
			      struct reach_block *out, size_t max);
/* What reachability found of them; of the sites among them it replaces what was found before. */
void leak_ledger__reached(struct leak_ledger *ledger, const struct reach_block *blocks, size_t n);
/* One survivor was watched: for how long, and how many accesses were seen. */
void leak_ledger__watched(struct leak_ledger *ledger, uint64_t site, uint64_t watched_ns,
			  uint64_t touches);
/* All allocations of the site during span_ns, counted by a probe at its call. */
void leak_ledger__counted(struct leak_ledger *ledger, uint64_t site, uint64_t calls, uint64_t bytes,
			  uint64_t span_ns);

/*
 * The sites that matter most, judged; at most max.  `tells`: the allocator says whether a block is
 * free (allocator_tells); without, nothing is better than probable.
 */
size_t leak_ledger__rank(struct leak_ledger *ledger, const struct leak_growth *growth, bool tells,
			 uint64_t now_ns, struct leak_site *out, size_t max);
void leak_ledger__counts(const struct leak_ledger *ledger, struct leak_ledger_counts *counts);

const char *leak_verdict_name(enum leak_verdict verdict);
const char *leak_label_name(enum leak_label label);

/* A return address: the object it lies in (any number that stays the same) and its place there. */
struct leak_frame {
	uint64_t object;
	uint64_t offset;
};

/* Never 0.  Frames of the allocator itself are left out by the caller. */
uint64_t leak_site_hash(const struct leak_frame *frames, size_t n);

#endif /* CHESHIRE_LEAKS_LEDGER_H */
