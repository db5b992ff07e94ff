/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * verdict.c - does a site leak?
 *
 * Its survivors do not die while others' do; more of them keep coming; and memory as a whole grows
 * by at least as much as they would make it grow.  Each of these alone is true of innocent sites
 * too: what is kept for good at the start, a cache that is full, a burst.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "leaks/ledger_state.h"

#define CANDIDATES 64u
/* One death in as many survivors is an error of the look, or a use that ends well. */
#define SURVIVORS_A_DEATH 50u
/* Sites that make up less of the growth than this do not explain it. */
#define SHARE_MIN 0.05
/* More survivors than growth by this factor: some of them must die yet. */
#define SURPLUS_MAX 2.0
/* A program under load may do a bit less than before: that part in the second half is steady. */
#define STEADY_SECOND 0.45
#define STEADY_CHANCE 0.005
/* Before other sites' survivors were seen to die: a death in so many times settle_ns. */
#define PRIOR_LIFE 5.0
/* A site that alone makes up what memory grows by needs not be that unlikely to be innocent. */
#define CHANCE_EXPLAINS 10.0
#define WINDOWS_FEW	3u
/* Sizes that were not sampled may be as much smaller or larger. */
#define SIZES_SLACK 16.0
#define Z	    1.96

struct candidate {
	uint32_t site;
	double score;
	uint64_t survivors[AGE_CLASSES]; /* that have reached the class */
};

static uint64_t deaths_from(const struct site *s, unsigned int class)
{
	uint64_t n = 0;

	for (; class < AGE_CLASSES; class ++)
		n += s->deaths[class] + s->touches[class];
	return n;
}

static double exposure_from(const struct site *s, unsigned int class)
{
	double sum_s = 0;

	for (; class < AGE_CLASSES; class ++)
		sum_s += s->exposure_s[class];
	return sum_s;
}

/*
 * How often survivors of the other sites die, per second and block: of those sites whose survivors
 * do die.  What is kept for good, and other leaks, say nothing of how long innocent blocks live.
 */
static double hazard_of_others(const struct leak_ledger *l, uint32_t site, unsigned int class)
{
	double deaths = 1;
	double exposure_s = PRIOR_LIFE * (double)l->options.settle_ns / NS_PER_S;

	for (uint32_t i = 0; i < l->sites_n; i++) {
		uint64_t n = i == site ? 0 : deaths_from(&l->sites[i], class);

		if (!n)
			continue;
		deaths += (double)n;
		exposure_s += exposure_from(&l->sites[i], class);
	}
	return deaths / exposure_s;
}

/*
 * A site that leaks a part: how often its younger survivors died.  Had the older ones been of the
 * same kind, they would have gone on dying so.
 */
static double own_hazard(const struct site *s, unsigned int class)
{
	double deaths = (double)(deaths_from(s, 0) - deaths_from(s, class));
	double exposure_s = exposure_from(s, 0) - exposure_from(s, class);

	return exposure_s > 0 ? deaths / exposure_s : 0;
}

/* Poisson: at most n where `mean` were to be expected. */
static double poisson_at_most(uint64_t n, double mean)
{
	double term = exp(-mean), sum = term;

	for (uint64_t i = 1; i <= n && i < 1000; i++) {
		term *= mean / (double)i;
		sum += term;
	}
	return fmin(sum, 1);
}

/* Binomial: of n, each with that probability, at most k. */
static double binomial_at_most(uint64_t k, uint64_t n, double probability)
{
	double log_of = log(probability), log_not = log(1 - probability), sum = 0;

	for (uint64_t i = 0; i <= k; i++)
		sum += exp(lgamma((double)n + 1) - lgamma((double)i + 1) -
			   lgamma((double)(n - i) + 1) + (double)i * log_of +
			   (double)(n - i) * log_not);
	return fmin(sum, 1);
}

