/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CHESHIRE_TARGET_INSN_ARCH_H
#define CHESHIRE_TARGET_INSN_ARCH_H

#include <capstone/capstone.h>

#include "target/insn.h"

/* What differs between architectures in reducing an instruction to struct insn. */
struct insn_arch {
	cs_arch cs_arch;
	cs_mode cs_mode;
	/* Fills out from a decoded instruction; addr, len and bytes are set already. */
	void (*describe)(csh handle, cs_insn *in, struct insn *out);
};

extern const struct insn_arch insn_arch_x86;

#endif
