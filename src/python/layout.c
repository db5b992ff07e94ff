/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * layout.c - offsets of CPython's structs as its headers have them (Include/internal,
 * Include/cpython; offsetof, x86-64 and arm64 alike): of 3.9.2 and 3.9.18, 3.10.13, 3.11.2 and
 * 3.11.7, 3.12.1, 3.13.0 and 3.13.5, 3.14.10.  Micro versions do not move what is listed here, but
 * builds may: everything is validated against the process, see offsets.c.
 */
#include "python/layout.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

/* The same in all of them. */
#define COMMON                                                                                     \
	.interpreter_next = 0, .tstate_next = 8, .tstate_interpreter = 16, .object_refcount = 0,   \
	.object_type = 8, .object_size = 16, .gc_head = 16, .unicode_length = 16,                  \
	.unicode_state = 32, .tuple_items = 24, .bytes_data = 32

/* PyFunctionObject from 3.10 on. */
#define FUNCTION                                                                                   \
	.function_code = 48, .function_qualname = 40, .function_dict = 88, .function_closure = 72

/* Before 3.11: frames are objects. */
#define OLD_FRAMES                                                                                 \
	.frame_kind = PYTHON_FRAMES_OBJECTS, .runtime_interpreters = 32, .interpreter_threads = 8, \
	.interpreter_gc = 616, .interpreter_gc_bytes = 240, .tstate_thread_id = 176,               \
	.tstate_native_id = PYTHON_NONE, .tstate_frame = 24, .tstate_cframe = PYTHON_NONE,         \
	.cframe_frame = PYTHON_NONE, .frame_code = 32, .frame_previous = 24,                       \
	.frame_owner = PYTHON_NONE, .frame_owner_shim = 256, .frame_owner_generator = 256,         \
	.frame_object_frame = PYTHON_NONE, .generator_frame = 16, .code_flags = 36,                \
	.code_first_line = 40, .code_filename = 104, .code_name = 112,                             \
	.code_qualname = PYTHON_NONE, .code_consts = 56, .code_linetable = 120,                    \
	.code_instructions = 48, .refcount_bytes = 8, .unicode_ascii = 48, .unicode_compact = 72

/* PyCodeObject, and what frames have in common, from 3.11 on. */
#define NEW_FRAMES                                                                                 \
	.frame_kind = PYTHON_FRAMES_INTERNAL, .frame_instruction = 56, .frame_owner_generator = 1, \
	.frame_object_frame = 24, .frame_generator = PYTHON_NONE, .code_flags = 48,                \
	.code_filename = 112, .code_name = 120, .code_qualname = 128, .code_consts = 24,           \
	.code_linetable = 136, FUNCTION

/* From 3.12 on: immortal objects. */
#define IMMORTAL                                                                                   \
	.refcount_bytes = 4, .refcount_immortal = 0x80000000u, .unicode_ascii = 40,                \
	.unicode_compact = 56, .frame_code = 0, .frame_previous = 8, .frame_owner_shim = 3,        \
	.generator_frame = 72, .code_first_line = 68

static const struct python_layout layouts[] = {
	{"3.9",
	 9,
	 352,
	 PYTHON_NONE,
	 {COMMON, OLD_FRAMES, .function_code = 16, .function_qualname = 104, .function_dict = 72,
	  .function_closure = 48, .frame_instruction = 104, .frame_generator = 96,
	  .instruction = PYTHON_INSTRUCTION_BYTES}},
	{"3.10",
	 10,
	 352,
	 PYTHON_NONE,
	 {COMMON, OLD_FRAMES, FUNCTION, .frame_instruction = 96, .frame_generator = 88,
	  .instruction = PYTHON_INSTRUCTION_UNITS}},
	{"3.11",
	 11,
	 360,
	 PYTHON_NONE,
	 {COMMON,
	  NEW_FRAMES,
	  .runtime_interpreters = 40,
	  .interpreter_threads = 16,
	  .interpreter_gc = 648,
	  .interpreter_gc_bytes = 240,
	  .tstate_thread_id = 152,
	  .tstate_native_id = 160,
	  .tstate_frame = PYTHON_NONE,
	  .tstate_cframe = 56,
	  .cframe_frame = 8,
	  .frame_code = 32,
	  .frame_previous = 48,
	  .frame_owner = 69,
	  .frame_owner_shim = 3,
	  .instruction = PYTHON_INSTRUCTION_POINTER,
	  .generator_frame = 80,
	  .code_first_line = 72,
	  .code_instructions = 184,
	  .refcount_bytes = 8,
	  .unicode_ascii = 48,
	  .unicode_compact = 72}},
	{"3.12",
	 12,
	 PYTHON_NONE,
	 384,
	 {COMMON, NEW_FRAMES, IMMORTAL, .runtime_interpreters = 40, .interpreter_threads = 72,
	  .interpreter_gc = 112, .interpreter_gc_bytes = 240, .tstate_thread_id = 136,
	  .tstate_native_id = 144, .tstate_frame = PYTHON_NONE, .tstate_cframe = 56,
	  .cframe_frame = 0, .frame_owner = 70, .instruction = PYTHON_INSTRUCTION_POINTER,
	  .code_instructions = 192}},
	/* What the next two say themselves comes on top. */
	{"3.13",
	 13,
	 PYTHON_NONE,
	 16,
	 {COMMON, NEW_FRAMES, IMMORTAL, .tstate_cframe = PYTHON_NONE, .cframe_frame = PYTHON_NONE,
	  .instruction = PYTHON_INSTRUCTION_POINTER2}},
	{"3.14",
	 14,
	 PYTHON_NONE,
	 16,
	 {COMMON, NEW_FRAMES, IMMORTAL, .tstate_cframe = PYTHON_NONE, .cframe_frame = PYTHON_NONE,
	  .instruction = PYTHON_INSTRUCTION_POINTER2, .tag_mask = 3}},
};

