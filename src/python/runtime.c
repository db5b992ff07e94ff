/* SPDX-License-Identifier: GPL-2.0-only */
#include "python/runtime.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "python/memory.h"
#include "python/offsets.h"
#include "python/runtime_state.h"
#include "target/process.h"

/* --- a reader of a process ------------------------------------------------------------------ */

static int read_scatter(void *ctx, struct process_memory_part *parts, size_t n)
{
	return process_read_scatter(ctx, parts, n);
}

static uint64_t now_ns(void *ctx)
{
	struct timespec ts;

	(void)ctx;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

struct python_reader python_reader_of(const struct process *proc)
{
	return (struct python_reader){
		.read_scatter = read_scatter, .now_ns = now_ns, .ctx = (void *)(uintptr_t)proc};
}

/* --- the runtime ---------------------------------------------------------------------------- */

static void set_version(struct python_runtime *r)
{
	const uint32_t v = r->offsets.version;

	if (r->symbols.version[0])
		snprintf(r->version, sizeof(r->version), "%s", r->symbols.version);
	else if (v & 0xff)
		snprintf(r->version, sizeof(r->version), "%u.%u.%u", v >> 24, v >> 16 & 0xff,
			 v >> 8 & 0xff);
	else
		snprintf(r->version, sizeof(r->version), "%u.%u", v >> 24, v >> 16 & 0xff);
}

int python_runtime__open_at(const struct python_symbols *symbols,
			    const struct python_reader *reader, struct python_runtime **out,
			    char *why, size_t why_size)
{
	struct python_runtime *r = calloc(1, sizeof(*r));
	int err;

	*out = NULL;
	why[0] = '\0';
	if (!r)
		return -ENOMEM;
	r->symbols = *symbols;
	r->reader = *reader;
	err = python_offsets_find(symbols, reader, &r->offsets, why, why_size);
	if (!err) {
		snprintf(r->source, sizeof(r->source), "%s", why);
		why[0] = '\0';
		r->memory = python_memory__new(&r->reader);
		err = r->memory ? 0 : -ENOMEM;
	}
	if (err) {
		python_runtime__free(r);
		return err;
	}
	set_version(r);
	*out = r;
	return 0;
}

int python_runtime__open(const struct process *proc, struct object_table *objects,
			 const struct python_reader *reader, struct python_runtime **out, char *why,
			 size_t why_size)
{
	struct python_symbols symbols;
	int err = python_symbols_find(proc, objects, &symbols);

	*out = NULL;
	why[0] = '\0';
	return err ?: python_runtime__open_at(&symbols, reader, out, why, why_size);
}

void python_runtime__free(struct python_runtime *r)
{
	if (!r)
		return;
	python_memory__free(r->memory);
	free(r);
}

const struct python_offsets *python_runtime__offsets(const struct python_runtime *r)
{
	return &r->offsets;
}

const struct python_symbols *python_runtime__symbols(const struct python_runtime *r)
{
	return &r->symbols;
}

const char *python_runtime__version(const struct python_runtime *r)
{
	return r->version;
}

const char *python_runtime__source(const struct python_runtime *r)
{
	return r->source;
}
