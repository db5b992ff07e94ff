/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * python_fixture.h - the memory of a small Python process that never was: /app/app.py with
 *
 *	 2	def deco(f):
 *	 3		def wrapper(): …
 *	 7	def transcribe(): …		decorated: the name of the wrapper's function object
 *	15	class Session:
 *	16		def reply(self): …
 *			lambda
 *
 * in the layout of a version; the one thread is in transcribe (line 9), called by the module (20).
 */
#ifndef TESTS_UNIT_PYTHON_FIXTURE_H
#define TESTS_UNIT_PYTHON_FIXTURE_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "python/layout.h"
#include "python/reader.h"
#include "python/runtime.h"

#define IMAGE_BASE  0x7f0000100000ull
#define IMAGE_BYTES (192u << 10)

struct image {
	uint8_t bytes[IMAGE_BYTES];
	uint64_t used;
	uint64_t unreadable; /* an address whose page cannot be read; 0: none */
	unsigned int reads;
	void (*between)(struct image *image); /* called before each read */
	struct python_symbols symbols;
	struct python_layout layout;
	struct python_reader reader;
	/* What lies where. */
	uint64_t interpreter, tstate, self, gc, frame, inner_frame;
	uint64_t code_module, code_deco, code_wrapper, code_transcribe, code_reply, code_lambda;
	uint64_t function_deco, function_wrapper, function_transcribe, function_reply;
	uint64_t str_file, consts_deco;
};

static inline void *at(struct image *im, uint64_t address)
{
	return im->bytes + (address - IMAGE_BASE);
}

static inline void put(struct image *im, uint64_t address, uint64_t value)
{
	memcpy(at(im, address), &value, sizeof(value));
}

static inline void put32(struct image *im, uint64_t address, uint32_t value)
{
	memcpy(at(im, address), &value, sizeof(value));
}

static inline int image_read(void *ctx, struct process_memory_part *parts, size_t n)
{
	struct image *im = ctx;

	im->reads++;
	if (im->between)
		im->between(im);
	for (size_t i = 0; i < n; i++) {
		struct process_memory_part *p = &parts[i];

		p->err = p->address < IMAGE_BASE ||
					 p->address + p->length > IMAGE_BASE + IMAGE_BYTES ||
					 (im->unreadable &&
					  im->unreadable / 4096 == p->address / 4096)
				 ? -EFAULT
				 : 0;
		if (!p->err)
			memcpy(p->buf, at(im, p->address), p->length);
	}
	return 0;
}

static inline uint64_t image_now_ns(void *ctx)
{
	return ((struct image *)ctx)->reads * 1000ull;
}

static inline uint64_t take(struct image *im, uint64_t bytes)
{
	uint64_t address = IMAGE_BASE + im->used;

	im->used += (bytes + 15) / 16 * 16;
	if (im->used > IMAGE_BYTES)
		abort();
	return address;
}

static inline uint64_t object(struct image *im, uint64_t type, uint64_t bytes)
{
	uint64_t address = take(im, bytes);

	put(im, address, 1);
	put(im, address + 8, type);
	return address;
}

static inline uint64_t str(struct image *im, const char *text)
{
	const struct python_offsets *o = &im->layout.offsets;
	uint64_t address = object(im, im->symbols.unicode_type, 80 + strlen(text));

	put(im, address + (uint64_t)o->unicode_length, strlen(text));
	put32(im, address + (uint64_t)o->unicode_state, 1 << 2 | 1 << 5 | 1 << 6);
	strcpy(at(im, address + (uint64_t)o->unicode_ascii), text);
	return address;
}

static inline uint64_t bytes_object(struct image *im, const void *data, size_t n)
{
	uint64_t address = object(im, im->symbols.bytes_type, 40 + n);

	put(im, address + 16, n);
	memcpy(at(im, address + (uint64_t)im->layout.offsets.bytes_data), data, n);
	return address;
}

static inline uint64_t tuple(struct image *im, const uint64_t *items, size_t n)
{
	uint64_t address = object(im, im->symbols.tuple_type, 40 + n * 8);

	put(im, address + 16, n);
	if (n)
		memcpy(at(im, address + (uint64_t)im->layout.offsets.tuple_items), items, n * 8);
	return address;
}

