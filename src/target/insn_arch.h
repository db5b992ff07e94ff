/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CHESHIRE_TARGET_INSN_ARCH_H
#define CHESHIRE_TARGET_INSN_ARCH_H

#include <capstone/capstone.h>

#include "target/insn.h"

/* What differs between architectures in reading code. */
struct insn_arch {
	cs_arch cs_arch;
	cs_mode cs_mode;
	/* Of every instruction: then `in` is NULL, and the disassembler is for people only, as it
	 * does not know the newer instructions; 0: their lengths differ. */
	uint8_t insn_bytes;
	/* Fills out from a decoded instruction; addr, len, bytes and class STEPPED are set already.
	 */
	void (*describe)(csh handle, cs_insn *in, struct insn *out);
	/* Is memory the instruction of these len bytes with a breakpoint written over it? */
	bool (*breakpoint)(const uint8_t *memory, const uint8_t *original, size_t len);
	/* Is the code at vaddr a stub of the PLT?  *slot is the address of its slot in the GOT. */
	bool (*plt_slot)(struct decoder *dec, const uint8_t *code, size_t len, uint64_t vaddr,
			 uint64_t *slot);
	/* Is it what the slots that are not bound yet lead to? */
	bool (*plt_lazy)(struct decoder *dec, const uint8_t *code, size_t len, uint64_t vaddr);
	int64_t entry_cfa; /* CFA less SP at a function's entry */
	int32_t return_sp; /* SP at entry less SP at the instruction after the call */
	uint64_t dwarf_fp; /* DWARF register numbers */
	uint64_t dwarf_sp;
};

extern const struct insn_arch insn_arch_x86;
extern const struct insn_arch insn_arch_arm64;

/* Of this build: a target is never of another one. */
#if defined(__x86_64__)
#define INSN_ARCH_HOST (&insn_arch_x86)
#elif defined(__aarch64__)
#define INSN_ARCH_HOST (&insn_arch_arm64)
#else
#error "neither x86-64 nor arm64"
#endif

/* decoder__open for a given architecture. */
struct decoder *decoder__open_arch(const struct insn_arch *arch);

#endif
