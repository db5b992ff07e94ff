/* SPDX-License-Identifier: GPL-2.0-only */
#include "kernel/loader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "kernel/kernel_btf.h"
#include "kernel/libbpf_log.h"
#include "kernel/loader_state.h"
#include "kernel/python.h"
#include "kernel/sockets.h"
#include "kernel/statements.h"
#include "log/log.h"

/* PROC_PID_INIT_INO of include/linux/proc_ns.h, the same on every kernel. */
#define PID_NAMESPACE_INIT_INO 0xEFFFFFFCU

/* A reading of three words takes some 100 ns: they do not change that often so many times. */
#define ACTIVE_TRIES 16

void loader_raise_memlock(void)
{
	const struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};

	(void)setrlimit(RLIMIT_MEMLOCK, &unlimited);
}

static int explain_load(int err, char *why, size_t size)
{
	/* EACCES is the verifier's word: it does not take a program. */
	if (err == -EPERM) {
		snprintf(why, size,
			 "not permitted to load BPF programs (needs root, or CAP_BPF, CAP_PERFMON "
			 "and "
			 "CAP_SYS_PTRACE)");
		return -EPERM;
	}
	if (!kernel_btf_exists()) {
		snprintf(
			why, size,
			"this kernel was built without BTF (CONFIG_DEBUG_INFO_BTF), which programs "
			"on its scheduler need: Linux 5.15 or newer with BTF is needed");
		return -EOPNOTSUPP;
	}
	snprintf(why, size,
		 "this kernel does not take the BPF programs (%s): Linux 5.15 or newer with BTF is "
		 "needed; -v shows the kernel's words",
		 err_str(err));
	return -EOPNOTSUPP;
}

static int open_skeleton(struct loader *l, const struct loader_opts *opts, char *why, size_t size)
{
	LIBBPF_OPTS(bpf_object_open_opts, open_opts, .btf_custom_path = opts->btf_path);

	kernel_btf_use(opts->btf_path);
	if (opts->btf_path && access(opts->btf_path, R_OK)) {
		snprintf(why, size, "--btf %s: %s", opts->btf_path, err_str(-errno));
		return -EOPNOTSUPP;
	}
	l->skel = cheshire_bpf__open_opts(&open_opts);
	if (!l->skel)
		return explain_load(-errno, why, size);
	return 0;
}

/* Sizes follow the configuration and the host, not the load. */
static int size_maps(struct loader *l, const struct loader_opts *opts)
{
	uint32_t stages_n = opts->stages_n ? opts->stages_n : 1;
	int err;

	l->cpus_n = libbpf_num_possible_cpus();
	if (l->cpus_n < 0)
		return l->cpus_n;
	err = bpf_map__set_max_entries(l->skel->maps.slices, l->cpus_n);
	err = err ?: bpf_map__set_max_entries(l->skel->maps.stages, stages_n);
	err = err ?: bpf_map__set_max_entries(l->skel->maps.stage_stats, stages_n);
	err = err ?: bpf_map__set_max_entries(l->skel->maps.stage_hists, stages_n);
	err = err ?: bpf_map__set_max_entries(l->skel->maps.cached_hists, opts->cached_n ?: 1);
	return err;
}

static int set_attach_type(struct loader *l)
{
	struct bpf_program *progs[] = {
		l->skel->progs.probe_enter,	l->skel->progs.probe_exit,
		l->skel->progs.probe_catch,	l->skel->progs.probe_loader,
		l->skel->progs.statement_enter, l->skel->progs.statement_exit,
		l->skel->progs.python_unwind};

	for (size_t i = 0; l->multi && i < sizeof(progs) / sizeof(progs[0]); i++) {
		int err = bpf_program__set_expected_attach_type(
			progs[i], (enum bpf_attach_type)UPROBE_MULTI_ATTACH_TYPE);

		if (err)
			return err;
	}
	return 0;
}

static int share_map(struct shared_map *shared, struct bpf_map *map, bool writable)
{
	size_t page = sysconf(_SC_PAGESIZE);
	size_t size = (size_t)bpf_map__value_size(map) * bpf_map__max_entries(map);
	void *base;

	size = (size + page - 1) & ~(page - 1);
	base = mmap(NULL, size, PROT_READ | (writable ? PROT_WRITE : 0), MAP_SHARED,
		    bpf_map__fd(map), 0);
	if (base == MAP_FAILED)
		return -errno;
	shared->base = base;
	shared->size_bytes = size;
	return 0;
}

static void unshare_map(struct shared_map *shared)
{
	if (shared->base)
		munmap(shared->base, shared->size_bytes);
	shared->base = NULL;
}