/* Instructions 0 and 1 are of the first line, the third is two lines further down. */
static inline uint64_t lines(struct image *im)
{
	static const uint8_t lnotab[] = {4, 2}, ranges[] = {4, 0, 2, 2},
			     locations[] = {0x80 | 1, 0, 0x80 | 13 << 3, 4};

	switch (im->layout.minor) {
	case 9:
		return bytes_object(im, lnotab, sizeof(lnotab));
	case 10:
		return bytes_object(im, ranges, sizeof(ranges));
	default:
		return bytes_object(im, locations, sizeof(locations));
	}
}

static inline uint64_t code(struct image *im, const char *qualname, uint32_t line, uint32_t flags,
			    uint64_t consts)
{
	const struct python_offsets *o = &im->layout.offsets;
	const char *dot = strrchr(qualname, '.');
	uint64_t address = object(im, im->symbols.code_type, 288);

	put32(im, address + (uint64_t)o->code_flags, flags);
	put32(im, address + (uint64_t)o->code_first_line, line);
	put(im, address + (uint64_t)o->code_filename, im->str_file);
	put(im, address + (uint64_t)o->code_name, str(im, dot ? dot + 1 : qualname));
	if (o->code_qualname != PYTHON_NONE)
		put(im, address + (uint64_t)o->code_qualname, str(im, qualname));
	put(im, address + (uint64_t)o->code_consts, consts ? consts : tuple(im, NULL, 0));
	put(im, address + (uint64_t)o->code_linetable, lines(im));
	return address;
}

/* Puts the object (behind a PyGC_Head) at the end of the list. */
static inline void track(struct image *im, uint64_t head, uint64_t tracked)
{
	uint64_t node = tracked - 16, last;

	memcpy(&last, at(im, head + 8), 8);
	put(im, node, head);
	put(im, node + 8, last);
	put(im, last, node);
	put(im, head + 8, node);
}

static inline uint64_t function(struct image *im, uint64_t head, uint64_t of, const char *qualname)
{
	const struct python_offsets *o = &im->layout.offsets;
	uint64_t address = take(im, 16 + 160) + 16;

	put(im, address, 1);
	put(im, address + 8, im->symbols.function_type);
	put(im, address + (uint64_t)o->function_code, of);
	put(im, address + (uint64_t)o->function_qualname, str(im, qualname));
	track(im, head, address);
	return address;
}

static inline uint64_t frame(struct image *im, uint64_t of, unsigned int instruction,
			     uint64_t previous)
{
	const struct python_offsets *o = &im->layout.offsets;
	uint64_t address = take(im, 128);

	put(im, address + (uint64_t)o->frame_code, of | (o->tag_mask & 1));
	put(im, address + (uint64_t)o->frame_previous, previous);
	if (o->instruction == PYTHON_INSTRUCTION_BYTES)
		put32(im, address + (uint64_t)o->frame_instruction, instruction * 2);
	else if (o->instruction == PYTHON_INSTRUCTION_UNITS)
		put32(im, address + (uint64_t)o->frame_instruction, instruction);
	else
		put(im, address + (uint64_t)o->frame_instruction,
		    of + (uint64_t)o->code_instructions + instruction * 2);
	return address;
}

/* _Py_DebugOffsets of 3.13 and 3.14 as those builds have them. */
static inline void put_debug_offsets(struct image *im)
{
	static const struct {
		uint8_t at_13, at_14;
		uint16_t value_13, value_14;
	} words[] = {
		{5, 5, 632, 808},   {8, 8, 7264, 7272}, {9, 9, 7344, 7344}, {10, 11, 7400, 7408},
		{14, 15, 16, 16},   {21, 24, 8, 8},	{22, 25, 16, 16},   {23, 26, 72, 72},
		{24, 27, 152, 152}, {25, 28, 160, 160}, {29, 32, 8, 8},	    {30, 33, 0, 0},
		{31, 34, 56, 56},   {33, 36, 70, 74},	{35, 40, 112, 112}, {36, 41, 120, 120},
		{37, 42, 128, 128}, {38, 43, 136, 136}, {39, 44, 68, 68},   {43, 48, 200, 208},
		{45, 51, 8, 8},	    {51, 57, 24, 32},	{52, 58, 16, 16},   {66, 76, 32, 32},
		{68, 78, 32, 32},   {69, 79, 16, 16},	{70, 80, 40, 40},   {71, 81, 240, 264},
		{0, 85, 0, 72},
	};
	const bool is_14 = im->layout.minor == 14;

	memcpy(at(im, im->symbols.runtime), PYTHON_DEBUG_COOKIE, 8);
	put(im, im->symbols.runtime + 8, 0x03000000u | im->layout.minor << 16 | 0x05f0);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		uint8_t word = is_14 ? words[i].at_14 : words[i].at_13;

		if (word)
			put(im, im->symbols.runtime + word * 8u,
			    is_14 ? words[i].value_14 : words[i].value_13);
	}
}

