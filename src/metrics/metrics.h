/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * metrics.h - kernel aggregates, span records and 1 Hz process samples in; metrics out.
 *
 * Pure: no clock, no files; every call gets the time (CLOCK_MONOTONIC, ns).  One thread.
 *
 * A tick of the watch loop, once a second:
 *	drain the ring buffer: decode_record(), metrics__feed_span() for each WIRE_KIND_SPAN
 *	metrics__poll_streams()
 *	metrics__feed_stage() for every stage, metrics__feed_process()
 *	metrics__tick()
 *	rules__tick()
 * The ring buffer may be drained more often in between.
 */
#ifndef CHESHIRE_METRICS_METRICS_H
#define CHESHIRE_METRICS_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cheshire/wire_statement.h"
#include "config/config.h"
#include "metrics/evidence.h"
#include "metrics/sample.h"

struct metrics;

/* `config` is kept by reference and must outlive the metrics.  NULL and errno on failure. */
struct metrics *metrics__new(const struct config *config, uint64_t now_ns);
void metrics__free(struct metrics *m);

/* --- in --- */

enum metrics_stage_state {
	METRICS_STAGE_ARMED = 1, /* the default */
	METRICS_STAGE_REFUSED = 2,
	METRICS_STAGE_SHED = 3,
	METRICS_STAGE_UNRESOLVED = 4,
};

/* Anything but ARMED makes the stage's metrics unknown; turns too where it takes part in them. */
void metrics__stage_state(struct metrics *m, size_t stage, enum metrics_stage_state state);
/*
 * Its spans are put together from looks at points of time (true), or seen as they begin and end:
 * what is said of it, and of turns that it takes part in, is `sampled` at best, and counts are at
 * least so many.
 */
void metrics__stage_sampled(struct metrics *m, size_t stage, bool sampled);
/* Calls of some of the stage's functions go by uncounted: what it says just now is partial. */
void metrics__stage_missed(struct metrics *m, size_t stage, uint64_t now_ns);

/* The kernel's running totals of a stage, as copies that do not change while they are fed. */
struct stage_reading {
	const struct wire_stage_stats *stats;
	const struct wire_histogram *latency; /* without `cached` */
	const struct wire_histogram *frame;   /* NULL but for frame stages */
	const struct wire_histogram *cached;  /* NULL: the stage does not tell */
	/* Wall time with the stage in flight and CPU time of the target meanwhile, modulo
	   2^WIRE_CLOCK_BITS; kept where metrics__wants_active(). */
	uint64_t active_wall_ns, active_cpu_ns;
	bool active_known;
};

/* The first call is the base line: call it before arming (or with zeros). */
void metrics__feed_stage(struct metrics *m, size_t stage, const struct stage_reading *reading,
			 uint64_t now_ns);
/* The configuration, or a demand so far, asks for the stage's active_cpu. */
bool metrics__wants_active(const struct metrics *m, size_t stage);

/* A decoded span record, in any order; now_ns is when it was drained. */
void metrics__feed_span(struct metrics *m, const struct wire_span *span, uint64_t now_ns);

/* Counts of every class of database statement, as copies that do not change while they are fed. */
void metrics__feed_classes(struct metrics *m, const struct wire_class_stats now[WIRE_CLASSES],
			   uint64_t now_ns);
/*
 * A decoded record of a statement with its text, which is read here and not kept.  Returns the
 * class that the kernel is to be told; WIRE_CLASS_PENDING: nothing.
 */
enum wire_class metrics__feed_statement(struct metrics *m, const struct wire_statement *record,
					const char *text, uint64_t now_ns);

/* How streams are looked up in, and taken from, the kernel's table. */
struct metrics_streams_ops {
	/* 0, or -ENOENT when there is no such stream any more. */
	int (*lookup)(void *ctx, const struct wire_stream_key *key, struct wire_stream *out);
	/* The stream was closed by user space: remove it, outputs after this are not its.
	   May be NULL. */
	void (*forget)(void *ctx, const struct wire_stream_key *key);
};

