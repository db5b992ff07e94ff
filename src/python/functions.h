/* SPDX-License-Identifier: GPL-2.0-only */
/* functions.h - the Python functions of a process, found among the objects that its GC tracks. */
#ifndef CHESHIRE_PYTHON_FUNCTIONS_H
#define CHESHIRE_PYTHON_FUNCTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "python/runtime.h"

#define PYTHON_GC_LISTS	      3
#define PYTHON_GENERATORS_MAX 4096

/* One code object.  The names are the process's own: escape them before printing. */
struct python_function {
	uint64_t code;	   /* address of the code object */
	uint64_t function; /* of a function object of it; 0: nested, none was made or found yet */
	const char *file;  /* co_filename */
	/* co_qualname; to 3.10 the function's, or made of where it is nested. */
	const char *qualname;
	uint32_t first_line;
	uint32_t flags; /* co_flags */
	/* Its reference count is that of an immortal object: no watchpoint will ever fire. */
	bool immortal;
};

/* A generator or coroutine, of any kind. */
struct python_generator {
	uint64_t frame;
	uint64_t code;
};

struct python_functions {
	struct python_function *items; /* by file, line and address; each code object once */
	size_t n;
	bool partial; /* not all: why says what went wrong or which limit was reached */
	char why[96];
	uint64_t objects_n; /* tracked objects that were looked at */
	/* The main interpreter's lists of them, that of the youngest first; 0: not found. */
	uint64_t gc_lists[PYTHON_GC_LISTS];
	struct python_generator *generators; /* those that were there, over or not */
	size_t generators_n;		     /* at most PYTHON_GENERATORS_MAX */
	uint64_t bytes_n;		     /* read */
	uint64_t time_ns;
	struct arena *arena; /* owns the names */
};

/*
 * Lists them.  `limits` may be NULL.  0 also for a part of them; or -ENOMEM, -ESRCH and what else
 * the reader says when the process cannot be read at all.  Free with python_functions_free.
 */
int python_functions_list(struct python_runtime *runtime, const struct python_limits *limits,
			  struct python_functions *out);
void python_functions_free(struct python_functions *functions);

/*
 * True if the function is meant.  File: a glob on the basename, or with a '/' in it on the end of
 * the path ("app.py", "assistant/ *.py").  Qualname: equal or a glob ("Session.reply", "*.parse").
 * Lambdas, comprehensions, class bodies' and modules' code never are: they have no name of their
 * own.
 */
bool python_function_matches(const struct python_function *function, const char *file,
			     const char *qualname);

typedef int (*python_function_fn)(const struct python_function *function, void *ctx);

/* Calls fn for each that matches; a value other than 0 stops and is returned. */
int python_functions_find(const struct python_functions *functions, const char *file,
			  const char *qualname, python_function_fn fn, void *ctx);

/* The best near matches for names that matched nothing: at most max.  Returns how many. */
size_t python_functions_near(const struct python_functions *functions, const char *file,
			     const char *qualname, const struct python_function **out, size_t max);

#endif