/* The youngest age from which hardly any die.  False: there is none that says something. */
static bool settled_class(const struct leak_ledger *l, const struct candidate *c,
			  unsigned int *class)
{
	for (*class = 0; *class < AGE_CLASSES; (*class)++)
		if (c->survivors[*class] >= l->options.survivors_few &&
		    deaths_from(&l->sites[c->site], *class) <=
			    c->survivors[*class] / SURVIVORS_A_DEATH)
			return true;
	*class = 0;
	return false;
}

static void fill_facts(const struct leak_ledger *l, const struct candidate *c, unsigned int class,
		       const struct rate_estimate *e, struct leak_site *out)
{
	const struct site *s = &l->sites[c->site];

	out->site = s->hash;
	out->first_seen_ns = s->first_seen_ns;
	out->sampled_n = s->sampled_n;
	out->sampled_bytes = s->sampled_bytes;
	out->young_n = e->young_n;
	out->survivors_n = e->survivors_n;
	out->survivors_bytes = e->survivors_bytes;
	out->unknowable_n = e->unknowable_n;
	out->sure_n = e->sure_n;
	out->windows_n = e->windows_n;
	out->settled_s = (double)(l->options.settle_ns << class) / NS_PER_S;
	out->early_deaths = s->early_deaths + s->early_touches;
	out->young_deaths = s->young_deaths;
	for (unsigned int i = 0; i < AGE_CLASSES; i++) {
		if (i < class)
			out->early_deaths += s->deaths[i] + s->touches[i];
		else
			out->late_deaths += s->deaths[i];
		out->late_touches += i < class ? 0 : s->touches[i];
	}
	out->exposure_s = exposure_from(s, class);
	out->oldest_s = e->oldest_s;
	out->blocks_per_s = e->blocks_per_s;
	memcpy(out->sizes, e->sizes, sizeof(out->sizes));
	out->lost_n = s->lost_n;
	out->referenced_n = s->referenced_n;
	memcpy(out->referenced_from, s->referenced_from, sizeof(out->referenced_from));
	if (s->lost_n + s->referenced_n)
		out->label = s->lost_n > s->referenced_n ? LEAK_LABEL_LOST : LEAK_LABEL_REFERENCED;
	out->watched_n = s->watched_n;
	out->watched_used_n = s->watched_used_n;
	out->watched_ns = s->watched_ns;
	out->watch_touches = s->watch_touches;
}

/*
 * The size that a call asks for is its argument.  Where what is called only hands over to malloc
 * (a tail call), that may be anything: a pointer, an index; and not every call need allocate.
 */
static bool is_believable(const struct site *s, const struct leak_site *out)
{
	double mean, least = 0, most = 0;

	if (!s->counted_bytes || !s->counted_calls)
		return true;
	mean = (double)s->counted_bytes / (double)s->counted_calls;
	for (unsigned int i = 0; i < LEAK_SIZE_CLASSES; i++) {
		if (!out->sizes[i])
			continue;
		least = most > 0 ? least : ldexp(1, (int)i);
		most = ldexp(1, (int)i + 1);
	}
	return mean >= least / SIZES_SLACK && mean <= most * SIZES_SLACK;
}

/*
 * Where each call is counted only the part of them that survives is left to be estimated: what the
 * windows saw of survivors, of all that they saw.
 */
static void use_count(const struct leak_ledger *l, const struct site *s, struct leak_site *out)
{
	double span_s = (double)s->counted_ns / NS_PER_S, bytes = (double)s->counted_bytes;
	uint64_t seen_ns = l->counts.probed_ns - (s->mapping ? 0 : l->mappings_only_ns);
	double seen_per_s = s->stands_for * NS_PER_S / (double)seen_ns;
	double n, part, middle, spread;

	if (!s->counted_ns || !out->survivors_n || !(out->blocks_per_s > 0) || !(seen_per_s > 0) ||
	    !is_believable(s, out))
		return;
	if (!s->counted_bytes)
		bytes = (double)s->counted_calls * (double)out->survivors_bytes /
			(double)out->survivors_n;
	/* Wilson's interval of a proportion. */
	part = fmin(out->blocks_per_s / seen_per_s, 1);
	n = (double)out->survivors_n / part;
	middle = (part + Z * Z / (2 * n)) / (1 + Z * Z / n);
	spread = Z * sqrt(part * (1 - part) / n + Z * Z / (4 * n * n)) / (1 + Z * Z / n);
	out->rate = bytes / span_s * part;
	out->rate_low = bytes / span_s * fmax(0, middle - spread);
	out->rate_high = bytes / span_s * fmin(1, middle + spread);
	out->blocks_per_s = (double)s->counted_calls / span_s * part;
	out->counted = true;
}

