/* SPDX-License-Identifier: GPL-2.0-only */
/* feed_process.c - the 1 Hz counters of the whole process: CPU, memory, threads, descriptors. */
#include "metrics/state.h"

/* Shorter intervals make a CPU peak of a single slice: they wait for the next reading. */
#define INTERVAL_MIN_NS (500ULL * 1000000ULL)

struct interval {
	double wall_s, cpu_s, voice_s, voice_cpu_s;
	double cpus;
};

/* Differences may be a little negative where clocks are read one after the other; sums are right.
 */
static double diff_s(uint64_t now, uint64_t before)
{
	return (double)(int64_t)(now - before) / 1e9;
}

static void add_share(struct series *series, double cpu_s, double wall_s, double cpus,
		      uint64_t now_ns)
{
	if (wall_s > 0.0)
		series_add_ratio(series, cpu_s * 100.0, wall_s * cpus, 1, now_ns);
}

static void feed_cpu(struct metrics *m, const struct process_sample *now, const struct interval *i)
{
	struct series *t = m->target;
	uint64_t ts_ns = now->ts_ns;

	add_share(&t[TARGET_CPU_USAGE], i->cpu_s, i->wall_s, i->cpus, ts_ns);
	if (!now->voice_known || !m->process.voice_known)
		return;
	add_share(&t[TARGET_CPU_VOICE], i->voice_cpu_s, i->voice_s, i->cpus, ts_ns);
	add_share(&t[TARGET_CPU_BACKGROUND], i->cpu_s - i->voice_cpu_s, i->wall_s - i->voice_s,
		  i->cpus, ts_ns);
}

/* CPU-seconds are sums: they are up to date at every reading, however short the interval. */
static void feed_cpu_time(struct metrics *m, const struct process_sample *now)
{
	struct cpu_totals *before = &m->cpu_totals;
	struct series *t = m->target;
	double cpu_s = diff_s(now->cpu_ns, before->cpu_ns);
	double voice_s = diff_s(now->voice_cpu_ns, before->voice_cpu_ns);

	if (before->valid) {
		series_add_ratio(&t[TARGET_CPU_TIME_TOTAL], cpu_s, 0.0, 1, now->ts_ns);
		if (now->voice_known) {
			series_add_ratio(&t[TARGET_CPU_TIME_VOICE], voice_s, 0.0, 1, now->ts_ns);
			series_add_ratio(&t[TARGET_CPU_TIME_BACKGROUND], cpu_s - voice_s, 0.0, 1,
					 now->ts_ns);
		}
	}
	before->cpu_ns = now->cpu_ns;
	before->voice_cpu_ns = now->voice_cpu_ns;
	before->valid = true;
}

/* No voice stage was in flight at any time since the last reading. */
static bool voice_rested(const struct metrics *m, const struct process_sample *now)
{
	return now->voice_known && m->process_valid && m->process.voice_known &&
	       now->voice_ns == m->process.voice_ns;
}

static void feed_memory(struct metrics *m, const struct process_sample *now)
{
	struct series *t = m->target;
	uint64_t ts_ns = now->ts_ns;
	/* A new high-water mark is the exact peak of the interval, however short it was. */
	bool rose = m->process_valid && m->process.memory_known &&
		    now->hwm_bytes > m->process.hwm_bytes;

	series_add_gauge(&t[TARGET_MEMORY_RSS], (double)now->rss_bytes, false, ts_ns);
	series_add_gauge(&t[TARGET_MEMORY_ANON], (double)now->anon_bytes, false, ts_ns);
	series_add_gauge(&t[TARGET_MEMORY_FILE], (double)now->file_bytes, false, ts_ns);
	series_add_gauge(&t[TARGET_MEMORY_SHARED], (double)now->shared_bytes, false, ts_ns);
	series_add_gauge(&t[TARGET_MEMORY_SWAP], (double)now->swap_bytes, false, ts_ns);
	series_add_gauge(&t[TARGET_MEMORY_PEAK], (double)(rose ? now->hwm_bytes : now->rss_bytes),
			 rose, ts_ns);
	series_add_gauge(&t[TARGET_MEMORY_GROWTH], (double)(now->anon_bytes + now->swap_bytes),
			 false, ts_ns);
	if (voice_rested(m, now))
		series_add_gauge(&t[TARGET_MEMORY_BASELINE], (double)now->rss_bytes, false, ts_ns);
}

