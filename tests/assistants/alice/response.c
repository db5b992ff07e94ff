/* SPDX-License-Identifier: GPL-2.0-only */
#include "response.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "intent.h"
#include "session.h"
#include "stage.h"

static int look_up_fact(struct session *s, const char *name, char *out, size_t size)
{
	int err = -ENOENT;

	sqlite3_bind_text(s->find_fact, 1, name, -1, SQLITE_TRANSIENT);
	if (sqlite3_step(s->find_fact) == SQLITE_ROW) {
		snprintf(out, size, "%s", (const char *)sqlite3_column_text(s->find_fact, 0));
		err = 0;
	}
	sqlite3_reset(s->find_fact);
	return err;
}

/* Copies @template, with @words and @fact in the places kept for them. */
static void fill_in(const char *template, const char *words, const char *fact, char *out,
		    size_t size)
{
	size_t n = 0;

	while (*template && n + 1 < size) {
		const char *insert = NULL;

		if (strncmp(template, "{words}", 7) == 0) {
			insert = words;
			template += 7;
		} else if (strncmp(template, "{fact}", 6) == 0) {
			insert = fact;
			template += 6;
		} else {
			out[n++] = *template ++;
			continue;
		}
		n += (size_t)snprintf(out + n, size - n, "%s", insert);
		if (n >= size)
			n = size - 1;
	}
	out[n] = '\0';
}

static int answer_intent(struct session *s, const struct intent *intent, char *answer, size_t size)
{
	char template[128], fact_name[32], fact[128] = "";
	const char *name;

	sqlite3_bind_text(s->find_answer, 1, intent->name, -1, SQLITE_TRANSIENT);
	if (sqlite3_step(s->find_answer) != SQLITE_ROW) {
		sqlite3_reset(s->find_answer);
		return -ENOENT;
	}
	snprintf(template, sizeof(template), "%s",
		 (const char *)sqlite3_column_text(s->find_answer, 0));
	name = (const char *)sqlite3_column_text(s->find_answer, 1);
	snprintf(fact_name, sizeof(fact_name), "%s", name ? name : "");
	sqlite3_reset(s->find_answer);
	if (fact_name[0])
		look_up_fact(s, fact_name, fact, sizeof(fact));
	fill_in(template, intent->detail, fact, answer, size);
	return 0;
}

/* What the servers know is not spoken, so that the answers are the same without them. */
static void ask_servers(struct session *s, const struct intent *intent)
{
	char known[128];

	s->backends->ask(s->backend, intent->name, known, sizeof(known));
	s->backends->remember(s->backend, intent->name);
}

int generate_response(struct session *s, const struct intent *intent, char *answer, size_t size)
{
	stage_delays(FAULT_SLOW_RESPONSE, FAULT_HANG_RESPONSE);
	if (fault_active(FAULT_RESPONSE_ERROR, NULL)) {
		look_up_fact(s, "sorry", answer, size);
		return -EIO;
	}
	if (intent && s->backend)
		ask_servers(s, intent);
	if (intent && answer_intent(s, intent, answer, size) == 0)
		return 0;
	return look_up_fact(s, "sorry", answer, size);
}
