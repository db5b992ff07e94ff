/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * yaml.h - YAML text as a tree of nodes that know their place.
 *
 * A plain subset of YAML: one document of mappings, sequences and scalars.  Anchors, aliases,
 * merge keys and tags are refused: a configuration should read the same from top to bottom.
 */
#ifndef CHESHIRE_CONFIG_YAML_H
#define CHESHIRE_CONFIG_YAML_H

#include <stdbool.h>
#include <stddef.h>

struct arena;
struct config_errors;

#define YAML_BYTES_MAX	  (1u << 20)
#define YAML_DEPTH_MAX	  24
#define YAML_NODES_MAX	  20000
#define YAML_CHILDREN_MAX 1000

/* What a file may hold; rule files may be larger than configurations. */
struct yaml_limits {
	size_t bytes;
	size_t nodes;
	size_t children; /* of one mapping or sequence */
};

enum yaml_kind {
	YAML_SCALAR = 0,
	YAML_MAP = 1,
	YAML_LIST = 2,
};

struct yaml_node {
	enum yaml_kind kind;
	int line;		 /* from 1 */
	int column;		 /* from 1 */
	const char *text;	 /* scalar: NUL-terminated, without control characters */
	bool quoted;		 /* scalar: written in quotes or as a block */
	char style;		 /* scalar: of its text: plain 'p', '\'', '"', or '|' for blocks */
	const char *source;	 /* scalar: its first letter (or indentation) in what was parsed */
	int text_column;	 /* scalar: column of its first letter, 0 when folded */
	struct yaml_node *key;	 /* the node is a value in a mapping: its key */
	struct yaml_node *first; /* mapping, sequence: children in order of the file */
	struct yaml_node *last;
	struct yaml_node *next; /* sibling */
	size_t children;
};

/*
 * Reads text into a tree that lives in the arena.  Mistakes go to errors; the tree is there all
 * the same where only a part of it is wrong, so that the rest can be checked too.  NULL when
 * there is no tree (bad syntax, or an empty document: no error then).
 */
struct yaml_node *yaml_parse(const char *file, const char *text, size_t len, struct arena *arena,
			     struct config_errors *errors);
/* The same with other limits than the YAML_*_MAX. */
struct yaml_node *yaml_parse_limited(const char *file, const char *text, size_t len,
				     const struct yaml_limits *limits, struct arena *arena,
				     struct config_errors *errors);
/*
 * The line and column of the byte `at` of a scalar's text, however it was written: in quotes with
 * escapes, over several lines, as a block.  `end` is the end of the text that was parsed, which
 * must still be there.
 */
void yaml_locate(const struct yaml_node *node, size_t at, const char *end, int *line, int *column);
/* The value of a key of a mapping, or NULL. */
struct yaml_node *yaml_get(const struct yaml_node *map, const char *key);

#endif /* CHESHIRE_CONFIG_YAML_H */
