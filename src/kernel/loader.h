/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * loader.h - the BPF programs and maps, loaded for one target.  Only this module includes the
 * skeleton.
 *
 * Life: loader__open (features found by trying, maps sized, programs loaded), the set calls,
 * loader__attach_tracing, uprobes by loader__attach, states of stages changed while running,
 * loader__free.  Nothing is pinned: the kernel takes everything back with our last descriptor.
 */
#ifndef CHESHIRE_KERNEL_LOADER_H
#define CHESHIRE_KERNEL_LOADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cheshire/wire.h"
#include "kernel/uprobe_link.h"

struct loader;

struct loader_opts {
	uint32_t tgid; /* of the target, in the initial PID namespace */
	size_t stages_n;
	size_t cached_n;      /* stages that tell answers out of a cache apart */
	bool statements;      /* some stage is of database statements */
	bool python;	      /* some stage is of Python functions */
	const char *btf_path; /* NULL: the kernel's own BTF */
	bool datagrams;	      /* UDP and unix sockets are wanted, at the price in sockets.h */
	bool force_perf;      /* perf event uprobes even where uprobe_multi works */
};

/*
 * 0, or a negative errno with the reason in `why`: -EPERM not permitted, -EOPNOTSUPP the kernel
 * lacks something that is needed (which is said).
 */
int loader__open(const struct loader_opts *opts, struct loader **out, char *why, size_t why_size);
void loader__free(struct loader *loader);

/*
 * Kernels before 5.11 (1,3) account BPF memory to RLIMIT_MEMLOCK; harmless where it fails.
 * loader__open does it too, but perhaps after the privilege for it is gone.
 */
void loader_raise_memlock(void);

/* uprobe_multi links are used; else perf events. */
bool loader__multi(const struct loader *loader);

/* What is attached to the kernel itself, or can be run there. */
enum loader_link {
	LOADER_LINK_SWITCH = 0, /* of the scheduler */
	LOADER_LINK_EXIT = 1,	/* the target's life */
	LOADER_LINK_EXEC = 2,
	LOADER_LINK_FORK = 3,
	LOADER_LINKS_NEEDED = 4,       /* without the next ones something is not known */
	LOADER_LINK_SOCKETS_STATE = 4, /* sockets.h */
	LOADER_LINK_SOCKETS_SENT = 5,
	LOADER_LINK_SOCKETS_RECEIVED = 6,
	LOADER_LINK_SOCKETS_WALK = 7, /* iterators, for snapshot.h */
	LOADER_LINK_LOCK_WAITS = 8,
	LOADER_LINK_DB_STATE = 9, /* db_sockets.h */
	LOADER_LINK_DB_WALK = 10,
	LOADER_LINKS = 11,
};

/* Attaches them all.  0, or the negative errno of one that is needed. */
int loader__attach_tracing(struct loader *loader);
/* The descriptor, which stays the loader's, or the negative errno of why there is none. */
int loader__link(const struct loader *loader, enum loader_link link);
/* Takes it off. */
void loader__drop_link(struct loader *loader, enum loader_link link);

enum loader_prog {
	LOADER_ENTER = 0,
	LOADER_EXIT = 1,
	LOADER_CATCH = 2,
	LOADER_OBJECTS = 3, /* the dynamic loader's hook */
	LOADER_STATEMENT_ENTER = 4,
	LOADER_STATEMENT_EXIT = 5,
	LOADER_PYTHON_TICK = 6,	  /* no uprobe: python_ticks.h */
	LOADER_PYTHON_WATCH = 7,  /* likewise: watchpoint.h */
	LOADER_PYTHON_UNWIND = 8, /* PyTraceBack_Here */
	LOADER_PROGS = 9,
};

/*
 * What one process loaded, for another one that is not permitted to load: maps in the order of the
 * skeleton (-1: not made) and links.  Descriptors are borrowed from the loader that exports, and
 * those of the process that adopts are taken over by the new loader, also on failure.  An adopted
 * loader cannot attach.
 */
#define LOADER_MAPS_MAX 96

struct loader_handles {
	size_t maps_n;
	int maps[LOADER_MAPS_MAX];
	int links[LOADER_LINKS]; /* or a negative errno */
	bool multi;
};

