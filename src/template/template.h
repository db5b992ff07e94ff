/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * template.h - the text templates of rules' labels and annotations: the part of Go's text/template,
 * with Prometheus's functions, that docs/rules.md names.
 *
 * Text, {{ pipelines }} over $labels, $value, $externalLabels and $externalURL, and if / else /
 * end. What Go knows beyond that (range, with, variables, query ...) is refused with its place.
 * What Go finds out only while expanding (humanize of a word, a wrong number of arguments) is found
 * out there too; where it fails whatever the data are, parsing says so as a doubt.
 */
#ifndef CHESHIRE_TEMPLATE_TEMPLATE_H
#define CHESHIRE_TEMPLATE_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>

#define TEMPLATE_TEXT_MAX  (16u << 10)
#define TEMPLATE_NODES_MAX 500
#define TEMPLATE_DEPTH_MAX 16	       /* of if and of parentheses */
#define TEMPLATE_OUT_MAX   (64u << 10) /* bytes of one expansion and of every value in it */

struct arena;
struct label;
struct template;

struct template_error {
	size_t at; /* offset into the text */
	char message[200];
};

/* What the names of a template stand for. */
struct template_data {
	const struct label *labels; /* sorted by name */
	size_t labels_n;
	const struct label *external_labels;
	size_t external_labels_n;
	const char *external_url; /* NULL is "" */
	double value;
};

/*
 * 0, -EINVAL with *error filled, -ENOMEM.  The template lives in the arena; text is copied to it.
 * *doubt: what will always fail; its message is empty where there is nothing of the kind.
 */
int template_parse(const char *text, struct arena *arena, const struct template **out,
		   struct template_error *error, struct template_error *doubt);
/* Without any {{ }}: expanding it gives the text itself. */
bool template_is_plain(const struct template *template);
/*
 * The text, malloc'ed.  What goes wrong while expanding becomes the text, as in Prometheus:
 * "<error expanding template: ...>".  NULL: no memory.
 */
char *template_expand(const struct template *template, const struct template_data *data);

#endif /* CHESHIRE_TEMPLATE_TEMPLATE_H */
