/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where a thread's stack of frames lies, and how long a frame is, in memory that never was: the
 * layouts of 3.9 to 3.14, chunks that are not what they seem, and pages that are gone.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "python/frame_stack.h"

#define BASE	   0x7f0000000000ull
#define TSTATE	   BASE
#define CHUNK	   (BASE + 0x1000)
#define CODE	   (BASE + 0x2000)
#define MEMORY	   0x3000
#define CHUNK_SIZE 0x800
#define FIRST_LINE 68
#define LINETABLE  104
#define FRAME	   56
#define STACK_AT   200 /* of the three words in the thread's state */

struct memory {
	uint8_t bytes[MEMORY];
	uint64_t gone; /* a page that cannot be read; 0: none */
	unsigned int reads;
	unsigned int change_at; /* before this read another chunk is the thread's; 0: never */
};

static void put(struct memory *m, uint64_t address, uint64_t value)
{
	memcpy(m->bytes + (address - BASE), &value, sizeof(value));
}

static void put32(struct memory *m, uint64_t address, uint32_t value)
{
	memcpy(m->bytes + (address - BASE), &value, sizeof(value));
}

static int read_one(struct memory *m, struct process_memory_part *part)
{
	if (part->address < BASE || part->length > MEMORY ||
	    part->address - BASE > MEMORY - part->length)
		return -EFAULT;
	if (m->gone && (part->address & ~0xfffull) == m->gone)
		return -EFAULT;
	if (++m->reads == m->change_at)
		put(m, CHUNK + 8, CHUNK_SIZE * 2);
	memcpy(part->buf, m->bytes + (part->address - BASE), part->length);
	return 0;
}

static int read_scatter(void *ctx, struct process_memory_part *parts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		parts[i].err = read_one(ctx, &parts[i]);
	return 0;
}

static struct python_reader reader_of(struct memory *m)
{
	return (struct python_reader){.read_scatter = read_scatter, .ctx = m};
}

static struct python_offsets offsets_of(unsigned int minor)
{
	return (struct python_offsets){
		.version = 3u << 24 | minor << 16,
		.frame_kind = minor < 11 ? PYTHON_FRAMES_OBJECTS : PYTHON_FRAMES_INTERNAL,
		.tstate_cframe = minor == 11 || minor == 12 ? FRAME : PYTHON_NONE,
		.tstate_frame = FRAME,
		.code_first_line = FIRST_LINE,
		.code_linetable = LINETABLE,
	};
}

static void fill(struct memory *m)
{
	memset(m, 0, sizeof(*m));
	put(m, TSTATE + STACK_AT, CHUNK);
	put(m, TSTATE + STACK_AT + 8, CHUNK + 0x100);
	put(m, TSTATE + STACK_AT + 16, CHUNK + CHUNK_SIZE);
	put(m, CHUNK + 8, CHUNK_SIZE);
}

static int find(struct memory *m, unsigned int minor, struct python_frame_stack *out)
{
	struct python_offsets o = offsets_of(minor);
	struct python_reader reader = reader_of(m);

	return python_frame_stack_find(&o, &reader, TSTATE, out);
}

static void every_version(void **state)
{
	static struct memory m;
	struct python_frame_stack s;

	(void)state;
	for (unsigned int minor = 11; minor <= 14; minor++) {
		fill(&m);
		assert_int_equal(find(&m, minor, &s), 0);
		assert_int_equal(s.tstate_stack, STACK_AT);
		assert_int_equal(s.tstate_exception, FRAME + 40);
		assert_int_equal(s.code_idle, PYTHON_NONE);
		assert_int_equal(s.code_frame, minor > 11 ? FIRST_LINE + 8 : PYTHON_NONE);
		assert_int_equal(s.code_stack, minor > 11 ? PYTHON_NONE : FIRST_LINE - 4);
	}
	/* To 3.10 frames are objects: nothing is searched, so nothing need be there. */
	memset(&m, 0, sizeof(m));
	assert_int_equal(find(&m, 9, &s), 0);
	assert_int_equal(s.tstate_stack, PYTHON_NONE);
	assert_int_equal(s.code_idle, LINETABLE + 8);
	assert_int_equal(m.reads, 0);
}

