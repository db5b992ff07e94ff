/* SPDX-License-Identifier: GPL-2.0-only */
/* Storage, sockets and the host's CPUs: from running totals to windows. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "metrics/metrics.h"

#define S  1000000000ULL
#define T0 (1000 * S)
#define MB 1048576.0

static const struct config config;
static struct process_sample sample;

static struct metrics *begin(void)
{
	struct metrics *m = metrics__new(&config, T0);

	assert_non_null(m);
	sample = (struct process_sample){.ts_ns = T0, .disk_known = true, .host_known = true};
	for (int i = 0; i < PROCESS_NETS; i++)
		sample.traffic[i].known = true;
	sample.disk_read_bytes = 500 << 20;
	sample.host_total_ns = 77 * S;
	metrics__feed_process(m, &sample);
	return m;
}

static void feed(struct metrics *m, uint64_t ts_ns)
{
	sample.ts_ns = ts_ns;
	metrics__feed_process(m, &sample);
	metrics__tick(m, ts_ns);
}

static struct sample read_at(struct metrics *m, const char *id, enum statistic stat,
			     uint64_t window_ns, uint64_t now_ns)
{
	int handle = metrics__demand(m, id, stat, window_ns);

	assert_true(handle >= 0);
	return metrics__read(m, handle, now_ns);
}

static struct sample found;
static const char *wanted;

static void on_metric(void *ctx, const char *id, const struct sample *of)
{
	(void)ctx;
	for (size_t i = 0; id[i] == wanted[i]; i++)
		if (!id[i]) {
			found = *of;
			return;
		}
}

static struct sample session(struct metrics *m, const char *id, uint64_t now_ns)
{
	wanted = id;
	found = (struct sample){.value = -1};
	metrics__each(m, now_ns, on_metric, NULL);
	return found;
}

/* What the process did before it was watched is none of the window's. */
static void disk_is_what_was_added(void **state)
{
	struct metrics *m = begin();
	struct sample s;

	(void)state;
	read_at(m, "io.disk", STAT_COUNT, 3600 * S, T0);
	sample.disk_read_bytes += 3 << 20;
	sample.disk_write_bytes += 5 << 20;
	feed(m, T0 + S);
	/* Not readable for a while: counted when it is again. */
	sample.disk_known = false;
	feed(m, T0 + 2 * S);
	s = read_at(m, "io.disk", STAT_COUNT, 3600 * S, T0 + 2 * S);
	assert_int_equal(s.quality, QUALITY_UNKNOWN);
	assert_non_null(s.reason);
	sample.disk_known = true;
	sample.disk_write_bytes += 2 << 20;
	feed(m, T0 + 3 * S);
	s = read_at(m, "io.disk", STAT_COUNT, 3600 * S, T0 + 3 * S);
	assert_true(s.value == 10 * MB);
	assert_int_equal(s.unit, UNIT_BYTES);
	assert_int_equal(s.quality, QUALITY_EXACT);
	assert_true(session(m, "io.disk.read", T0 + 3 * S).value == 3 * MB);
	assert_true(session(m, "io.disk.write", T0 + 3 * S).value == 7 * MB);
	metrics__free(m);
}

/* A sum over less than its window is said to be one. */
static void disk_of_less_than_the_window_is_said(void **state)
{
	struct metrics *m = begin();

	(void)state;
	read_at(m, "io.disk", STAT_COUNT, 3600 * S, T0);
	sample.disk_write_bytes += 1 << 20;
	feed(m, T0 + S);
	assert_non_null(read_at(m, "io.disk", STAT_COUNT, 3600 * S, T0 + 3599 * S).reason);
	feed(m, T0 + 3600 * S);
	assert_null(read_at(m, "io.disk", STAT_COUNT, 3600 * S, T0 + 3600 * S).reason);
	feed(m, T0 + 3700 * S);
	assert_true(read_at(m, "io.disk", STAT_COUNT, 3600 * S, T0 + 3700 * S).value == 0);
	metrics__free(m);
}

