/* SPDX-License-Identifier: GPL-2.0-only */
/* store_select.h - all series, by metric and by selector; for store.c and store_select.c only. */
#ifndef CHESHIRE_PROMQL_STORE_SELECT_H
#define CHESHIRE_PROMQL_STORE_SELECT_H

#include "promql/store_series.h"

struct series_list {
	struct store_series **series;
	size_t n, cap;
};

struct metric;	  /* the series of one metric */
struct selection; /* what one selector selects */

struct series_index {
	struct series_list all;
	struct metric **metrics; /* open addressing, powers of two */
	size_t metrics_n, metrics_size;
	struct selection **selections;
	size_t selections_n, selections_size;
	size_t bytes;
};

/* Adds a series; its memory is the index's from then on.  0 or -ENOMEM. */
int series_index__add(struct series_index *index, struct store_series *series);
/* The list is the index's until the next call.  0 or -ENOMEM. */
int series_index__select(struct series_index *index, const struct promql_node *selector,
			 struct series_list *out);
void series_index__forget_selections(struct series_index *index);
void series_index__free(struct series_index *index);

bool selector_matches(const struct promql_node *selector, const struct labels *labels);

#endif /* CHESHIRE_PROMQL_STORE_SELECT_H */
