/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * reader.h - what the readers of the parts of a configuration share: mappings dispatched by
 * tables of keys, and values with their units, every mistake at its own place.
 */
#ifndef CHESHIRE_CONFIG_READER_H
#define CHESHIRE_CONFIG_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"

struct arena;
struct yaml_node;

struct reader {
	struct arena *arena;
	struct config_errors *errors;
	struct config *config;
	const char *file; /* in the arena */
};

typedef void (*read_fn)(struct reader *r, const struct yaml_node *node, void *ctx);

/* One key of a mapping.  `read` may be NULL: somebody else looks at it. */
struct read_key {
	const char *name;
	read_fn read;
};

/* A message at a node's place. */
void read_error(struct reader *r, const struct yaml_node *node, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* A message `at` bytes into the text of a scalar. */
void read_error_at(struct reader *r, const struct yaml_node *node, size_t at, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
struct config_pos read_pos(const struct reader *r, const struct yaml_node *node);

/* Reads a mapping; keys not in the table are mistakes.  False when it is not a mapping. */
bool read_map(struct reader *r, const struct yaml_node *node, const struct read_key *keys, size_t n,
	      void *ctx);
/* The text of a scalar, or NULL with a message; `what` is expected: "a name". */
const char *read_text(struct reader *r, const struct yaml_node *node, const char *what);
/* Values with units; *out is left alone after a mistake. */
void read_ns(struct reader *r, const struct yaml_node *node, uint64_t min_ns, uint64_t max_ns,
	     uint64_t *out);
void read_quantity(struct reader *r, const struct yaml_node *node, enum unit unit, double *out);
/* A whole number; false, with a message, when it is not one of low .. high. */
bool read_whole(struct reader *r, const struct yaml_node *node, enum unit unit, double low,
		double high, double *out);
/* A copy of a text on one line, as alerts are; NULL after a mistake. */
char *read_line(struct reader *r, const struct yaml_node *node);
void read_bool(struct reader *r, const struct yaml_node *node, bool *out);
/* A name as of stages: [a-z][a-z0-9_]*, shorter than METRIC_STAGE_MAX. */
bool read_is_name(const char *text);

#define READ_KEYS(array) array, sizeof(array) / sizeof((array)[0])
#define SECOND_NS	 1000000000ull

#endif /* CHESHIRE_CONFIG_READER_H */
