/* SPDX-License-Identifier: GPL-2.0-only */
/* feed_active.c - CPU and memory of the target while a stage is in flight. */
#include "metrics/state.h"

/* Memory is looked at closely for so long after the last span: what is given back, and the base. */
#define AFTERWARDS_NS (2ULL * 1000000000ULL)
#define IDLE_NS	      (1ULL * 1000000000ULL)

/* The clocks have 54 bits; one that seems to run backwards was read while it was being stopped. */
static bool clock_rise(uint64_t now, uint64_t before, uint64_t *rise)
{
	*rise = (now - before) & WIRE_CLOCK_MASK;
	return !(*rise >> (WIRE_CLOCK_BITS - 1));
}

void active_feed(struct metrics *m, struct stage_state *stage, const struct stage_reading *reading,
		 uint64_t now_ns)
{
	struct active_last *last = &stage->active;
	uint64_t wall_ns, cpu_ns;

	if (!reading->active_known)
		return;
	if (last->valid) {
		/* What is passed over now, or while the number of CPUs is not known, counts later.
		 */
		if (!clock_rise(reading->active_wall_ns, last->wall_ns, &wall_ns) ||
		    !clock_rise(reading->active_cpu_ns, last->cpu_ns, &cpu_ns) || !wall_ns ||
		    !m->process_valid || m->process.cpus <= 0.0)
			return;
		series_add_ratio(&stage->series[STAGE_ACTIVE_CPU], (double)cpu_ns / 1e9 * 100.0,
				 (double)wall_ns / 1e9 * m->process.cpus, 1, now_ns);
	}
	last->wall_ns = reading->active_wall_ns;
	last->cpu_ns = reading->active_cpu_ns;
	last->valid = true;
}

bool metrics__wants_active(const struct metrics *m, size_t stage)
{
	return stage < m->stages_n && m->stage[stage].wants_active;
}

bool metrics__wants_memory(struct metrics *m, const uint32_t *open_spans, uint64_t now_ns)
{
	bool wanted = false;

	for (size_t i = 0; i < m->stages_n; i++) {
		if (!m->stage[i].wants_memory)
			continue;
		wanted = true;
		if (open_spans[i])
			m->memory_until_ns = now_ns + AFTERWARDS_NS;
	}
	return wanted && (now_ns < m->memory_until_ns || now_ns >= m->memory_ns + IDLE_NS);
}

/* Memory of another stage would be taken for that of this one. */
static bool another_in_flight(const struct metrics *m, size_t stage, const uint32_t *open_spans)
{
	for (size_t i = 0; i < m->stages_n; i++)
		if (i != stage && open_spans[i] && m->stage[i].config->voice)
			return true;
	return false;
}

void metrics__feed_memory(struct metrics *m, uint64_t anon_bytes, const uint32_t *open_spans,
			  uint64_t now_ns)
{
	m->memory_ns = now_ns;
	for (size_t i = 0; i < m->stages_n; i++) {
		struct series *series = &m->stage[i].series[STAGE_MEMORY];

		if (!m->stage[i].wants_memory || !series->streams ||
		    another_in_flight(m, i, open_spans))
			continue;
		/* At the end of its slots there may be more spans than are seen. */
		if (open_spans[i] < WIRE_OPEN_SLOTS)
			stream_memory__add(series->streams, open_spans[i], anon_bytes, now_ns);
	}
}
