/* SPDX-License-Identifier: GPL-2.0-only */
/* feed_io.c - 1 Hz counters of storage, sockets and the host's CPUs. */
#include "metrics/state.h"

/* A rate over less says more of when it was read than of what went on. */
#define RATE_MIN_NS (500ULL * 1000000ULL)

/* What the total gained, and in which time; false: nothing to compare with, it starts anew. */
static bool step(struct total_at *last, uint64_t total, uint64_t now_ns, double *gain,
		 double *seconds)
{
	bool valid = last->valid && total >= last->total && now_ns >= last->ts_ns;

	*gain = valid ? (double)(total - last->total) : 0.0;
	*seconds = valid ? (double)(now_ns - last->ts_ns) / 1e9 : 0.0;
	*last = (struct total_at){.ts_ns = now_ns, .total = total, .valid = true};
	return valid;
}

static void add_bytes(struct series *s, struct total_at *last, uint64_t total, uint64_t now_ns)
{
	double bytes, seconds;

	if (step(last, total, now_ns, &bytes, &seconds))
		series_add_ratio(s, bytes, 0.0, 1, now_ns);
}

static void feed_disk(struct metrics *m, const struct process_sample *now)
{
	struct io_totals *last = &m->io_totals;
	struct series *t = m->target;
	double read, written, seconds;
	bool both;

	both = step(&last->disk_read, now->disk_read_bytes, now->ts_ns, &read, &seconds);
	both &= step(&last->disk_write, now->disk_write_bytes, now->ts_ns, &written, &seconds);
	if (!both)
		return;
	series_add_ratio(&t[TARGET_DISK], read + written, 0.0, 1, now->ts_ns);
	series_add_ratio(&t[TARGET_DISK_READ], read, 0.0, 1, now->ts_ns);
	series_add_ratio(&t[TARGET_DISK_WRITE], written, 0.0, 1, now->ts_ns);
}

static struct series *net_series(struct metrics *m, int net)
{
	return &m->target[TARGET_NET + net * NET_SERIES];
}

static void feed_rates(struct series *s, struct traffic_totals *last,
		       const struct process_traffic *traffic, uint64_t now_ns)
{
	double sent, received, seconds;
	bool both;

	if (last->sent_rate.valid && now_ns - last->sent_rate.ts_ns < RATE_MIN_NS)
		return;
	both = step(&last->sent_rate, traffic->sent_bytes, now_ns, &sent, &seconds);
	both &= step(&last->received_rate, traffic->received_bytes, now_ns, &received, &seconds);
	if (!both || seconds <= 0.0)
		return;
	series_add_ratio(&s[NET_BOTH], (sent + received) * 8.0, seconds, 1, now_ns);
	series_add_ratio(&s[NET_SENT], sent * 8.0, seconds, 1, now_ns);
	series_add_ratio(&s[NET_RECEIVED], received * 8.0, seconds, 1, now_ns);
}

/* These totals, unlike all others, begin with the watch. */
static void begin(struct total_at *last, uint64_t start_ns)
{
	if (!last->valid)
		*last = (struct total_at){.ts_ns = start_ns, .valid = true};
}

static void feed_traffic(struct metrics *m, int net, const struct process_traffic *traffic,
			 uint64_t now_ns)
{
	struct traffic_totals *last = &m->io_totals.net[net];
	struct series *s = net_series(m, net);

	if (!traffic->known)
		return;
	begin(&last->sent, m->start_ns);
	begin(&last->received, m->start_ns);
	begin(&last->sent_rate, m->start_ns);
	begin(&last->received_rate, m->start_ns);
	feed_rates(s, last, traffic, now_ns);
	add_bytes(&s[NET_SENT_BYTES], &last->sent, traffic->sent_bytes, now_ns);
	add_bytes(&s[NET_RECEIVED_BYTES], &last->received, traffic->received_bytes, now_ns);
	for (int i = 0; traffic->partial && i < NET_SERIES; i++)
		series_mark(&s[i], QUALITY_PARTIAL, NULL, now_ns);
}

static void feed_host(struct metrics *m, const struct process_sample *now)
{
	struct io_totals *last = &m->io_totals;
	double busy_ns, stolen_ns, total_ns, seconds;
	bool all;

	if (last->host_total.valid && now->ts_ns - last->host_total.ts_ns < RATE_MIN_NS)
		return;
	all = step(&last->host_busy, now->host_busy_ns, now->ts_ns, &busy_ns, &seconds);
	all &= step(&last->host_stolen, now->host_stolen_ns, now->ts_ns, &stolen_ns, &seconds);
	all &= step(&last->host_total, now->host_total_ns, now->ts_ns, &total_ns, &seconds);
	if (!all || total_ns <= 0.0)
		return;
	series_add_ratio(&m->target[TARGET_HOST_CPU], busy_ns * 100.0, total_ns, 1, now->ts_ns);
	series_add_ratio(&m->target[TARGET_HOST_STEAL], stolen_ns * 100.0, total_ns, 1, now->ts_ns);
}

void io_feed(struct metrics *m, const struct process_sample *now)
{
	if (now->disk_known)
		feed_disk(m, now);
	for (int i = 0; i < PROCESS_NETS; i++)
		feed_traffic(m, i, &now->traffic[i], now->ts_ns);
	if (now->host_known)
		feed_host(m, now);
}

/* TCP alone is followed socket by socket. */
void io_lost(struct metrics *m, uint64_t now_ns)
{
	for (int i = TARGET_NET; i < TARGET_NET + PROCESS_NET_UNIX * NET_SERIES; i++)
		series_mark(&m->target[i], QUALITY_PARTIAL, NULL, now_ns);
}

/* Index of the kind of socket that a series is of, or -1. */
static int net_of(const struct metrics *m, const struct series *series)
{
	const struct series *first = &m->target[TARGET_NET];

	if (series < first || series >= first + PROCESS_NETS * NET_SERIES)
		return -1;
	return (int)((series - first) / NET_SERIES);
}

static bool is_disk(const struct metrics *m, const struct series *series)
{
	return series >= &m->target[TARGET_DISK] && series <= &m->target[TARGET_DISK_WRITE];
}

const char *io_unknown(const struct metrics *m, const struct series *series)
{
	int net = net_of(m, series);

	if (!m->process_valid)
		return NULL;
	if (net >= 0 && !m->process.traffic[net].known)
		return m->process.traffic[net].reason ?: "these sockets cannot be watched here";
	if (m->gone)
		return NULL;
	if (is_disk(m, series) && !m->process.disk_known)
		return "/proc/PID/io cannot be read";
	if ((series == &m->target[TARGET_HOST_CPU] || series == &m->target[TARGET_HOST_STEAL]) &&
	    !m->process.host_known)
		return "/proc/stat cannot be read";
	return NULL;
}

const char *io_remark(const struct metrics *m, const struct series *series,
		      const struct sample *sample, uint64_t window_ns, uint64_t now_ns)
{
	int net = net_of(m, series);

	if (is_disk(m, series) && window_ns && now_ns < m->start_ns + window_ns)
		return "counted since watching began: less than its window";
	if (net >= 0 && sample->quality == QUALITY_PARTIAL)
		return m->process.traffic[net].reason;
	return NULL;
}
