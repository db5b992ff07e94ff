/* SPDX-License-Identifier: GPL-2.0-only */
/* Operators with two sides: scalars, a vector and a scalar, two vectors that are matched. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "promql/evaluation.h"

/* Texts of label sets in a message, which is short. */
#define PLACE_TEXT 72

/* As in Prometheus 2.42, where atan2 keeps the name. */
static bool drops_name(const struct promql_node *node)
{
	return node->return_bool || node->op <= PROMQL_POW;
}

static bool is_set_operator(enum promql_op op)
{
	return op >= PROMQL_AND;
}

/* Of the labels of on() or ignoring(), with the metric's name among them or not. */
static struct projection *projection_of(struct evaluator *ev, const struct promql_node *node,
					bool name)
{
	enum projection_mode mode = node->on ? PROJECTION_KEEP : PROJECTION_DROP;
	const char *names[PROMQL_LABELS_MAX + 1];
	size_t n = 0;

	for (size_t i = 0; i < node->labels.n; i++)
		if (strcmp(node->labels.name[i], LABELS_NAME))
			names[n++] = node->labels.name[i];
	if (name)
		names[n++] = LABELS_NAME;
	return label_table__projection(ev->table, mode, names, n);
}

static bool mentions_name(const struct promql_node *node)
{
	for (size_t i = 0; i < node->labels.n; i++)
		if (!strcmp(node->labels.name[i], LABELS_NAME))
			return true;
	return false;
}

/* What must be equal on both sides. */
static struct projection *signature(struct evaluator *ev, const struct promql_node *node)
{
	return projection_of(ev, node, !node->on || mentions_name(node));
}

/* What the result is called, from the labels of the left side. */
static struct projection *result_labels(struct evaluator *ev, const struct promql_node *node)
{
	if (node->on)
		return projection_of(ev, node, mentions_name(node) && !drops_name(node));
	return projection_of(ev, node, mentions_name(node) || drops_name(node));
}

/* The value of a pair; false: a comparison that filters it out. */
static bool combine(const struct promql_node *node, double left, double right, double *out)
{
	double value = number_binary(node->op, left, right);

	*out = value;
	if (!op_is_comparison(node->op) || node->return_bool)
		return true;
	*out = left;
	return value != 0;
}

/*
 * Every element of `side` with a scalar; a comparison that filters keeps the element's value, on
 * whichever side it stands.
 */
static int with_scalar(struct evaluator *ev, const struct promql_node *node,
		       struct promql_result *side, const struct promql_result *scalar,
		       bool scalar_left)
{
	size_t kept = 0;

	for (size_t i = 0; i < side->n; i++) {
		struct promql_element e = side->element[i];
		double own = e.value;
		bool keep = scalar_left ? combine(node, scalar->scalar, own, &e.value)
					: combine(node, own, scalar->scalar, &e.value);

		if (!keep)
			continue;
		if (op_is_comparison(node->op) && !node->return_bool)
			e.value = own;
		e.unknown = either(e.unknown, scalar->unknown);
		side->element[kept++] = e;
	}
	side->n = kept;
	side->unknown = either(side->unknown, scalar->unknown);
	if (drops_name(node))
		return eval_drop_names(ev, node, side);
	return 0;
}

static int duplicate(struct evaluator *ev, const struct promql_node *node, struct projection *sig,
		     const struct labels *one, const struct labels *other)
{
	char group[PLACE_TEXT], a[PLACE_TEXT], b[PLACE_TEXT];
	const struct labels *matched = projection__of(sig, one);

	if (!matched)
		return eval_no_labels(ev, node);
	return eval_fail(ev, node, -EINVAL,
			 "found duplicate series for the match group %s on the right hand-side of "
			 "the operation: [%s, %s];many-to-many matching not allowed: matching "
			 "labels must be unique on one side",
			 labels_text(matched, group, sizeof(group)), labels_text(one, a, sizeof(a)),
			 labels_text(other, b, sizeof(b)));
}

/* Marks the right side's signatures with their index. */
static int mark_right(struct evaluator *ev, const struct promql_node *node, struct projection *sig,
		      const struct promql_result *right, bool unique)
{
	marks_clear(&ev->marks);
	for (size_t i = 0; i < right->n; i++) {
		const struct labels *labels = projection__of(sig, right->element[i].labels);
		uint32_t index = (uint32_t)i;
		int err;

		if (!labels)
			return eval_no_labels(ev, node);
		err = marks_add(&ev->marks, labels, &index);
		if (err < 0)
			return eval_no_memory(ev, node);
		if (err && unique)
			return duplicate(ev, node, sig, right->element[i].labels,
					 right->element[index].labels);
	}
	return 0;
}

