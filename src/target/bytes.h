/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CHESHIRE_TARGET_BYTES_H
#define CHESHIRE_TARGET_BYTES_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* A cursor over bytes that were read from a hostile file: past the end it gives 0 and turns bad. */
struct bytes {
	const uint8_t *p, *end;
	uint64_t vaddr; /* of p, for pc-relative values */
	bool bad;
};

static inline uint64_t bytes_fixed(struct bytes *b, unsigned int size)
{
	uint64_t v = 0;

	if (b->bad || (uint64_t)(b->end - b->p) < size) {
		b->bad = true;
		return 0;
	}
	memcpy(&v, b->p, size); /* little-endian, as the host */
	b->p += size;
	b->vaddr += size;
	return v;
}

static inline void bytes_skip(struct bytes *b, uint64_t n)
{
	if (b->bad || (uint64_t)(b->end - b->p) < n) {
		b->bad = true;
		return;
	}
	b->p += n;
	b->vaddr += n;
}

static inline uint64_t bytes_uleb(struct bytes *b)
{
	uint64_t v = 0, byte;
	unsigned int shift = 0;

	do {
		byte = bytes_fixed(b, 1);
		if (shift < 64)
			v |= (byte & 0x7f) << shift;
		shift += 7;
	} while ((byte & 0x80) && !b->bad && shift < 140);
	return v;
}

static inline int64_t bytes_sleb(struct bytes *b)
{
	uint64_t v = 0, byte;
	unsigned int shift = 0;

	do {
		byte = bytes_fixed(b, 1);
		if (shift < 64)
			v |= (byte & 0x7f) << shift;
		shift += 7;
	} while ((byte & 0x80) && !b->bad && shift < 140);
	if (shift < 64 && (byte & 0x40))
		v |= ~(uint64_t)0 << shift;
	return (int64_t)v;
}

#endif