/* The layout as it is after what the process says itself. */
static inline void complete_layout(struct image *im)
{
	struct python_debug_words debug;
	const char *why;
	uint32_t version;

	if (im->layout.minor < 13)
		return;
	put_debug_offsets(im);
	memcpy(&debug, at(im, im->symbols.runtime), sizeof(debug));
	if (python_layout_from_debug(&debug, &im->layout, &version, &why))
		abort();
}

static inline void build_code(struct image *im)
{
	uint64_t inner[2];

	im->str_file = str(im, "/app/app.py");
	im->code_wrapper = code(im, "deco.<locals>.wrapper", 3, 0x13, 0);
	inner[0] = im->code_wrapper;
	inner[1] = im->str_file;
	im->consts_deco = tuple(im, inner, 2);
	im->code_deco = code(im, "deco", 2, 3, im->consts_deco);
	im->code_transcribe = code(im, "transcribe", 7, 3, 0);
	im->code_reply = code(im, "Session.reply", 16, 3, 0);
	im->code_lambda = code(im, "Session.<lambda>", 18, 3, 0);
	im->code_module = code(im, "<module>", 20, 0, 0);
}

static inline void build_objects(struct image *im)
{
	const uint64_t young = im->gc + 24, old = im->gc + 48;

	for (uint64_t head = young; head < im->gc + 24 * 4; head += 24) {
		put(im, head, head);
		put(im, head + 8, head);
	}
	im->function_deco = function(im, old, im->code_deco, "deco");
	im->function_wrapper = function(im, young, im->code_wrapper, "transcribe");
	im->function_transcribe = function(im, old, im->code_transcribe, "transcribe");
	track(im, young, take(im, 64) + 16);
	im->function_reply = function(im, young, im->code_reply, "Session.reply");
	function(im, young, im->code_lambda, "Session.<lambda>");
}

static inline void build_thread(struct image *im)
{
	const struct python_offsets *o = &im->layout.offsets;

	im->self = take(im, 0x700);
	im->tstate = take(im, 512);
	put(im, im->interpreter + (uint64_t)o->interpreter_threads, im->tstate);
	put(im, im->tstate + (uint64_t)o->tstate_interpreter, im->interpreter);
	put(im, im->tstate + (uint64_t)o->tstate_thread_id, im->self);
	if (o->tstate_native_id != PYTHON_NONE)
		put(im, im->tstate + (uint64_t)o->tstate_native_id, 4711);
	put32(im, im->self + 0x2d0, 4711);
	put(im, im->self + 0x310 + 3 * 16 + 8, im->tstate);
	im->frame = frame(im, im->code_module, 0, 0);
	im->inner_frame = frame(im, im->code_transcribe, 2, im->frame);
	if (o->tstate_cframe != PYTHON_NONE) {
		uint64_t cframe = take(im, 64);

		put(im, im->tstate + (uint64_t)o->tstate_cframe, cframe);
		put(im, cframe + (uint64_t)o->cframe_frame, im->inner_frame);
	} else {
		put(im, im->tstate + (uint64_t)o->tstate_frame, im->inner_frame);
	}
}

/* 3.MINOR, as it is named or as it says itself. */
static inline struct image *image_new(uint32_t minor)
{
	struct image *im = calloc(1, sizeof(*im));
	struct python_symbols *s;

	if (!im)
		abort();
	s = &im->symbols;
	im->layout = *python_layout_of(minor);
	im->reader = (struct python_reader){image_read, image_now_ns, im};
	s->runtime = take(im, 8192);
	s->code_type = take(im, 64);
	s->function_type = take(im, 64);
	s->unicode_type = take(im, 64);
	s->tuple_type = take(im, 64);
	s->dict_type = take(im, 64);
	s->bytes_type = take(im, 64);
	complete_layout(im);
	snprintf(s->version, sizeof(s->version), "3.%u.5", minor);
	im->interpreter = take(im, 16384);
	im->gc = im->interpreter + (uint64_t)im->layout.offsets.interpreter_gc;
	put(im, s->runtime + (uint64_t)im->layout.offsets.runtime_interpreters, im->interpreter);
	(void)take(im, 40000); /* more than is read at once */
	build_code(im);
	build_objects(im);
	build_thread(im);
	return im;
}

#endif