/* One-to-one matching.  Pairs that a comparison filters out do not count as matched. */
static int match(struct evaluator *ev, const struct promql_node *node, struct promql_result *left,
		 const struct promql_result *right, struct promql_result *out)
{
	struct projection *sig = signature(ev, node), *result = result_labels(ev, node);
	bool *matched = pool_alloc(&ev->pool, right->n * sizeof(matched[0]));
	int err;

	if (!sig || !result || !matched)
		return eval_no_memory(ev, node);
	memset(matched, 0, right->n * sizeof(matched[0]));
	err = mark_right(ev, node, sig, right, true);
	for (size_t i = 0; !err && i < left->n; i++) {
		struct promql_element e = left->element[i];
		const struct labels *labels = projection__of(sig, e.labels);
		uint32_t index;

		if (!labels)
			return eval_no_labels(ev, node);
		if (!marks_get(&ev->marks, labels, &index) ||
		    !combine(node, e.value, right->element[index].value, &e.value))
			continue;
		if (matched[index])
			return eval_fail(ev, node, -EINVAL,
					 "multiple matches for labels: many-to-one matching must "
					 "be explicit (group_left/group_right)");
		matched[index] = true;
		e.labels = projection__of(result, e.labels);
		if (!e.labels)
			return eval_no_labels(ev, node);
		e.unknown = either(e.unknown, right->element[index].unknown);
		out->element[out->n++] = e;
	}
	return err ? err : eval_check_unique(ev, node, out);
}

/*
 * Why it cannot be trusted that a side does not have something: what it read is unknown, and it has
 * nothing at all, or everything has the same signature.
 */
static const char *why_missing(const struct promql_node *node, const struct promql_result *side)
{
	return !side->n || (node->on && !node->labels.n) ? side->unknown : NULL;
}

/* and, unless: elements of the left side, by whether the right side has their signature. */
static int filter(struct evaluator *ev, const struct promql_node *node,
		  const struct promql_result *left, const struct promql_result *right,
		  struct promql_result *out)
{
	struct projection *sig = signature(ev, node);
	int err;

	if (!sig)
		return eval_no_memory(ev, node);
	err = mark_right(ev, node, sig, right, false);
	for (size_t i = 0; !err && i < left->n; i++) {
		struct promql_element e = left->element[i];
		const struct labels *labels = projection__of(sig, e.labels);
		uint32_t index;
		bool there;

		if (!labels)
			return eval_no_labels(ev, node);
		there = marks_get(&ev->marks, labels, &index);
		if (there != (node->op == PROMQL_AND))
			continue;
		e.unknown = either(e.unknown, there ? right->element[index].unknown
						    : why_missing(node, right));
		out->element[out->n++] = e;
	}
	return err;
}

static int either_side(struct evaluator *ev, const struct promql_node *node,
		       const struct promql_result *left, const struct promql_result *right,
		       struct promql_result *out)
{
	struct projection *sig = signature(ev, node);
	int err;

	if (!sig)
		return eval_no_memory(ev, node);
	/* Whatever the left side has hides its signature on the right. */
	err = mark_right(ev, node, sig, left, false);
	if (err)
		return err;
	memcpy(out->element, left->element, left->n * sizeof(out->element[0]));
	out->n = left->n;
	for (size_t i = 0; i < right->n; i++) {
		const struct labels *labels = projection__of(sig, right->element[i].labels);
		uint32_t index;

		if (!labels)
			return eval_no_labels(ev, node);
		if (marks_get(&ev->marks, labels, &index))
			continue;
		out->element[out->n] = right->element[i];
		out->element[out->n].unknown =
			either(right->element[i].unknown, why_missing(node, left));
		out->n++;
	}
	return eval_check_unique(ev, node, out);
}

static int two_vectors(struct evaluator *ev, const struct promql_node *node,
		       struct promql_result *left, const struct promql_result *right,
		       struct promql_result *out)
{
	size_t n = left->n + (node->op == PROMQL_OR ? right->n : 0);
	int err = eval_vector(ev, node, n, out);

	out->unknown = either(left->unknown, right->unknown);
	if (err)
		return err;
	if (node->op == PROMQL_OR)
		return either_side(ev, node, left, right, out);
	if (is_set_operator(node->op))
		return filter(ev, node, left, right, out);
	if (!left->n || !right->n)
		return 0; /* then nothing is looked at, duplicates neither */
	return match(ev, node, left, right, out);
}

int eval_binary(struct evaluator *ev, const struct promql_node *node, struct promql_result *out)
{
	struct promql_result left, right;
	int err = eval_node(ev, node->arg[0], &left);

	if (!err)
		err = eval_node(ev, node->arg[1], &right);
	if (err)
		return err;
	if (left.type == PROMQL_SCALAR && right.type == PROMQL_SCALAR) {
		out->scalar = number_binary(node->op, left.scalar, right.scalar);
		out->unknown = either(left.unknown, right.unknown);
		return 0;
	}
	if (left.type == PROMQL_VECTOR && right.type == PROMQL_VECTOR)
		return two_vectors(ev, node, &left, &right, out);
	if (left.type == PROMQL_VECTOR) {
		*out = left;
		return with_scalar(ev, node, out, &right, false);
	}
	*out = right;
	return with_scalar(ev, node, out, &left, true);
}
