/* SPDX-License-Identifier: GPL-2.0-only */
#include "target/insn.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <capstone/capstone.h>

#include "target/insn_arch.h"

struct decoder {
	const struct insn_arch *arch;
	csh handle;
	cs_insn *scratch;
};

const char *insn_class_name(enum insn_class cls)
{
	static const char *const names[] = {
		[INSN_CLASS_INVALID] = "invalid",   [INSN_CLASS_STEPPED] = "stepped",
		[INSN_CLASS_PUSH] = "push",	    [INSN_CLASS_NOP] = "nop",
		[INSN_CLASS_NOP_LONG] = "long nop", [INSN_CLASS_JMP] = "jmp",
		[INSN_CLASS_JCC] = "jcc",	    [INSN_CLASS_CALL] = "call",
		[INSN_CLASS_BRANCH] = "branch",	    [INSN_CLASS_INDIRECT] = "branch to register",
		[INSN_CLASS_LITERAL] = "literal",   [INSN_CLASS_NEVER] = "never probed",
	};

	return (unsigned int)cls < sizeof(names) / sizeof(names[0]) ? names[cls] : "invalid";
}

bool insn_class_emulated(enum insn_class cls)
{
	return cls > INSN_CLASS_STEPPED && cls != INSN_CLASS_NOP_LONG && cls != INSN_CLASS_NEVER;
}

/* The low bit of a condition code says "not", on both. */
uint8_t insn_condition_inverse(uint8_t condition)
{
	return condition ^ 1;
}

struct decoder *decoder__open(void)
{
	return decoder__open_arch(INSN_ARCH_HOST);
}

struct decoder *decoder__open_arch(const struct insn_arch *arch)
{
	struct decoder *dec = calloc(1, sizeof(*dec));

	if (!dec || cs_open(arch->cs_arch, arch->cs_mode, &dec->handle) != CS_ERR_OK) {
		free(dec);
		errno = ENOMEM;
		return NULL;
	}
	dec->arch = arch;
	cs_option(dec->handle, CS_OPT_DETAIL, CS_OPT_ON);
	dec->scratch = cs_malloc(dec->handle);
	if (!dec->scratch) {
		decoder__free(dec);
		errno = ENOMEM;
		return NULL;
	}
	return dec;
}

void decoder__free(struct decoder *dec)
{
	if (!dec)
		return;
	if (dec->scratch)
		cs_free(dec->scratch, 1);
	cs_close(&dec->handle);
	free(dec);
}

int decoder__decode(struct decoder *dec, const uint8_t *code, size_t len, uint64_t addr,
		    struct insn *out)
{
	size_t left = len > INSN_MAX_BYTES ? INSN_MAX_BYTES : len;
	const uint8_t *p = code;
	uint64_t at = addr;

	memset(out, 0, sizeof(*out));
	out->addr = addr;
	out->cls = INSN_CLASS_STEPPED;
	if (dec->arch->insn_bytes && len < dec->arch->insn_bytes)
		return -EILSEQ;
	if (!dec->arch->insn_bytes && !cs_disasm_iter(dec->handle, &p, &left, &at, dec->scratch))
		return -EILSEQ;
	out->len = dec->arch->insn_bytes ?: (uint8_t)dec->scratch->size;
	memcpy(out->bytes, code, out->len);
	dec->arch->describe(dec->handle, dec->arch->insn_bytes ? NULL : dec->scratch, out);
	return 0;
}

int decoder__format(struct decoder *dec, const uint8_t *code, size_t len, uint64_t addr, char *buf,
		    size_t size)
{
	size_t left = len > INSN_MAX_BYTES ? INSN_MAX_BYTES : len;
	const uint8_t *p = code;

	if (!cs_disasm_iter(dec->handle, &p, &left, &addr, dec->scratch))
		return -EILSEQ;
	snprintf(buf, size, "%s%s%s", dec->scratch->mnemonic, dec->scratch->op_str[0] ? " " : "",
		 dec->scratch->op_str);
	return 0;
}
