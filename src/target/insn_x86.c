/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * x86-64: what a uprobe on an instruction costs, after arch/x86/kernel/uprobes.c. The kernel
 * emulates push of a register, nop, jmp, jcc and call rel32; all else is single-stepped out of
 * line. A branch with an operand-size prefix is refused or stepped there, hence "no prefix" here.
 */
#include "target/insn_arch.h"

#include <string.h>

#define INT3 0xcc

static enum insn_class classify(const struct insn *in)
{
	const uint8_t *b = in->bytes;
	uint8_t len = in->len;

	if ((b[0] & 0xf8) == 0x50 && len == 1)
		return INSN_CLASS_PUSH;
	if (b[0] == 0x41 && (b[1] & 0xf8) == 0x50 && len == 2)
		return INSN_CLASS_PUSH;
	if (b[0] == 0x90 && len == 1)
		return INSN_CLASS_NOP;
	if ((b[0] == 0xe9 && len == 5) || (b[0] == 0xeb && len == 2))
		return INSN_CLASS_JMP;
	if (b[0] == 0xe8 && len == 5)
		return INSN_CLASS_CALL;
	if (((b[0] & 0xf0) == 0x70 && len == 2) ||
	    (b[0] == 0x0f && (b[1] & 0xf0) == 0x80 && len == 6))
		return INSN_CLASS_JCC;
	return INSN_CLASS_STEPPED;
}

/* A general register of any width as 1..16, in encoding order; 0: something else. */
static uint16_t full_register(unsigned int reg)
{
	static const uint16_t table[16][5] = {
		{X86_REG_RAX, X86_REG_EAX, X86_REG_AX, X86_REG_AL, X86_REG_AH},
		{X86_REG_RCX, X86_REG_ECX, X86_REG_CX, X86_REG_CL, X86_REG_CH},
		{X86_REG_RDX, X86_REG_EDX, X86_REG_DX, X86_REG_DL, X86_REG_DH},
		{X86_REG_RBX, X86_REG_EBX, X86_REG_BX, X86_REG_BL, X86_REG_BH},
		{X86_REG_RSP, X86_REG_ESP, X86_REG_SP, X86_REG_SPL},
		{X86_REG_RBP, X86_REG_EBP, X86_REG_BP, X86_REG_BPL},
		{X86_REG_RSI, X86_REG_ESI, X86_REG_SI, X86_REG_SIL},
		{X86_REG_RDI, X86_REG_EDI, X86_REG_DI, X86_REG_DIL},
		{X86_REG_R8, X86_REG_R8D, X86_REG_R8W, X86_REG_R8B},
		{X86_REG_R9, X86_REG_R9D, X86_REG_R9W, X86_REG_R9B},
		{X86_REG_R10, X86_REG_R10D, X86_REG_R10W, X86_REG_R10B},
		{X86_REG_R11, X86_REG_R11D, X86_REG_R11W, X86_REG_R11B},
		{X86_REG_R12, X86_REG_R12D, X86_REG_R12W, X86_REG_R12B},
		{X86_REG_R13, X86_REG_R13D, X86_REG_R13W, X86_REG_R13B},
		{X86_REG_R14, X86_REG_R14D, X86_REG_R14W, X86_REG_R14B},
		{X86_REG_R15, X86_REG_R15D, X86_REG_R15W, X86_REG_R15B},
	};
	uint16_t i, j;

	for (i = 0; reg && i < 16; i++)
		for (j = 0; j < 5; j++)
			if (table[i][j] == reg)
				return (uint16_t)(i + 1);
	return 0;
}

/* The integer argument that the register carries, as a bit; registers as full_register() counts. */
static uint8_t argument_bit(uint16_t reg)
{
	static const uint8_t order[] = {8, 7, 3, 2, 9, 10}; /* rdi rsi rdx rcx r8 r9 */
	for (size_t i = 0; i < sizeof(order); i++)
		if (order[i] == reg)
			return (uint8_t)(1u << i);
	return 0;
}

static void describe_flow(csh handle, cs_insn *in, struct insn *out)
{
	const cs_x86 *x = &in->detail->x86;
	const cs_x86_op *op = x->op_count ? &x->operands[0] : NULL;
	bool direct = op && op->type == X86_OP_IMM;

	if (cs_insn_group(handle, in, X86_GRP_RET) || cs_insn_group(handle, in, X86_GRP_IRET)) {
		out->flow = INSN_FLOW_RET;
	} else if (in->id == X86_INS_CALL || in->id == X86_INS_LCALL) {
		out->flow = direct ? INSN_FLOW_CALL : INSN_FLOW_CALL_INDIRECT;
	} else if (in->id == X86_INS_JMP || in->id == X86_INS_LJMP) {
		out->flow = direct ? INSN_FLOW_JUMP : INSN_FLOW_JUMP_INDIRECT;
		if (op && op->type == X86_OP_REG)
			out->jump_reg = full_register(op->reg);
	} else if (cs_insn_group(handle, in, X86_GRP_JUMP) || in->id == X86_INS_LOOP ||
		   in->id == X86_INS_LOOPE || in->id == X86_INS_LOOPNE ||
		   in->id == X86_INS_XBEGIN) {
		out->flow = INSN_FLOW_BRANCH;
	} else if (in->id == X86_INS_SYSCALL || in->id == X86_INS_SYSENTER ||
		   in->id == X86_INS_INT) {
		out->flow = INSN_FLOW_SYSCALL;
	} else if (in->id == X86_INS_UD2 || in->id == X86_INS_HLT || in->id == X86_INS_INT3) {
		out->flow = INSN_FLOW_STOP;
	}
	if (direct)
		out->target = (uint64_t)op->imm;
}

