/* SPDX-License-Identifier: GPL-2.0-only */
/* What to answer: a template from the data base, filled in. */
#ifndef ALICE_RESPONSE_H
#define ALICE_RESPONSE_H

#include <stddef.h>

struct intent;
struct session;

/* @intent may be NULL: an apology. 0 or negative errno. */
int generate_response(struct session *s, const struct intent *intent, char *answer, size_t size);

#endif
