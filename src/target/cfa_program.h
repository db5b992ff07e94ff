/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CHESHIRE_TARGET_CFA_PROGRAM_H
#define CHESHIRE_TARGET_CFA_PROGRAM_H

#include <stddef.h>
#include <stdint.h>

struct unwind_cfa;

/* The instructions of a CIE and of one of its FDEs (borrowed bytes). */
struct cfa_program {
	const uint8_t *cie, *fde;
	size_t cie_len, fde_len;
	uint64_t code_align;
	int64_t data_align;
};

/* Runs both up to the code offset (bytes from the range's start). 0, or -EPROTO for instructions
 * that are not understood. */
int cfa_program_run(const struct cfa_program *program, uint64_t code_offset,
		    struct unwind_cfa *cfa);

#endif
