/* SPDX-License-Identifier: GPL-2.0-only */
#include "python/stack.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "python/line_table.h"
#include "python/memory.h"
#include "python/object.h"
#include "python/runtime_state.h"
#include "python/validate.h"

/* struct pthread.tid of glibc for x86-64; 0: not known */
#ifdef __x86_64__
#define PTHREAD_TID 0x2d0
#else
#define PTHREAD_TID 0
#endif
#define TID_MAX	       (1u << 22)
#define LINE_TABLE_MAX (1u << 20)
#define STEPS_MAX      (4 * PYTHON_STACK_MAX) /* frames passed, those of no function too */

/* --- threads -------------------------------------------------------------------------------- */

/* To 3.10 the state does not tell the kernel's number, but the C library's thread does. */
static uint32_t read_tid(struct python_memory *m, const struct python_offsets *o, uint64_t tstate,
			 uint64_t thread_id)
{
	uint64_t at = o->tstate_native_id == PYTHON_NONE ? thread_id + PTHREAD_TID
							 : tstate + (uint64_t)o->tstate_native_id;
	uint32_t tid;

	if (!thread_id || (o->tstate_native_id == PYTHON_NONE && !PTHREAD_TID))
		return 0;
	if (python_memory__read(m, at, &tid, sizeof(tid)) || tid > TID_MAX)
		return 0;
	return tid;
}

static int list_threads(struct python_runtime *r, uint64_t interpreter, struct python_thread *out,
			size_t max, size_t *n)
{
	const struct python_offsets *o = &r->offsets;
	uint64_t tstate;
	int err = python_memory__read_u64(r->memory, interpreter + (uint64_t)o->interpreter_threads,
					  &tstate);

	for (int i = 0; !err && tstate && *n < max && i < PYTHON_THREADS_MAX; i++) {
		struct python_thread *t = &out[*n];

		if (!python_is_tstate(r->memory, o, interpreter, tstate))
			break;
		*t = (struct python_thread){.tstate = tstate, .interpreter = interpreter};
		if (python_memory__read_u64(r->memory, tstate + (uint64_t)o->tstate_thread_id,
					    &t->thread_id))
			break;
		t->tid = read_tid(r->memory, o, tstate, t->thread_id);
		(*n)++;
		err = python_memory__read_u64(r->memory, tstate + (uint64_t)o->tstate_next,
					      &tstate);
	}
	return err == -EFAULT ? 0 : err;
}

int python_threads_list(struct python_runtime *r, struct python_thread *out, size_t max)
{
	const struct python_offsets *o = &r->offsets;
	uint64_t at;
	size_t n = 0;
	int err;

	python_memory__forget_all(r->memory);
	err = python_memory__read_u64(r->memory, o->runtime + (uint64_t)o->runtime_interpreters,
				      &at);
	for (int i = 0; !err && at && i < PYTHON_INTERPRETERS_MAX; i++) {
		err = list_threads(r, at, out, max, &n);
		err = err
			      ?: python_memory__read_u64(r->memory,
							 at + (uint64_t)o->interpreter_next, &at);
	}
	return err && err != -EFAULT ? err : (int)n;
}

/* --- a frame -------------------------------------------------------------------------------- */

/* Bytes from the first instruction to the one that the frame is at. */
static int instruction_offset(struct python_memory *m, const struct python_offsets *o,
			      uint64_t frame, const struct python_code *code, int64_t *offset)
{
	const uint64_t at = frame + (uint64_t)o->frame_instruction;
	uint64_t pointer;
	int32_t index;
	int err;

	if (o->instruction == PYTHON_INSTRUCTION_BYTES ||
	    o->instruction == PYTHON_INSTRUCTION_UNITS) {
		err = python_memory__read(m, at, &index, sizeof(index));
		*offset = (int64_t)index * (o->instruction == PYTHON_INSTRUCTION_UNITS ? 2 : 1);
		return err;
	}
	err = python_memory__read_u64(m, at, &pointer);
	*offset = (int64_t)(pointer - code->instructions);
	return err;
}

