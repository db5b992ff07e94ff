/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * DWARF call frame instructions, as far as the CFA goes: the rules for saved registers are read
 * over. Where GNU_args_size or an expression for a register occurs, its operands are skipped.
 */
#include "target/cfa_program.h"

#include <errno.h>

#include "target/bytes.h"
#include "target/insn_arch.h"
#include "target/unwind.h"

#define STATES_MAX 16	 /* remembered states; compilers nest one */
#define STEPS_MAX  20000 /* instructions run: bounds a hostile program */

struct cfa_state {
	uint64_t reg;
	int64_t offset;
	bool expression;
};

struct cfa_run {
	struct cfa_state now, saved[STATES_MAX];
	size_t n_saved;
	uint64_t loc, stop; /* code offsets */
	unsigned int steps;
	const struct cfa_program *program;
};

/* Instructions that move on in the code. True: the stop lies before the new place. */
static bool advance(struct cfa_run *run, uint64_t units)
{
	uint64_t delta;

	if (__builtin_mul_overflow(units, run->program->code_align, &delta) ||
	    __builtin_add_overflow(run->loc, delta, &delta))
		delta = UINT64_MAX;
	run->loc = delta;
	return run->loc > run->stop;
}

static void skip_block(struct bytes *b)
{
	bytes_skip(b, bytes_uleb(b));
}

/* Instructions that set the CFA. 0, or -EPROTO. */
static int define_cfa(struct cfa_run *run, struct bytes *b, uint8_t op)
{
	switch (op) {
	case 0x0a: /* remember_state */
		if (run->n_saved == STATES_MAX)
			return -EPROTO;
		run->saved[run->n_saved++] = run->now;
		return 0;
	case 0x0b: /* restore_state */
		if (run->n_saved == 0)
			return -EPROTO;
		run->now = run->saved[--run->n_saved];
		return 0;
	case 0x0c: /* def_cfa */
		run->now.reg = bytes_uleb(b);
		run->now.offset = (int64_t)bytes_uleb(b);
		run->now.expression = false;
		return 0;
	case 0x0d: /* def_cfa_register */
		run->now.reg = bytes_uleb(b);
		return 0;
	case 0x0e: /* def_cfa_offset */
		run->now.offset = (int64_t)bytes_uleb(b);
		return 0;
	case 0x0f: /* def_cfa_expression */
		skip_block(b);
		run->now.expression = true;
		return 0;
	case 0x12: /* def_cfa_sf, def_cfa_offset_sf */
		run->now.reg = bytes_uleb(b);
		run->now.expression = false;
		/* fall through */
	case 0x13:
		if (__builtin_mul_overflow(bytes_sleb(b), run->program->data_align,
					   &run->now.offset))
			return -EPROTO;
		return 0;
	default:
		return -EPROTO;
	}
}

/* 0: go on, 1: the stop is reached, -EPROTO. */
static int extended(struct cfa_run *run, struct bytes *b, uint8_t op)
{
	switch (op) {
	case 0x00: /* nop; arm64: the return address is signed from here on, or not any more */
	case 0x2d:
		return 0;
	case 0x02: /* advance_loc1, 2, 4 */
		return advance(run, bytes_fixed(b, 1));
	case 0x03:
		return advance(run, bytes_fixed(b, 2));
	case 0x04:
		return advance(run, bytes_fixed(b, 4));
	case 0x05: /* offset_extended, register, offset_extended_sf, val_offset(_sf) */
	case 0x09:
	case 0x11:
	case 0x14:
	case 0x15:
		bytes_uleb(b);
		bytes_uleb(b);
		return 0;
	case 0x06: /* restore_extended, undefined, same_value, GNU_args_size */
	case 0x07:
	case 0x08:
	case 0x2e:
		bytes_uleb(b);
		return 0;
	case 0x10: /* expression, val_expression */
	case 0x16:
		bytes_uleb(b);
		skip_block(b);
		return 0;
	default:
		return define_cfa(run, b, op);
	}
}

static int run_part(struct cfa_run *run, const uint8_t *code, size_t len)
{
	struct bytes b = {.p = code, .end = code + len};
	int ret = 0;
	uint8_t op;

	while (b.p < b.end && ret == 0) {
		if (++run->steps > STEPS_MAX)
			return -EPROTO;
		op = (uint8_t)bytes_fixed(&b, 1);
		switch (op >> 6) {
		case 1: /* advance_loc */
			ret = advance(run, op & 0x3f);
			break;
		case 2: /* offset */
			bytes_uleb(&b);
			break;
		case 3: /* restore */
			break;
		default:
			ret = extended(run, &b, op);
		}
		if (b.bad)
			return -EPROTO;
	}
	return ret;
}

int cfa_program_run(const struct cfa_program *program, uint64_t code_offset, struct unwind_cfa *cfa)
{
	struct cfa_run run = {.stop = code_offset, .program = program};
	int ret;

	run.now.expression = true; /* until a rule is given */
	ret = run_part(&run, program->cie, program->cie_len);
	if (ret == 0)
		ret = run_part(&run, program->fde, program->fde_len);
	if (ret < 0)
		return ret;
	cfa->known = !run.now.expression && (run.now.reg == INSN_ARCH_HOST->dwarf_sp ||
					     run.now.reg == INSN_ARCH_HOST->dwarf_fp);
	cfa->from_fp = run.now.reg == INSN_ARCH_HOST->dwarf_fp;
	cfa->offset = run.now.offset;
	return 0;
}