/* Looks up every open stream (bounded by STREAMS_MAX), and joins the records that are old enough
   to be in order.  Call it whenever the ring buffer was drained.  `ops->lookup` and `ctx` are used
   again, until the next call, where a stream is closed in between. */
void metrics__poll_streams(struct metrics *m, const struct metrics_streams_ops *ops, void *ctx,
			   uint64_t now_ns);

/* Where the other end of a socket is. */
enum process_net {
	PROCESS_NET_REMOTE = 0,
	PROCESS_NET_LOOPBACK = 1, /* this host: 127.0.0.0/8, ::1, or one of its own addresses */
	PROCESS_NET_UNIX = 2,	  /* unix sockets */
	PROCESS_NETS = 3,
};

/* Socket payload of the process, running totals since watching began. */
struct process_traffic {
	uint64_t sent_bytes;
	uint64_t received_bytes;
	bool known;	    /* false: not measured at all here */
	bool partial;	    /* a part is missing (an old kernel's UDP): said in `reason` */
	const char *reason; /* static, or NULL */
};

/* Times and bytes of the whole process, read at about 1 Hz. */
struct process_sample {
	uint64_t ts_ns;	       /* when the CPU and voice clocks were read */
	uint64_t cpu_ns;       /* all threads, running total, open slices included */
	uint64_t voice_ns;     /* wall time with a voice stage in flight, running total */
	uint64_t voice_cpu_ns; /* CPU time spent then, running total */
	bool voice_known;      /* the two above are valid */
	double cpus;	       /* available to the target: affinity and quota */
	uint64_t rss_bytes, anon_bytes, file_bytes, shared_bytes, swap_bytes;
	uint64_t hwm_bytes; /* high-water mark of RSS */
	bool memory_known;  /* the six above are valid */
	uint32_t threads;   /* 0: not known */
	uint32_t fds;
	bool fds_known;
	uint64_t disk_read_bytes, disk_write_bytes; /* to and from storage, running totals */
	bool disk_known;
	struct process_traffic traffic[PROCESS_NETS];
	uint32_t connections; /* accepted and established on the port of `users:` */
	bool connections_known;
	uint64_t host_busy_ns, host_stolen_ns, host_total_ns; /* all CPUs, running totals */
	bool host_known;
};

void metrics__feed_process(struct metrics *m, const struct process_sample *sample);

/* Model files of a stage that are mapped or open now: bytes of all, bytes of the largest. */
void metrics__feed_models(struct metrics *m, size_t stage, uint64_t bytes, uint64_t largest_bytes,
			  uint32_t files, uint64_t now_ns);

/*
 * Is it worth looking at the memory now?  `open_spans` of every stage.  True while a stage whose
 * memory per stream somebody asked for is, or just was, in flight; else once a second; never when
 * nobody asks.  To be called about 10 times a second.
 */
bool metrics__wants_memory(struct metrics *m, const uint32_t *open_spans, uint64_t now_ns);
/* Anonymous memory and the open spans of every stage at one instant. */
void metrics__feed_memory(struct metrics *m, uint64_t anon_bytes, const uint32_t *open_spans,
			  uint64_t now_ns);

/*
 * How many allocation sites are known to leak.  `why` not NULL: it is not known, for that reason (a
 * static string).
 */
void metrics__feed_leaks(struct metrics *m, size_t sites_n, const char *why, uint64_t now_ns);

struct connections;

/* What a look at the connections to databases found. */
void metrics__feed_connections(struct metrics *m, const struct connections *connections,
			       uint64_t now_ns);
/* They cannot be looked at, until they are fed again. */
void metrics__connections_unknown(struct metrics *m);
/* An attempt to connect that ended. */
void metrics__feed_connect(struct metrics *m, uint64_t duration_ns, bool failed, uint64_t now_ns);
/* Some that ended were lost. */
void metrics__lost_connects(struct metrics *m, uint64_t now_ns);

