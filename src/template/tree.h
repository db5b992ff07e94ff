/* SPDX-License-Identifier: GPL-2.0-only */
/* tree.h - a parsed template. */
#ifndef CHESHIRE_TEMPLATE_TREE_H
#define CHESHIRE_TEMPLATE_TREE_H

#include <stddef.h>

#include "template/functions.h"
#include "template/value.h"

enum term_kind {
	TERM_CONSTANT = 1,
	TERM_DATA, /* the dot */
	TERM_LABELS,
	TERM_LABEL, /* $labels.name */
	TERM_EXTERNAL_LABELS,
	TERM_EXTERNAL_LABEL,
	TERM_EXTERNAL_URL,
	TERM_VALUE,
	TERM_CALL,
	TERM_NOWHERE, /* a field that is not there */
};

/* A part of a pipeline; the value that is piped in is the last argument of a call. */
struct term {
	enum term_kind kind;
	enum value_kind type; /* 0: known only when expanded */
	size_t at;	      /* offset into the text */
	struct value constant;
	const char *name; /* LABEL, EXTERNAL_LABEL */
	const struct template_function *function;
	const struct term **arg;
	size_t args_n;
};

enum node_kind {
	NODE_TEXT = 1,
	NODE_OUTPUT = 2,
	NODE_IF = 3,
};

struct node {
	enum node_kind kind;
	const char *text;	  /* TEXT */
	const struct term *term;  /* OUTPUT, the condition of IF */
	const struct node *then;  /* IF */
	const struct node *other; /* IF: else */
	const struct node *next;
};

struct template
{
	const struct node *first;
	bool plain;
};

#endif /* CHESHIRE_TEMPLATE_TREE_H */
