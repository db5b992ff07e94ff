/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * offsets.c - which layout a process has: what it says of itself, or what its version's headers
 * say; then each step from _PyRuntime to the name of a function is tried out in the process.  Where
 * only the way to the interpreter's state does not fit, as with a distribution's own changes, it is
 * searched for, within bounds; what is found has to pass the same checks.
 */
#include "python/offsets.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "python/current.h"
#include "python/layout.h"
#include "python/memory.h"
#include "python/runtime.h"
#include "python/validate.h"

#define RUNTIME_SEARCHED     4096 /* bytes */
#define INTERPRETER_SEARCHED 16384

struct attempt {
	const struct python_symbols *symbols;
	struct python_memory *memory;
	struct python_layout layout;
	char *why;
	size_t why_size;
};

static void tried(struct attempt *a, const char *source, const char *what)
{
	size_t used = strlen(a->why);

	if (used + 3 >= a->why_size)
		return;
	if (used)
		used += (size_t)snprintf(a->why + used, a->why_size - used, "; ");
	snprintf(a->why + used, a->why_size - used, "%s: %s", source, what);
}

static void set_addresses(struct python_offsets *o, const struct python_symbols *s)
{
	o->runtime = s->runtime;
	o->code_type = s->code_type;
	o->function_type = s->function_type;
	o->unicode_type = s->unicode_type;
	o->tuple_type = s->tuple_type;
	o->dict_type = s->dict_type;
	o->bytes_type = s->bytes_type;
	o->generator_type = s->generator_type;
	o->coroutine_type = s->coroutine_type;
	o->async_generator_type = s->async_generator_type;
}

/* All that there is to compare.  Threads without a frame say nothing against it. */
static int validate(struct attempt *a, const char **what)
{
	struct python_offsets *o = &a->layout.offsets;
	int err;

	err = python_validate_interpreter(a->memory, o, what);
	err = err ?: python_validate_functions(a->memory, o, what);
	if (err)
		return err;
	err = python_validate_frames(a->memory, o, what);
	return err == -EAGAIN ? 0 : err;
}

/* --- search --------------------------------------------------------------------------------- */

/* Where an interpreter points to a thread that points back. */
static bool search_threads(struct attempt *a, uint64_t interpreter)
{
	struct python_offsets *o = &a->layout.offsets;

	for (int32_t at = 0; at < INTERPRETER_SEARCHED; at += 8) {
		uint64_t tstate;

		if (python_memory__read_u64(a->memory, interpreter + (uint64_t)at, &tstate))
			return false;
		if (tstate != interpreter && python_is_tstate(a->memory, o, interpreter, tstate)) {
			o->interpreter_threads = at;
			o->interpreter = interpreter;
			return true;
		}
	}
	return false;
}

static bool search_interpreter(struct attempt *a)
{
	struct python_offsets *o = &a->layout.offsets;

	for (int32_t at = 0; at < RUNTIME_SEARCHED; at += 8) {
		uint64_t interpreter;

		if (python_memory__read_u64(a->memory, o->runtime + (uint64_t)at, &interpreter))
			return false;
		if (interpreter < 4096 || interpreter % 8)
			continue;
		o->runtime_interpreters = at;
		if (search_threads(a, interpreter))
			return true;
	}
	return false;
}

/* The collector's state is taken to begin where its lists do: nothing before them is needed. */
static bool search_collector(struct attempt *a)
{
	struct python_offsets *o = &a->layout.offsets;
	const char *what;

	for (int32_t at = 0; at < INTERPRETER_SEARCHED; at += 256) {
		o->interpreter_gc = at;
		if (!python_validate_functions(a->memory, o, &what))
			return true;
	}
	return false;
}

/* `misfit` is what the layout's own places gave: with -EAGAIN there may be nothing to be found yet.
 */
static int search(struct attempt *a, int misfit)
{
	const char *what;
	int err;

	if (!search_interpreter(a)) {
		tried(a, "a search", "no interpreter with threads");
		return misfit == -EAGAIN ? -EAGAIN : -EOPNOTSUPP;
	}
	if (!search_collector(a)) {
		tried(a, "a search", "no lists of its garbage collector");
		return -EOPNOTSUPP;
	}
	err = validate(a, &what);
	if (err == -EPROTO)
		tried(a, "a search", what);
	return err == -EPROTO ? -EOPNOTSUPP : err;
}

/* --- layouts -------------------------------------------------------------------------------- */