static void network_is_bits_per_second(void **state)
{
	struct process_traffic *remote = &sample.traffic[PROCESS_NET_REMOTE];
	struct metrics *m = begin();

	(void)state;
	read_at(m, "io.network", STAT_MEAN, 60 * S, T0);
	read_at(m, "io.network", STAT_MAX, 60 * S, T0);
	remote->sent_bytes = 1000;
	remote->received_bytes = 9000;
	sample.traffic[PROCESS_NET_LOOPBACK].sent_bytes = 77;
	feed(m, T0 + S);
	/* Too short a time for a rate: it goes into the next one, the bytes are there at once. */
	remote->sent_bytes = 2000;
	feed(m, T0 + S + S / 10);
	assert_true(session(m, "io.network.sent_bytes", T0 + S + S / 10).value == 2000);
	assert_true(session(m, "io.network", T0 + S + S / 10).value == 80000);
	feed(m, T0 + 2 * S);
	assert_true(read_at(m, "io.network", STAT_MEAN, 60 * S, T0 + 2 * S).value == 44000);
	assert_true(read_at(m, "io.network", STAT_MAX, 60 * S, T0 + 2 * S).value == 80000);
	assert_true(session(m, "io.network.received", T0 + 2 * S).value == 36000);
	assert_true(session(m, "io.network.loopback.sent_bytes", T0 + 2 * S).value == 77);
	assert_true(session(m, "io.network.unix", T0 + 2 * S).value == 0);
	assert_int_equal(session(m, "io.network", T0 + 2 * S).unit, UNIT_BIT_PER_S);
	metrics__free(m);
}

/* The totals begin with the watch, so the first second counts. */
static void network_counts_from_the_start(void **state)
{
	struct metrics *m = metrics__new(&config, T0);

	(void)state;
	sample = (struct process_sample){};
	sample.traffic[PROCESS_NET_REMOTE] =
		(struct process_traffic){.sent_bytes = 125, .known = true};
	feed(m, T0 + S);
	assert_true(session(m, "io.network.sent_bytes", T0 + S).value == 125);
	assert_true(session(m, "io.network", T0 + S).value == 1000);
	metrics__free(m);
}

static void network_that_cannot_be_known(void **state)
{
	struct metrics *m = begin();
	struct sample s;

	(void)state;
	read_at(m, "io.network", STAT_MEAN, 60 * S, T0);
	sample.traffic[PROCESS_NET_REMOTE].partial = true;
	sample.traffic[PROCESS_NET_REMOTE].reason = "no UDP";
	sample.traffic[PROCESS_NET_UNIX].known = false;
	sample.traffic[PROCESS_NET_UNIX].reason = "no hook";
	feed(m, T0 + S);
	feed(m, T0 + 2 * S);
	s = read_at(m, "io.network", STAT_MEAN, 60 * S, T0 + 2 * S);
	assert_int_equal(s.quality, QUALITY_PARTIAL);
	assert_string_equal(s.reason, "no UDP");
	s = read_at(m, "io.network.unix", STAT_MEAN, 60 * S, T0 + 2 * S);
	assert_int_equal(s.quality, QUALITY_UNKNOWN);
	assert_string_equal(s.reason, "no hook");
	assert_true(isnan(s.value));
	assert_int_equal(session(m, "io.network.loopback", T0 + 2 * S).quality, QUALITY_EXACT);
	metrics__free(m);
}

/* Sockets that could not be followed: TCP alone is. */
static void lost_sockets_are_partial(void **state)
{
	uint64_t counters[WIRE_CTR_CNT] = {};
	struct metrics *m = begin();

	(void)state;
	metrics__feed_counters(m, counters, T0 + S);
	counters[WIRE_CTR_SOCKET_NOTE]++;
	metrics__feed_counters(m, counters, T0 + 2 * S);
	feed(m, T0 + 2 * S);
	assert_int_equal(session(m, "io.network", T0 + 2 * S).quality, QUALITY_PARTIAL);
	assert_int_equal(session(m, "io.network.loopback.sent_bytes", T0 + 2 * S).quality,
			 QUALITY_PARTIAL);
	assert_int_equal(session(m, "io.network.unix", T0 + 2 * S).quality, QUALITY_EXACT);
	metrics__free(m);
}

static void host_cpu_is_a_share_of_all(void **state)
{
	struct metrics *m = begin();

	(void)state;
	sample.host_busy_ns += 500000000;
	sample.host_stolen_ns += 100000000;
	sample.host_total_ns += 2 * S;
	feed(m, T0 + S);
	assert_true(session(m, "host.cpu.usage", T0 + S).value == 25);
	assert_true(session(m, "host.cpu.steal", T0 + S).value == 5);
	sample.host_known = false;
	feed(m, T0 + 2 * S);
	assert_int_equal(read_at(m, "host.cpu.usage", STAT_MEAN, 60 * S, T0 + 2 * S).quality,
			 QUALITY_UNKNOWN);
	metrics__free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(disk_is_what_was_added),
		cmocka_unit_test(disk_of_less_than_the_window_is_said),
		cmocka_unit_test(network_is_bits_per_second),
		cmocka_unit_test(network_counts_from_the_start),
		cmocka_unit_test(network_that_cannot_be_known),
		cmocka_unit_test(lost_sockets_are_partial),
		cmocka_unit_test(host_cpu_is_a_share_of_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
