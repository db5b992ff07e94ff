/* SPDX-License-Identifier: GPL-2.0-only */
#include "watch/sampling.h"

#include "kernel/loader.h"
#include "kernel/sockets.h"
#include "target/host_stats.h"
#include "target/process_stats.h"
#include "watch/watching.h"

/* CPU time and what it is compared with. */
static int read_cpu(struct watching *w, uint64_t now_ns, struct process_sample *sample)
{
	struct process_cpus cpus;
	struct loader_cpu cpu;
	int err = process_read_cpu_ns(w->proc, &sample->cpu_ns);

	if (err)
		return err;
	loader__cpu(w->loader, now_ns, &cpu);
	sample->voice_ns = cpu.voice_ns;
	sample->voice_cpu_ns = cpu.voice_cpu_ns;
	sample->voice_known = true;
	if (!process_read_cpus(w->proc, &cpus))
		sample->cpus = cpus.available_milli / 1000.0;
	return 0;
}

/* Memory and threads. */
static void read_status(struct watching *w, struct process_sample *sample)
{
	struct process_status status;

	if (process_read_status(w->proc, &status))
		return;
	sample->rss_bytes = status.vm_rss_bytes;
	sample->hwm_bytes = status.vm_hwm_bytes;
	sample->anon_bytes = status.rss_anon_bytes;
	sample->file_bytes = status.rss_file_bytes;
	sample->shared_bytes = status.rss_shmem_bytes;
	sample->swap_bytes = status.vm_swap_bytes;
	sample->memory_known = status.has_memory;
	sample->threads = status.threads;
	/* Much cheaper to watch than the maps, which take the kernel long to print. */
	if (status.vm_lib_bytes != w->lib_bytes)
		w->objects_changed = true;
	w->lib_bytes = status.vm_lib_bytes;
}

/*
 * A file that is deleted before it was written back costs no storage, but the kernel tells only
 * then.  The total must not go back: what is written next pays for what was cancelled.
 */
static void read_disk(struct watching *w, struct process_sample *sample)
{
	struct sampling *s = &w->sampling;
	struct process_io io;
	int64_t net_bytes;

	if (process_read_io(w->proc, &io))
		return;
	net_bytes = (int64_t)(io.write_bytes - io.cancelled_write_bytes);
	if (!s->disk_read || net_bytes > s->disk_net_bytes) {
		s->disk_write_bytes += s->disk_read ? (uint64_t)(net_bytes - s->disk_net_bytes) : 0;
		s->disk_net_bytes = net_bytes;
	}
	s->disk_read = true;
	sample->disk_read_bytes = io.read_bytes;
	sample->disk_write_bytes = s->disk_write_bytes;
	sample->disk_known = true;
}

/*
 * The keeper answers one question at a time.  While the worker asks it for long things (the maps of
 * a large process, a file on a slow disk) the loop does not queue up behind it: both totals stay
 * as they were, and what is missing comes with the next reading.
 */
static void read_by_keeper(struct watching *w, struct process_sample *sample)
{
	const struct process_sample *last = &w->sampling.last;

	if (w->scan.under_way && w->sampling.fed) {
		sample->fds = last->fds;
		sample->fds_known = last->fds_known;
		sample->disk_read_bytes = last->disk_read_bytes;
		sample->disk_write_bytes = last->disk_write_bytes;
		sample->disk_known = last->disk_known;
		return;
	}
	sample->fds_known = !process_count_fds(w->proc, &sample->fds);
	read_disk(w, sample);
}

static void take_traffic(const struct sockets_reading *reading, struct process_sample *sample)
{
	static const enum wire_net nets[PROCESS_NETS] = {
		[PROCESS_NET_REMOTE] = WIRE_NET_REMOTE,
		[PROCESS_NET_LOOPBACK] = WIRE_NET_LOOPBACK,
		[PROCESS_NET_UNIX] = WIRE_NET_UNIX,
	};

	for (int i = 0; i < PROCESS_NETS; i++) {
		sample->traffic[i].sent_bytes = reading->traffic[nets[i]].sent_bytes;
		sample->traffic[i].received_bytes = reading->traffic[nets[i]].received_bytes;
	}
}

/*
 * Without the hooks on sends and receives nothing is known of unix sockets, and UDP is missing from
 * the rest: from that of a target that has a UDP socket open when we look.
 */
static void judge_traffic(const struct sockets *sockets, const struct sockets_reading *reading,
			  struct process_traffic traffic[PROCESS_NETS])
{
	const char *why;
	bool datagrams = sockets__datagrams(sockets, &why);

	for (int i = 0; i < PROCESS_NETS; i++) {
		bool unix_sockets = i == PROCESS_NET_UNIX;

		traffic[i].known = datagrams || !unix_sockets;
		traffic[i].reason = why;
		if (unix_sockets)
			continue;
		traffic[i].partial = (!datagrams && reading->udp) || reading->uncounted;
		if (reading->uncounted)
			traffic[i].reason =
				"it has sockets of a protocol that is not counted (MPTCP, SCTP)";
	}
}

static void read_sockets(struct watching *w, struct process_sample *sample)
{
	uint16_t port = w->config->users.port;
	struct sockets_reading reading;
	int err;

	if (!w->sockets) {
		for (int i = 0; i < PROCESS_NETS; i++)
			sample->traffic[i].reason = "this kernel lets nobody look at sockets";
		return;
	}
	err = sockets__read(w->sockets, port, &reading);
	take_traffic(&reading, sample);
	judge_traffic(w->sockets, &reading, sample->traffic);
	sample->connections = reading.connections;
	sample->connections_known = !err && port;
}

static void read_host(struct process_sample *sample)
{
	struct host_cpu cpu;

	if (host_read_cpu(&cpu))
		return;
	sample->host_busy_ns = cpu.busy_ns;
	sample->host_stolen_ns = cpu.stolen_ns;
	sample->host_total_ns = cpu.total_ns;
	sample->host_known = true;
}

int sampling_feed(struct watching *w, uint64_t now_ns)
{
	struct process_sample sample = {.ts_ns = now_ns};
	int err = read_cpu(w, now_ns, &sample);

	if (err)
		return err;
	read_status(w, &sample);
	read_by_keeper(w, &sample);
	read_sockets(w, &sample);
	read_host(&sample);
	metrics__feed_process(w->metrics, &sample);
	w->sampling.last = sample;
	w->sampling.fed = true;
	return 0;
}

void sampling_last(struct watching *w, uint64_t now_ns)
{
	struct process_sample sample = w->sampling.last;

	if (!w->sampling.fed || !w->sockets)
		return;
	/* Nothing but the sockets can be read any more. */
	sample.ts_ns = now_ns;
	sample.cpus = 0.0;
	sample.memory_known = sample.fds_known = sample.disk_known = sample.host_known = false;
	sample.threads = 0;
	read_sockets(w, &sample);
	sample.connections_known = false;
	metrics__feed_process(w->metrics, &sample);
}
