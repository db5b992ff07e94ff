/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bindings.h - configured stages meet the code that the target maps: which functions, probed
 * where, and why not.  Attaches nothing.
 */
#ifndef CHESHIRE_WATCH_BINDINGS_H
#define CHESHIRE_WATCH_BINDINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cheshire/wire.h"
#include "config/config.h"
#include "target/maps.h"
#include "target/plan.h"

struct process;

#define BINDING_REASON_MAX 384
/* A glob that names more functions than this is refused: it was not meant as a stage. */
#define BINDING_MATCHES_MAX 32

/* One function bound to a stage; its index is the bind of the wire format. */
struct bound_function {
	uint16_t stage;
	uint8_t role; /* enum wire_role */
	bool at_return;
	bool uretprobe;			 /* asked for by name */
	const struct probe_config *conf; /* the configuration's */
	struct func_plan plan;		 /* owned */
	uint64_t inode;			 /* of the object: a library mapped again is the same */
	uint32_t dev_major, dev_minor;
	bool attached;	     /* its entry is, or was tried */
	bool exits_attached; /* ... and so are its exits, if any */
	bool on_trial;	     /* joins a stage that counts already: its calls do not count yet */
	bool left_out;	     /* ... and was too dear, or could not be attached */
	bool gone;	     /* the target runs another program: not there any more */
};

struct bound_stage {
	const struct stage_config *conf;
	size_t functions_n;		 /* bound and usable */
	bool complete;			 /* enough of them to measure the stage */
	char reason[BINDING_REASON_MAX]; /* why not, or what was left out; "" */
};

struct bindings {
	const struct config *config;
	struct bound_function *functions;
	size_t functions_n, functions_cap;
	struct bound_stage stages[WIRE_STAGES_MAX];
	size_t stages_n;
	uint32_t avoid;		/* SITE_KIND_BITs that fail on this kernel */
	char no_uretprobe[160]; /* why none may be used here; "" where they may */
};

void bindings_init(struct bindings *b, const struct config *config);
void bindings_free(struct bindings *b);

/*
 * After an exec: marks the functions of files that are not mapped any more as gone, with all
 * others of the same stage, so that the stage is bound anew.  Returns the bits of those stages.
 */
uint64_t bindings_expire(struct bindings *b, const struct object_table *objects);

/*
 * Resolves every probe of the configuration against the mapped objects and plans the functions
 * that are not bound yet.  May be called again after the objects changed; then the new functions
 * are those from the old functions_n on.  Returns 0, or a negative errno when the target cannot be
 * read.  What could not be bound is said in the stages' reasons.
 */
int bindings_resolve(struct bindings *b, const struct process *proc, struct object_table *objects);

/* The wire format's description of function i. */
void bindings_wire(const struct bindings *b, size_t i, struct wire_bind *out);

#endif
