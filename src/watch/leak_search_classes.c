/* SPDX-License-Identifier: GPL-2.0-only */
/* leak_search_classes.c - what kind of objects the blocks of a site are, looked at now and then. */
#include "watch/leak_search_state.h"

#include <string.h>

/* What a site allocates does not change from one second to the next. */
#define LOOK_NS 10000000000ULL

/* That of the site, or else the one that was not asked for for the longest time. */
static struct leak_seen_classes *entry_of(struct leak_search *s, uint64_t site)
{
	struct leak_seen_classes *oldest = &s->classes[0];

	for (size_t i = 0; i < LEAK_REPORT_SITES; i++) {
		if (s->classes[i].site == site)
			return &s->classes[i];
		if (s->classes[i].at_ns < oldest->at_ns)
			oldest = &s->classes[i];
	}
	*oldest = (struct leak_seen_classes){.site = site};
	return oldest;
}

/* Few were looked at, and there are more by now. */
static bool says_little(const struct leak_classes *classes, const struct leak_site *site)
{
	return classes->blocks_n < LEAK_CLASSES_BLOCKS &&
	       site->survivors_n >= 2ULL * classes->blocks_n;
}

const struct leak_classes *leak_search_classes(struct leak_search *s, const struct leak_site *site,
					       uint64_t now_ns)
{
	struct leak_seen_classes *seen = entry_of(s, site->site);
	struct reach_block blocks[LEAK_CLASSES_BLOCKS];
	struct leak_classes found;
	size_t n;

	if (seen->at_ns && now_ns - seen->at_ns < LOOK_NS && !says_little(&seen->classes, site))
		return &seen->classes;
	n = leak_ledger__survivors(s->ledger, site->site, blocks, LEAK_CLASSES_BLOCKS);
	if (!n || leak_classes_look(&found, leak_stacks__modules(s->stacks), &s->memory, blocks, n))
		return seen->at_ns ? &seen->classes : NULL;
	seen->classes = found;
	seen->at_ns = now_ns;
	return &seen->classes;
}