const struct python_layout *python_layout_of(uint32_t minor)
{
	for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++)
		if (layouts[i].minor == minor)
			return &layouts[i];
	return NULL;
}

/* --- _Py_DebugOffsets ----------------------------------------------------------------------- */

enum debug_head {
	DEBUG_COOKIE = 0,
	DEBUG_VERSION = 1,
	DEBUG_FREE_THREADED = 2,
};

/* Where a word of the table goes. */
struct debug_field {
	uint8_t word_13, word_14; /* its index in 3.13 and 3.14; 0: not there */
	size_t field;		  /* in struct python_offsets */
};

#define FIELD(name) offsetof(struct python_offsets, name)

static const struct debug_field debug_fields[] = {
	{5, 5, FIELD(runtime_interpreters)},
	{8, 8, FIELD(interpreter_next)},
	{9, 9, FIELD(interpreter_threads)},
	{10, 11, FIELD(interpreter_gc)},
	{21, 24, FIELD(tstate_next)},
	{22, 25, FIELD(tstate_interpreter)},
	{23, 26, FIELD(tstate_frame)},
	{24, 27, FIELD(tstate_thread_id)},
	{25, 28, FIELD(tstate_native_id)},
	{29, 32, FIELD(frame_previous)},
	{30, 33, FIELD(frame_code)},
	{31, 34, FIELD(frame_instruction)},
	{33, 36, FIELD(frame_owner)},
	{35, 40, FIELD(code_filename)},
	{36, 41, FIELD(code_name)},
	{37, 42, FIELD(code_qualname)},
	{38, 43, FIELD(code_linetable)},
	{39, 44, FIELD(code_first_line)},
	{43, 48, FIELD(code_instructions)},
	{45, 51, FIELD(object_type)},
	{51, 57, FIELD(tuple_items)},
	{52, 58, FIELD(object_size)},
	{66, 76, FIELD(bytes_data)},
	{68, 78, FIELD(unicode_state)},
	{69, 79, FIELD(unicode_length)},
	{70, 80, FIELD(unicode_ascii)},
	{71, 81, FIELD(interpreter_gc_bytes)},
	{0, 85, FIELD(generator_frame)},
};

#define DEBUG_GIL_13 14
#define DEBUG_GIL_14 15
#define OFFSET_MAX   (1 << 20)

static bool take_word(const struct python_debug_words *debug, size_t index, int32_t *out)
{
	if (debug->word[index] > OFFSET_MAX)
		return false;
	*out = (int32_t)debug->word[index];
	return true;
}

int python_layout_from_debug(const struct python_debug_words *debug, struct python_layout *layout,
			     uint32_t *version, const char **why)
{
	const struct python_layout *base;
	bool is_14, ok;

	*why = "";
	*version = 0;
	if (memcmp(&debug->word[DEBUG_COOKIE], PYTHON_DEBUG_COOKIE, 8))
		return -ENOENT;
	*version = (uint32_t)debug->word[DEBUG_VERSION];
	base = python_layout_of(*version >> 16 & 0xff);
	if (*version >> 24 != 3 || !base || base->minor < 13) {
		*why = "its debug offsets are of a version that is not known";
		return -EOPNOTSUPP;
	}
	if (debug->word[DEBUG_FREE_THREADED]) {
		*why = "a free-threaded build: reference counts are split among its threads, and "
		       "its objects are in no list";
		return -EOPNOTSUPP;
	}
	*layout = *base;
	is_14 = base->minor == 14;
	ok = take_word(debug, is_14 ? DEBUG_GIL_14 : DEBUG_GIL_13, &layout->interpreter_gil);
	for (size_t i = 0; i < sizeof(debug_fields) / sizeof(debug_fields[0]); i++) {
		size_t index = is_14 ? debug_fields[i].word_14 : debug_fields[i].word_13;

		if (index)
			ok &= take_word(
				debug, index,
				(int32_t *)((char *)&layout->offsets + debug_fields[i].field));
	}
	/* The characters of a str that is not ASCII have two words more before them. */
	layout->offsets.unicode_compact = layout->offsets.unicode_ascii + 16;
	return ok ? 0 : -EPROTO;
}
