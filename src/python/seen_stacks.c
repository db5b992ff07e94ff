/* SPDX-License-Identifier: GPL-2.0-only */
#include "python/seen_stacks.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Of a deep stack: the innermost ones, and the stage itself. */
#define FRAMES_SHOWN 5
#define NAME_SHOWN   48
#define PATH_SHOWN   40

/* The file and the directory that it is in: an __init__.py says nothing alone. */
static const char *short_path(const char *path)
{
	const char *last = NULL, *before = NULL;

	for (const char *at = path; *at; at++)
		if (*at == '/') {
			before = last;
			last = at;
		}
	return before ? before + 1 : path;
}

static size_t add_frame(const struct python_frame *f, char *out, size_t size)
{
	const char *path = short_path(f->file);
	size_t len = strlen(path);
	int n;

	if (len > PATH_SHOWN)
		path += len - PATH_SHOWN;
	if (f->line)
		n = snprintf(out, size, "%.*s (%s:%u)", NAME_SHOWN, f->qualname, path, f->line);
	else
		n = snprintf(out, size, "%.*s (%s)", NAME_SHOWN, f->qualname, path);
	return n < 0 ? 0 : (size_t)n < size ? (size_t)n : size - 1;
}

void seen_stack_text(const struct python_frame *frames, size_t n, char *out, size_t size)
{
	size_t used = 0, left_out = n > FRAMES_SHOWN + 1 ? n - FRAMES_SHOWN - 1 : 0;

	out[0] = '\0';
	for (size_t i = 0; i < n && used + 1 < size; i++) {
		int more = 0;

		if (left_out && i == FRAMES_SHOWN) {
			more = snprintf(out + used, size - used, " < (%zu more)", left_out);
			i += left_out;
			used += (size_t)more < size - used ? (size_t)more : size - used - 1;
		}
		more = snprintf(out + used, size - used, "%s", i ? " < " : "");
		used += (size_t)more < size - used ? (size_t)more : size - used - 1;
		used += add_frame(&frames[i], out + used, size - used);
	}
}

void seen_stack_suspended(char *text, size_t size)
{
	size_t used = strlen(text);

	snprintf(text + used, size - used, ", suspended there");
}

void seen_stacks_add(struct seen_stacks *s, const struct seen_stack *look)
{
	s->kept[s->next] = *look;
	s->next = (s->next + 1) % SEEN_STACKS_KEPT;
	if (s->n < SEEN_STACKS_KEPT)
		s->n++;
}

static bool is_of(const struct seen_stack *look, uint32_t stage, uint64_t since_ns)
{
	return look->stage == stage && look->at_ns >= since_ns;
}

/* How many looks from `from` on are the same as that one; 0: one before it is. */
static size_t count_same(const struct seen_stacks *s, size_t from, uint32_t stage,
			 uint64_t since_ns)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++) {
		if (!is_of(&s->kept[i], stage, since_ns) ||
		    strcmp(s->kept[i].text, s->kept[from].text) != 0)
			continue;
		if (i < from)
			return 0;
		n++;
	}
	return n;
}

static void insert(struct seen_stack_count *out, size_t max, size_t *n, const char *text,
		   size_t count)
{
	size_t at = *n;

	while (at && out[at - 1].n < count)
		at--;
	if (at == max)
		return;
	if (*n < max)
		(*n)++;
	memmove(out + at + 1, out + at, (*n - at - 1) * sizeof(*out));
	out[at] = (struct seen_stack_count){text, count};
}

size_t seen_stacks_top(const struct seen_stacks *s, uint32_t stage, uint64_t since_ns,
		       struct seen_stack_count *out, size_t max, size_t *looks)
{
	size_t n = 0;

	*looks = 0;
	for (size_t i = 0; i < s->n; i++) {
		size_t same;

		if (!is_of(&s->kept[i], stage, since_ns))
			continue;
		(*looks)++;
		same = count_same(s, i, stage, since_ns);
		if (same)
			insert(out, max, &n, s->kept[i].text, same);
	}
	return n;
}
