/* SPDX-License-Identifier: GPL-2.0-only */
#include "backends.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

const struct backends *backends_load(void)
{
	char path[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 1);
	const struct backends *loaded = NULL;
	void *library = NULL;
	char *slash;

	path[len > 0 ? len : 0] = '\0';
	slash = strrchr(path, '/');
	if (slash && (size_t)(slash + 1 - path) + sizeof(BACKENDS_LIBRARY) <= sizeof(path)) {
		strcpy(slash + 1, BACKENDS_LIBRARY);
		library = dlopen(path, RTLD_NOW);
	}
	if (library)
		loaded = dlsym(library, BACKENDS_SYMBOL);
	if (!loaded)
		fprintf(stderr, "alice: %s\n", dlerror());
	return loaded;
}
