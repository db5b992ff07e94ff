/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * AArch64: what a uprobe on an instruction costs, after arch/arm64/kernel/probes/decode-insn.c. The
 * kernel simulates branches and what is relative to the program counter, steps most others out of
 * line, and refuses what would not do there what it does in its place: exclusive loads and stores,
 * checks of pointer authentication, exceptions. Read from the encoding (Arm ARM, C4.1).
 */
#include "target/insn_arch.h"

#include <string.h>

#define REG_X0 0
#define REG_FP 29
#define REG_LR 30
#define REG_SP 31 /* or the zero register, by the instruction */

/* BRK with the number that uprobes have (5), and the one of debuggers (0). */
#define BRK_UPROBE   0xd42000a0
#define BRK_DEBUGGER 0xd4200000

#define HINT_NOP 0xd503201f
#define BTI_C	 0xd503245f

static uint32_t field(uint32_t word, unsigned int low, unsigned int bits)
{
	return (word >> low) & ((1u << bits) - 1);
}

static int64_t signed_field(uint32_t word, unsigned int low, unsigned int bits)
{
	return (int64_t)((uint64_t)field(word, low, bits) << (64 - bits)) >> (64 - bits);
}

/* Registers are counted from 1, so that 0 is none. */
static uint16_t number_of(uint32_t reg)
{
	return (uint16_t)(reg + 1);
}

/* ADR, ADRP. */
static bool is_pc_relative(uint32_t word)
{
	return (word & 0x1f000000) == 0x10000000;
}

/*
 * Loads and prefetches from near the program counter. Up to 6.11 the kernel read general registers
 * from the user's address as if it was its own, which acc450aa0709 ("arm64: probes: Remove broken
 * LDR (literal) uprobe support") ended; one of a SIMD register it steps out of line, where it loads
 * from another address.
 */
static bool is_literal_load(uint32_t word)
{
	return (word & 0x3b000000) == 0x18000000;
}

/* LDXR, STXR and their like; the monitor does not outlive a trap between the two. */
static bool is_exclusive(uint32_t word)
{
	return (word & 0x3f800000) == 0x08000000 && (field(word, 21, 1) == 0 || field(word, 31, 1));
}

/* Hints that are stepped: NOP, XPACLRI, the signing ones, BTI.  Those that authenticate may trap.
 */
static bool is_steppable_hint(uint32_t word)
{
	switch (field(word, 5, 7)) {
	case 0:	 /* nop */
	case 7:	 /* xpaclri */
	case 8:	 /* pacia1716 */
	case 10: /* pacib1716 */
	case 24: /* paciaz, paciasp, pacibz, pacibsp */
	case 25:
	case 26:
	case 27:
	case 32: /* bti, bti c, j, jc */
	case 34:
	case 36:
	case 38:
		return true;
	}
	return false;
}

static bool is_hint(uint32_t word)
{
	return (word & 0xfffff01f) == 0xd503201f;
}

/* Exceptions (SVC, BRK, …), MSR, and branches that authenticate. */
static bool is_refused(uint32_t word)
{
	return (word & 0xff000000) == 0xd4000000 || (word & 0xfff00000) == 0xd5100000 ||
	       (word & 0xfff8f01f) == 0xd500401f || (word & 0xfe1ff800) == 0xd61f0800 ||
	       (word & 0xfffffbff) == 0xd69f03e0 || (word & 0xffff0000) == 0;
}

static void describe_branch(uint32_t word, struct insn *out)
{
	uint64_t pc = out->addr;

	if ((word & 0x7c000000) == 0x14000000) { /* b, bl */
		bool link = word >> 31;

		out->flow = link ? INSN_FLOW_CALL : INSN_FLOW_JUMP;
		out->cls = link ? INSN_CLASS_CALL : INSN_CLASS_JMP;
		out->target = pc + 4 * (uint64_t)signed_field(word, 0, 26);
	} else if ((word & 0xff000000) == 0x54000000) { /* b.cond, bc.cond */
		out->flow = INSN_FLOW_BRANCH;
		out->cls = field(word, 4, 1) ? INSN_CLASS_NEVER : INSN_CLASS_JCC;
		out->condition = (uint8_t)field(word, 0, 4);
		out->target = pc + 4 * (uint64_t)signed_field(word, 5, 19);
	} else if ((word & 0x7e000000) == 0x34000000) { /* cbz, cbnz */
		out->flow = INSN_FLOW_BRANCH;
		out->cls = INSN_CLASS_BRANCH;
		out->target = pc + 4 * (uint64_t)signed_field(word, 5, 19);
	} else if ((word & 0x7e000000) == 0x36000000) { /* tbz, tbnz */
		out->flow = INSN_FLOW_BRANCH;
		out->cls = INSN_CLASS_BRANCH;
		out->target = pc + 4 * (uint64_t)signed_field(word, 5, 14);
	}
}

