/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * attachment.h - bindings become probes: trial, arming, learning of return sites, shedding.
 *
 * A stage is first attached with its entries only, counting; after the trial its projected cost
 * is known, and it is either armed (exits attached before it counts) or refused with the rate
 * that was seen.  One link per (stage, object, entry or exit), so that any stage can be taken off
 * by itself.  What was too dear is tried again, with another trial, ever more rarely (backoff.h).
 * Functions that join a stage which counts already have a trial of their own.
 */
#ifndef CHESHIRE_WATCH_ATTACHMENT_H
#define CHESHIRE_WATCH_ATTACHMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cheshire/wire.h"
#include "kernel/calibrate.h"
#include "watch/backoff.h"
#include "watch/probe_queue.h"

struct bindings;
struct keeper;
struct loader;
struct object_table;
struct process;
struct uprobe_link;

#define ATTACH_TRIAL_NS	  100000000ULL
#define ATTACH_REASON_MAX 512
/* Without uprobe_multi every probe takes about 0.1 s to detach: no more exits than this. */
#define ATTACH_PERF_EXITS_MAX 8

enum attach_state {
	ATTACH_NONE = 0, /* nothing bound yet: unresolved */
	ATTACH_TRIAL = 1,
	ATTACH_ARMED = 2,
	ATTACH_REFUSED = 3,
	ATTACH_SHED = 4,
};

/* Return sites learnt while running: the target chooses them, so they are few. */
#define LEARN_PER_BIND_MAX   64
#define LEARN_PER_SECOND_MAX 32
#define LEARN_SITES_MAX	     512

struct learnt_site {
	uint64_t return_address;
	uint16_t bind;
	bool planned; /* can be probed */
};

/* What the end of a trial brought, to be told. */
enum attach_news {
	ATTACH_NEWS_NONE = 0, /* nothing that was not told before */
	ATTACH_NEWS_ARMED = 1,
	ATTACH_NEWS_REARMED = 2,
	ATTACH_NEWS_REFUSED = 3,
	ATTACH_NEWS_LEFT_OUT = 4, /* functions that wanted to join: see join_reason */
};

/* By what calls are seen. */
enum attach_way {
	ATTACH_BY_PROBES = 0,	  /* on functions */
	ATTACH_BY_WATCHPOINT = 1, /* on a code object of Python; each call as well */
	ATTACH_BY_SAMPLING = 2,	  /* of Python's frames: a lower bound */
};

struct attached_stage {
	enum attach_state state;
	enum attach_way way;	  /* of a stage that is armed */
	enum attach_state before; /* TRIAL: what it was before another try; NONE: the first */
	enum attach_news news;
	uint64_t trial_since_ns;
	uint64_t trial_hits0;
	double rate_per_s;	  /* seen in the trial; NAN: no trial */
	double projected_percent; /* of one CPU at that rate; NAN */
	struct link_list entries, exits;
	struct link_list join_entries, join_exits; /* of functions on trial while it counts */
	bool joining;
	bool elsewhere; /* not measured by uprobes: python_exact.h decides its trial */
	uint64_t join_since_ns;
	uint64_t join_hits0;
	size_t left_out_n; /* functions whose calls are not counted: too dear, or not attached */
	struct backoff backoff;		     /* of the stage, or of those left out */
	bool stepped;			     /* at least one of its probes is single-stepped */
	char reason[ATTACH_REASON_MAX];	     /* why refused or shed; "" */
	char join_reason[ATTACH_REASON_MAX]; /* why functions are left out; "" */
};

struct attachment {
	struct keeper *keeper; /* borrowed, like the four below */
	struct loader *loader;
	struct bindings *bindings;
	const struct process *proc;
	struct object_table *objects;
	struct calibration calibration;
	double ceiling_percent;
	uint64_t retry_ns; /* the first wait of all backoffs */
	struct attached_stage stages[WIRE_STAGES_MAX];
	struct link_list catches; /* __cxa_begin_catch */
	struct link_list hooks;	  /* the dynamic loader's */
	struct link_list unwinds; /* PyTraceBack_Here, where watchpoints need it */
	struct backoff catches_backoff, hooks_backoff;
	uint8_t probe_owner[WIRE_PROBES_MAX];	   /* of the probes map: stage + 1; 0: free */
	uint32_t probes_at;			   /* where the next free one is looked for */
	struct learnt_site sites[LEARN_SITES_MAX]; /* looked at already, probed or not */
	size_t sites_n;
	size_t settled_n; /* of them the kernel knows; the others wait for the flush */
	struct probe_queue learn_queue; /* of those others, all of learn_stage */
	size_t learn_stage;
	uint64_t learn_second; /* of now_ns, in which learn_n sites were looked at */
	uint32_t learn_n;
};

void attachment_init(struct attachment *a, struct keeper *keeper, struct loader *loader,
		     struct bindings *bindings, const struct process *proc,
		     struct object_table *objects);

/*
 * Attaches what is bound and not attached yet: entries, for a trial of the stage, or of the new
 * functions of one that is armed already.  What fails is said in the stage's reason.
 */
void attachment_extend(struct attachment *a, uint64_t now_ns);

/*
 * Ends the trials that are over and decides.  Returns the number of stages decided; in *told the
 * bits of those with `news`.
 */
size_t attachment_decide(struct attachment *a, uint64_t now_ns, uint64_t *told);
/* True while any trial is under way. */
bool attachment_in_trial(const struct attachment *a);

/*
 * A call came from a return address that is not probed yet: probe it, or settle that calls from
 * there are passed over.  Beyond LEARN_PER_SECOND_MAX it waits until the target asks again.  Acts
 * at the flush: sites that are learnt together share a link.
 */
void attachment_learn(struct attachment *a, const struct wire_learn *learn, uint64_t now_ns);
void attachment_learn_flush(struct attachment *a);

/*
 * Probes the place in this object (its basename) where CPython puts a frame into a traceback; it
 * stays as long as the others.  Once is enough.
 */
void attachment_python_unwind(struct attachment *a, const char *object);

/* Takes a stage off, until it is tried again. */
void attachment_shed(struct attachment *a, size_t stage, const char *reason, uint64_t now_ns);

/* Takes the probe on caught exceptions off, or those on the loader's hook; likewise. */
void attachment_shed_catches(struct attachment *a, uint64_t now_ns);
void attachment_shed_hooks(struct attachment *a, uint64_t now_ns);

/*
 * Tries again what has waited long enough: a trial of a stage, or of the functions left out.
 * Returns how many things were tried.
 */
size_t attachment_retry(struct attachment *a, uint64_t now_ns);

/* After an exec: takes the stages off whose functions have gone; they may be attached again. */
void attachment_expire(struct attachment *a, uint64_t stages);

/* Detaches everything, for the end. */
void attachment_clear(struct attachment *a);

/* Estimated cost of one probe hit of the stage at this rate, ns, without the program's own. */
double attachment_rare_factor(const struct attachment *a, size_t stage, double hits_per_s);

#endif
