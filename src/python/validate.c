/* SPDX-License-Identifier: GPL-2.0-only */
#include "python/validate.h"

#include <errno.h>
#include <stddef.h>

#include "python/gc_walk.h"
#include "python/memory.h"
#include "python/object.h"

#define LOOK_AT_OBJECTS	 20000 /* tracked objects among which there must be functions */
#define FUNCTIONS_ENOUGH 3
#define FRAMES_MAX	 512
#define NAME_BYTES	 512

static bool is_misfit(int err)
{
	return err == -EPROTO || err == -EFAULT;
}

bool python_is_tstate(struct python_memory *m, const struct python_offsets *o, uint64_t interpreter,
		      uint64_t tstate)
{
	uint64_t back;

	return tstate && tstate % 8 == 0 &&
	       !python_memory__read_u64(m, tstate + (uint64_t)o->tstate_interpreter, &back) &&
	       back == interpreter;
}

/* Interpreters are listed newest first: the main one is the last. */
static int find_main(struct python_memory *m, struct python_offsets *o, const char **what)
{
	uint64_t at;
	int err = python_memory__read_u64(m, o->runtime + (uint64_t)o->runtime_interpreters, &at);

	*what = "_PyRuntime has no list of interpreters where it should be";
	o->interpreter = 0;
	for (int i = 0; !err && at && i < PYTHON_INTERPRETERS_MAX; i++) {
		if (at % 8)
			return -EPROTO;
		o->interpreter = at;
		err = python_memory__read_u64(m, at + (uint64_t)o->interpreter_next, &at);
	}
	if (err)
		return is_misfit(err) ? -EPROTO : err;
	return o->interpreter ? (at ? -EPROTO : 0) : -EAGAIN;
}

int python_validate_interpreter(struct python_memory *m, struct python_offsets *o,
				const char **what)
{
	uint64_t tstate;
	int err = find_main(m, o, what);

	if (err)
		return err;
	*what = "the interpreter has no list of threads where it should be";
	err = python_memory__read_u64(m, o->interpreter + (uint64_t)o->interpreter_threads,
				      &tstate);
	if (err)
		return is_misfit(err) ? -EPROTO : err;
	if (!tstate)
		return -EAGAIN;
	for (int i = 0; tstate && i < PYTHON_THREADS_MAX; i++) {
		/* They come and go; the first look decides. */
		if (!python_is_tstate(m, o, o->interpreter, tstate))
			return i ? 0 : -EPROTO;
		if (python_memory__read_u64(m, tstate + (uint64_t)o->tstate_next, &tstate))
			break;
	}
	return 0;
}

/* A code object with a file and a name. */
static int check_code(struct python_memory *m, const struct python_offsets *o, uint64_t address)
{
	struct python_code code;
	char name[NAME_BYTES];
	int err = python_read_code(m, o, address, &code);

	err = err ?: python_read_str(m, o, code.filename, name, sizeof(name));
	if (!err && !name[0])
		err = -EPROTO;
	err = err ?: python_read_str(m, o, code.name, name, sizeof(name));
	if (!err && !name[0])
		err = -EPROTO;
	if (!err && o->code_qualname != PYTHON_NONE)
		err = python_read_str(m, o, code.qualname, name, sizeof(name));
	return err;
}

struct function_check {
	struct python_memory *memory;
	const struct python_offsets *offsets;
	unsigned int good, bad;
};

static int check_function(void *ctx, uint64_t object, uint64_t type)
{
	struct function_check *c = ctx;
	const struct python_offsets *o = c->offsets;
	uint64_t code;
	int err;

	if (type != o->function_type)
		return 0;
	err = python_memory__read_u64(c->memory, object + (uint64_t)o->function_code, &code);
	err = err ?: check_code(c->memory, o, code);
	if (err && !is_misfit(err))
		return err;
	if (err)
		c->bad++;
	else
		c->good++;
	return c->good >= FUNCTIONS_ENOUGH || c->bad >= FUNCTIONS_ENOUGH;
}

int python_validate_functions(struct python_memory *m, const struct python_offsets *o,
			      const char **what)
{
	struct function_check check = {.memory = m, .offsets = o};
	struct gc_walk walk = {.memory = m,
			       .offsets = o,
			       .fn = check_function,
			       .ctx = &check,
			       .objects_max = LOOK_AT_OBJECTS};
	int err = gc_walk_interpreter(&walk, o->interpreter);

	*what = "the garbage collector has no lists where it should be";
	if (err == -ENOENT)
		return -EPROTO;
	if (err < 0)
		return err;
	*what = "functions have no code with a file and a name where they should be";
	if (check.good > check.bad)
		return 0;
	return check.bad ? -EPROTO : -EAGAIN;
}

int python_top_frame(struct python_memory *m, const struct python_offsets *o, uint64_t tstate,
		     uint64_t *frame)
{
	uint64_t at = tstate + (uint64_t)o->tstate_frame;
	int err = 0;

	if (o->tstate_cframe != PYTHON_NONE) {
		err = python_memory__read_u64(m, tstate + (uint64_t)o->tstate_cframe, &at);
		if (err || !at) {
			*frame = 0;
			return err;
		}
		at += (uint64_t)o->cframe_frame;
	}
	return err ?: python_memory__read_u64(m, at, frame);
}

/* Follows the frames of one thread; *good and *bad count what their code is. */
static int check_stack(struct python_memory *m, const struct python_offsets *o, uint64_t tstate,
		       unsigned int *good, unsigned int *bad)
{
	uint64_t frame, code;
	int err = python_top_frame(m, o, tstate, &frame);

	for (int i = 0; !err && frame && i < FRAMES_MAX; i++) {
		uint8_t owner = 0;

		if (o->frame_owner != PYTHON_NONE)
			err = python_memory__read(m, frame + (uint64_t)o->frame_owner, &owner, 1);
		if (!err && owner < o->frame_owner_shim) {
			err = python_memory__read_u64(m, frame + (uint64_t)o->frame_code, &code);
			err = err ?: check_code(m, o, code & ~o->tag_mask);
			*good += !err;
		}
		err = err
			      ?: python_memory__read_u64(m, frame + (uint64_t)o->frame_previous,
							 &frame);
	}
	*bad += is_misfit(err);
	return is_misfit(err) ? 0 : err;
}

int python_validate_frames(struct python_memory *m, const struct python_offsets *o,
			   const char **what)
{
	unsigned int good = 0, bad = 0;
	uint64_t tstate;
	int err = python_memory__read_u64(m, o->interpreter + (uint64_t)o->interpreter_threads,
					  &tstate);

	*what = "the frames of its threads have no code where they should have";
	for (int i = 0; !err && tstate && i < PYTHON_THREADS_MAX; i++) {
		if (!python_is_tstate(m, o, o->interpreter, tstate))
			break;
		err = check_stack(m, o, tstate, &good, &bad);
		err = err ?: python_memory__read_u64(m, tstate + (uint64_t)o->tstate_next, &tstate);
	}
	if (err && !is_misfit(err))
		return err;
	/* Stacks change while they are read: one that fits says more than several that do not. */
	if (good)
		return 0;
	return bad ? -EPROTO : -EAGAIN;
}