/* BR, BLR, RET by a register; with authentication they are refused by the kernel. */
static void describe_indirect(uint32_t word, struct insn *out)
{
	bool plain = (word & 0xff9ffc1f) == 0xd61f0000;
	bool authenticated = (word & 0xfe9ff800) == 0xd61f0800;

	if (!plain && !authenticated)
		return;
	switch (field(word, 21, 2)) {
	case 0:
		out->flow = INSN_FLOW_JUMP_INDIRECT;
		out->jump_reg = number_of(field(word, 5, 5));
		break;
	case 1:
		out->flow = INSN_FLOW_CALL_INDIRECT;
		break;
	case 2:
		out->flow = INSN_FLOW_RET;
		break;
	default:
		return;
	}
	out->cls = plain ? INSN_CLASS_INDIRECT : INSN_CLASS_NEVER;
}

static void describe_system(uint32_t word, struct insn *out)
{
	if ((word & 0xffe0001f) == 0xd4000001) { /* svc */
		out->flow = INSN_FLOW_SYSCALL;
	} else if ((word & 0xffe0001f) == 0xd4200000 || (word & 0xffe0001f) == 0xd4400000 ||
		   (word & 0xffff0000) == 0) { /* brk, hlt, udf */
		out->flow = INSN_FLOW_STOP;
	}
	if (is_hint(word)) {
		out->is_nop = word == HINT_NOP;
		out->cls = out->is_nop		     ? INSN_CLASS_NOP_LONG
			   : is_steppable_hint(word) ? INSN_CLASS_STEPPED
						     : INSN_CLASS_NEVER;
	} else if (is_refused(word) || is_exclusive(word) || is_literal_load(word)) {
		out->cls = INSN_CLASS_NEVER;
	}
}

static void sp_add(struct insn *out, int64_t change)
{
	out->sp = INSN_SP_ADD;
	out->sp_change = (int32_t)change;
}

static void writes(struct insn *out, uint32_t reg)
{
	if (reg < 8)
		out->args_written |= (uint8_t)(1u << reg);
	out->writes_ret |= reg == REG_X0;
	out->writes_fp |= reg == REG_FP;
	out->writes_link |= reg == REG_LR;
}

/* ADD and SUB with an immediate: between SP and FP, and the second half of an address. */
static void describe_add(uint32_t word, struct insn *out)
{
	uint32_t to = field(word, 0, 5), from = field(word, 5, 5);
	int64_t imm = (int64_t)field(word, 10, 12) << (field(word, 22, 1) ? 12 : 0);

	if (field(word, 30, 1))
		imm = -imm;
	if (to == REG_SP)
		out->sp = INSN_SP_OTHER;
	if (to == REG_SP && from == REG_SP) {
		sp_add(out, imm);
	} else if (to == REG_SP && from == REG_FP) {
		out->sp = INSN_SP_FROM_FP;
		out->sp_change = (int32_t)imm;
	} else if (to == REG_FP && from == REG_SP && imm == 0) {
		out->sp = INSN_SP_SAVE_FP;
	}
}

/* Every other way to write SP: ADD, SUB with an extended register, AND, ORR, EOR. */
static bool writes_sp_otherwise(uint32_t word)
{
	bool extended = (word & 0x3fe00000) == 0x0b200000;
	bool logical = (word & 0x1f800000) == 0x12000000 && field(word, 29, 2) != 3;

	return (extended || logical) && field(word, 0, 5) == REG_SP;
}

/* A change of the base register by a load or store, which may be SP. */
static void writeback(uint32_t word, int64_t change, struct insn *out)
{
	uint32_t base = field(word, 5, 5);

	if (base == REG_SP)
		sp_add(out, change);
	else
		writes(out, base);
}

/* LDP, STP and their like. */
static void describe_pair(uint32_t word, struct insn *out)
{
	bool simd = field(word, 26, 1), load = field(word, 22, 1);
	uint32_t opc = field(word, 30, 2);
	int64_t bytes = simd ? 4 << opc : opc & 2 ? 8 : 4;

	if (load && !simd) {
		writes(out, field(word, 0, 5));
		writes(out, field(word, 10, 5));
	}
	out->writes_memory = !load;
	if (field(word, 23, 1)) /* pre- or post-indexed */
		writeback(word, signed_field(word, 15, 7) * bytes, out);
}

