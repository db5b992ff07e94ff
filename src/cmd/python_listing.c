/* SPDX-License-Identifier: GPL-2.0-only */
#include "cmd/python_listing.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "log/escape.h"
#include "log/log.h"
#include "python/functions.h"
#include "python/runtime.h"
#include "target/names.h"

struct listing {
	const char *pattern; /* NULL: the program's own */
	char file[512];	     /* globs */
	char qualname[512];
	python_sound_fn sound;
	void *sound_ctx;
	size_t max, shown, left_out;
};

static void split_pattern(struct listing *l)
{
	const char *rest = l->pattern, *colon;

	snprintf(l->file, sizeof(l->file), "*");
	snprintf(l->qualname, sizeof(l->qualname), "*");
	if (!rest)
		return;
	if (!strncmp(rest, "python:", 7))
		rest += 7;
	colon = strrchr(rest, ':');
	if (colon)
		snprintf(l->file, sizeof(l->file), "%.*s", (int)(colon - rest), rest);
	snprintf(l->qualname, sizeof(l->qualname), "%s", colon ? colon + 1 : rest);
}

/* Not what came with the interpreter, nor what was installed. */
static bool is_own(const char *file)
{
	static const char *const others[] = {"*/lib/python3*", "*/lib64/python3*",
					     "*/site-packages/*", "*/dist-packages/*", "<*"};

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (glob_match(others[i], file))
			return false;
	return true;
}

static const char *kind_of(const struct python_function *f)
{
	if (f->flags & PYTHON_CODE_ASYNC_GENERATOR)
		return "  async generator";
	if (f->flags & PYTHON_CODE_COROUTINE)
		return "  coroutine";
	return f->flags & PYTHON_CODE_GENERATOR ? "  generator" : "";
}

static int print_function(const struct python_function *f, void *ctx)
{
	char path[ESCAPE_NAME_MAX + 8], base[ESCAPE_NAME_MAX + 8], name[ESCAPE_NAME_MAX + 8];
	char probe[2 * ESCAPE_NAME_MAX + 32];
	const char *slash = strrchr(f->file, '/'), *dot = strrchr(f->qualname, '.');
	struct listing *l = ctx;
	const char *sound;

	if (!l->pattern && !is_own(f->file))
		return 0;
	if (l->shown >= l->max) {
		l->left_out++;
		return 0;
	}
	l->shown++;
	escape_name(ESCAPE_TEXT, path, sizeof(path), f->file);
	escape_name(ESCAPE_TEXT, base, sizeof(base), slash ? slash + 1 : f->file);
	escape_name(ESCAPE_TEXT, name, sizeof(name), f->qualname);
	snprintf(probe, sizeof(probe), "python:%s:%s", base, name);
	sound = l->sound(l->sound_ctx, dot ? dot + 1 : f->qualname, probe);
	if (!l->pattern)
		printf("  %-9s  ", sound ?: "");
	printf("%s  %s:%u%s\n", probe, path, f->first_line, kind_of(f));
	return 0;
}

static void print_all(struct python_runtime *runtime, struct listing *l)
{
	struct python_functions functions;
	int err = python_functions_list(runtime, NULL, &functions);

	if (err) {
		log_warn("the Python functions cannot be read: %s", err_str(err));
		return;
	}
	if (!l->pattern)
		printf("\nPython functions of the program (CPython %s, %zu functions in all):\n",
		       python_runtime__version(runtime), functions.n);
	python_functions_find(&functions, l->file, l->qualname, print_function, l);
	if (l->left_out)
		printf("and %zu more\n", l->left_out);
	if (functions.partial)
		log_warn("not all Python functions were seen: %s", functions.why);
	python_functions_free(&functions);
}

void python_listing_print(const struct process *proc, struct object_table *objects,
			  const char *pattern, python_sound_fn sound, void *ctx, size_t max)
{
	const struct python_reader reader = python_reader_of(proc);
	struct listing l = {.pattern = pattern, .sound = sound, .sound_ctx = ctx, .max = max};
	struct python_runtime *runtime;
	char why[256];
	int err = python_runtime__open(proc, objects, &reader, &runtime, why, sizeof(why));

	if (err == -EOPNOTSUPP)
		log_warn("there is a CPython, but its functions cannot be read: %s", why);
	else if (err && err != -ENOENT)
		log_warn("there is a CPython, but it cannot be read: %s", err_str(err));
	if (err)
		return;
	split_pattern(&l);
	print_all(runtime, &l);
	python_runtime__free(runtime);
}
