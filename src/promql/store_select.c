/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which series a selector means.  The answer is remembered and only series that are new since are
 * looked at again; series are never removed, so a list only grows.
 */
#include "promql/store_select.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "promql/label_table.h"

#define FIRST_SIZE 64

struct metric {
	uint64_t hash;
	const char *name; /* "" for series without one; the label table's */
	struct series_list list;
};

struct matcher_copy {
	enum promql_match op;
	char *name, *value;
};

struct selection {
	uint64_t hash;
	struct series_list list;
	size_t seen; /* of the candidates */
	size_t n;
	struct matcher_copy matcher[];
};

static int list_add(struct series_index *index, struct series_list *list,
		    struct store_series *series)
{
	if (list->n == list->cap) {
		size_t cap = list->cap ? list->cap * 2 : 4;
		void *bigger = realloc(list->series, cap * sizeof(list->series[0]));

		if (!bigger)
			return -ENOMEM;
		index->bytes += (cap - list->cap) * sizeof(list->series[0]);
		list->series = bigger;
		list->cap = cap;
	}
	list->series[list->n++] = series;
	return 0;
}

/* Grows a table of pointers to structs that begin with their hash. */
static int grow(struct series_index *index, void *table, size_t *size)
{
	void ***slots = table, **old = *slots;
	size_t bigger = *size ? *size * 2 : FIRST_SIZE;
	void **fresh = calloc(bigger, sizeof(fresh[0]));

	if (!fresh)
		return -ENOMEM;
	for (size_t i = 0; i < *size; i++) {
		size_t at;

		if (!old[i])
			continue;
		for (at = *(uint64_t *)old[i] & (bigger - 1); fresh[at];
		     at = (at + 1) & (bigger - 1))
			;
		fresh[at] = old[i];
	}
	index->bytes += (bigger - *size) * sizeof(fresh[0]);
	free(old);
	*slots = fresh;
	*size = bigger;
	return 0;
}

static uint64_t mix(uint64_t hash)
{
	return hash ^ hash >> 32;
}

/* The metric's bucket, made if need be; NULL without memory. */
static struct metric *metric_of(struct series_index *index, const char *name, bool make)
{
	uint64_t hash = mix(label_hash_bytes(0, name, strlen(name)));
	struct metric *m;
	size_t at;

	if (index->metrics_n * 2 >= index->metrics_size &&
	    grow(index, &index->metrics, &index->metrics_size))
		return NULL;
	for (at = hash & (index->metrics_size - 1); (m = index->metrics[at]);
	     at = (at + 1) & (index->metrics_size - 1))
		if (m->hash == hash && !strcmp(m->name, name))
			return m;
	if (!make)
		return NULL;
	m = calloc(1, sizeof(*m));
	if (!m)
		return NULL;
	m->hash = hash;
	m->name = name;
	index->metrics[at] = m;
	index->metrics_n++;
	index->bytes += sizeof(*m);
	return m;
}

int series_index__add(struct series_index *index, struct store_series *series)
{
	const char *name = labels_get(series->labels, LABELS_NAME);
	struct metric *m = metric_of(index, name ? name : "", true);

	if (!m || list_add(index, &index->all, series))
		return -ENOMEM;
	if (list_add(index, &m->list, series)) {
		index->all.n--;
		return -ENOMEM;
	}
	index->bytes += sizeof(*series);
	return 0;
}

bool selector_matches(const struct promql_node *selector, const struct labels *labels)
{
	for (size_t i = 0; i < selector->matchers_n; i++) {
		const struct promql_matcher *m = &selector->matchers[i];

		if (!promql_matches(m, labels_get(labels, m->name)))
			return false;
	}
	return true;
}

static uint64_t hash_selector(const struct promql_node *selector)
{
	uint64_t hash = 0;

	for (size_t i = 0; i < selector->matchers_n; i++) {
		const struct promql_matcher *m = &selector->matchers[i];

		hash = label_hash_bytes(hash, m->name, strlen(m->name)) + m->op;
		hash = label_hash_bytes(hash, m->value, strlen(m->value));
	}
	return mix(hash);
}

