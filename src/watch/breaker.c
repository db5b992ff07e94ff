/* SPDX-License-Identifier: GPL-2.0-only */
#include "watch/breaker.h"

#include <string.h>

/* Less than this part of the whole is not worth shedding. */
#define TRIFLE 0.05

void breaker_init(struct breaker *b, double ceiling_percent)
{
	memset(b, 0, sizeof(*b));
	b->ceiling_percent = ceiling_percent;
}

/* Its past does not count against the others. */
static void forget(struct breaker *b, int shed)
{
	for (size_t i = 0; i < BREAKER_SLOTS; i++) {
		if (shed >= 0)
			b->stage_ns[i][shed] = 0;
		else
			b->extras[i][BREAKER_CATCHES - shed] = 0;
	}
}

/* Growth of a total that is estimated from samples, so it may also shrink a little. */
static double grown(uint64_t now, uint64_t *before)
{
	double grown_ns = now > *before ? (double)(now - *before) : 0;

	if (now > *before)
		*before = now;
	return grown_ns;
}

/* Cost of each stage and of all else since the last feeding. */
static void fill_slot(struct breaker *b, const struct breaker_input *in)
{
	double program_ns = in->probe_runs ? (double)in->probe_ns / (double)in->probe_runs : 0;
	/* A period that took longer is no torrent; the very first one is not known. */
	double scale = b->primed && in->elapsed_ns
			       ? (double)BREAKER_PERIOD_NS / (double)in->elapsed_ns
			       : 0;
	double *slot = b->stage_ns[b->slot];

	memset(slot, 0, sizeof(b->stage_ns[0]));
	for (size_t i = 0; i < in->stages_n; i++) {
		const struct breaker_stage *s = &in->stages[i];
		double hits = (double)(s->hits - b->hits[i]);
		double trap_ns = (double)(s->trap_ns - b->trap_ns[i]);

		/* One that comes back begins anew: its probes took a while to go, and were tried.
		 */
		if (s->armed && !b->armed[i])
			forget(b, (int)i);
		b->armed[i] = s->armed;
		slot[i] = (trap_ns * s->rare_factor + hits * program_ns) * scale;
		b->hits[i] = s->hits;
		b->trap_ns[i] = s->trap_ns;
	}
	b->others[b->slot] = grown(in->other_ns, &b->other_ns) * scale;
	for (size_t i = 0; i < BREAKER_EXTRAS; i++)
		b->extras[b->slot][i] = grown(in->extra_ns[i], &b->extra_ns[i]) * scale;
	b->primed = true;
}

/* Cost of everything in a slot, for the period as long as it was. */
static double slot_total(const struct breaker *b, const struct breaker_input *in, size_t slot)
{
	double sum = b->others[slot];

	for (size_t i = 0; i < BREAKER_EXTRAS; i++)
		sum += b->extras[slot][i];
	for (size_t i = 0; i < in->stages_n; i++)
		sum += b->stage_ns[slot][i];
	return sum * (double)in->elapsed_ns / (double)BREAKER_PERIOD_NS;
}

static size_t newest_slot(const struct breaker *b, size_t age)
{
	return (b->slot + BREAKER_SLOTS - 1 - age) % BREAKER_SLOTS;
}

/* Cost of a stage in the newest n slots. */
static double stage_cost(const struct breaker *b, size_t stage, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += b->stage_ns[newest_slot(b, i)][stage];
	return sum;
}

static double extra_cost(const struct breaker *b, size_t extra, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += b->extras[newest_slot(b, i)][extra];
	return sum;
}

static double to_percent(double cost_ns, size_t n)
{
	return cost_ns / ((double)BREAKER_PERIOD_NS * (double)n) * 100.0;
}

/* Of one CPU, everything together, in the newest n slots. */
static double percent(const struct breaker *b, const struct breaker_input *in, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < BREAKER_EXTRAS; i++)
		sum += extra_cost(b, i, n);
	for (size_t i = 0; i < n; i++)
		sum += b->others[newest_slot(b, i)];
	for (size_t i = 0; i < in->stages_n; i++)
		sum += stage_cost(b, i, n);
	return to_percent(sum, n);
}

/* Dearest armed stage, among those without a budget if one of these costs a fair part. */
static int choose(const struct breaker *b, const struct breaker_input *in, size_t n)
{
	double total = percent(b, in, n) / 100.0 * (double)BREAKER_PERIOD_NS * (double)n;

	for (int budget = 0; budget <= 1; budget++) {
		double dearest = total * TRIFLE;
		int chosen = -1;

		for (size_t i = 0; i < in->stages_n; i++) {
			double cost = stage_cost(b, i, n);

			if (!in->stages[i].armed || in->stages[i].has_budget != (bool)budget ||
			    cost <= dearest)
				continue;
			dearest = cost;
			chosen = (int)i;
		}
		if (chosen >= 0)
			return chosen;
	}
	return -1;
}

/* The number of slots over which the ceiling is passed; 0: it is kept. */
static size_t passed(struct breaker *b, const struct breaker_input *in)
{
	b->percent = percent(b, in, BREAKER_SHORT_SLOTS);
	b->long_percent = percent(b, in, BREAKER_SLOTS);
	if (b->percent > b->ceiling_percent * BREAKER_SHORT_FACTOR)
		return BREAKER_SHORT_SLOTS;
	return b->long_percent > b->ceiling_percent ? BREAKER_SLOTS : 0;
}

/* The extra that costs more than half of the ceiling in the newest n slots. */
static int choose_extra(const struct breaker *b, size_t n, double *share)
{
	for (size_t i = 0; i < BREAKER_EXTRAS; i++) {
		*share = to_percent(extra_cost(b, i, n), n);
		if (*share > b->ceiling_percent / 2)
			return BREAKER_CATCHES - (int)i;
	}
	return BREAKER_NOTHING;
}

int breaker_feed(struct breaker *b, const struct breaker_input *in, double *share)
{
	int shed = BREAKER_NOTHING;
	size_t n;

	fill_slot(b, in);
	b->total_ns += slot_total(b, in, b->slot);
	b->slot = (b->slot + 1) % BREAKER_SLOTS;
	n = passed(b, in);
	if (n)
		shed = choose_extra(b, n, share);
	if (n && shed == BREAKER_NOTHING) {
		shed = choose(b, in, n);
		if (shed >= 0)
			*share = to_percent(stage_cost(b, (size_t)shed, n), n);
	}
	if (shed != BREAKER_NOTHING)
		forget(b, shed);
	return shed;
}
