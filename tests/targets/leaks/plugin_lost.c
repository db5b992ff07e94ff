/* SPDX-License-Identifier: GPL-2.0-only */
/* The leak is in a library that is opened at run time and has no frame pointers. */
#include "program.h"

#include <dlfcn.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static size_t (*decode)(unsigned int frame);

static void open_plugin(struct worker *worker)
{
	char path[PATH_MAX] = "", library[PATH_MAX + 32];
	void *handle;

	usual_begin(worker);
	if (worker->index)
		return;
	if (readlink("/proc/self/exe", path, sizeof(path) - 1) < 0)
		abort();
	snprintf(library, sizeof(library), "%s/libplugin_decoder.so", dirname(path));
	handle = dlopen(library, RTLD_NOW | RTLD_GLOBAL);
	if (!handle) {
		fprintf(stderr, "%s\n", dlerror());
		exit(1);
	}
	*(void **)&decode = dlsym(handle, "plugin_decode");
}

static size_t decode_frame(struct worker *worker)
{
	return decode(worker->turn);
}

const struct program the_program = {
	.begin = open_plugin,
	.work = usual_work,
	.leak = decode_frame,
	.churn = 20000,
	.rate = 65536,
	.threads = 2,
};