static void gate(const struct leak_growth *growth, struct leak_site *out)
{
	out->rate_ungated = out->rate;
	out->rate_ungated_low = out->rate_low;
	if (!growth->known || !(out->rate > fmax(growth->high, 0)))
		return;
	out->gated = true;
	out->rate = fmax(growth->high, 0);
	out->rate_low = fmin(out->rate_low, out->rate);
	out->rate_high = out->rate;
}

#define SAY(verdict_, ...)                                                                         \
	do {                                                                                       \
		snprintf(out->reason, sizeof(out->reason), __VA_ARGS__);                           \
		return verdict_;                                                                   \
	} while (0)

/* Too few survivors, or they die. */
static enum leak_verdict judge_deaths(const struct leak_ledger *l, bool settled,
				      struct leak_site *out)
{
	uint64_t late = out->late_deaths + out->late_touches;

	if (settled)
		return LEAK_PROBABLE;
	if (!out->survivors_n && !late && out->early_deaths >= 20)
		SAY(LEAK_INNOCENT, "none of its %llu sampled blocks was there after %.0f s",
		    (unsigned long long)out->early_deaths, out->settled_s);
	if (out->survivors_n + late < l->options.survivors_few)
		SAY(LEAK_UNDECIDED, "only %llu blocks have reached %.0f s",
		    (unsigned long long)(out->survivors_n + late), out->settled_s);
	SAY(LEAK_INNOCENT,
	    "%llu blocks that had reached %.0f s were freed later and %llu used, "
	    "%llu are left",
	    (unsigned long long)out->late_deaths, out->settled_s,
	    (unsigned long long)out->late_touches, (unsigned long long)out->survivors_n);
}

/*
 * What was freed and handed out again between two looks seems to stay.  Where blocks of the site
 * are freed soon, those whose content has changed when they were young may all be such ones.
 */
static enum leak_verdict judge_owners(const struct leak_ledger *l, struct leak_site *out)
{
	if (out->sure_n >= l->options.survivors_few || out->young_deaths < out->survivors_n)
		return LEAK_PROBABLE;
	SAY(LEAK_SUSPECT,
	    "%llu blocks seem to survive, but %llu were freed soon: others may have got the "
	    "addresses of those that did not stay as they were",
	    (unsigned long long)out->survivors_n, (unsigned long long)out->young_deaths);
}

/* More must keep coming: what is allocated once and kept is no leak. */
static enum leak_verdict judge_steady(const struct rate_estimate *e, struct leak_site *out)
{
	double second = 1 - e->first_half;
	uint64_t n = (uint64_t)e->independent_n;

	if (e->windows_n < WINDOWS_FEW)
		SAY(LEAK_SUSPECT, "all survivors come from %llu window%s",
		    (unsigned long long)e->windows_n, e->windows_n == 1 ? "" : "s");
	if (second < STEADY_SECOND &&
	    binomial_at_most((uint64_t)ceil(second * (double)n), n, STEADY_SECOND) < STEADY_CHANCE)
		SAY(LEAK_SUSPECT,
		    "fewer and fewer come: %.0f %% of its survivors are from the first "
		    "half of the time",
		    e->first_half * 100);
	return LEAK_PROBABLE;
}