int loader__export(const struct loader *loader, struct loader_handles *out);
int loader__adopt(const struct loader_opts *opts, struct loader_handles *handles,
		  struct loader **out);
void loader_handles_close(struct loader_handles *handles);

/* Forgets everything but the programs for loader__attach. */
void loader__keep_programs(struct loader *loader);

/* For what is not a uprobe; borrowed.  -1: not loaded. */
int loader__program(const struct loader *loader, enum loader_prog prog);

/* The link is the caller's: uprobe_link__free. */
int loader__attach(struct loader *loader, enum loader_prog prog, const struct uprobe_set *set,
		   struct uprobe_link **out);

/* Writing configuration; `i` below the limits of wire.h.  0 or negative errno. */
int loader__set_bind(struct loader *loader, uint32_t i, const struct wire_bind *bind);
int loader__set_probe(struct loader *loader, uint32_t i, const struct wire_probe *probe);
int loader__forget_return_site(struct loader *loader, uint32_t bind, uint64_t return_address);
/* Stages are shared memory: writes act at once.  Valid until loader__free. */
struct wire_stage *loader__stage(struct loader *loader, uint32_t i);
/*
 * A return site of the bind is settled.  Probed: calls from there are measured; else they are
 * passed over.  Either way the programs do not ask for it again.
 */
int loader__set_return_site(struct loader *loader, uint32_t bind, uint64_t return_address,
			    bool probed);

/* What the kernel counted.  Shared memory: valid until loader__free. */
const struct wire_stage_stats *loader__stats(const struct loader *loader, uint32_t i);
const struct wire_histogram *loader__hist(const struct loader *loader, uint32_t i,
					  enum wire_hist which);
/* Latencies of answers out of a cache; `i` below cached_n (wire_stage.cached - 1). */
const struct wire_histogram *loader__cached(const struct loader *loader, uint32_t i);
/*
 * Running totals of a stage that has WIRE_STAGE_ACTIVE: wall time with anything of it in flight,
 * and the CPU time of the whole target meanwhile, both as of one instant.  Modulo
 * 2^WIRE_CLOCK_BITS.  False: they changed whenever they were read; nothing is lost by asking later.
 */
bool loader__active(const struct loader *loader, uint32_t i, uint64_t *wall_ns, uint64_t *cpu_ns);
/* Spans of the stage that are open now, at most WIRE_OPEN_SLOTS. */
uint32_t loader__open_spans(const struct loader *loader, uint32_t i);
int loader__counters(struct loader *loader, uint64_t counters[WIRE_CTR_CNT]);

/* Sums over all CPUs, slices still open included as of now_ns. */
struct loader_cpu {
	uint64_t cpu_ns;	/* as seen by the scheduler hook */
	uint64_t voice_cpu_ns;	/* the part of it with a voice stage in flight */
	uint64_t voice_ns;	/* wall time with a voice stage in flight, running total */
	uint64_t tracepoint_ns; /* estimated run time of the scheduler program for the target */
	uint64_t probe_ns;	/* estimated run time of the uprobe programs, without the traps */
	uint64_t probe_runs;
	uint64_t catch_hits;
	uint64_t loader_hits; /* of the dynamic loader's hook */
	uint64_t unseen;      /* slices whose beginning the kernel did not tell of */
};
void loader__cpu(const struct loader *loader, uint64_t now_ns, struct loader_cpu *out);

/* Open streams, for metrics__poll_streams. */
int loader__stream_lookup(struct loader *loader, const struct wire_stream_key *key,
			  struct wire_stream *out);
/* Removes a closed stream; one that never put anything out leaves the voice clock. */
void loader__stream_forget(struct loader *loader, const struct wire_stream_key *key,
			   uint64_t now_ns);

/*
 * The records that are there now; they do not wake anyone but life events, which make the
 * descriptor readable.
 */
typedef void (*loader_record_fn)(void *ctx, const void *data, size_t len_bytes);
int loader__drain(struct loader *loader, loader_record_fn fn, void *ctx);
int loader__ring_fd(const struct loader *loader);

#endif