static int on_record(void *ctx, void *data, size_t len)
{
	struct loader *l = ctx;

	if (l->record)
		l->record(l->record_ctx, data, len);
	return 0;
}

int loader_share_maps(struct loader *l)
{
	int err;

	err = share_map(&l->stages, l->skel->maps.stages, true);
	err = err ?: share_map(&l->stats, l->skel->maps.stage_stats, true);
	/* Spans of Python that were put together here are counted where all others are. */
	err = err ?: share_map(&l->hists, l->skel->maps.stage_hists, l->python);
	err = err ?: share_map(&l->cached, l->skel->maps.cached_hists, false);
	err = err ?: share_map(&l->slices, l->skel->maps.slices, false);
	if (l->python)
		err = err ?: share_map(&l->python_shared, l->skel->maps.python_conf, true);
	if (l->python)
		err = err ?: share_map(&l->watches_shared, l->skel->maps.python_watches, true);
	if (l->statements)
		err = err ?: share_map(&l->classes, l->skel->maps.class_stats, true);
	if (err)
		return err;
	l->clocks = (struct shared_clock *)l->skel->bss->clocks;
	l->ring = ring_buffer__new(bpf_map__fd(l->skel->maps.events), on_record, l, NULL);
	return l->ring ? 0 : -errno;
}

/*
 * The programs know the target by the number that it has in the initial PID namespace; from
 * within another one that number cannot be learnt, and another process would be watched.
 */
static bool in_initial_pid_namespace(void)
{
	struct stat st;

	return stat("/proc/self/ns/pid", &st) || st.st_ino == PID_NAMESPACE_INIT_INO;
}

/* Descriptors of their own: they outlive the skeleton. */
static int keep_programs(struct loader *l)
{
	struct bpf_program *const progs[LOADER_PROGS] = {
		[LOADER_ENTER] = l->skel->progs.probe_enter,
		[LOADER_EXIT] = l->skel->progs.probe_exit,
		[LOADER_CATCH] = l->skel->progs.probe_catch,
		[LOADER_OBJECTS] = l->skel->progs.probe_loader,
		[LOADER_STATEMENT_ENTER] = l->skel->progs.statement_enter,
		[LOADER_STATEMENT_EXIT] = l->skel->progs.statement_exit,
		[LOADER_PYTHON_TICK] = l->skel->progs.python_tick,
		[LOADER_PYTHON_WATCH] = l->skel->progs.python_watch,
		[LOADER_PYTHON_UNWIND] = l->skel->progs.python_unwind,
	};

	for (size_t i = 0; i < LOADER_PROGS; i++) {
		if (!bpf_program__autoload(progs[i]))
			continue;
		l->prog_fds[i] = fcntl(bpf_program__fd(progs[i]), F_DUPFD_CLOEXEC, 3);
		if (l->prog_fds[i] < 0)
			return -errno;
	}
	return 0;
}

static int load(struct loader *l, const struct loader_opts *opts, char *why, size_t why_size)
{
	int err;

	if (!in_initial_pid_namespace()) {
		snprintf(why, why_size,
			 "cheshire itself runs in a PID namespace (a container): run it on the "
			 "host, or "
			 "with the host's PID namespace");
		return -EOPNOTSUPP;
	}
	loader_raise_memlock();
	l->multi = !opts->force_perf && uprobe_link_have_multi();
	err = open_skeleton(l, opts, why, why_size);
	if (err)
		return err;
	l->skel->rodata->cfg_tgid = opts->tgid;
	err = size_maps(l, opts);
	err = err ?: set_attach_type(l);
	err = err ?: sockets_choose(l, opts->datagrams);
	err = err ?: statements_choose(l, opts->statements);
	err = err ?: python_choose(l, opts->python);
	if (err)
		return explain_load(err, why, why_size);
	err = cheshire_bpf__load(l->skel);
	if (err)
		return explain_load(err, why, why_size);
	err = keep_programs(l);
	err = err ?: loader_share_maps(l);
	if (err)
		snprintf(why, why_size, "cannot map the BPF maps: %s", err_str(err));
	return err;
}

struct loader *loader_new(const struct loader_opts *opts)
{
	struct loader *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	libbpf_log_set();
	l->tgid = opts->tgid;
	l->stages_n = opts->stages_n;
	for (size_t i = 0; i < LOADER_PROGS; i++)
		l->prog_fds[i] = -1;
	for (size_t i = 0; i < LOADER_LINKS; i++)
		l->link_fds[i] = -ENOENT;
	return l;
}

