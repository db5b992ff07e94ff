/* SPDX-License-Identifier: GPL-2.0-only */
/* read.h - what the readers of rule files and of test files share. */
#ifndef CHESHIRE_RULEFILE_READ_H
#define CHESHIRE_RULEFILE_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/reader.h"
#include "config/yaml.h"

struct rule;
struct rule_group;
struct rulefile;
struct rulefile_opts;

struct rulefile_read {
	struct reader base; /* first: the read_* functions of config/reader.h take it */
	struct config_errors *warnings;
	const char *end; /* of the text */
	const struct rulefile_opts *opts;
	struct rulefile *out;
	/* Where the reading is, for messages. */
	const char *group;
	size_t rule;
	const char *rule_name;
};

/* Rule files may be longer than configurations. */
struct yaml_node *rule_yaml(const char *file, const char *text, size_t len, struct arena *arena,
			    struct config_errors *errors);
/* null, ~ or nothing: as if the key were not there. */
bool rule_is_null(const struct yaml_node *node);
/* A text, "" for null; NULL with a message where it is a mapping or a list. */
const char *rule_scalar(struct reader *r, const struct yaml_node *node);
/* A duration as in Prometheus ("1h30m", "0"); *ms is left alone after a mistake. */
void rule_duration(struct reader *r, const struct yaml_node *node, int64_t *ms);
/* The items of a list; none, with a message, where it is no list. */
const struct yaml_node *rule_items(struct reader *r, const struct yaml_node *node);
/* A place inside of a scalar. */
struct config_pos rule_place(const struct reader *r, const struct yaml_node *node, size_t at,
			     const char *end);

/* [a-zA-Z_][a-zA-Z0-9_]*, metrics with colons too. */
bool rule_is_label_name(const char *text);
bool rule_is_metric_name(const char *text);

/* lint.c: warnings about one rule that was read without mistakes. */
void rule_lint(struct rulefile_read *r, const struct rule_group *group, const struct rule *rule,
	       const struct yaml_node *expr);
/* Rules of the same name and labels in a file. */
void rule_lint_duplicates(struct rulefile_read *r);

#endif /* CHESHIRE_RULEFILE_READ_H */
