/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * library.h - a speech library opened at run time: none of them is needed to build the targets.
 * --extra LIBRARY:MODEL[:FOLDER] says which file, what to load with it, and where ggml's parts are.
 */
#ifndef TESTS_TARGETS_LIBRARY_H
#define TESTS_TARGETS_LIBRARY_H

#include "truth.h"

#include <dlfcn.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Structures of parameters are passed by value and grow with every version: the library says what
 * the defaults are, and takes as much of it as it knows.  So the headers are not needed, nor
 * pinned.
 */
struct library_params {
	char bytes[2048];
};

struct library {
	void *handle;
	const char *model; /* "" where none is given */
};

/* Where ggml's parts for each CPU are files of their own, somebody has to say where. */
static inline void library_load_backends(const struct library *lib, const char *folder)
{
	void (*load)(const char *);

	*(void **)&load = dlsym(lib->handle, "ggml_backend_load_all_from_path");
	if (load && *folder)
		load(folder);
}

static inline struct library library_open(const struct truth_opts *opts)
{
	struct library lib = {.model = ""};
	char *path = opts->extra ? strdup(opts->extra) : NULL;
	char *colon = path ? strchr(path, ':') : NULL;

	if (colon) {
		*colon = '\0';
		lib.model = colon + 1;
		colon = strchr(lib.model, ':');
	}
	if (colon)
		*colon = '\0';
	lib.handle = path ? dlopen(path, RTLD_LAZY | RTLD_LOCAL) : NULL;
	if (!lib.handle) {
		fprintf(stderr, "%s\n", path ? dlerror() : "--extra LIBRARY:MODEL is missing");
		exit(1);
	}
	if (colon)
		library_load_backends(&lib, colon + 1);
	return lib;
}

static inline void *library_symbol(const struct library *lib, const char *name)
{
	void *symbol = dlsym(lib->handle, name);

	if (!symbol) {
		fprintf(stderr, "%s\n", dlerror());
		exit(1);
	}
	return symbol;
}

/* Assigns the function of that name to a variable of its type. */
#define LIBRARY_GET(lib, function) (*(void **)&(function) = library_symbol((lib), #function))

#endif
