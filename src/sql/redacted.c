/* SPDX-License-Identifier: GPL-2.0-only */
#include "sql/redacted.h"

#include <string.h>

#include "sql/sql.h"

#define MORE	 " ..."
#define NAME_MAX 63 /* bytes of a name */

void redacted_begin(struct redacted *r, char *out)
{
	memset(r, 0, sizeof(*r));
	r->out = out;
	r->tight = true;
	out[0] = '\0';
}

/* All of it or, for good, nothing; room for MORE stays. */
static void append(struct redacted *r, const char *text, size_t bytes)
{
	r->name = false;
	if (r->full || r->more)
		return;
	if (r->used + bytes + sizeof(MORE) + 1 > SQL_REDACTED_MAX) {
		redacted_more(r);
		r->full = true;
		return;
	}
	if (!r->tight)
		r->out[r->used++] = ' ';
	memcpy(r->out + r->used, text, bytes);
	r->used += bytes;
	r->out[r->used] = '\0';
	r->tight = false;
}

/* The list of literals, if there was one, is over. */
static void end_list(struct redacted *r)
{
	if (r->comma) {
		r->tight = true;
		append(r, ",", 1);
	}
	r->comma = false;
	r->same = 0;
}

void redacted_word(struct redacted *r, const char *word)
{
	end_list(r);
	append(r, word, strlen(word));
}

void redacted_name(struct redacted *r, const char *name, size_t bytes)
{
	end_list(r);
	append(r, name, bytes < NAME_MAX ? bytes : NAME_MAX);
	r->name = true;
}

void redacted_punct(struct redacted *r, const char *punct, size_t bytes)
{
	bool one = bytes == 1;

	if (one && *punct == ',' && r->same) {
		r->comma = true;
		return;
	}
	end_list(r);
	if (one && (strchr(".,)", *punct) || (*punct == '(' && r->name)))
		r->tight = true;
	append(r, punct, bytes);
	if (one && strchr(".(", *punct))
		r->tight = true;
}

void redacted_literal(struct redacted *r)
{
	if (r->same && r->comma) {
		r->comma = false;
		if (r->same++ == 1) {
			r->tight = true;
			append(r, ", ...", 5);
		}
		return;
	}
	/* Parts of one value. */
	if (r->same)
		return;
	end_list(r);
	append(r, "?", 1);
	r->same = 1;
}

void redacted_more(struct redacted *r)
{
	if (r->full || r->more)
		return;
	memcpy(r->out + r->used, MORE, sizeof(MORE));
	r->used += sizeof(MORE) - 1;
	r->more = true;
}
