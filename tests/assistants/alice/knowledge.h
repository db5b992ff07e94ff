/* SPDX-License-Identifier: GPL-2.0-only */
/* The assistant's data base: phrases, answers and facts. */
#ifndef ALICE_KNOWLEDGE_H
#define ALICE_KNOWLEDGE_H

struct session;

/* Opens and fills s->db and prepares its statements. 0 or negative errno, message on stderr. */
int knowledge_open(struct session *s);
void knowledge_close(struct session *s);

#endif