/* Threads wait for locks that nobody gives back: `why` is a sentence; NULL: no longer. */
void metrics__feed_stuck(struct metrics *m, const char *why, uint64_t now_ns);

/* Running totals by reason (enum wire_counter): what was lost makes turns and streams partial. */
void metrics__feed_counters(struct metrics *m, const uint64_t counters[WIRE_CTR_CNT],
			    uint64_t now_ns);

/* The target exited or crashed: target.up is 0 from now on. */
void metrics__target_gone(struct metrics *m, uint64_t now_ns);

/* Joins spans to turns, closes windows, watches for hangs.  Call it last in the tick. */
void metrics__tick(struct metrics *m, uint64_t now_ns);
/*
 * When target.responsive has to be looked at again though no second has passed, as far as the last
 * tick can tell: a hang is said when its limit passes, not at the next tick.  UINT64_MAX: never.
 */
uint64_t metrics__due_ns(const struct metrics *m);
/* The same without waiting for stragglers: before the last summary. */
void metrics__flush(struct metrics *m, uint64_t now_ns);

/* --- out --- */

#define METRICS_SESSION UINT64_MAX /* no window: since watching began */

/*
 * Asks for a statistic over a sliding window (or METRICS_SESSION); the same question gives the same
 * handle.  `id` is without the statistic ("stt.latency"); with it ("stt.latency.p95") stat may be
 * STAT_INVALID. Returns a handle >= 0, -ENOENT (no such metric with this configuration), -EINVAL
 * (the metric does not have this statistic) or -ENOMEM.
 */
int metrics__demand(struct metrics *m, const char *id, enum statistic stat, uint64_t window_ns);
struct sample metrics__read(struct metrics *m, int handle, uint64_t now_ns);
/* The handle's id with its statistic, as summaries spell it: "stt.latency.p95", "cpu.usage.peak",
   "memory.peak". */
void metrics__name(const struct metrics *m, int handle, char *out, size_t size);

/* The slowest spans or turns in the handle's window, slowest first; returns how many, 0 .. 3. */
size_t metrics__slowest(struct metrics *m, int handle, uint64_t now_ns,
			struct evidence_item out[EVIDENCE_KEPT]);

/* What metrics__statement() takes, of a text by its hash; 0: not known any more. */
uint32_t metrics__statement_of(const struct metrics *m, uint64_t hash);
/* The redacted text of an evidence_item.statement, or NULL.  Valid until a statement is fed. */
const char *metrics__statement(const struct metrics *m, uint32_t statement);

/* Every metric over the whole session, for the summary; `id` is valid during the call only. */
typedef void (*metrics_each_fn)(void *ctx, const char *id, const struct sample *sample);
void metrics__each(struct metrics *m, uint64_t now_ns, metrics_each_fn fn, void *ctx);

#define METRICS_NO_STAGE SIZE_MAX

/* Why target.responsive is 0 (a sentence without a stage name), and whose fault (METRICS_NO_STAGE:
   no stage's); else NULL.  Valid until the next call that feeds or ticks. */
const char *metrics__unresponsive(const struct metrics *m, size_t *stage);

/* What the engine itself had to leave out, running totals; all zero is normal. */
struct metrics_losses {
	uint64_t reorder_full;	     /* records joined early: more than the buffer holds */
	uint64_t streams_full;	     /* streams not followed */
	uint64_t streams_empty;	     /* closed without any output */
	uint64_t turns_full;	     /* turns given up: table full */
	uint64_t turns_overlapped;   /* turns without key that overlapped: not told apart */
	uint64_t spans_unjoined;     /* spans of turn stages that belong to no turn */
	uint64_t statements_unknown; /* that ended before their text was read, and then forgotten */
	uint64_t gaps_full;	     /* pairs of stages beyond those kept */
	uint64_t memory;	     /* allocations that failed */
};
void metrics__losses(const struct metrics *m, struct metrics_losses *out);

#endif /* CHESHIRE_METRICS_METRICS_H */
