/* SPDX-License-Identifier: GPL-2.0-only */
#include "intent.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "faults.h"
#include "lookup.h"
#include "session.h"

/* "play some music" -> "play" OR "some" OR "music": any word may match, the rank decides. */
static void to_query(const char *text, char *query, size_t size)
{
	size_t n = 0;

	while (*text) {
		size_t len = strcspn(text, " ");

		if (len > 0 && n + len + 8 < size)
			n += (size_t)snprintf(query + n, size - n, "%s\"%.*s\"", n ? " OR " : "",
					      (int)len, text);
		text += len + strspn(text + len, " ");
	}
	query[n] = '\0';
}

int parse_intent(struct session *s, const char *text, struct intent *out)
{
	char query[512];
	int err = -ENOENT;

	lookup_delays(s);
	if (fault_active(FAULT_INTENT_ERROR, NULL))
		return -1;
	to_query(text, query, sizeof(query));
	sqlite3_bind_text(s->find_intent, 1, query, -1, SQLITE_TRANSIENT);
	if (sqlite3_step(s->find_intent) == SQLITE_ROW) {
		snprintf(out->name, sizeof(out->name), "%s",
			 (const char *)sqlite3_column_text(s->find_intent, 0));
		snprintf(out->detail, sizeof(out->detail), "%s", text);
		err = 0;
	}
	sqlite3_reset(s->find_intent);
	return err;
}