static void describe_operands(const cs_x86 *x, struct insn *out)
{
	uint8_t i;

	for (i = 0; i < x->op_count; i++) {
		const cs_x86_op *op = &x->operands[i];

		if (op->type == X86_OP_REG) {
			if (i == 0)
				out->dest_reg = full_register(op->reg);
			else if (!out->src_reg)
				out->src_reg = full_register(op->reg);
		}
		if (op->type != X86_OP_MEM)
			continue;
		out->src_reg = full_register(op->mem.base);
		out->mem_indexed = op->mem.index != X86_REG_INVALID;
		if (op->mem.base == X86_REG_RIP) {
			out->has_mem_addr = true;
			out->mem_addr = out->addr + out->len + (uint64_t)op->mem.disp;
		} else if (op->mem.base == X86_REG_INVALID && op->mem.segment == X86_REG_INVALID) {
			out->has_mem_addr = true;
			out->mem_addr = (uint64_t)op->mem.disp;
		}
	}
}

/* The destination comes first; where that only reads, being wrong costs nothing but time. */
static bool may_write_memory(const cs_insn *in)
{
	const cs_x86 *x = &in->detail->x86;

	if (in->id == X86_INS_CMP || in->id == X86_INS_TEST || in->id == X86_INS_NOP ||
	    in->id == X86_INS_PUSH)
		return false;
	for (uint8_t i = 0; i < x->op_count; i++)
		if (x->operands[i].type == X86_OP_MEM &&
		    (i == 0 || (x->operands[i].access & CS_AC_WRITE)))
			return true;
	return false;
}

/* rep movs, stos and so on; elsewhere the prefix is a part of the opcode, or ignored. */
static bool is_repeated(const struct insn *out)
{
	bool rep = false;
	uint8_t i = 0, op;

	for (; i + 1 < out->len; i++) {
		op = out->bytes[i];
		if (op == 0xf2 || op == 0xf3)
			rep = true;
		else if (op != 0x66 && op != 0x67 && (op & 0xf0) != 0x40)
			break;
	}
	op = out->bytes[i];
	return rep && ((op >= 0xa4 && op <= 0xa7) || (op >= 0xaa && op <= 0xaf));
}

static void sp_add(struct insn *out, int64_t change)
{
	if (change > INT32_MAX / 2 || change < INT32_MIN / 2) {
		out->sp = INSN_SP_OTHER;
		return;
	}
	out->sp = INSN_SP_ADD;
	out->sp_change = (int32_t)change;
}

/* Explicit arithmetic on SP, and lea/mov between SP and FP. */
static void describe_sp_write(const cs_insn *in, const cs_x86 *x, struct insn *out)
{
	const cs_x86_op *src = x->op_count > 1 ? &x->operands[1] : NULL;

	out->sp = INSN_SP_OTHER;
	if (!src || x->operands[0].type != X86_OP_REG || x->operands[0].reg != X86_REG_RSP)
		return;
	if (in->id == X86_INS_SUB && src->type == X86_OP_IMM) {
		sp_add(out, -src->imm);
	} else if (in->id == X86_INS_ADD && src->type == X86_OP_IMM) {
		sp_add(out, src->imm);
	} else if (in->id == X86_INS_LEA && src->mem.index == X86_REG_INVALID) {
		if (src->mem.base == X86_REG_RSP) {
			sp_add(out, src->mem.disp);
		} else if (src->mem.base == X86_REG_RBP && src->mem.disp > INT32_MIN / 2 &&
			   src->mem.disp < INT32_MAX / 2) {
			out->sp = INSN_SP_FROM_FP;
			out->sp_change = (int32_t)src->mem.disp;
		}
	} else if (in->id == X86_INS_MOV && src->type == X86_OP_REG && src->reg == X86_REG_RBP) {
		out->sp = INSN_SP_FROM_FP;
	}
}

