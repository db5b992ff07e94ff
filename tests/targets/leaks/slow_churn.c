/* SPDX-License-Identifier: GPL-2.0-only */
/* A leak of one block in many thousands, in a program that allocates all the time. */
#include "program.h"

#include <stdlib.h>

struct node {
	struct node *next;
	char payload[184];
};

SITE struct node *node_new(struct node *next)
{
	struct node *node = LEAKS_AT(malloc(sizeof(*node)));

	touched(node, sizeof(*node));
	node->next = next;
	return node;
}

/* A list of two whose head alone is freed. */
SITE size_t request_end(struct worker *worker)
{
	struct node *head = calloc(1, sizeof(*head));

	(void)worker;
	if (!head)
		abort();
	head->next = node_new(NULL);
	free(head);
	return sizeof(*head);
}

const struct program the_program = {
	.begin = usual_begin,
	.work = usual_work,
	.leak = request_end,
	.churn = 300000,
	.rate = 3000,
	.threads = 2,
};
