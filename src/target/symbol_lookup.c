/* SPDX-License-Identifier: GPL-2.0-only */
#include <string.h>

#include "target/names.h"
#include "target/symbol_table.h"

#define NEAR_MAX 16 /* near matches kept */

size_t symbol_table__count(const struct symbol_table *table)
{
	return table->n;
}

const struct symbol *symbol_table__at(const struct symbol_table *table, size_t i)
{
	return &table->syms[i];
}

bool symbol_table__incomplete(const struct symbol_table *table, const char **why)
{
	if (why)
		*why = table->why;
	return table->why[0] != '\0';
}

/* Index of the first symbol behind the offset. */
static size_t upper_bound(const struct symbol_table *table, uint64_t offset)
{
	size_t lo = 0, hi = table->n, mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (table->syms[mid].offset <= offset)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

const struct symbol *symbol_table__by_offset(const struct symbol_table *table, uint64_t offset)
{
	size_t i = upper_bound(table, offset), looked;
	const struct symbol *found = NULL;

	/* A few back: an empty label or a nested symbol may lie before the one that covers. */
	for (looked = 0; i > 0 && looked < 8; looked++) {
		const struct symbol *sym = &table->syms[--i];

		if (found && sym->offset != found->offset)
			break;
		if (offset - sym->offset < sym->size || offset == sym->offset)
			found = sym;
	}
	return found;
}

int symbol_table__match(const struct symbol_table *table, const char *pattern, symbol_fn fn,
			void *ctx)
{
	struct name_pattern names;
	uint64_t last = UINT64_MAX;
	size_t i;
	int ret;

	name_pattern_init(&names, pattern);
	for (i = 0; i < table->n; i++) {
		const struct symbol *sym = &table->syms[i];

		if (sym->cold || sym->offset == last || !name_pattern_matches(&names, sym->name))
			continue;
		last = sym->offset;
		ret = fn(sym, ctx);
		if (ret)
			return ret;
	}
	return 0;
}

struct near {
	const struct symbol *sym;
	size_t score; /* lower is nearer */
};

/* Keeps the list sorted by score; the first of equal ones stays first. */
static void near_insert(struct near *list, size_t *n, size_t max, struct near cand)
{
	size_t i;

	for (i = 0; i < *n; i++)
		if (strcmp(list[i].sym->name, cand.sym->name) == 0)
			return;
	for (i = *n; i > 0 && list[i - 1].score > cand.score; i--)
		if (i < max)
			list[i] = list[i - 1];
	if (i < max) {
		list[i] = cand;
		if (*n < max)
			(*n)++;
	}
}

size_t symbol_table__near(const struct symbol_table *table, const char *pattern,
			  const struct symbol **out, size_t max)
{
	struct near list[NEAR_MAX] = {0};
	size_t i, n = 0, len = strlen(pattern), limit = len / 3 + 1;

	if (max > NEAR_MAX)
		max = NEAR_MAX;
	for (i = 0; i < table->n && max; i++) {
		const struct symbol *sym = &table->syms[i];
		struct near cand = {.sym = sym};

		cand.score = name_distance(pattern, sym->name, limit);
		if (sym->cold)
			continue;
		if (cand.score > limit) {
			if (len < 3 || !strcasestr(sym->name, pattern))
				continue;
			/* A longer name around the pattern: after those that differ by little. */
			cand.score = limit + strlen(sym->name) - len;
		}
		near_insert(list, &n, max, cand);
	}
	for (i = 0; i < n; i++)
		out[i] = list[i].sym;
	return n;
}
