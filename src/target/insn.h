/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CHESHIRE_TARGET_INSN_H
#define CHESHIRE_TARGET_INSN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INSN_MAX_BYTES 16

/*
 * What a uprobe on the instruction costs. Only STEPPED needs the dear debug trap everywhere;
 * NOP_LONG is emulated since about Linux 6.17 and stepped before (calibrate); the others are
 * emulated by every kernel since 5.15.
 */
enum insn_class {
	INSN_CLASS_INVALID = 0,
	INSN_CLASS_STEPPED = 1,
	INSN_CLASS_PUSH = 2,
	INSN_CLASS_NOP = 3,	 /* one-byte nop */
	INSN_CLASS_NOP_LONG = 4, /* multi-byte nop; the 5-byte one is never used mid-function */
	INSN_CLASS_JMP = 5,
	INSN_CLASS_JCC = 6,
	INSN_CLASS_CALL = 7,
	INSN_CLASS_BRANCH = 8,	 /* arm64: a conditional branch by a register's value */
	INSN_CLASS_INDIRECT = 9, /* arm64: a branch, call or return by a register */
	INSN_CLASS_LITERAL = 10, /* arm64: an address relative to the instruction */
	INSN_CLASS_NEVER = 11,	 /* the kernel refuses it, or the target would not survive it */
};

/* "push", "nop", "stepped", … for output; never NULL. */
const char *insn_class_name(enum insn_class cls);

/* True if every supported kernel emulates the class instead of single-stepping it. */
bool insn_class_emulated(enum insn_class cls);

/* The condition that holds exactly where this one does not. */
uint8_t insn_condition_inverse(uint8_t condition);

enum insn_flow {
	INSN_FLOW_NEXT = 0,   /* goes on to the next instruction only */
	INSN_FLOW_JUMP = 1,   /* unconditional, direct: target is set */
	INSN_FLOW_BRANCH = 2, /* conditional, direct: target is set */
	INSN_FLOW_JUMP_INDIRECT = 3,
	INSN_FLOW_CALL = 4, /* direct: target is set */
	INSN_FLOW_CALL_INDIRECT = 5,
	INSN_FLOW_RET = 6,
	INSN_FLOW_STOP = 7,    /* ud2, hlt, int3: never goes on */
	INSN_FLOW_SYSCALL = 8, /* goes on, but may have waited */
};

enum insn_sp {
	INSN_SP_SAME = 0,
	INSN_SP_ADD = 1,     /* SP += sp_change (push, pop, add/sub imm, lea rsp,[rsp+n]) */
	INSN_SP_SAVE_FP = 2, /* mov rbp, rsp */
	INSN_SP_LEAVE = 3,   /* SP = FP, then pop FP */
	INSN_SP_FROM_FP = 4, /* SP = FP + sp_change (mov rsp,rbp; lea rsp,[rbp+n]) */
	INSN_SP_OTHER = 5,   /* written in a way that is not followed */
};

/* One decoded instruction, reduced to what placement asks about. */
struct insn {
	uint64_t addr;	   /* virtual address, as the ELF file counts */
	uint64_t target;   /* of a direct jump or call */
	uint64_t mem_addr; /* absolute address of a memory operand, if has_mem_addr:
			    * rip-relative, or a plain 32-bit displacement */
	int32_t sp_change; /* bytes */
	uint8_t len;
	uint8_t bytes[INSN_MAX_BYTES];
	enum insn_class cls;
	enum insn_flow flow;
	enum insn_sp sp;
	uint16_t jump_reg; /* register of an indirect jump, 0: memory operand */
	uint16_t dest_reg; /* full-width general register that is written, 0: none */
	uint16_t src_reg;  /* register operand or memory base it is computed from */
	bool has_mem_addr;
	bool mem_indexed; /* the memory operand has an index register */
	bool is_lea;
	uint8_t args_written; /* bit n: overwrites the register of argument n */
	bool writes_fp;	      /* overwrites the frame pointer register */
	bool writes_link;     /* arm64: overwrites the link register */
	bool writes_ret;      /* overwrites the integer return register, or may do so */
	bool writes_memory;   /* other than by a push, or may do so */
	bool repeats;	      /* a string instruction with rep: takes as long as the string */
	uint8_t condition;    /* INSN_CLASS_JCC: the architecture's condition code */
	bool is_nop;	      /* of any length */
	bool is_nop5;
};

/* Decoder handle; not thread-safe, one per thread. */
struct decoder;

/* NULL with errno ENOMEM. */
struct decoder *decoder__open(void);
void decoder__free(struct decoder *dec);

/* Decodes one instruction at code[0..len). -EILSEQ: not an instruction, or cut off. */
int decoder__decode(struct decoder *dec, const uint8_t *code, size_t len, uint64_t addr,
		    struct insn *out);

/* Text of one instruction ("push rbp") for output and tests. -EILSEQ likewise. */
int decoder__format(struct decoder *dec, const uint8_t *code, size_t len, uint64_t addr, char *buf,
		    size_t size);

#endif