static bool same_selector(const struct selection *s, const struct promql_node *selector)
{
	if (s->n != selector->matchers_n)
		return false;
	for (size_t i = 0; i < s->n; i++) {
		const struct promql_matcher *m = &selector->matchers[i];

		if (s->matcher[i].op != m->op || strcmp(s->matcher[i].name, m->name) ||
		    strcmp(s->matcher[i].value, m->value))
			return false;
	}
	return true;
}

static void free_selection(struct selection *s)
{
	for (size_t i = 0; s && i < s->n; i++) {
		free(s->matcher[i].name);
		free(s->matcher[i].value);
	}
	if (s)
		free(s->list.series);
	free(s);
}

static struct selection *new_selection(struct series_index *index,
				       const struct promql_node *selector)
{
	size_t n = selector->matchers_n;
	struct selection *s = calloc(1, sizeof(*s) + n * sizeof(s->matcher[0]));

	if (!s)
		return NULL;
	s->n = n;
	for (size_t i = 0; i < n; i++) {
		const struct promql_matcher *m = &selector->matchers[i];

		s->matcher[i].op = m->op;
		s->matcher[i].name = strdup(m->name);
		s->matcher[i].value = strdup(m->value);
		if (!s->matcher[i].name || !s->matcher[i].value) {
			free_selection(s);
			return NULL;
		}
		index->bytes += strlen(m->name) + strlen(m->value) + 2;
	}
	index->bytes += sizeof(*s) + n * sizeof(s->matcher[0]);
	return s;
}

static struct selection *selection_of(struct series_index *index,
				      const struct promql_node *selector)
{
	uint64_t hash = hash_selector(selector);
	struct selection *s;
	size_t at;

	if (index->selections_n * 2 >= index->selections_size &&
	    grow(index, &index->selections, &index->selections_size))
		return NULL;
	for (at = hash & (index->selections_size - 1); (s = index->selections[at]);
	     at = (at + 1) & (index->selections_size - 1))
		if (s->hash == hash && same_selector(s, selector))
			return s;
	s = new_selection(index, selector);
	if (!s)
		return NULL;
	s->hash = hash;
	index->selections[at] = s;
	index->selections_n++;
	return s;
}

/* What a selector can select: the series of its metric where it names one, else all. */
static const struct series_list *candidates(struct series_index *index,
					    const struct promql_node *selector)
{
	static const struct series_list none;

	for (size_t i = 0; i < selector->matchers_n; i++) {
		const struct promql_matcher *m = &selector->matchers[i];
		const struct metric *metric;

		if (m->op != PROMQL_MATCH_EQ || strcmp(m->name, LABELS_NAME))
			continue;
		metric = metric_of(index, m->value, false);
		return metric ? &metric->list : &none;
	}
	return &index->all;
}

int series_index__select(struct series_index *index, const struct promql_node *selector,
			 struct series_list *out)
{
	struct selection *s = selection_of(index, selector);
	const struct series_list *from;

	if (!s)
		return -ENOMEM;
	from = candidates(index, selector);
	for (; s->seen < from->n; s->seen++) {
		struct store_series *series = from->series[s->seen];

		if (selector_matches(selector, series->labels) && list_add(index, &s->list, series))
			return -ENOMEM;
	}
	*out = s->list;
	return 0;
}

void series_index__forget_selections(struct series_index *index)
{
	for (size_t i = 0; i < index->selections_size; i++) {
		struct selection *s = index->selections[i];

		if (!s)
			continue;
		index->bytes -= sizeof(*s) + s->n * sizeof(s->matcher[0]) +
				s->list.cap * sizeof(s->list.series[0]);
		for (size_t j = 0; j < s->n; j++)
			index->bytes -=
				strlen(s->matcher[j].name) + strlen(s->matcher[j].value) + 2;
		free_selection(s);
		index->selections[i] = NULL;
	}
	index->selections_n = 0;
}

void series_index__free(struct series_index *index)
{
	series_index__forget_selections(index);
	for (size_t i = 0; i < index->metrics_size; i++) {
		if (index->metrics[i])
			free(index->metrics[i]->list.series);
		free(index->metrics[i]);
	}
	for (size_t i = 0; i < index->all.n; i++) {
		series_clear(index->all.series[i]);
		free(index->all.series[i]);
	}
	free(index->all.series);
	free(index->metrics);
	free(index->selections);
	*index = (struct series_index){0};
}
