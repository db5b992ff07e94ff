/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * runtime.h - the CPython in a process: recognised, its layout found, its functions and stacks.
 *
 * The process runs on while it is read.  What is read may be torn, stale or nonsense; all of it
 * is bounded and checked, and what could not be read whole says so.
 *
 *	const struct python_reader reader = python_reader_of(proc);
 *
 *	err = python_runtime__open(proc, objects, &reader, &runtime, why, sizeof(why));
 *	err = python_functions_list(runtime, NULL, &functions);
 *	… python_functions_find(&functions, "app.py", "transcribe", each, ctx) …
 */
#ifndef CHESHIRE_PYTHON_RUNTIME_H
#define CHESHIRE_PYTHON_RUNTIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cheshire/python_offsets.h"
#include "python/reader.h"

struct object_table;
struct process;
struct python_runtime;

/* Addresses in the process of what CPython exports; 0: not exported. */
struct python_symbols {
	uint32_t object;	/* index in the object table of the file that exports them */
	char version[24];	/* as the file's data has it ("3.9.2"); "": not found */
	uint64_t runtime;	/* _PyRuntime */
	uint64_t runtime_bytes; /* size of the symbol; 0: not said */
	uint64_t version_hex;	/* Py_Version, from 3.11 on */
	uint64_t code_type, function_type, unicode_type, tuple_type, dict_type, bytes_type;
	uint64_t generator_type, coroutine_type, async_generator_type;
};

/*
 * Looks for an interpreter: a mapped file that exports _PyRuntime, the executable or a libpython.
 * -ENOENT: none is there, which is no error; other negative errnos as object_open's.
 */
int python_symbols_find(const struct process *proc, struct object_table *objects,
			struct python_symbols *out);

/*
 * The interpreter in this process.  -ENOENT: there is none (why is "").  -EOPNOTSUPP: one that
 * cannot be watched, and why; -EAGAIN: it is just starting.  The reader's context stays in use.
 */
int python_runtime__open(const struct process *proc, struct object_table *objects,
			 const struct python_reader *reader, struct python_runtime **out, char *why,
			 size_t why_size);
/* The same with the symbols known; nothing but the reader is used. */
int python_runtime__open_at(const struct python_symbols *symbols,
			    const struct python_reader *reader, struct python_runtime **out,
			    char *why, size_t why_size);
void python_runtime__free(struct python_runtime *runtime);

const struct python_offsets *python_runtime__offsets(const struct python_runtime *runtime);
const struct python_symbols *python_runtime__symbols(const struct python_runtime *runtime);
/* "3.11.2" */
const char *python_runtime__version(const struct python_runtime *runtime);
/* How the offsets were found, for people: "its own debug offsets", "the table of 3.11". */
const char *python_runtime__source(const struct python_runtime *runtime);

/* What limits a look at the process's objects; 0 for the default. */
struct python_limits {
	uint64_t objects; /* looked at; default 5 million */
	uint64_t bytes;	  /* read; default 1 GiB */
	uint64_t time_ns; /* default 2 s */
};

#endif
