/* SPDX-License-Identifier: GPL-2.0-only */
#include "target/site_kind.h"

#include "target/insn.h"

enum site_kind site_kind_of(const struct insn *insn)
{
	if (insn->flow == INSN_FLOW_RET)
		return SITE_KIND_RET;
	if (insn->is_nop5)
		return SITE_KIND_NOP5;
	switch (insn->cls) {
	case INSN_CLASS_PUSH:
		return SITE_KIND_PUSH;
	case INSN_CLASS_NOP:
		return SITE_KIND_NOP;
	case INSN_CLASS_NOP_LONG:
		return SITE_KIND_NOP_LONG;
	case INSN_CLASS_JMP:
		return SITE_KIND_JMP;
	case INSN_CLASS_JCC:
	case INSN_CLASS_BRANCH:
		return SITE_KIND_JCC;
	case INSN_CLASS_CALL:
		return SITE_KIND_CALL;
	case INSN_CLASS_INDIRECT:
		return insn->flow == INSN_FLOW_CALL_INDIRECT ? SITE_KIND_CALL : SITE_KIND_JMP;
	case INSN_CLASS_LITERAL:
		return SITE_KIND_LITERAL;
	case INSN_CLASS_NEVER:
	case INSN_CLASS_INVALID:
	case INSN_CLASS_STEPPED:
		break;
	}
	return SITE_KIND_STEPPED;
}

const char *site_kind_name(enum site_kind kind)
{
	switch (kind) {
	case SITE_KIND_STEPPED:
		return "single-stepped instruction";
	case SITE_KIND_RET:
		return "ret";
	case SITE_KIND_PUSH:
		return "push";
	case SITE_KIND_NOP:
		return "nop";
	case SITE_KIND_NOP_LONG:
		return "long nop";
	case SITE_KIND_NOP5:
		return "5-byte nop";
	case SITE_KIND_JMP:
		return "jump";
	case SITE_KIND_JCC:
		return "conditional jump";
	case SITE_KIND_CALL:
		return "call";
	case SITE_KIND_LITERAL:
		return "address relative to the instruction";
	case SITE_KINDS:
		break;
	}
	return "?";
}
