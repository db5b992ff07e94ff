/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ast.h - a PromQL expression as a tree, and its parser.
 *
 * The subset of docs/rules.md; what is outside is refused with its place and the reason
 * ("subqueries are not supported").  Types are checked while parsing, as Prometheus does: every
 * node knows its type.  A tree is bounded (PROMQL_*_MAX), so that walking it recursively is safe.
 */
#ifndef CHESHIRE_PROMQL_AST_H
#define CHESHIRE_PROMQL_AST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define PROMQL_TEXT_MAX	    (16u << 10) /* bytes of one expression */
#define PROMQL_DEPTH_MAX    200		/* height of the tree, to which chained operators add up */
#define PROMQL_NODES_MAX    1000
#define PROMQL_MATCHERS_MAX 32 /* of one selector */
#define PROMQL_LABELS_MAX   32 /* of by, without, on, ignoring */
#define PROMQL_ARGS_MAX	    3
#define PROMQL_METRIC_LABEL "__name__"

enum promql_type {
	PROMQL_SCALAR = 1,
	PROMQL_VECTOR = 2, /* instant vector */
	PROMQL_MATRIX = 3, /* range vector */
	PROMQL_STRING = 4,
};

enum promql_kind {
	PROMQL_NUMBER = 1,
	PROMQL_TEXT = 2, /* a string literal */
	PROMQL_SELECTOR = 3,
	PROMQL_NEGATE = 4, /* unary minus of arg[0]; of a number it is folded into the number */
	PROMQL_BINARY = 5,
	PROMQL_AGGREGATE = 6,
	PROMQL_CALL = 7,
	PROMQL_PAREN = 8, /* kept for printing; its value is that of arg[0] */
	PROMQL_PLUS =
		9, /* the value of arg[0] too, but timestamp(+a), absent(+a) see no selector */
};

enum promql_op {
	PROMQL_ADD = 1,
	PROMQL_SUB,
	PROMQL_MUL,
	PROMQL_DIV,
	PROMQL_MOD,
	PROMQL_POW,
	PROMQL_ATAN2,
	PROMQL_EQ,
	PROMQL_NE,
	PROMQL_LT,
	PROMQL_LE,
	PROMQL_GT,
	PROMQL_GE,
	PROMQL_AND,
	PROMQL_OR,
	PROMQL_UNLESS,
};

enum promql_agg {
	PROMQL_SUM = 1,
	PROMQL_AVG,
	PROMQL_MIN,
	PROMQL_MAX,
	PROMQL_COUNT,
};

enum promql_match {
	PROMQL_MATCH_EQ = 1, /* = */
	PROMQL_MATCH_NE,     /* != */
	PROMQL_MATCH_RE,     /* =~, anchored at both ends */
	PROMQL_MATCH_NRE,    /* !~ */
};

struct promql_matcher {
	const char *name;
	enum promql_match op;
	const char *value;
	struct promql_regex *regex; /* RE and NRE: compiled, see regex.h */
};

struct promql_regex;

/* A function; the table is functions.c's. */
struct promql_function {
	const char *name;
	uint8_t id; /* enum promql_function_id of functions.h */
	enum promql_type result;
	uint8_t args_min, args_max;
	enum promql_type args[PROMQL_ARGS_MAX];
};

struct promql_labels_list {
	const char **name; /* sorted, without duplicates */
	size_t n;
};

struct promql_node {
	enum promql_kind kind;
	enum promql_type type;
	uint32_t start, end; /* bytes of the text that it came from */
	uint32_t height;     /* 1: without arguments */
	struct promql_node *arg[PROMQL_ARGS_MAX];
	size_t args_n;

	double number;	  /* NUMBER */
	const char *text; /* TEXT */

	/* SELECTOR: matchers include the one on __name__, first where the metric was named. */
	struct promql_matcher *matchers;
	size_t matchers_n;
	bool named;	   /* the name stands before the braces */
	int64_t range_ms;  /* 0: instant */
	int64_t offset_ms; /* may be negative */
	int slot;	   /* from 0, unlike for every selector of the expression */

	/* BINARY */
	enum promql_op op;
	bool return_bool;
	bool on;       /* labels are on(...), else ignoring(...) (maybe empty) */
	bool matching; /* on or ignoring was written */

	/* AGGREGATE */
	enum promql_agg agg;
	bool without; /* labels are without(...), else by(...) */

	struct promql_labels_list labels; /* BINARY, AGGREGATE */

	const struct promql_function *function; /* CALL */
};

/* Owns the whole tree and its strings. */
struct promql_expr {
	struct promql_node *root;
	struct promql_node **selectors; /* by slot */
	size_t selectors_n;
	void *memory;
};

enum promql_refusal {
	PROMQL_SYNTAX = 1,
	PROMQL_TYPE,		 /* well-formed, but Prometheus refuses it too */
	PROMQL_UNKNOWN_FUNCTION, /* of Prometheus neither */
	PROMQL_UNSUPPORTED,	 /* Prometheus has it, cheshire has not */
	PROMQL_TOO_LARGE,	 /* a bound of this file */
};

/* Where and why a text is refused: the first reason, as Prometheus gives it. */
struct promql_error {
	enum promql_refusal refusal;
	uint32_t at; /* offset into the text; its length at the end of input */
	char message[512];
};

/*
 * 0, -EINVAL with *error filled, or -ENOMEM.  `text` need not end in NUL and is not kept.  Never
 * reads beyond len, never recurses deeper than PROMQL_DEPTH_MAX.
 */
int promql_parse(const char *text, size_t len, struct promql_expr **out,
		 struct promql_error *error);
void promql_free(struct promql_expr *expr);

/* Writes it so that it parses to the same tree. */
void promql_print(const struct promql_node *node, FILE *out);

/* "vector", "range vector" ...: in Prometheus's words, for messages. */
const char *promql_type_name(enum promql_type type);

/*
 * Whether a label's value (NULL: the label is missing, which is "") satisfies the matcher.  The
 * time is bounded by a polynomial of the lengths, whatever the pattern; a value that is not UTF-8
 * matches no pattern.
 */
bool promql_matches(const struct promql_matcher *matcher, const char *value);
/* The metric that a selector asks for by name, or NULL: it may mean several. */
const char *promql_metric(const struct promql_node *selector);

/* A duration such as 1h30m, as in range selectors and `for:`, where it may be 0.  0 or -EINVAL. */
int promql_duration(const char *text, size_t len, int64_t *ms);

#endif /* CHESHIRE_PROMQL_AST_H */