/* Loads and stores of one register. */
static void describe_single(uint32_t word, struct insn *out)
{
	bool simd = field(word, 26, 1), load = field(word, 22, 2) != 0;
	bool immediate = !field(word, 24, 1) && !field(word, 21, 1);

	if (!simd && load)
		writes(out, field(word, 0, 5));
	out->writes_memory = simd || !load;
	if (immediate && field(word, 10, 1))
		writeback(word, signed_field(word, 12, 9), out);
}

static void describe_data(uint32_t word, struct insn *out)
{
	if ((word & 0x3a000000) == 0x28000000) {
		describe_pair(word, out);
		return;
	}
	if ((word & 0x3a000000) == 0x38000000) {
		/* Atomic ones load the old value. */
		if (field(word, 24, 1) == 0 && field(word, 21, 1) && field(word, 10, 2) == 0)
			writes(out, field(word, 0, 5));
		describe_single(word, out);
		return;
	}
	/* SIMD loads and stores of structures may move their base. */
	if ((word & 0xbf000000) == 0x0c000000 || (word & 0xbf000000) == 0x0d000000) {
		out->writes_memory = true;
		if (field(word, 23, 1) && field(word, 5, 5) == REG_SP)
			out->sp = INSN_SP_OTHER;
		return;
	}
	/* Compare and swap, and what reports its success. */
	if ((word & 0x3f000000) == 0x08000000)
		writes(out, field(word, 16, 5));
	/* What remains has its destination, if any, in the lowest bits. */
	if (out->flow == INSN_FLOW_NEXT && !out->is_nop)
		writes(out, field(word, 0, 5));
	if ((word & 0x3f800000) == 0x11000000)
		describe_add(word, out);
	else if (writes_sp_otherwise(word))
		out->sp = INSN_SP_OTHER;
}

static void arm64_describe(csh handle, cs_insn *in, struct insn *out)
{
	uint32_t word;

	(void)handle;
	(void)in;
	memcpy(&word, out->bytes, sizeof(word));
	if (is_pc_relative(word))
		out->cls = INSN_CLASS_LITERAL;
	describe_branch(word, out);
	describe_indirect(word, out);
	describe_system(word, out);
	if (out->flow == INSN_FLOW_CALL || out->flow == INSN_FLOW_CALL_INDIRECT) {
		out->args_written = 0xff;
		out->writes_ret = true;
		out->writes_link = true;
		return;
	}
	describe_data(word, out);
}

static bool arm64_breakpoint(const uint8_t *memory, const uint8_t *original, size_t len)
{
	uint32_t word;

	(void)original;
	(void)len;
	memcpy(&word, memory, sizeof(word));
	return word == BRK_UPROBE || word == BRK_DEBUGGER;
}

static uint32_t word_at(const uint8_t *code, size_t index)
{
	uint32_t word;

	memcpy(&word, code + 4 * index, sizeof(word));
	return word;
}

/* (bti c ;) adrp x16, page ; ldr x17, [x16, #off] ; add x16, x16, #off ; … br x17 */
static bool arm64_plt_slot(struct decoder *dec, const uint8_t *code, size_t len, uint64_t vaddr,
			   uint64_t *slot)
{
	size_t i = word_at(code, 0) == BTI_C;
	uint32_t page = word_at(code, i), load = word_at(code, i + 1);
	uint64_t pages;

	(void)dec;
	if (len < 20 || (page & 0x9f00001f) != 0x90000010 || (load & 0xffc003ff) != 0xf9400211)
		return false;
	pages = (uint64_t)(signed_field(page, 5, 19) * 4 + field(page, 29, 2));
	*slot = ((vaddr + 4 * i) & ~0xfffULL) + (pages << 12) + 8 * field(load, 10, 12);
	return true;
}

/* All slots that are not bound lead to the table's head: (bti c ;) stp x16, x30, [sp, #-16]! */
static bool arm64_plt_lazy(struct decoder *dec, const uint8_t *code, size_t len, uint64_t vaddr)
{
	(void)dec;
	(void)vaddr;
	return len >= 8 && word_at(code, word_at(code, 0) == BTI_C) == 0xa9bf7bf0;
}

const struct insn_arch insn_arch_arm64 = {
	.cs_arch = CS_ARCH_ARM64,
	.cs_mode = CS_MODE_LITTLE_ENDIAN,
	.insn_bytes = 4,
	.describe = arm64_describe,
	.breakpoint = arm64_breakpoint,
	.plt_slot = arm64_plt_slot,
	.plt_lazy = arm64_plt_lazy,
	.entry_cfa = 0,
	.dwarf_fp = 29,
	.dwarf_sp = 31,
	.return_sp = 0,
};
