/* SPDX-License-Identifier: GPL-2.0-only */
#include <stdint.h>
#include <string.h>

#include "python/functions.h"
#include "target/names.h"

#define NEAR_MAX      16
#define FILE_DISTANCE 8 /* names of files that differ by more are equally far */

static const char *basename_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* As many of the path's last parts as the pattern has. */
static const char *end_of(const char *path, const char *pattern)
{
	const char *end = path + strlen(path);
	size_t parts = 1;

	if (pattern[0] == '/')
		return path;
	for (const char *p = pattern; *p; p++)
		parts += *p == '/';
	while (end > path) {
		if (end[-1] == '/' && !--parts)
			break;
		end--;
	}
	return end;
}

static bool file_matches(const char *file, const char *pattern)
{
	return glob_match(pattern, end_of(file, pattern));
}

bool python_function_matches(const struct python_function *f, const char *file,
			     const char *qualname)
{
	return glob_match(qualname, f->qualname) && file_matches(f->file, file);
}

int python_functions_find(const struct python_functions *functions, const char *file,
			  const char *qualname, python_function_fn fn, void *ctx)
{
	for (size_t i = 0; i < functions->n; i++) {
		int ret = 0;

		if (python_function_matches(&functions->items[i], file, qualname))
			ret = fn(&functions->items[i], ctx);
		if (ret)
			return ret;
	}
	return 0;
}

struct near {
	const struct python_function *function;
	size_t score; /* lower is nearer */
};

static void near_insert(struct near *list, size_t *n, size_t max, struct near near)
{
	size_t i;

	for (i = 0; i < *n; i++)
		if (!strcmp(list[i].function->qualname, near.function->qualname) &&
		    !strcmp(list[i].function->file, near.function->file))
			return;
	for (i = *n; i > 0 && list[i - 1].score > near.score; i--)
		if (i < max)
			list[i] = list[i - 1];
	if (i >= max)
		return;
	list[i] = near;
	*n += *n < max;
}

/* The same name in another file, the name without what it is nested in, then what differs little.
 */
static size_t score_of(const struct python_function *f, const char *file, const char *qualname,
		       size_t limit)
{
	const char *last = strrchr(f->qualname, '.');
	size_t score = name_distance(qualname, f->qualname, limit);

	if (score > limit && last && !strcmp(last + 1, qualname))
		score = 1;
	if (score > limit)
		return SIZE_MAX;
	if (file_matches(f->file, file))
		return score;
	return score + 1 + name_distance(basename_of(file), basename_of(f->file), FILE_DISTANCE);
}

size_t python_functions_near(const struct python_functions *functions, const char *file,
			     const char *qualname, const struct python_function **out, size_t max)
{
	const size_t limit = strlen(qualname) / 3 + 1;
	struct near list[NEAR_MAX] = {};
	size_t n = 0;

	if (max > NEAR_MAX)
		max = NEAR_MAX;
	for (size_t i = 0; i < functions->n; i++) {
		struct near near = {&functions->items[i],
				    score_of(&functions->items[i], file, qualname, limit)};

		if (near.score != SIZE_MAX)
			near_insert(list, &n, max, near);
	}
	for (size_t i = 0; i < n; i++)
		out[i] = list[i].function;
	return n;
}
