/* SPDX-License-Identifier: GPL-2.0-only */
/* What is meant: the closest known phrase, by SQLite full-text search. */
#ifndef ALICE_INTENT_H
#define ALICE_INTENT_H

struct session;

struct intent {
	char name[32];
	char detail[128]; /* the words as heard */
};

/* 0, or a negative number if it cannot be told. */
int parse_intent(struct session *s, const char *text, struct intent *out);

#endif
