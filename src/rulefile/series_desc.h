/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * series_desc.h - a series as promtool's unit tests write it: `name{a="b"} 1+2x5 _ stale _x3`.
 *
 *	5	a value		_	no sample at this time
 *	5x3	four times 5	_x3	none three times
 *	5+2x3	5 7 9 11	5-2x3	5 3 1 -1
 *	stale	the series ends
 */
#ifndef CHESHIRE_RULEFILE_SERIES_DESC_H
#define CHESHIRE_RULEFILE_SERIES_DESC_H

#include <stdbool.h>
#include <stddef.h>

#define SERIES_VALUES_MAX 1000000 /* of one series */

struct label;

struct series_value {
	double value; /* the stale marker for `stale` */
	bool omitted;
};

struct series_desc {
	struct label *label; /* settled: sorted by name, none empty */
	size_t labels_n;
	struct series_value *value;
	size_t n, room;
};

struct series_error {
	size_t at; /* offset into the text */
	char message[200];
};

/* All of text[0 .. len): 0, -EINVAL with *error filled, or -ENOMEM. */
int series_desc_parse(const char *text, size_t len, struct series_desc *out,
		      struct series_error *error);
void series_desc_free(struct series_desc *desc);

/* Only the labels, `{}` and `name` among them; free() *out.  Returns as above. */
int series_labels_parse(const char *text, size_t len, struct label **out, size_t *n,
			struct series_error *error);

#endif /* CHESHIRE_RULEFILE_SERIES_DESC_H */
