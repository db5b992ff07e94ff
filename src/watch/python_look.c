/* SPDX-License-Identifier: GPL-2.0-only */
#include "watch/python_look.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "python/functions.h"
#include "python/reader.h"
#include "python/runtime.h"
#include "python/stack.h"
#include "watch/python_target.h"

/* Reading more stacks than this would take too long. */
#define THREADS_MAX  64
#define VERSION_3_11 0x030b0000U

static int read_at(const struct python_target *t, uint64_t address, int64_t offset, void *buf,
		   uint32_t len)
{
	struct process_memory_part part = {
		.address = address + (uint64_t)offset, .buf = buf, .length = len};
	int err = t->reader.read_scatter(t->reader.ctx, &part, 1);

	return err ?: part.err;
}

static const struct python_function *find_listed(const struct python_target *t, uint64_t code)
{
	for (size_t i = 0; i < t->functions.n; i++)
		if (t->functions.items[i].code == code)
			return &t->functions.items[i];
	return NULL;
}

uint64_t python_look_name(const struct python_target *t, uint64_t code)
{
	const struct python_offsets *o = python_runtime__offsets(t->runtime);
	int32_t at = o->code_qualname != PYTHON_NONE ? o->code_qualname : o->code_name;
	uint64_t name = 0;

	return read_at(t, code, at, &name, sizeof(name)) ? 0 : name;
}

bool python_look_makes(uint32_t flags)
{
	return flags & PYTHON_CODE_MAKES;
}

static bool makes_generators(const struct python_target *t, const struct python_offsets *o,
			     uint64_t code)
{
	uint32_t flags = 0;

	return !read_at(t, code, o->code_flags, &flags, sizeof(flags)) && python_look_makes(flags);
}

/* Names of nested functions are in the list only, to 3.10. */
static int stage_of(struct python_look *look, const struct python_offsets *o, uint64_t code)
{
	struct python_target *t = look->target;
	const struct python_function *listed;
	struct python_frame frame;
	struct python_function f = {.code = code, .file = frame.file, .qualname = frame.qualname};

	if (o->version < VERSION_3_11) {
		listed = find_listed(t, code);
		return listed ? python_target_stage(t, listed) : -1;
	}
	if (python_frame_describe(t->runtime, code, 0, &frame))
		return -1;
	return python_target_stage(t, &f);
}

static bool is_over(const struct python_target *t, const struct python_offsets *o,
		    const struct sampled_suspended *g)
{
	uint64_t code = 0, generator = 0, frame = 0;
	int8_t state = 0;

	if (read_at(t, g->frame, o->frame_code, &code, sizeof(code)) ||
	    (code & ~o->tag_mask) != g->code)
		return true;
	if (o->frame_kind == PYTHON_FRAMES_INTERNAL)
		return read_at(t, g->frame, WIRE_PYTHON_FRAME_STATE, &state, sizeof(state)) ||
		       state > 0;
	return read_at(t, g->frame, o->frame_generator, &generator, sizeof(generator)) ||
	       !generator || read_at(t, generator, o->generator_frame, &frame, sizeof(frame)) ||
	       frame != g->frame;
}

bool python_look_suspended(const struct python_target *t, uint64_t frame, uint64_t code)
{
	const struct python_offsets *o = python_runtime__offsets(t->runtime);
	const struct sampled_suspended g = {frame, code};
	int8_t state = 0;

	if (is_over(t, o, &g))
		return false;
	return o->frame_kind != PYTHON_FRAMES_INTERNAL ||
	       (!read_at(t, frame, WIRE_PYTHON_FRAME_STATE, &state, sizeof(state)) && state < 0);
}

void python_look_run(struct python_look *look)
{
	struct python_target *t = look->target;
	const struct python_offsets *o;

	if (look->list)
		python_target_list(t);
	if (!t->runtime)
		return;
	o = python_runtime__offsets(t->runtime);
	for (size_t i = 0; i < look->codes_n; i++) {
		int stage = stage_of(look, o, look->code[i]);

		look->cls[i] = (struct wire_python_code){
			.cls = stage < 0 ? WIRE_PYTHON_NOTHING : (uint32_t)stage + 1,
			.qualname = python_look_name(t, look->code[i])};
		look->makes[i] = stage >= 0 && makes_generators(t, o, look->code[i]);
	}
	for (size_t i = 0; i < look->generators_n; i++)
		look->over[i] = is_over(t, o, &look->generator[i]);
}

static ssize_t add_stack(struct python_target *t, uint64_t tstate, struct sampled_suspended *out,
			 size_t max)
{
	struct python_stack stack;
	int err = python_stack_read(t->runtime, tstate, &stack);
	ssize_t n = err ?: (ssize_t)stack.n;

	if (n > (ssize_t)max)
		n = -E2BIG;
	for (ssize_t i = 0; i < n; i++)
		out[i] = (struct sampled_suspended){stack.frames[i].frame, stack.frames[i].code};
	if (!err)
		python_stack_free(&stack);
	return n;
}

ssize_t python_look_frames(struct python_target *t, struct sampled_suspended *out, size_t max)
{
	struct python_thread *threads = calloc(THREADS_MAX, sizeof(*threads));
	int n = threads ? python_threads_list(t->runtime, threads, THREADS_MAX) : -ENOMEM;
	ssize_t used = n == THREADS_MAX ? -E2BIG : n < 0 ? n : 0;

	for (int i = 0; i < n && used >= 0; i++) {
		ssize_t more = add_stack(t, threads[i].tstate, out + used, max - (size_t)used);

		used = more < 0 ? more : used + more;
	}
	free(threads);
	return used;
}
