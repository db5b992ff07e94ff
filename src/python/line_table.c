/* SPDX-License-Identifier: GPL-2.0-only */
#include "python/line_table.h"

#include <stdbool.h>

#define UNIT_BYTES 2 /* of an instruction */

static uint32_t clamp(int64_t line)
{
	return line > 0 && line <= INT32_MAX ? (uint32_t)line : 0;
}

/* Pairs: bytes of instructions, lines more (signed); a pair is in force from its end on. */
uint32_t line_of_lnotab(const uint8_t *table, size_t n, uint32_t first_line, int64_t offset)
{
	int64_t line = first_line, at = 0;

	for (size_t i = 0; i + 1 < n; i += 2) {
		at += table[i];
		if (at > offset)
			break;
		line += (int8_t)table[i + 1];
	}
	return clamp(line);
}

/* Pairs: bytes of instructions, lines more than the one before (signed; -128: no line). */
uint32_t line_of_ranges(const uint8_t *table, size_t n, uint32_t first_line, int64_t offset)
{
	int64_t line = first_line, end = 0;

	if (offset < 0)
		return clamp(first_line);
	for (size_t i = 0; i + 1 < n; i += 2) {
		const int8_t more = (int8_t)table[i + 1];

		end += table[i];
		if (more != -128)
			line += more;
		if (end > offset)
			return more == -128 ? 0 : clamp(line);
	}
	return 0;
}

/* --- 3.11: entries of 1 to 8 units ---------------------------------------------------------- */

enum location {
	LOCATION_ONE_LINE0 = 10, /* this and the next two: so many lines more */
	LOCATION_ONE_LINE2 = 12,
	LOCATION_NO_COLUMNS = 13,
	LOCATION_LONG = 14,
	LOCATION_NONE = 15,
};

struct table {
	const uint8_t *at, *end;
	bool torn;
};

/* Six bits each, the lowest first; 0x40: more follow. */
static uint32_t read_varint(struct table *t)
{
	uint32_t value = 0;

	for (unsigned int shift = 0; shift < 30; shift += 6) {
		uint8_t byte;

		if (t->at == t->end)
			break;
		byte = *t->at++;
		value |= (uint32_t)(byte & 0x3f) << shift;
		if (!(byte & 0x40))
			return value;
	}
	t->torn = true;
	return value;
}

static int64_t read_signed(struct table *t)
{
	uint32_t value = read_varint(t);

	return value & 1 ? -(int64_t)(value >> 1) : (int64_t)(value >> 1);
}

static void skip(struct table *t, size_t n)
{
	if ((size_t)(t->end - t->at) < n) {
		t->torn = true;
		t->at = t->end;
		return;
	}
	t->at += n;
}

/* What the entry adds to the line; its columns are passed over. */
static int64_t read_delta(struct table *t, unsigned int code)
{
	int64_t delta = 0;

	switch (code) {
	case LOCATION_NONE:
		break;
	case LOCATION_LONG:
		delta = read_signed(t);
		for (int i = 0; i < 3; i++)
			(void)read_varint(t);
		break;
	case LOCATION_NO_COLUMNS:
		delta = read_signed(t);
		break;
	case LOCATION_ONE_LINE0:
	case LOCATION_ONE_LINE0 + 1:
	case LOCATION_ONE_LINE2:
		delta = code - LOCATION_ONE_LINE0;
		skip(t, 2);
		break;
	default:
		skip(t, 1);
	}
	return delta;
}

uint32_t line_of_locations(const uint8_t *bytes, size_t n, uint32_t first_line, int64_t offset)
{
	struct table t = {.at = bytes, .end = bytes + n};
	int64_t line = first_line, end = 0;

	if (offset < 0)
		return clamp(first_line);
	while (t.at < t.end) {
		const uint8_t head = *t.at++;
		const unsigned int code = head >> 3 & 15;

		/* Each entry begins with the highest bit set, and nothing else does. */
		if (!(head & 0x80))
			return 0;
		line += read_delta(&t, code);
		end += ((head & 7) + 1) * UNIT_BYTES;
		if (t.torn)
			return 0;
		if (end > offset)
			return code == LOCATION_NONE ? 0 : clamp(line);
	}
	return 0;
}
