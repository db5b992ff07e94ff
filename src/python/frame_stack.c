/* SPDX-License-Identifier: GPL-2.0-only */
#include "python/frame_stack.h"

#include <errno.h>
#include <stddef.h>

#define VERSION(major, minor) ((uint32_t)(major) << 24 | (uint32_t)(minor) << 16)
/* PyThreadState is some 300 bytes to 3.12, and its stack of frames lies in it. */
#define TSTATE_WORDS 96
/* struct _frame of 3.11 in words, up to the variables. */
#define SPECIALS_3_11 9
/* Behind a pointer to the innermost frame, or to what has it: two functions, two objects, it. */
#define EXCEPTION_BEHIND_FRAME 40
#define FRAME_WORDS_MAX	       (1u << 20)

/*
 * Three words: the chunk, what of it is used, its end.  A chunk begins with a pointer to the one
 * before and its own size in bytes, which is how far its end is away: nothing else looks like that.
 */
static int find_stack(const struct python_reader *reader, uint64_t tstate, int32_t *out)
{
	uint64_t words[TSTATE_WORDS], chunk[2];
	size_t i;
	int err = python_reader_read(reader, tstate, words, sizeof(words));

	if (err)
		return err;
	for (i = 0; i + 2 < TSTATE_WORDS; i++) {
		uint64_t start = words[i], top = words[i + 1], end = words[i + 2];

		if (!start || start & 7 || top & 7 || top <= start || top > end)
			continue;
		if (python_reader_read(reader, start, chunk, sizeof(chunk)) ||
		    chunk[1] != end - start)
			continue;
		*out = (int32_t)(i * sizeof(uint64_t));
		return 0;
	}
	return -EOPNOTSUPP;
}

int python_frame_stack_find(const struct python_offsets *o, const struct python_reader *reader,
			    uint64_t tstate, struct python_frame_stack *out)
{
	int32_t frame = o->tstate_cframe != PYTHON_NONE ? o->tstate_cframe : o->tstate_frame;

	*out = (struct python_frame_stack){
		PYTHON_NONE, PYTHON_NONE, PYTHON_NONE, PYTHON_NONE, PYTHON_NONE, PYTHON_NONE, 0};
	if (o->frame_kind == PYTHON_FRAMES_OBJECTS) {
		out->code_idle = o->code_linetable + (int32_t)sizeof(uint64_t);
		return 0;
	}
	out->tstate_exception = frame + EXCEPTION_BEHIND_FRAME;
	if (o->version >= VERSION(3, 12)) {
		out->code_frame = o->code_first_line + 8;
	} else {
		out->code_stack = o->code_first_line - 4;
		out->code_locals = o->code_first_line + 4;
		out->code_specials = SPECIALS_3_11;
	}
	return find_stack(reader, tstate, &out->tstate_stack);
}

static int read_words(const struct python_reader *reader, uint64_t address, uint32_t *words)
{
	return python_reader_read(reader, address, words, sizeof(*words));
}

int python_frame_bytes(const struct python_frame_stack *s, const struct python_reader *reader,
		       uint64_t code, uint32_t *bytes)
{
	uint32_t words = 0, locals = 0;
	int err;

	*bytes = 0;
	if (s->tstate_stack == PYTHON_NONE)
		return 0;
	if (s->code_frame != PYTHON_NONE) {
		err = read_words(reader, code + (uint64_t)(int64_t)s->code_frame, &words);
	} else {
		err = read_words(reader, code + (uint64_t)(int64_t)s->code_stack, &words);
		err = err ?: read_words(reader, code + (uint64_t)(int64_t)s->code_locals, &locals);
	}
	if (err)
		return err;
	if (!words || words > FRAME_WORDS_MAX || locals > FRAME_WORDS_MAX)
		return -EINVAL;
	*bytes = 8 * (words + locals + s->code_specials);
	return 0;
}
