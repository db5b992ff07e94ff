/* SPDX-License-Identifier: GPL-2.0-only */
#include "watch/sampling.h"

#include "kernel/loader.h"
#include "metrics/metrics.h"
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

int sampling_feed(struct watching *w, uint64_t now_ns)
{
	struct process_sample sample = {.ts_ns = now_ns};
	int err = read_cpu(w, now_ns, &sample);

	if (err)
		return err;
	read_status(w, &sample);
	sample.fds_known = !process_count_fds(w->proc, &sample.fds);
	metrics__feed_process(w->metrics, &sample);
	return 0;
}