static int try_layout(struct attempt *a, const char *source)
{
	struct python_offsets *o = &a->layout.offsets;
	const char *what = "";
	bool searched;
	int err;

	set_addresses(o, a->symbols);
	err = validate(a, &what);
	searched = err == -EPROTO || err == -EFAULT || (err == -EAGAIN && !o->interpreter);
	if (searched) {
		tried(a, source, what);
		err = search(a, err);
	}
	if (err)
		return err;
	snprintf(a->why, a->why_size, "%s%s", source, searched ? ", and a search" : "");
	python_current_find(a->memory, o);
	python_gil_find(a->memory, &a->layout, o);
	return 0;
}

static int try_table(struct attempt *a, uint32_t minor, uint32_t version)
{
	const struct python_layout *layout = python_layout_of(minor);
	char source[40];

	/* 3.13 and later say it themselves. */
	if (!layout || !layout->offsets.interpreter_gc)
		return -EOPNOTSUPP;
	a->layout = *layout;
	a->layout.offsets.version = version;
	snprintf(source, sizeof(source), "the layout of %s", layout->name);
	return try_layout(a, source);
}

/* "3.9.2" as PY_VERSION_HEX; 0: no version. */
static uint32_t version_of(const char *text)
{
	unsigned int minor, micro;

	if (sscanf(text, "3.%3u.%3u", &minor, &micro) != 2 || minor > 255 || micro > 255)
		return 0;
	return 0x03000000u | minor << 16 | micro << 8 | 0xf0;
}

static int version_from(struct attempt *a, uint32_t *version)
{
	uint64_t hex = 0;
	int err;

	*version = version_of(a->symbols->version);
	if (!a->symbols->version_hex)
		return 0;
	err = python_memory__read_u64(a->memory, a->symbols->version_hex, &hex);
	if (!err && hex >> 24 == 3)
		*version = (uint32_t)hex;
	return err;
}

static int try_tables(struct attempt *a)
{
	uint32_t version, minor;
	int err = version_from(a, &version);

	if (err)
		return err;
	minor = version >> 16 & 0xff;
	if (version && (minor < PYTHON_MINOR_MIN || minor > PYTHON_MINOR_MAX)) {
		snprintf(a->why, a->why_size, "CPython 3.%u: known are 3.%d to 3.%d", minor,
			 PYTHON_MINOR_MIN, PYTHON_MINOR_MAX);
		return -EOPNOTSUPP;
	}
	if (version)
		return try_table(a, minor, version);
	err = -EOPNOTSUPP;
	for (minor = PYTHON_MINOR_MIN; minor <= PYTHON_MINOR_MAX && err == -EOPNOTSUPP; minor++)
		err = try_table(a, minor, 0x03000000u | minor << 16);
	return err;
}

static int try_all(struct attempt *a)
{
	struct python_debug_words debug;
	const char *why = "";
	uint32_t version = 0;
	int err = python_memory__read(a->memory, a->symbols->runtime, &debug, sizeof(debug));

	/* An older _PyRuntime may end before. */
	if (err == -EFAULT)
		err = -ENOENT;
	err = err ?: python_layout_from_debug(&debug, &a->layout, &version, &why);
	if (err == -ENOENT)
		return try_tables(a);
	if (err == -EOPNOTSUPP)
		snprintf(a->why, a->why_size, "CPython 3.%u: %s", version >> 16 & 0xff, why);
	else if (err == -EPROTO)
		snprintf(a->why, a->why_size, "its debug offsets make no sense");
	if (err)
		return err == -EPROTO ? -EOPNOTSUPP : err;
	a->layout.offsets.version = version;
	return try_layout(a, "its own debug offsets");
}

static const char *missing_symbol(const struct python_symbols *s)
{
	return !s->runtime	   ? "_PyRuntime"
	       : !s->code_type	   ? "PyCode_Type"
	       : !s->function_type ? "PyFunction_Type"
	       : !s->unicode_type  ? "PyUnicode_Type"
	       : !s->tuple_type	   ? "PyTuple_Type"
	       : !s->bytes_type	   ? "PyBytes_Type"
				   : NULL;
}

int python_offsets_find(const struct python_symbols *symbols, const struct python_reader *reader,
			struct python_offsets *out, char *why, size_t why_size)
{
	struct attempt a = {.symbols = symbols, .why = why, .why_size = why_size};
	const char *missing = missing_symbol(symbols);
	int err;

	why[0] = '\0';
	if (missing) {
		snprintf(why, why_size, "it does not export %s", missing);
		return -EOPNOTSUPP;
	}
	a.memory = python_memory__new(reader);
	if (!a.memory)
		return -ENOMEM;
	err = try_all(&a);
	python_memory__free(a.memory);
	if (!err)
		*out = a.layout.offsets;
	return err;
}
