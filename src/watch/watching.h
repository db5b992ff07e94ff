/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * watching.h - one configuration at work on one target: from probes to the state of budgets.
 *
 * A reload makes a new one beside the same process and sinks.
 */
#ifndef CHESHIRE_WATCH_WATCHING_H
#define CHESHIRE_WATCH_WATCHING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "kernel/loader.h"
#include "kernel/sockets.h"
#include "metrics/metrics.h"
#include "rules/rules.h"
#include "target/maps.h"
#include "target/process.h"
#include "watch/attachment.h"
#include "watch/bindings.h"
#include "watch/breaker.h"
#include "watch/models.h"
#include "watch/python_clock.h"
#include "watch/python_target.h"
#include "watch/sampling.h"
#include "watch/scan.h"

struct connection_watch;
struct debug_files;
struct keeper;
struct leak_hunt;
struct lock_watch;
struct proof;
struct python_exact;
struct python_sampling;
struct python_stacks;

#define WATCHING_WHY_MAX 512

/* What user space itself had to throw away; running totals. */
struct watching_losses {
	uint64_t bad_records;	  /* records that did not decode */
	uint64_t unknown_records; /* of a kind we do not know */
};

struct watching {
	struct config *config; /* owned */
	struct process *proc;  /* borrowed, like the next two */
	struct keeper *keeper;
	struct worker *worker;		   /* NULL: slow work is done at once */
	const struct debug_files *fetched; /* borrowed; NULL: none were asked for */
	struct scan scan;
	struct object_table objects;
	struct bindings bindings;
	struct loader *loader;
	struct sockets *sockets; /* NULL: they cannot be watched */
	struct sampling sampling;
	struct attachment attachment;
	struct breaker breaker;
	struct models models;
	struct python_target python;
	struct python_clock python_clock;
	struct python_sampling *python_sampling; /* NULL: no stage is of Python */
	struct python_exact *python_exact;	 /* likewise */
	struct python_stacks *python_stacks;	 /* likewise */
	struct lock_watch *locks;		 /* NULL: this kernel cannot */
	struct connection_watch *connections;	 /* likewise */
	struct leak_hunt *leaks;		 /* NULL: leaks are not looked for */
	struct metrics *metrics;
	struct rules *rules;
	struct wire_histogram hists[WIRE_HISTS + 1]; /* copies while a stage is fed; last: cached */
	uint64_t memory_ns;			     /* when stages_sample_memory() looked last */
	struct watching_losses losses;
	char *engines; /* recognised, comma-separated; NULL: stages were given */
	uint64_t started_ns;
	uint64_t last_breaker_ns;
	uint64_t last_scan_ns; /* of the objects */
	uint64_t lib_bytes;    /* executable mappings at the last tick */
	bool objects_changed;  /* the loader's hook fired, or lib_bytes changed */
	bool exec_seen;	       /* an exec since the last rescan */
	bool exec_pending;     /* ... of which the stages have not been told yet */
	bool exit_seen;
	uint32_t exit_status; /* as in wait(2), when exit_seen */
};

/*
 * Takes the configuration over (also on failure).  Loads, calibrates, resolves and starts the
 * trial of the stages.  `proof` says what kinds of probes may be used.  0, or a negative errno with
 * the reason in `why`.
 */
int watching_start(struct watching *w, struct config *config, struct process *proc,
		   struct keeper *keeper, const struct proof *proof, char *why, size_t why_size);
void watching_stop(struct watching *w);
void watching_free(struct watching *w);

/* Every few 10 ms: records, trials that are over.  Bits of stages with news of that in *told. */
void watching_drain(struct watching *w, uint64_t now_ns, uint64_t *told);

/* True while it is tried what of the stages can be watched. */
bool watching_in_trial(const struct watching *w);

/* Every 100 ms: the overhead ceiling.  Returns the stage that was shed, or enum breaker_shed. */
int watching_break(struct watching *w, uint64_t now_ns);
/* ... and what was taken off for it, or refused, is tried again when it has waited. */
void watching_retry(struct watching *w, uint64_t now_ns);

/* Every second: counters in, rules evaluated.  -ESRCH: the target is gone. */
int watching_tick(struct watching *w, uint64_t now_ns, rules_event_fn fn, void *ctx);

/* True when it has to be looked between two ticks whether the target is responsive. */
bool watching_look_due(const struct watching *w, uint64_t now_ns);
void watching_look(struct watching *w, uint64_t now_ns, rules_event_fn fn, void *ctx);

/* The same without waiting for stragglers, before the last summary. */
void watching_flush(struct watching *w, uint64_t now_ns);

/* The target exited: its budget on target.up is evaluated a last time. */
void watching_gone(struct watching *w, uint64_t now_ns, rules_event_fn fn, void *ctx);

/* True when the objects may have changed; besides, now and then. */
bool watching_scan_due(const struct watching *w, uint64_t now_ns);
/* Looks at the objects again after dlopen, dlclose or exec and extends the bindings: scan.h. */
void watching_rescan(struct watching *w, uint64_t now_ns);
/* What can be known of each stage may have changed. */
void watching_states(struct watching *w);
/* After something was attached, or tried to be. */
void watching_attached(struct watching *w);
/* The worker is at something: the interpreter and the lists of its functions may be what. */
bool watching_lent(const struct watching *w);

#endif
