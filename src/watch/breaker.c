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

/* Cost of each stage in the newest 100 ms. */
static void fill_slot(struct breaker *b, const struct breaker_input *in)
{
	double program_ns = in->probe_runs ? (double)in->probe_ns / (double)in->probe_runs : 0;
	double *slot = b->stage_ns[b->slot];

	memset(slot, 0, sizeof(b->stage_ns[0]));
	for (size_t i = 0; i < in->stages_n; i++) {
		const struct breaker_stage *s = &in->stages[i];
		double hits = (double)(s->hits - b->hits[i]);
		double trap_ns = (double)(s->trap_ns - b->trap_ns[i]);

		if (b->primed)
			slot[i] = trap_ns * s->rare_factor + hits * program_ns;
		b->hits[i] = s->hits;
		b->trap_ns[i] = s->trap_ns;
	}
	/* Estimated from samples, so it may also shrink a little. */
	b->others[b->slot] = b->primed && in->other_ns > b->other_ns ?
				     (double)(in->other_ns - b->other_ns) :
				     0;
	if (in->other_ns > b->other_ns)
		b->other_ns = in->other_ns;
	b->primed = true;
}

/* Cost in the newest n slots; `stage` -1: of all that is no stage. */
static double newest(const struct breaker *b, int stage, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++) {
		size_t slot = (b->slot + BREAKER_SLOTS - 1 - i) % BREAKER_SLOTS;

		sum += stage < 0 ? b->others[slot] : b->stage_ns[slot][stage];
	}
	return sum;
}

/* Of one CPU, everything together, in the newest n slots. */
static double percent(const struct breaker *b, const struct breaker_input *in, size_t n)
{
	double sum = newest(b, -1, n);

	for (size_t i = 0; i < in->stages_n; i++)
		sum += newest(b, (int)i, n);
	return sum / ((double)BREAKER_PERIOD_NS * (double)n) * 100.0;
}

/* Dearest armed stage, among those without a budget if one of these costs a fair part. */
static int choose(const struct breaker *b, const struct breaker_input *in, size_t n)
{
	double total = percent(b, in, n) / 100.0 * (double)BREAKER_PERIOD_NS * (double)n;

	for (int budget = 0; budget <= 1; budget++) {
		double dearest = total * TRIFLE;
		int chosen = -1;

		for (size_t i = 0; i < in->stages_n; i++) {
			double cost = newest(b, (int)i, n);

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

int breaker_feed(struct breaker *b, const struct breaker_input *in, double *percent_of_stage)
{
	size_t n;
	int stage;

	fill_slot(b, in);
	for (size_t i = 0; i < in->stages_n; i++)
		b->total_ns += b->stage_ns[b->slot][i];
	b->total_ns += b->others[b->slot];
	b->slot = (b->slot + 1) % BREAKER_SLOTS;
	n = passed(b, in);
	stage = n ? choose(b, in, n) : -1;
	if (stage < 0)
		return -1;
	*percent_of_stage =
		newest(b, stage, n) / ((double)BREAKER_PERIOD_NS * (double)n) * 100.0;
	/* Its past does not count against the others. */
	for (size_t i = 0; i < BREAKER_SLOTS; i++)
		b->stage_ns[i][stage] = 0;
	return stage;
}