static void describe_sp(const cs_insn *in, struct insn *out, bool writes_sp)
{
	const cs_x86 *x = &in->detail->x86;

	if (in->id == X86_INS_MOV && x->op_count == 2 && x->operands[0].type == X86_OP_REG &&
	    x->operands[0].reg == X86_REG_RBP && x->operands[1].type == X86_OP_REG &&
	    x->operands[1].reg == X86_REG_RSP) {
		out->sp = INSN_SP_SAVE_FP;
	} else if (in->id == X86_INS_LEAVE) {
		out->sp = INSN_SP_LEAVE;
	} else if (in->id == X86_INS_PUSH || in->id == X86_INS_PUSHFQ) {
		sp_add(out, x->op_count && x->operands[0].size == 2 ? -2 : -8);
	} else if (in->id == X86_INS_POPFQ) {
		sp_add(out, 8);
	} else if (in->id == X86_INS_POP) {
		sp_add(out, x->op_count && x->operands[0].size == 2 ? 2 : 8);
		if (out->dest_reg == 5)
			out->sp = INSN_SP_OTHER;
	} else if (writes_sp && out->flow != INSN_FLOW_CALL &&
		   out->flow != INSN_FLOW_CALL_INDIRECT && out->flow != INSN_FLOW_RET) {
		describe_sp_write(in, x, out);
	}
}

static void x86_describe(csh handle, cs_insn *in, struct insn *out)
{
	const cs_x86 *x = &in->detail->x86;
	cs_regs read, written;
	uint8_t n_read = 0, n_written = 0, i;
	bool writes_sp = false;
	uint16_t reg;

	describe_flow(handle, in, out);
	describe_operands(x, out);
	if (cs_regs_access(handle, in, read, &n_read, written, &n_written) != CS_ERR_OK) {
		n_written = 0;
		out->writes_ret = true;
	}
	for (i = 0; i < n_written; i++) {
		reg = full_register(written[i]);
		writes_sp |= reg == 5;
		out->writes_fp |= reg == 6;
		out->writes_ret |= reg == 1;
		out->args_written |= argument_bit(reg);
	}
	/* A register that is only read (push, cmp, test) is no destination. */
	for (i = 0; i < n_written && full_register(written[i]) != out->dest_reg; i++)
		;
	if (i == n_written)
		out->dest_reg = 0;
	out->is_lea = in->id == X86_INS_LEA;
	describe_sp(in, out, writes_sp);
	out->writes_memory = may_write_memory(in);
	out->repeats = is_repeated(out);
	out->cls = classify(out);
	if (out->cls == INSN_CLASS_JCC)
		out->condition = (out->len == 2 ? out->bytes[0] : out->bytes[1]) & 0xf;
	out->is_nop = in->id == X86_INS_NOP;
	if (in->id == X86_INS_NOP && out->len > 1 && out->bytes[0] != 0xf3) {
		out->is_nop5 = out->len == 5;
		/* With an operand-size prefix only, older kernels refuse it. */
		if (out->bytes[0] == 0x0f)
			out->cls = INSN_CLASS_NOP_LONG;
	}
}

static bool x86_breakpoint(const uint8_t *memory, const uint8_t *original, size_t len)
{
	return memory[0] == INT3 && memcmp(original + 1, memory + 1, len - 1) == 0;
}

static size_t landing_pad(const uint8_t *code)
{
	return memcmp(code, "\xf3\x0f\x1e\xfa", 4) == 0 ? 4 : 0;
}

/* (endbr64 ;) jmp *slot(%rip) */
static bool x86_plt_slot(struct decoder *dec, const uint8_t *code, size_t len, uint64_t vaddr,
			 uint64_t *slot)
{
	size_t pos = landing_pad(code);
	struct insn insn;

	if (decoder__decode(dec, code + pos, len - pos, vaddr + pos, &insn) != 0)
		return false;
	*slot = insn.mem_addr;
	return insn.flow == INSN_FLOW_JUMP_INDIRECT && insn.has_mem_addr && !insn.mem_indexed;
}

/* (endbr64 ;) push imm32 ; jmp */
static bool x86_plt_lazy(struct decoder *dec, const uint8_t *code, size_t len, uint64_t vaddr)
{
	size_t pos = landing_pad(code);
	struct insn insn;

	if (code[pos] != 0x68)
		return false;
	pos += 5;
	return decoder__decode(dec, code + pos, len - pos, vaddr + pos, &insn) == 0 &&
	       insn.flow == INSN_FLOW_JUMP;
}

const struct insn_arch insn_arch_x86 = {
	.cs_arch = CS_ARCH_X86,
	.cs_mode = CS_MODE_64,
	.describe = x86_describe,
	.breakpoint = x86_breakpoint,
	.plt_slot = x86_plt_slot,
	.plt_lazy = x86_plt_lazy,
	.entry_cfa = 8,
	.return_sp = -8, /* the ret took the return address off the stack */
	.dwarf_fp = 6,
	.dwarf_sp = 7,
};