int loader__open(const struct loader_opts *opts, struct loader **out, char *why, size_t why_size)
{
	struct loader *l = loader_new(opts);
	int err;

	*out = NULL;
	if (!l)
		return -ENOMEM;
	err = load(l, opts, why, why_size);
	if (err) {
		loader__free(l);
		return err;
	}
	*out = l;
	return 0;
}

static void close_fds(int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
		fds[i] = -EBADF;
	}
}

void loader__keep_programs(struct loader *l)
{
	ring_buffer__free(l->ring);
	l->ring = NULL;
	unshare_map(&l->stages);
	unshare_map(&l->stats);
	unshare_map(&l->hists);
	unshare_map(&l->cached);
	unshare_map(&l->slices);
	close_fds(l->link_fds, LOADER_LINKS);
	unshare_map(&l->classes);
	unshare_map(&l->python_shared);
	unshare_map(&l->watches_shared);
	cheshire_bpf__destroy(l->skel);
	l->skel = NULL;
}

void loader__free(struct loader *l)
{
	if (!l)
		return;
	loader__keep_programs(l);
	close_fds(l->prog_fds, LOADER_PROGS);
	free(l);
}

bool loader__multi(const struct loader *l)
{
	return l->multi;
}

int loader__attach(struct loader *l, enum loader_prog prog, const struct uprobe_set *set,
		   struct uprobe_link **out)
{
	return uprobe_link__attach(l->prog_fds[prog], l->multi, set, out);
}

int loader__program(const struct loader *l, enum loader_prog prog)
{
	return l->prog_fds[prog];
}

int loader__set_bind(struct loader *l, uint32_t i, const struct wire_bind *bind)
{
	return bpf_map__update_elem(l->skel->maps.binds, &i, sizeof(i), bind, sizeof(*bind), 0);
}

int loader__set_probe(struct loader *l, uint32_t i, const struct wire_probe *probe)
{
	return bpf_map__update_elem(l->skel->maps.probes, &i, sizeof(i), probe, sizeof(*probe), 0);
}

struct wire_stage *loader__stage(struct loader *l, uint32_t i)
{
	return &((struct wire_stage *)l->stages.base)[i];
}

int loader__set_return_site(struct loader *l, uint32_t bind, uint64_t return_address, bool probed)
{
	const struct {
		uint64_t return_address;
		uint64_t bind;
	} key = {return_address, bind};
	const uint64_t value = probed;

	return bpf_map__update_elem(l->skel->maps.return_sites, &key, sizeof(key), &value,
				    sizeof(value), 0);
}

int loader__forget_return_site(struct loader *l, uint32_t bind, uint64_t return_address)
{
	const struct {
		uint64_t return_address;
		uint64_t bind;
	} key = {return_address, bind};

	return bpf_map__delete_elem(l->skel->maps.return_sites, &key, sizeof(key), 0);
}

const struct wire_stage_stats *loader__stats(const struct loader *l, uint32_t i)
{
	return &((const struct wire_stage_stats *)l->stats.base)[i];
}

const struct wire_histogram *loader__hist(const struct loader *l, uint32_t i, enum wire_hist which)
{
	return &((const struct wire_histogram *)l->hists.base)[i * WIRE_HISTS + which];
}

const struct wire_histogram *loader__cached(const struct loader *l, uint32_t i)
{
	return &((const struct wire_histogram *)l->cached.base)[i];
}

/*
 * The time must be that of the reading: with an earlier one, what began since would count as less
 * than nothing, and a total that is first read then would be too large for ever.
 */
bool loader__active(const struct loader *l, uint32_t i, uint64_t *wall_ns, uint64_t *cpu_ns)
{
	const volatile struct wire_stage_stats *s = loader__stats(l, i);
	const volatile struct shared_clock *clock = &l->clocks[WIRE_CLOCK_CPU];

	for (int tries = 0; tries < ACTIVE_TRIES; tries++) {
		uint64_t wall = s->active_wall, cpu = s->active_cpu, word = clock->word, now_ns;
		struct timespec now;

		clock_gettime(CLOCK_MONOTONIC, &now);
		if (s->active_wall != wall || s->active_cpu != cpu || clock->word != word)
			continue;
		now_ns = (uint64_t)now.tv_sec * 1000000000ULL + (uint64_t)now.tv_nsec;
		*wall_ns = shared_clock_once(wall, now_ns);
		*cpu_ns = shared_clock_once(cpu, shared_clock_word(word, false, now_ns));
		return true;
	}
	return false;
}

uint32_t loader__open_spans(const struct loader *l, uint32_t i)
{
	const volatile struct wire_stage_stats *s = loader__stats(l, i);
	uint32_t n = 0;

	for (size_t at = 0; at < WIRE_OPEN_SLOTS; at++)
		n += s->open[at].start_ns != 0;
	return n;
}

