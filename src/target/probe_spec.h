/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CHESHIRE_TARGET_PROBE_SPEC_H
#define CHESHIRE_TARGET_PROBE_SPEC_H

#include <stddef.h>
#include <stdint.h>

struct process;
struct object_table;

#define PROBE_TEXT_MAX 512

enum probe_kind {
	PROBE_INVALID = 0,
	PROBE_SYMBOL = 1, /* OBJECT:SYMBOL */
	PROBE_OFFSET = 2, /* OBJECT+0xOFFSET: the file offset at which a function starts */
	PROBE_PYTHON = 3, /* python:FILE:QUALNAME: matches no code of an object; see src/python */
};

enum probe_point {
	PROBE_BOTH = 0,	  /* the whole call */
	PROBE_ENTRY = 1,  /* @entry */
	PROBE_RETURN = 2, /* @return */
};

#define TABLE_STEPS_MAX 4
#define TABLE_SLOT_MAX	4095

/* `()[0]()[9]`: from a function that returns a table to the function in one of its slots. */
struct table_path {
	uint16_t slot[TABLE_STEPS_MAX];
	size_t n; /* 0: the symbol itself is meant */
};

/* A parsed probe: plain data, copyable. */
struct probe_spec {
	enum probe_kind kind;
	enum probe_point point;
	/* Glob on the basename of a mapped file; PROBE_PYTHON: FILE, QUALNAME. */
	char object[PROBE_TEXT_MAX];
	char symbol[PROBE_TEXT_MAX]; /* glob on the mangled or demangled name */
	uint64_t offset;	     /* PROBE_OFFSET: file offset, bytes */
	struct table_path table;     /* PROBE_SYMBOL */
};

/*
 * Parses the probe grammar. -EINVAL: wrong, -EOPNOTSUPP: usdt: probes, which are not done yet;
 * err says what and where.
 */
int probe_spec_parse(const char *text, struct probe_spec *spec, char *err, size_t err_size);

/* One function that a spec names. */
struct match {
	uint32_t object; /* index into the object table */
	uint64_t offset; /* file offset of the function's first byte */
	uint64_t size;	 /* bytes, 0: unknown */
	char *name;	 /* mangled name, or "OBJECT+0xOFFSET"; owned by the match */
};

/*
 * Finds what the spec names in the mapped objects, opening those whose basename matches.
 * *matches is allocated (free with match_list_free), in order of object and offset. Nothing found:
 * -ENOENT, and err lists near matches; IFUNC only: -EOPNOTSUPP with the reason; more than max:
 * -E2BIG. err is always terminated and may hold a note on success (names that were left out).
 */
int probe_spec_match(const struct probe_spec *spec, struct object_table *table,
		     const struct process *proc, size_t max, struct match **matches, size_t *n,
		     char *err, size_t err_size);

void match_list_free(struct match *matches, size_t n);

#endif
