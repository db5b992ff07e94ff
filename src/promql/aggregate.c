/* SPDX-License-Identifier: GPL-2.0-only */
/* sum, avg, min, max and count of the elements of a vector, by groups. */
#include <errno.h>
#include <math.h>

#include "promql/evaluation.h"

/* avg: the mean so far with one value more; infinities that it holds are never subtracted. */
static double mean_with(double mean, double value, double count)
{
	if (isinf(mean)) {
		if (isinf(value) && (mean > 0) == (value > 0))
			return mean;
		if (isfinite(value))
			return mean;
	}
	/* Divided one by one, so that the difference cannot overflow. */
	return mean + (value / count - mean / count);
}

static double add(enum promql_agg agg, double so_far, double value, uint32_t count)
{
	switch (agg) {
	case PROMQL_SUM:
		return so_far + value;
	case PROMQL_AVG:
		return mean_with(so_far, value, count);
	case PROMQL_MIN:
		return so_far > value || isnan(so_far) ? value : so_far;
	case PROMQL_MAX:
		return so_far < value || isnan(so_far) ? value : so_far;
	case PROMQL_COUNT:
		return count;
	}
	return NAN;
}

static struct projection *grouping(struct evaluator *ev, const struct promql_node *node)
{
	const char *names[PROMQL_LABELS_MAX + 1];
	size_t n = 0;

	for (; n < node->labels.n; n++)
		names[n] = node->labels.name[n];
	if (node->without)
		names[n++] = LABELS_NAME;
	return label_table__projection(ev->table, node->without ? PROJECTION_DROP : PROJECTION_KEEP,
				       names, n);
}

int eval_aggregate(struct evaluator *ev, const struct promql_node *node, struct promql_result *out)
{
	struct projection *groups = grouping(ev, node);
	const char *everything; /* without groups what is missing belongs into the only one */
	uint32_t *count;
	struct promql_result in = {0};
	int err = groups ? eval_node(ev, node->arg[0], &in) : eval_no_memory(ev, node);

	if (!err)
		err = eval_vector(ev, node, in.n, out);
	if (err)
		return err;
	out->unknown = in.unknown;
	everything = !node->without && !node->labels.n ? in.unknown : NULL;
	count = pool_alloc(&ev->pool, in.n * sizeof(count[0]));
	if (!count)
		return eval_no_memory(ev, node);
	marks_clear(&ev->marks);
	for (size_t i = 0; i < in.n; i++) {
		const struct promql_element *from = &in.element[i];
		const struct labels *labels = projection__of(groups, from->labels);
		uint32_t index = (uint32_t)out->n;
		struct promql_element *to;

		if (!labels)
			return eval_no_labels(ev, node);
		err = marks_add(&ev->marks, labels, &index);
		if (err < 0)
			return eval_no_memory(ev, node);
		to = &out->element[index];
		if (err) {
			to->value = add(node->agg, to->value, from->value, ++count[index]);
			to->unknown = either(to->unknown, from->unknown);
			continue;
		}
		*to = (struct promql_element){labels, from->value, ev->ts_ms,
					      either(from->unknown, everything)};
		if (node->agg == PROMQL_COUNT)
			to->value = 1;
		count[index] = 1;
		out->n++;
	}
	return 0;
}