static uint32_t read_line(struct python_memory *m, const struct python_offsets *o, uint64_t frame,
			  const struct python_code *code)
{
	uint32_t line = 0;
	uint8_t *table;
	int64_t offset;
	size_t n;

	if (instruction_offset(m, o, frame, code, &offset) ||
	    python_read_bytes(m, o, code->linetable, LINE_TABLE_MAX, &table, &n))
		return 0;
	if (o->instruction == PYTHON_INSTRUCTION_BYTES)
		line = line_of_lnotab(table, n, code->first_line, offset);
	else if (o->instruction == PYTHON_INSTRUCTION_UNITS)
		line = line_of_ranges(table, n, code->first_line, offset);
	else
		line = line_of_locations(table, n, code->first_line, offset);
	free(table);
	return line;
}

static int describe(struct python_runtime *r, uint64_t address, uint64_t frame,
		    struct python_frame *out)
{
	const struct python_offsets *o = &r->offsets;
	struct python_code code;
	uint64_t name;
	int err = python_read_code(r->memory, o, address, &code);

	memset(out, 0, sizeof(*out));
	if (err)
		return err;
	out->frame = frame;
	out->code = address;
	name = o->code_qualname == PYTHON_NONE ? code.name : code.qualname;
	err = python_read_str(r->memory, o, code.filename, out->file, sizeof(out->file));
	err = err ?: python_read_str(r->memory, o, name, out->qualname, sizeof(out->qualname));
	if (err)
		return err;
	out->line = frame ? read_line(r->memory, o, frame, &code) : code.first_line;
	return 0;
}

int python_frame_describe(struct python_runtime *r, uint64_t code, uint64_t frame,
			  struct python_frame *out)
{
	python_memory__forget_all(r->memory);
	return describe(r, code, frame, out);
}

/* --- a stack -------------------------------------------------------------------------------- */

static int append(struct python_stack *stack, const struct python_frame *frame)
{
	struct python_frame *frames;

	/* By powers of two. */
	if (!(stack->n & (stack->n - 1)) || !stack->n) {
		size_t room = stack->n ? stack->n * 2 : 1;

		frames = realloc(stack->frames, room * sizeof(*frames));
		if (!frames)
			return -ENOMEM;
		stack->frames = frames;
	}
	stack->frames[stack->n++] = *frame;
	return 0;
}

static int add_frame(struct python_runtime *r, uint64_t frame, struct python_stack *out)
{
	const struct python_offsets *o = &r->offsets;
	struct python_frame described;
	uint8_t owner = 0;
	uint64_t code;
	int err = 0;

	if (o->frame_owner != PYTHON_NONE)
		err = python_memory__read(r->memory, frame + (uint64_t)o->frame_owner, &owner, 1);
	if (err || owner >= o->frame_owner_shim)
		return err;
	err = python_memory__read_u64(r->memory, frame + (uint64_t)o->frame_code, &code);
	err = err ?: describe(r, code & ~o->tag_mask, frame, &described);
	if (err)
		return err;
	described.owner = owner;
	return append(out, &described);
}

int python_stack_read(struct python_runtime *r, uint64_t tstate, struct python_stack *out)
{
	const struct python_offsets *o = &r->offsets;
	uint64_t frame;
	int err;

	memset(out, 0, sizeof(*out));
	python_memory__forget_all(r->memory);
	err = python_top_frame(r->memory, o, tstate, &frame);
	for (int i = 0; !err && frame; i++) {
		if (i == STEPS_MAX || out->n == PYTHON_STACK_MAX) {
			out->partial = true;
			break;
		}
		err = frame % 8 ? -EPROTO : add_frame(r, frame, out);
		err = err
			      ?: python_memory__read_u64(
					 r->memory, frame + (uint64_t)o->frame_previous, &frame);
	}
	/* What was innermost a moment ago may be gone: the frames so far were there. */
	if (err == -EPROTO || err == -EFAULT) {
		out->partial = true;
		err = 0;
	}
	if (err)
		python_stack_free(out);
	return err;
}

void python_stack_free(struct python_stack *stack)
{
	free(stack->frames);
	memset(stack, 0, sizeof(*stack));
}