/* What is not known this time is taken over, so that the next difference is a right one. */
static void remember(struct metrics *m, const struct process_sample *now, bool cpu_taken)
{
	struct process_sample before = m->process;

	m->process = *now;
	if (m->process_valid && !cpu_taken) {
		m->process.ts_ns = before.ts_ns;
		m->process.cpu_ns = before.cpu_ns;
		m->process.voice_ns = before.voice_ns;
		m->process.voice_cpu_ns = before.voice_cpu_ns;
		m->process.voice_known = before.voice_known;
	}
	m->process_valid = true;
}

void metrics__feed_process(struct metrics *m, const struct process_sample *now)
{
	struct interval i;
	bool enough;

	if (m->process_valid && now->ts_ns < m->process.ts_ns)
		return;
	m->now_ns = now->ts_ns;
	enough = m->process_valid && now->ts_ns - m->process.ts_ns >= INTERVAL_MIN_NS;
	if (enough && now->cpus > 0.0) {
		i.wall_s = diff_s(now->ts_ns, m->process.ts_ns);
		i.cpu_s = diff_s(now->cpu_ns, m->process.cpu_ns);
		i.voice_s = diff_s(now->voice_ns, m->process.voice_ns);
		i.voice_cpu_s = diff_s(now->voice_cpu_ns, m->process.voice_cpu_ns);
		i.cpus = now->cpus;
		feed_cpu(m, now, &i);
	}
	feed_cpu_time(m, now);
	if (now->memory_known)
		feed_memory(m, now);
	if (now->threads)
		series_add_gauge(&m->target[TARGET_THREADS], now->threads, false, now->ts_ns);
	if (now->fds_known)
		series_add_gauge(&m->target[TARGET_FDS], now->fds, false, now->ts_ns);
	io_feed(m, now);
	users_feed_connections(m, now);
	remember(m, now, enough);
}

static bool rose(const struct metrics *m, const uint64_t *now, enum wire_counter counter)
{
	return now[counter] > m->counters[counter];
}

static bool has_inside(const struct stage_config *stage)
{
	for (size_t i = 0; i < stage->call.n; i++)
		if (stage->call.item[i].inside)
			return true;
	return false;
}

void metrics__feed_counters(struct metrics *m, const uint64_t counters[WIRE_CTR_CNT],
			    uint64_t now_ns)
{
	m->now_ns = now_ns;
	if (m->counters_valid) {
		if (rose(m, counters, WIRE_CTR_RING_FULL) ||
		    rose(m, counters, WIRE_CTR_STREAMS_FULL) ||
		    rose(m, counters, WIRE_CTR_THREAD_STATE))
			join_lost(m, now_ns);
		if (rose(m, counters, WIRE_CTR_RING_FULL) ||
		    rose(m, counters, WIRE_CTR_STATEMENTS_FULL) ||
		    rose(m, counters, WIRE_CTR_THREAD_STATE))
			statements_lost(m, now_ns);
		if (rose(m, counters, WIRE_CTR_TEXTS_LIMITED))
			statements_unread(m, now_ns);
		if (rose(m, counters, WIRE_CTR_CLOCK_RETRY)) {
			series_mark(&m->target[TARGET_CPU_VOICE], QUALITY_PARTIAL, NULL, now_ns);
			series_mark(&m->target[TARGET_CPU_BACKGROUND], QUALITY_PARTIAL, NULL,
				    now_ns);
		}
		if (rose(m, counters, WIRE_CTR_SOCKET_NOTE) ||
		    rose(m, counters, WIRE_CTR_SOCKET_RETRY))
			io_lost(m, now_ns);
		for (size_t i = 0; i < m->stages_n; i++) {
			struct series *s = m->stage[i].series;
			bool stream = m->stage[i].config->kind == STAGE_STREAM;

			if (rose(m, counters, WIRE_CTR_CLOCK_RETRY))
				series_mark(&s[STAGE_ACTIVE_CPU], QUALITY_PARTIAL, NULL, now_ns);
			if (!rose(m, counters, WIRE_CTR_THREAD_STATE) &&
			    !(rose(m, counters, WIRE_CTR_ENCLOSING_FULL) &&
			      has_inside(m->stage[i].config)) &&
			    !(stream && (rose(m, counters, WIRE_CTR_RING_FULL) ||
					 rose(m, counters, WIRE_CTR_STREAMS_FULL))))
				continue;
			for (int j = 0; j < STAGE_SERIES; j++)
				series_mark(&s[j], QUALITY_PARTIAL, NULL, now_ns);
		}
	}
	for (int i = 0; i < WIRE_CTR_CNT; i++)
		m->counters[i] = counters[i];
	m->counters_valid = true;
}
