/* SPDX-License-Identifier: GPL-2.0-only */
/* parse.h - what the two halves of the parser of templates share. */
#ifndef CHESHIRE_TEMPLATE_PARSE_H
#define CHESHIRE_TEMPLATE_PARSE_H

#include <stdbool.h>
#include <stddef.h>

#include "template/lex.h"
#include "template/template.h"
#include "template/tree.h"

struct arena;

struct parse {
	struct lex lex;
	struct word word; /* the one to look at */
	struct arena *arena;
	struct template_error *error, *doubt;
	size_t nodes;
	bool failed;
	bool plain;
};

void parse_next(struct parse *p);
void parse_skip_space(struct parse *p);
/* The first failure is kept. */
void parse_fail(struct parse *p, size_t at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Zeroed, counted against TEMPLATE_NODES_MAX; NULL with the failure said. */
void *parse_new(struct parse *p, size_t bytes);
bool parse_word_is(const struct parse *p, const char *name);

/* A pipeline up to }} or ), which is left there; NULL after a failure. */
const struct term *parse_pipeline(struct parse *p, int depth, const char *context);

#endif /* CHESHIRE_TEMPLATE_PARSE_H */