/* Memory as a whole must grow, and about as this site would make it. */
static enum leak_verdict judge_growth(const struct leak_growth *growth, struct leak_site *out)
{
	if (!growth->known)
		SAY(LEAK_SUSPECT, "it is not known yet how fast memory grows");
	if (!(growth->low > 0))
		SAY(LEAK_SUSPECT, "%llu blocks survive, but memory as a whole does not grow",
		    (unsigned long long)out->survivors_n);
	if (out->gated && out->rate_ungated_low > SURPLUS_MAX * growth->high)
		SAY(LEAK_SUSPECT,
		    "%.0f B/s survive so far, memory grows by %.0f B/s at most: most "
		    "of them must be freed later",
		    out->rate_ungated, growth->high);
	if (out->rate_high < SHARE_MIN * growth->low)
		SAY(LEAK_SUSPECT,
		    "its %.0f B/s are too little to explain that memory grows by "
		    "%.0f B/s",
		    out->rate, growth->rate);
	return LEAK_PROBABLE;
}

static enum leak_verdict judge_watch(const struct leak_ledger *l, bool tells, struct leak_site *out)
{
	unsigned long long n = out->survivors_n;

	if (out->watched_used_n * 2 > out->watched_n)
		SAY(LEAK_SUSPECT,
		    "%llu blocks survive, but %llu of %llu that were watched are in use", n,
		    (unsigned long long)out->watched_used_n, (unsigned long long)out->watched_n);
	if (!tells || out->unknowable_n * 10 > out->survivors_n)
		SAY(LEAK_PROBABLE,
		    "%llu blocks show no sign of an end for up to %.0f s; this "
		    "allocator does not tell whether they are free",
		    n, out->oldest_s);
	if (out->sure_n < l->options.survivors_few)
		SAY(LEAK_PROBABLE,
		    "%llu blocks are still allocated after up to %.0f s, but only %llu stayed as "
		    "they were since they were sampled: others may have got the addresses",
		    n, out->oldest_s, (unsigned long long)out->sure_n);
	if (!out->watched_n || out->watched_ns < l->options.watch_ns)
		SAY(LEAK_PROBABLE,
		    "%llu of its blocks are still allocated after up to %.0f s, %llu "
		    "were freed late; none was watched for long enough yet",
		    n, out->oldest_s, (unsigned long long)out->late_deaths);
	SAY(LEAK_CONFIRMED,
	    "%llu of its blocks are still allocated after up to %.0f s, %llu were "
	    "freed late, and %llu of %llu that were watched for %.0f s were not "
	    "touched",
	    n, out->oldest_s, (unsigned long long)out->late_deaths,
	    (unsigned long long)(out->watched_n - out->watched_used_n),
	    (unsigned long long)out->watched_n, (double)out->watched_ns / NS_PER_S);
}

/* Is its rate about that of memory as a whole? */
static double chance_allowed(const struct leak_ledger *l, const struct leak_growth *growth,
			     const struct leak_site *out)
{
	bool explains = out->rate_ungated_low <= growth->high && out->rate_high >= growth->low &&
			out->rate_ungated >= growth->low / 2 &&
			out->rate_ungated <= growth->high * 2;

	return l->options.chance_max * (explains ? CHANCE_EXPLAINS : 1);
}

static enum leak_verdict judge(const struct leak_ledger *l, const struct rate_estimate *e,
			       const struct leak_growth *growth, bool settled, bool tells,
			       struct leak_site *out)
{
	enum leak_verdict verdict = judge_deaths(l, settled, out);

	if (verdict == LEAK_PROBABLE && tells)
		verdict = judge_owners(l, out);
	if (verdict == LEAK_PROBABLE)
		verdict = judge_steady(e, out);
	if (verdict == LEAK_PROBABLE)
		verdict = judge_growth(growth, out);
	if (verdict == LEAK_PROBABLE && out->chance > chance_allowed(l, growth, out))
		SAY(LEAK_SUSPECT,
		    "%llu blocks survive and none dies, by chance with a probability "
		    "of %.2g: not watched for long enough",
		    (unsigned long long)out->survivors_n, out->chance);
	return verdict == LEAK_PROBABLE ? judge_watch(l, tells, out) : verdict;
}

static void judge_candidate(const struct leak_ledger *l, const struct candidate *c,
			    const struct leak_growth *growth, bool tells, uint64_t now_ns,
			    struct leak_site *out)
{
	struct rate_estimate e;
	unsigned int class;
	bool settled = settled_class(l, c, &class);
	double hazard;

