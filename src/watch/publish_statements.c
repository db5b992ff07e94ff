/* SPDX-License-Identifier: GPL-2.0-only */
#include "watch/publish_statements.h"

#include <stdlib.h>
#include <string.h>

#include "kernel/statements.h"
#include "metrics/hist.h"
#include "metrics/metrics.h"
#include "watch/watching.h"

#define TEXTS_MAX 512 /* as many as the metrics keep */

/* Several hashes may have one redacted text: literals make a hash each. */
struct text {
	uint32_t id;
	struct wire_statement_stats stats;
};

struct texts {
	const struct watching *w;
	struct text *text;
	size_t n;
};

static void add(struct wire_statement_stats *to, const struct wire_statement_stats *from)
{
	to->count += from->count;
	to->errors += from->errors;
	to->sum_ns += from->sum_ns;
	if (from->max_ns > to->max_ns)
		to->max_ns = from->max_ns;
	for (size_t i = 0; i < WIRE_STMT_BUCKETS; i++)
		to->bucket[i] += from->bucket[i];
}

static void on_text(void *ctx, uint64_t hash, const struct wire_statement_stats *stats)
{
	struct texts *texts = ctx;
	uint32_t id = metrics__statement_of(texts->w->metrics, hash);

	if (!id || !stats->count)
		return;
	for (size_t i = 0; i < texts->n; i++) {
		if (texts->text[i].id == id) {
			add(&texts->text[i].stats, stats);
			return;
		}
	}
	if (texts->n < TEXTS_MAX)
		texts->text[texts->n++] = (struct text){.id = id, .stats = *stats};
}

static int dearest_first(const void *a, const void *b)
{
	uint64_t x = ((const struct text *)a)->stats.sum_ns;
	uint64_t y = ((const struct text *)b)->stats.sum_ns;

	return x < y ? 1 : x > y ? -1 : 0;
}

/* Nearest rank; the middle of its bucket, but never more than the longest. */
static uint64_t p95_ns(const struct wire_statement_stats *stats)
{
	uint64_t rank = (stats->count * 95 + 99) / 100, seen = 0, middle;

	for (uint32_t i = 0; i < WIRE_STMT_BUCKETS; i++) {
		seen += stats->bucket[i];
		if (seen < rank)
			continue;
		middle = hist_bucket_low(i << 4) / 2 + hist_bucket_high((i << 4) + 15) / 2;
		return middle < stats->max_ns ? middle : stats->max_ns;
	}
	return stats->max_ns;
}

size_t publish_statements(const struct watching *w,
			  struct sink_statement out[PUBLISH_STATEMENTS_MAX])
{
	struct texts texts = {.w = w};
	size_t n = 0;

	if (!statements_class(w->loader, WIRE_CLASS_SIMPLE))
		return 0;
	texts.text = calloc(TEXTS_MAX, sizeof(*texts.text));
	if (!texts.text)
		return 0;
	statements_each_text(w->loader, on_text, &texts);
	qsort(texts.text, texts.n, sizeof(*texts.text), dearest_first);
	for (size_t i = 0; i < texts.n && n < PUBLISH_STATEMENTS_MAX; i++) {
		const struct wire_statement_stats *s = &texts.text[i].stats;
		const char *text = metrics__statement(w->metrics, texts.text[i].id);

		if (!text)
			continue;
		out[n++] = (struct sink_statement){.text = text,
						   .count = s->count,
						   .errors = s->errors,
						   .sum_s = (double)s->sum_ns / 1e9,
						   .p95_s = (double)p95_ns(s) / 1e9,
						   .max_s = (double)s->max_ns / 1e9};
	}
	free(texts.text);
	return n;
}
