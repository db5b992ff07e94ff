/* SPDX-License-Identifier: GPL-2.0-only */
#include "python/object.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "python/memory.h"

#define STR_MAX	  (1u << 20) /* characters; no name is that long */
#define TUPLE_MAX (1u << 20)
#define LINE_MAX  (1u << 28)
#define CODE_SPAN 256 /* bytes of a code object that its offsets lie in */

/* PyASCIIObject.state of builds with a GIL: interned:2, kind:3, compact:1, ascii:1 */
#define STATE_KIND(state)    ((state) >> 2 & 7)
#define STATE_COMPACT(state) ((state) >> 5 & 1)
#define STATE_ASCII(state)   ((state) >> 6 & 1)

int python_read_head(struct python_memory *m, const struct python_offsets *o, uint64_t object,
		     struct python_head *out)
{
	uint64_t words[2];
	int err;

	if (object % 8)
		return -EPROTO;
	err = python_memory__read(m, object, words, sizeof(words));
	if (err)
		return err;
	out->refcount = o->refcount_bytes == 4 ? (uint32_t)words[0] : words[0];
	out->type = words[1];
	return 0;
}

static int expect(struct python_memory *m, const struct python_offsets *o, uint64_t object,
		  uint64_t type)
{
	struct python_head head;
	int err = python_read_head(m, o, object, &head);

	return err ?: head.type == type ? 0 : -EPROTO;
}

/* --- str ------------------------------------------------------------------------------------ */

/* Appends a character if it fits whole; surrogates and what is none become U+FFFD. */
static bool put_utf8(char *buf, size_t size, size_t *used, uint32_t c)
{
	unsigned char bytes[4];
	size_t n;

	if (c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		c = 0xfffd;
	n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	if (*used + n >= size)
		return false;
	for (size_t i = n - 1; i > 0; i--, c >>= 6)
		bytes[i] = (unsigned char)(0x80 | (c & 0x3f));
	bytes[0] = (unsigned char)(n == 1 ? c : (0xf00u >> n & 0xff) | c);
	memcpy(buf + *used, bytes, n);
	*used += n;
	return true;
}

static uint32_t unit_at(const uint8_t *data, uint32_t kind, size_t i)
{
	uint32_t c = 0;

	memcpy(&c, data + i * kind, kind);
	return c;
}

static int read_units(struct python_memory *m, uint64_t address, uint32_t kind, uint64_t n,
		      char *buf, size_t size)
{
	uint8_t data[1024];
	size_t used = 0, at = 0;

	while (at < n) {
		size_t some = sizeof(data) / kind < n - at ? sizeof(data) / kind : n - at;
		int err = python_memory__read(m, address + at * kind, data, some * kind);

		if (err)
			return err;
		for (size_t i = 0; i < some; i++)
			if (!put_utf8(buf, size, &used, unit_at(data, kind, i))) {
				buf[used] = '\0';
				return 0;
			}
		at += some;
	}
	buf[used] = '\0';
	return 0;
}

int python_read_str(struct python_memory *m, const struct python_offsets *o, uint64_t object,
		    char *buf, size_t size)
{
	uint64_t length;
	uint32_t state;
	int32_t data;
	int err = expect(m, o, object, o->unicode_type);

	buf[0] = '\0';
	err = err ?: python_memory__read_u64(m, object + (uint64_t)o->unicode_length, &length);
	err = err
		      ?: python_memory__read(m, object + (uint64_t)o->unicode_state, &state,
					     sizeof(state));
	if (err)
		return err;
	if (!STATE_COMPACT(state) || length > STR_MAX ||
	    (STATE_KIND(state) != 1 && STATE_KIND(state) != 2 && STATE_KIND(state) != 4) ||
	    (STATE_ASCII(state) && STATE_KIND(state) != 1))
		return -EPROTO;
	data = STATE_ASCII(state) ? o->unicode_ascii : o->unicode_compact;
	err = read_units(m, object + (uint64_t)data, STATE_KIND(state), length, buf, size);
	if (err)
		buf[0] = '\0';
	return err;
}

/* --- code, tuple, bytes --------------------------------------------------------------------- */

static uint64_t word_at(const uint8_t *bytes, int32_t offset)
{
	uint64_t word = 0;

	if (offset >= 0 && offset <= CODE_SPAN - 8)
		memcpy(&word, bytes + offset, sizeof(word));
	return word;
}

int python_read_code(struct python_memory *m, const struct python_offsets *o, uint64_t object,
		     struct python_code *out)
{
	uint8_t bytes[CODE_SPAN];
	int err = expect(m, o, object, o->code_type);

	err = err ?: python_memory__read(m, object, bytes, sizeof(bytes));
	if (err)
		return err;
	out->refcount = word_at(bytes, o->object_refcount);
	if (o->refcount_bytes == 4)
		out->refcount = (uint32_t)out->refcount;
	out->filename = word_at(bytes, o->code_filename);
	out->name = word_at(bytes, o->code_name);
	out->qualname = word_at(bytes, o->code_qualname);
	out->consts = word_at(bytes, o->code_consts);
	out->linetable = word_at(bytes, o->code_linetable);
	out->flags = (uint32_t)word_at(bytes, o->code_flags);
	out->first_line = (uint32_t)word_at(bytes, o->code_first_line);
	out->instructions = o->frame_kind == PYTHON_FRAMES_INTERNAL
				    ? object + (uint64_t)o->code_instructions
				    : 0;
	if (out->first_line > LINE_MAX || !out->filename || !out->name)
		return -EPROTO;
	return 0;
}

static int read_size(struct python_memory *m, const struct python_offsets *o, uint64_t object,
		     uint64_t type, uint64_t max, uint64_t *n)
{
	int err = expect(m, o, object, type);

	err = err ?: python_memory__read_u64(m, object + (uint64_t)o->object_size, n);
	return err ?: *n > max ? -EPROTO : 0;
}

int python_read_tuple(struct python_memory *m, const struct python_offsets *o, uint64_t object,
		      uint64_t *items, uint64_t *n)
{
	*items = object + (uint64_t)o->tuple_items;
	return read_size(m, o, object, o->tuple_type, TUPLE_MAX, n);
}

int python_read_bytes(struct python_memory *m, const struct python_offsets *o, uint64_t object,
		      size_t max, uint8_t **bytes, size_t *n)
{
	uint64_t size;
	int err = read_size(m, o, object, o->bytes_type, max, &size);

	*bytes = NULL;
	*n = 0;
	if (err)
		return err;
	*bytes = malloc(size + 1);
	if (!*bytes)
		return -ENOMEM;
	err = python_memory__read(m, object + (uint64_t)o->bytes_data, *bytes, size);
	if (!err) {
		*n = size;
		return 0;
	}
	free(*bytes);
	*bytes = NULL;
	return err;
}
