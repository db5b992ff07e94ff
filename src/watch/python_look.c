/* SPDX-License-Identifier: GPL-2.0-only */
#include "watch/python_look.h"

#include <string.h>

#include "python/functions.h"
#include "python/reader.h"
#include "python/runtime.h"
#include "python/stack.h"
#include "watch/python_target.h"

#define VERSION_3_11 0x030b0000U
/*
 * From 3.11 on a generator holds its frame, and right before it lies a byte that says what it
 * does: negative while it has not begun or is suspended, 0 while it runs (gi_frame_state in
 * Include/internal/pycore_genobject.h, _PyGenObject_HEAD).
 */
#define FRAME_STATE (-5)

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

/* Where the code object's name is: another object in its place has another one. */
static uint64_t name_of(const struct python_target *t, const struct python_offsets *o,
			uint64_t code)
{
	int32_t at = o->code_qualname != PYTHON_NONE ? o->code_qualname : o->code_name;
	uint64_t name = 0;

	return read_at(t, code, at, &name, sizeof(name)) ? 0 : name;
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
		return read_at(t, g->frame, FRAME_STATE, &state, sizeof(state)) || state > 0;
	return read_at(t, g->frame, o->frame_generator, &generator, sizeof(generator)) ||
	       !generator || read_at(t, generator, o->generator_frame, &frame, sizeof(frame)) ||
	       frame != g->frame;
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

		look->cls[i] = (struct wire_python_code){.cls = stage < 0 ? WIRE_PYTHON_NOTHING
									  : (uint32_t)stage + 1,
							 .qualname = name_of(t, o, look->code[i])};
	}
	for (size_t i = 0; i < look->generators_n; i++)
		look->over[i] = is_over(t, o, &look->generator[i]);
}
