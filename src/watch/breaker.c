/* SPDX-License-Identifier: GPL-2.0-only */
#include "watch/breaker.h"

#include <string.h>

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

static double stage_sum(const struct breaker *b, size_t stage)
{
	double sum = 0;

	for (size_t i = 0; i < BREAKER_SLOTS; i++)
		sum += b->stage_ns[i][stage];
	return sum;
}

/* Dearest armed stage, among those without a budget if any of these costs anything. */
static int choose(const struct breaker *b, const struct breaker_input *in)
{
	int chosen = -1;
	double dearest = 0;

	for (int budget = 0; budget <= 1 && chosen < 0; budget++) {
		for (size_t i = 0; i < in->stages_n; i++) {
			double cost = stage_sum(b, i);

			if (!in->stages[i].armed || in->stages[i].has_budget != (bool)budget ||
			    cost <= dearest)
				continue;
			dearest = cost;
			chosen = (int)i;
		}
	}
	return chosen;
}

int breaker_feed(struct breaker *b, const struct breaker_input *in, double *percent_of_stage)
{
	const double window_ns = (double)BREAKER_PERIOD_NS * BREAKER_SLOTS;
	double sum = 0;
	int stage;

	fill_slot(b, in);
	for (size_t i = 0; i < in->stages_n; i++) {
		b->total_ns += b->stage_ns[b->slot][i];
		sum += stage_sum(b, i);
	}
	b->total_ns += b->others[b->slot];
	for (size_t i = 0; i < BREAKER_SLOTS; i++)
		sum += b->others[i];
	b->slot = (b->slot + 1) % BREAKER_SLOTS;
	b->percent = sum / window_ns * 100.0;
	if (b->percent <= b->ceiling_percent)
		return -1;
	stage = choose(b, in);
	if (stage < 0)
		return -1;
	*percent_of_stage = stage_sum(b, (size_t)stage) / window_ns * 100.0;
	/* Its past does not count against the others. */
	for (size_t i = 0; i < BREAKER_SLOTS; i++)
		b->stage_ns[i][stage] = 0;
	return stage;
}