	memset(out, 0, sizeof(*out));
	/* Without memory there is nothing but what was counted. */
	(void)ledger_estimate(l, c->site, l->options.settle_ns << class, now_ns, &e);
	fill_facts(l, c, class, &e, out);
	out->rate = e.rate;
	out->rate_low = e.low;
	out->rate_high = e.high;
	use_count(l, &l->sites[c->site], out);
	gate(growth, out);
	hazard = class ? own_hazard(&l->sites[c->site], class)
		       : hazard_of_others(l, c->site, class);
	out->chance =
		poisson_at_most(out->late_deaths + out->late_touches, hazard * out->exposure_s);
	out->verdict = judge(l, &e, growth, settled, tells, out);
	if (out->verdict >= LEAK_SUSPECT)
		out->confidence = 1 - out->chance;
}

static int compare_candidates(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	return (x->score < y->score) - (x->score > y->score);
}

/* Those with most survivors, for each that died later. */
static struct candidate *choose(const struct leak_ledger *l, size_t *n)
{
	struct candidate *all = calloc(l->sites_n + 1, sizeof(*all));

	*n = 0;
	if (!all)
		return NULL;
	for (uint32_t i = 0; i < l->blocks_n; i++) {
		const struct block *b = &l->blocks[i];
		uint64_t age_ns = b->seen_ns > b->time_ns ? b->seen_ns - b->time_ns : 0;
		unsigned int class;

		if (!b->used || age_ns < l->options.settle_ns)
			continue;
		all[b->site].score += (double)b->size_bytes * b->stands_for + 1;
		class = ledger_age_class(l, age_ns);
		for (unsigned int k = 0; k <= class; k++)
			all[b->site].survivors[k]++;
	}
	for (uint32_t i = 0; i < l->sites_n; i++) {
		all[i].site = i;
		all[i].score /= 1 + (double)deaths_from(&l->sites[i], 0);
		all[i].score += 1e-9 * (double)l->sites[i].sampled_n;
	}
	qsort(all, l->sites_n, sizeof(*all), compare_candidates);
	*n = l->sites_n < CANDIDATES ? l->sites_n : CANDIDATES;
	return all;
}

static int compare_sites(const void *a, const void *b)
{
	const struct leak_site *x = a, *y = b;
	double left = x->rate * x->confidence, right = y->rate * y->confidence;

	if (x->verdict != y->verdict)
		return x->verdict < y->verdict ? 1 : -1;
	if (isnan(left) || isnan(right))
		return isnan(left) - isnan(right);
	return (left < right) - (left > right);
}

size_t leak_ledger__rank(struct leak_ledger *l, const struct leak_growth *growth, bool tells,
			 uint64_t now_ns, struct leak_site *out, size_t max)
{
	struct candidate *candidates;
	struct leak_site *sites;
	size_t n;

	candidates = choose(l, &n);
	sites = calloc(n + 1, sizeof(*sites));
	for (size_t i = 0; candidates && sites && i < n; i++)
		judge_candidate(l, &candidates[i], growth, tells, now_ns, &sites[i]);
	if (!candidates || !sites)
		n = 0;
	if (n)
		qsort(sites, n, sizeof(*sites), compare_sites);
	if (n > max)
		n = max;
	if (n)
		memcpy(out, sites, n * sizeof(*out));
	free(candidates);
	free(sites);
	return n;
}

const char *leak_verdict_name(enum leak_verdict verdict)
{
	static const char *const names[LEAK_VERDICTS] = {
		[LEAK_UNDECIDED] = "undecided", [LEAK_INNOCENT] = "innocent",
		[LEAK_SUSPECT] = "suspect",	[LEAK_PROBABLE] = "probable",
		[LEAK_CONFIRMED] = "confirmed",
	};

	return verdict < LEAK_VERDICTS ? names[verdict] : "?";
}

const char *leak_label_name(enum leak_label label)
{
	return label == LEAK_LABEL_LOST		? "lost"
	       : label == LEAK_LABEL_REFERENCED ? "referenced"
						: "unknown";
}
