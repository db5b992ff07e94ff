/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * python_target.h - the Python interpreter of the target, and the configuration's functions in it.
 *
 * It is looked for when objects are: at the start, and by the worker whenever the target's objects
 * change.  Its memory is read by one thread at a time: by jobs of the worker, after the start.
 */
#ifndef CHESHIRE_WATCH_PYTHON_TARGET_H
#define CHESHIRE_WATCH_PYTHON_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cheshire/wire.h"
#include "python/functions.h"
#include "python/reader.h"

struct config;
struct loader;
struct object_table;
struct process;
struct python_runtime;

#define PYTHON_PROBES_MAX   256
#define PYTHON_WHY_MAX	    256
#define PYTHON_PATTERN_MAX  256
#define PYTHON_PROBE_PREFIX "python:"

/* One function, or several, that the configuration names. */
struct python_probe {
	uint16_t stage;
	char file[PYTHON_PATTERN_MAX];
	char qualname[PYTHON_PATTERN_MAX];
};

struct python_target {
	struct python_probe *probes; /* owned; none: Python is not wanted */
	size_t probes_n;
	uint64_t stages; /* bits of those whose calls are Python functions */
	struct python_reader reader;
	struct python_runtime *runtime; /* NULL: none, or none that can be watched */
	uint32_t opened;		/* running number of the runtime */
	struct python_functions functions;
	uint32_t listed; /* running number of the list; 0: none yet */
	int err;	 /* why there is no runtime; 0: there is, or nobody looked yet */
	char why[PYTHON_WHY_MAX];
};

/* Some stage is of Python functions. */
bool python_target_wanted(const struct config *config);

/* 0 or -ENOMEM. */
int python_target_init(struct python_target *t, const struct config *config,
		       const struct process *proc);
void python_target_free(struct python_target *t);

/*
 * Looks for the interpreter and lists its functions.  `again`: the target runs another program, or
 * may have another interpreter.  Any thread that has the objects.
 */
void python_target_look(struct python_target *t, const struct process *proc,
			struct object_table *objects, bool again);
/* Lists the functions anew.  Any thread that has the target. */
void python_target_list(struct python_target *t);

/* The stage of a function, or -1. */
int python_target_stage(const struct python_target *t, const struct python_function *function);

/* Tells the programs in the kernel what is known; the loop's. */
void python_target_publish(const struct python_target *t, struct loader *loader);

/*
 * Why no function of the stage is there: the interpreter cannot be watched, or nothing has these
 * names, and what has similar ones.
 */
void python_target_explain(const struct python_target *t, size_t stage, char *out, size_t size);

#endif
