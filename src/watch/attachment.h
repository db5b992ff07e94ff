/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * attachment.h - bindings become probes: trial, arming, learning of return sites, shedding.
 *
 * A stage is first attached with its entries only, counting; after the trial its projected cost
 * is known, and it is either armed (exits attached before it counts) or refused with the rate
 * that was seen.  One link per (stage, object, entry or exit), so that any stage can be taken off
 * by itself.
 */
#ifndef CHESHIRE_WATCH_ATTACHMENT_H
#define CHESHIRE_WATCH_ATTACHMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cheshire/wire.h"
#include "kernel/calibrate.h"
#include "watch/probe_queue.h"

struct bindings;
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

struct attached_stage {
	enum attach_state state;
	uint64_t trial_since_ns;
	uint64_t trial_hits0;
	double rate_per_s;	  /* seen in the trial; NAN: no trial */
	double projected_percent; /* of one CPU at that rate; NAN */
	struct link_list entries, exits;
	bool stepped;			/* at least one of its probes is single-stepped */
	char reason[ATTACH_REASON_MAX]; /* why refused or shed; "" */
};

struct attachment {
	struct loader *loader; /* borrowed, like the three below */
	struct bindings *bindings;
	const struct process *proc;
	struct object_table *objects;
	struct calibration calibration;
	double ceiling_percent;
	struct attached_stage stages[WIRE_STAGES_MAX];
	struct link_list catches;		   /* __cxa_begin_catch */
	struct link_list hooks;			   /* the dynamic loader's */
	uint32_t probes_n;			   /* entries used in the probes map */
	bool catches_shed;			   /* too many exceptions: not attached again */
	struct learnt_site sites[LEARN_SITES_MAX]; /* looked at already, probed or not */
	size_t sites_n;
	size_t settled_n; /* of them the kernel knows; the others wait for the flush */
	struct probe_queue learn_queue; /* of those others, all of learn_stage */
	size_t learn_stage;
	uint64_t learn_second; /* of now_ns, in which learn_n sites were looked at */
	uint32_t learn_n;
};

void attachment_init(struct attachment *a, struct loader *loader, struct bindings *bindings,
		     const struct process *proc, struct object_table *objects);

/*
 * Attaches what is bound and not attached yet: the entries of new stages for a trial; of stages
 * that are armed already, exits and then entries.  What fails is said in the stage's reason.
 */
void attachment_extend(struct attachment *a, uint64_t now_ns);

/*
 * Ends the trials that are over and decides.  Returns the number of stages decided, and their
 * bits in *decided.
 */
size_t attachment_decide(struct attachment *a, uint64_t now_ns, uint64_t *decided);
/* True while any trial is under way. */
bool attachment_in_trial(const struct attachment *a);

/*
 * A call came from a return address that is not probed yet: probe it, or settle that calls from
 * there are passed over.  Beyond LEARN_PER_SECOND_MAX it waits until the target asks again.  Acts
 * at the flush: sites that are learnt together share a link.
 */
void attachment_learn(struct attachment *a, const struct wire_learn *learn, uint64_t now_ns);
void attachment_learn_flush(struct attachment *a);

/* Takes a stage off; it stays off. */
void attachment_shed(struct attachment *a, size_t stage, const char *reason);

/* Takes the probe on caught exceptions off; it stays off. */
void attachment_shed_catches(struct attachment *a);

/* After an exec: takes the stages off whose functions have gone; they may be attached again. */
void attachment_expire(struct attachment *a, uint64_t stages);

/* Detaches everything, for the end. */
void attachment_clear(struct attachment *a);

/* Estimated cost of one probe hit of the stage at this rate, ns, without the program's own. */
double attachment_rare_factor(const struct attachment *a, size_t stage, double hits_per_s);

#endif
