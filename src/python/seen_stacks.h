/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * seen_stacks.h - what was seen of Python's stacks in slow calls: the last some hundred looks, and
 * which of them were the same.
 *
 * Pure.  A look is a text: the frames from the innermost one to that of the stage.
 */
#ifndef CHESHIRE_PYTHON_SEEN_STACKS_H
#define CHESHIRE_PYTHON_SEEN_STACKS_H

#include <stddef.h>
#include <stdint.h>

#include "python/stack.h"

#define SEEN_STACK_TEXT_MAX 512
#define SEEN_STACKS_KEPT    256 /* looks; the oldest are forgotten */

struct seen_stack {
	uint32_t stage;
	uint64_t at_ns;
	char text[SEEN_STACK_TEXT_MAX];
};

struct seen_stacks {
	struct seen_stack kept[SEEN_STACKS_KEPT];
	size_t n;    /* in use */
	size_t next; /* where the next one goes */
};

struct seen_stack_count {
	const char *text; /* valid until the next look is added */
	size_t n;
};

/*
 * "find (voice/answers.py:12) < respond (voice/stages.py:31)": `n` frames, innermost first; those
 * in the middle of a deep stack are left out, and names are cut.
 */
void seen_stack_text(const struct python_frame *frames, size_t n, char *out, size_t size);

/* Says so of one that is on no thread. */
void seen_stack_suspended(char *text, size_t size);

void seen_stacks_add(struct seen_stacks *s, const struct seen_stack *look);

/*
 * The most frequent stacks of the stage since then, most frequent first; writes at most `max` and
 * returns how many.  *looks: all of the stage in that time.
 */
size_t seen_stacks_top(const struct seen_stacks *s, uint32_t stage, uint64_t since_ns,
		       struct seen_stack_count *out, size_t max, size_t *looks);

#endif