int loader__counters(struct loader *l, uint64_t counters[WIRE_CTR_CNT])
{
	uint64_t *values = calloc(l->cpus_n, sizeof(*values));
	int err = 0;

	if (!values)
		return -ENOMEM;
	for (uint32_t i = 0; i < WIRE_CTR_CNT && !err; i++) {
		err = bpf_map__lookup_elem(l->skel->maps.counters, &i, sizeof(i), values,
					   l->cpus_n * sizeof(*values), 0);
		counters[i] = 0;
		for (int cpu = 0; !err && cpu < l->cpus_n; cpu++)
			counters[i] += values[cpu];
	}
	free(values);
	return err;
}

/* One run in 64 was timed. */
static uint64_t scale_sampled(uint64_t sampled_ns, uint64_t sampled, uint64_t runs)
{
	return sampled ? (uint64_t)((double)sampled_ns / (double)sampled * (double)runs) : 0;
}

void loader__cpu(const struct loader *l, uint64_t now_ns, struct loader_cpu *out)
{
	const struct wire_slice *slices = l->slices.base;
	uint64_t voice = shared_clock_read(&l->clocks[WIRE_CLOCK_VOICE], true, now_ns);

	memset(out, 0, sizeof(*out));
	for (int i = 0; i < l->cpus_n; i++) {
		const volatile struct wire_slice *s = &slices[i];
		uint64_t start_ns = s->start_ns, voice_start_ns = s->voice_start_ns;

		out->cpu_ns += s->cpu_ns;
		out->voice_cpu_ns += s->voice_cpu_ns;
		/* The slice may have been closed between the reads: then it is counted already. */
		if (start_ns && s->start_ns == start_ns && start_ns < now_ns) {
			uint64_t cpu_ns = now_ns - start_ns;
			uint64_t voice_ns = shared_clock_diff(voice, voice_start_ns);

			out->cpu_ns += cpu_ns;
			out->voice_cpu_ns += voice_ns < cpu_ns ? voice_ns : cpu_ns;
		}
		out->tracepoint_ns += scale_sampled(s->tp_sampled_ns, s->tp_sampled, s->tp_hits);
		out->probe_ns +=
			scale_sampled(s->probe_sampled_ns, s->probe_sampled, s->probe_runs);
		out->probe_runs += s->probe_runs;
		out->catch_hits += s->catch_hits;
		out->loader_hits += s->loader_hits;
		out->unseen += s->unseen;
	}
	out->voice_ns = voice;
}

int loader__stream_lookup(struct loader *l, const struct wire_stream_key *key,
			  struct wire_stream *out)
{
	return bpf_map__lookup_elem(l->skel->maps.streams, key, sizeof(*key), out, sizeof(*out), 0);
}

/* What the program at its first output would have done: it is not in flight any more. */
static void land(struct loader *l, uint32_t stage, const struct wire_stream *s, uint64_t now_ns)
{
	struct wire_stage_stats *stats = &((struct wire_stage_stats *)l->stats.base)[stage];
	uint64_t cpu = shared_clock_read(&l->clocks[WIRE_CLOCK_CPU], false, now_ns);

	if (s->counted & WIRE_COUNTED_VOICE)
		shared_clock_stop(&l->clocks[WIRE_CLOCK_VOICE].word, now_ns);
	if (s->counted & WIRE_COUNTED_ACTIVE) {
		shared_clock_stop((uint64_t *)&stats->active_wall, now_ns);
		shared_clock_stop((uint64_t *)&stats->active_cpu, cpu);
	}
	if (s->slot)
		__atomic_store_n(&stats->open[(s->slot - 1) % WIRE_OPEN_SLOTS].start_ns, 0,
				 __ATOMIC_RELAXED);
	__atomic_fetch_sub(&stats->in_flight, 1, __ATOMIC_RELAXED);
}

void loader__stream_forget(struct loader *l, const struct wire_stream_key *key, uint64_t now_ns)
{
	struct wire_stream s;

	if (bpf_map__lookup_and_delete_elem(l->skel->maps.streams, key, sizeof(*key), &s, sizeof(s),
					    0))
		return;
	if (s.counted && key->stage < l->stages_n)
		land(l, key->stage, &s, now_ns);
}

int loader__drain(struct loader *l, loader_record_fn fn, void *ctx)
{
	int n;

	l->record = fn;
	l->record_ctx = ctx;
	n = ring_buffer__consume(l->ring);
	return n < 0 ? n : 0;
}

int loader__ring_fd(const struct loader *l)
{
	return ring_buffer__epoll_fd(l->ring);
}
