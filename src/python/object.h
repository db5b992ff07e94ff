/* SPDX-License-Identifier: GPL-2.0-only */
/* object.h - reading Python objects; all they say is checked for type and size. */
#ifndef CHESHIRE_PYTHON_OBJECT_H
#define CHESHIRE_PYTHON_OBJECT_H

#include <stddef.h>
#include <stdint.h>

#include "cheshire/python_offsets.h"

struct python_memory;

/* The head of an object. */
struct python_head {
	uint64_t refcount; /* as many bytes of it as count */
	uint64_t type;
};

int python_read_head(struct python_memory *memory, const struct python_offsets *o, uint64_t object,
		     struct python_head *out);

/*
 * A str as UTF-8, cut to size.  -EPROTO: no str, or not one as they are made; -EFAULT and others as
 * python_memory__read.  buf is "" then.
 */
int python_read_str(struct python_memory *memory, const struct python_offsets *o, uint64_t object,
		    char *buf, size_t size);

/* A code object. */
struct python_code {
	uint64_t refcount;
	uint64_t filename, name, qualname, consts, linetable; /* addresses of objects; 0: none */
	uint64_t instructions;				      /* address of the first */
	uint32_t flags, first_line;
};

/* -EPROTO: no code object, or one that cannot be. */
int python_read_code(struct python_memory *memory, const struct python_offsets *o, uint64_t object,
		     struct python_code *out);

/* How many items a tuple has, and where they begin.  -EPROTO: no tuple, or a huge one. */
int python_read_tuple(struct python_memory *memory, const struct python_offsets *o, uint64_t object,
		      uint64_t *items, uint64_t *n);

/* The bytes of a bytes object, allocated.  -EPROTO: none, or more than max. */
int python_read_bytes(struct python_memory *memory, const struct python_offsets *o, uint64_t object,
		      size_t max, uint8_t **bytes, size_t *n);

#endif
