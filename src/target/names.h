/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CHESHIRE_TARGET_NAMES_H
#define CHESHIRE_TARGET_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "target/symbols.h"

/*
 * Glob: * ? [set] [!set] and \ before a literal. Time is bounded by pattern length × text length,
 * whatever the target put into its names.
 */
bool glob_match(const char *pattern, const char *text);

/* True if the text has glob characters. */
bool glob_has_magic(const char *text);

/* A pattern for symbol names, prepared once for a whole table. */
struct name_pattern {
	const char *text; /* borrowed */
	bool magic;
	bool with_params;	/* the pattern itself has a parameter list */
	uint64_t demangle_left; /* bytes of names that may still be demangled: bounds the time */
	char needle[128];	/* must occur in the mangled name; "": demangle every name */
};

void name_pattern_init(struct name_pattern *pattern, const char *text);

/* Does the mangled name, or its demangled form with or without parameters, match? */
bool name_pattern_matches(struct name_pattern *pattern, const char *name);

/* Edit distance, given up (returns limit + 1) when it exceeds the limit. */
size_t name_distance(const char *a, const char *b, size_t limit);

#endif
