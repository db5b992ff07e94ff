/* SPDX-License-Identifier: GPL-2.0-only */
#include "watch/debuginfod_client.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#define LIBRARY "libdebuginfod.so.1"

/* As <elfutils/debuginfod.h> declares them. */
typedef void *(*begin_fn)(void);
typedef void (*end_fn)(void *client);
typedef int (*find_fn)(void *client, const unsigned char *build_id, int length, char **path);
typedef int (*on_progress_fn)(void *client, long a, long b);
typedef void (*set_progress_fn)(void *client, on_progress_fn fn);
typedef void (*set_data_fn)(void *client, void *data);
typedef void *(*get_data_fn)(void *client);

struct debuginfod_client_library {
	void *handle, *client;
	begin_fn begin;
	end_fn end;
	find_fn find;
	set_progress_fn set_progress;
	set_data_fn set_data;
	debuginfod_progress_fn progress;
	void *ctx;
};

/* The callback is given the client and no more. */
static get_data_fn get_data;

static int on_progress(void *client, long a, long b)
{
	struct debuginfod_client_library *library = get_data(client);

	return library->progress(library->ctx, a > 0 ? (uint64_t)a : 0, b > 0 ? (uint64_t)b : 0);
}

static int look_up(struct debuginfod_client_library *library)
{
	void *handle = library->handle;

	*(void **)&library->begin = dlsym(handle, "debuginfod_begin");
	*(void **)&library->end = dlsym(handle, "debuginfod_end");
	*(void **)&library->find = dlsym(handle, "debuginfod_find_debuginfo");
	*(void **)&library->set_progress = dlsym(handle, "debuginfod_set_progressfn");
	*(void **)&library->set_data = dlsym(handle, "debuginfod_set_user_data");
	*(void **)&get_data = dlsym(handle, "debuginfod_get_user_data");
	return library->begin && library->end && library->find && library->set_progress &&
			       library->set_data && get_data
		       ? 0
		       : -ENOSYS;
}

struct debuginfod_client_library *debuginfod_client__open(debuginfod_progress_fn progress,
							  void *ctx, const char **why)
{
	struct debuginfod_client_library *library = calloc(1, sizeof(*library));

	*why = "no memory";
	if (!library)
		return NULL;
	library->progress = progress;
	library->ctx = ctx;
	library->handle = dlopen(LIBRARY, RTLD_NOW);
	if (!library->handle) {
		*why = dlerror();
	} else if (look_up(library)) {
		*why = LIBRARY " is too old";
	} else {
		library->client = library->begin();
		*why = LIBRARY " cannot be started";
	}
	if (library->client) {
		library->set_data(library->client, library);
		library->set_progress(library->client, on_progress);
		return library;
	}
	debuginfod_client__close(library);
	return NULL;
}

/* The library stays loaded: what it brings with it may have threads. */
void debuginfod_client__close(struct debuginfod_client_library *library)
{
	if (library && library->client)
		library->end(library->client);
	free(library);
}

int debuginfod_client__find(struct debuginfod_client_library *library, const uint8_t *build_id,
			    size_t n)
{
	/* A length of 0 would mean a text. */
	if (!n || n > INT_MAX)
		return -EINVAL;
	return library->find(library->client, build_id, (int)n, NULL);
}
