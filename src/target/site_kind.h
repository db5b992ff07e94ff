/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * site_kind.h - places for probes as the kernel tells them apart: each kind takes another path
 * through it, so each is proven by itself (kernel/selftest.h) and left out where it fails.
 */
#ifndef CHESHIRE_TARGET_SITE_KIND_H
#define CHESHIRE_TARGET_SITE_KIND_H

#include <stdint.h>

struct insn;

enum site_kind {
	SITE_KIND_STEPPED = 0, /* single-stepped out of line */
	SITE_KIND_RET = 1,
	SITE_KIND_PUSH = 2,
	SITE_KIND_NOP = 3,	/* of one byte */
	SITE_KIND_NOP_LONG = 4, /* of several, but not of five */
	SITE_KIND_NOP5 = 5,	/* of five bytes: only as a function's first instruction */
	SITE_KIND_JMP = 6,
	SITE_KIND_JCC = 7,
	SITE_KIND_CALL = 8,
	SITE_KIND_LITERAL = 9, /* arm64: an address relative to the instruction */
	SITE_KINDS = 10,
};

#define SITE_KIND_BIT(kind) (1U << (kind))

enum site_kind site_kind_of(const struct insn *insn);

/* "ret", "conditional jump", … for output; never NULL. */
const char *site_kind_name(enum site_kind kind);

#endif