static void frames_have_a_length(void **state)
{
	static struct memory m;
	struct python_reader reader = reader_of(&m);
	struct python_frame_stack s;
	uint32_t bytes;

	(void)state;
	fill(&m);
	put32(&m, CODE + FIRST_LINE + 8, 20);
	assert_int_equal(find(&m, 12, &s), 0);
	assert_int_equal(python_frame_bytes(&s, &reader, CODE, &bytes), 0);
	assert_int_equal(bytes, 160);
	put32(&m, CODE + FIRST_LINE - 4, 5);
	put32(&m, CODE + FIRST_LINE + 4, 3);
	assert_int_equal(find(&m, 11, &s), 0);
	assert_int_equal(python_frame_bytes(&s, &reader, CODE, &bytes), 0);
	assert_int_equal(bytes, 8 * (5 + 3 + 9));
	assert_int_equal(find(&m, 9, &s), 0);
	assert_int_equal(python_frame_bytes(&s, &reader, CODE, &bytes), 0);
	assert_int_equal(bytes, 0);
}

static void nonsense_has_none(void **state)
{
	static const uint32_t nonsense[] = {0, (1u << 20) + 1, UINT32_MAX};
	static struct memory m;
	struct python_reader reader = reader_of(&m);
	struct python_frame_stack s;
	uint32_t bytes;

	(void)state;
	fill(&m);
	assert_int_equal(find(&m, 12, &s), 0);
	for (size_t i = 0; i < sizeof(nonsense) / sizeof(nonsense[0]); i++) {
		put32(&m, CODE + FIRST_LINE + 8, nonsense[i]);
		assert_int_equal(python_frame_bytes(&s, &reader, CODE, &bytes), -EINVAL);
		assert_int_equal(bytes, 0);
	}
	put32(&m, CODE + FIRST_LINE - 4, 5);
	put32(&m, CODE + FIRST_LINE + 4, UINT32_MAX);
	assert_int_equal(find(&m, 11, &s), 0);
	assert_int_equal(python_frame_bytes(&s, &reader, CODE, &bytes), -EINVAL);
	m.gone = CODE;
	assert_int_equal(python_frame_bytes(&s, &reader, CODE, &bytes), -EFAULT);
	assert_int_equal(python_frame_bytes(&s, &reader, UINT64_MAX - 64, &bytes), -EFAULT);
}

static void what_is_no_chunk_is_not_taken(void **state)
{
	static struct memory m;
	struct python_frame_stack s;

	(void)state;
	/* Another size than its end says; a top below its start, or above its end; odd pointers. */
	fill(&m);
	put(&m, CHUNK + 8, CHUNK_SIZE - 8);
	assert_int_equal(find(&m, 12, &s), -EOPNOTSUPP);
	fill(&m);
	put(&m, TSTATE + STACK_AT + 8, CHUNK - 8);
	assert_int_equal(find(&m, 12, &s), -EOPNOTSUPP);
	fill(&m);
	put(&m, TSTATE + STACK_AT + 8, CHUNK + CHUNK_SIZE + 8);
	assert_int_equal(find(&m, 12, &s), -EOPNOTSUPP);
	fill(&m);
	put(&m, TSTATE + STACK_AT, CHUNK + 4);
	assert_int_equal(find(&m, 12, &s), -EOPNOTSUPP);
	/* A state that is full of pointers to itself: the search ends. */
	memset(&m, 0, sizeof(m));
	for (uint64_t at = 0; at < 0x1000; at += 8)
		put(&m, TSTATE + at, TSTATE + at);
	assert_int_equal(find(&m, 13, &s), -EOPNOTSUPP);
	assert_true(m.reads < 200);
}

static void memory_that_goes_away(void **state)
{
	static struct memory m;
	struct python_frame_stack s;

	(void)state;
	fill(&m);
	m.gone = TSTATE;
	assert_int_equal(find(&m, 12, &s), -EFAULT);
	assert_int_equal(s.tstate_stack, PYTHON_NONE);
	fill(&m);
	m.gone = CHUNK;
	assert_int_equal(find(&m, 12, &s), -EOPNOTSUPP);
	/* The chunk is replaced between the two reads. */
	fill(&m);
	m.change_at = 2;
	assert_int_equal(find(&m, 12, &s), -EOPNOTSUPP);
	assert_int_equal(s.tstate_stack, PYTHON_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_version),
		cmocka_unit_test(frames_have_a_length),
		cmocka_unit_test(nonsense_has_none),
		cmocka_unit_test(what_is_no_chunk_is_not_taken),
		cmocka_unit_test(memory_that_goes_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
