/* SPDX-License-Identifier: GPL-2.0-only */
/* Encodings as an assembler writes them, and what becomes of them: on any machine. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "target/insn.h"
#include "target/insn_arch.h"

#define AT 0x10000

static struct decoder *decoder;

static int open_decoder(void **state)
{
	(void)state;
	decoder = decoder__open_arch(&insn_arch_arm64);
	return !decoder;
}

static int close_decoder(void **state)
{
	(void)state;
	decoder__free(decoder);
	return 0;
}

static struct insn decode(uint32_t word)
{
	struct insn insn;
	uint8_t bytes[4];

	memcpy(bytes, &word, sizeof(bytes));
	assert_int_equal(decoder__decode(decoder, bytes, sizeof(bytes), AT, &insn), 0);
	assert_int_equal(insn.len, 4);
	return insn;
}

static void check_class(uint32_t word, enum insn_class cls)
{
	struct insn insn = decode(word);

	if (insn.cls != cls)
		fail_msg("%08x is '%s', not '%s'", word, insn_class_name(insn.cls),
			 insn_class_name(cls));
}

/* arch/arm64/kernel/probes/decode-insn.c */
static void classes(void **state)
{
	(void)state;
	check_class(0x14000004, INSN_CLASS_JMP);      /* b */
	check_class(0x97fffffe, INSN_CLASS_CALL);     /* bl */
	check_class(0x54000040, INSN_CLASS_JCC);      /* b.eq */
	check_class(0xb4000040, INSN_CLASS_BRANCH);   /* cbz x0 */
	check_class(0x37180040, INSN_CLASS_BRANCH);   /* tbnz w0, #3 */
	check_class(0xd61f0220, INSN_CLASS_INDIRECT); /* br x17 */
	check_class(0xd63f0000, INSN_CLASS_INDIRECT); /* blr x0 */
	check_class(0xd65f03c0, INSN_CLASS_INDIRECT); /* ret */
	check_class(0x90000000, INSN_CLASS_LITERAL);  /* adrp x0 */
	check_class(0x10000000, INSN_CLASS_LITERAL);  /* adr x0 */
	check_class(0xd503201f, INSN_CLASS_NOP_LONG); /* nop */
	check_class(0xd503233f, INSN_CLASS_STEPPED);  /* paciasp */
	check_class(0xd503245f, INSN_CLASS_STEPPED);  /* bti c */
	check_class(0xa9be7bfd, INSN_CLASS_STEPPED);  /* stp x29, x30, [sp, #-32]! */
	check_class(0xd10083ff, INSN_CLASS_STEPPED);  /* sub sp, sp, #32 */
	check_class(0xf9400261, INSN_CLASS_STEPPED);  /* ldr x1, [x19] */
}

/* What the kernel refuses, and what it would step to the target's harm. */
static void never(void **state)
{
	(void)state;
	check_class(0xd50323bf, INSN_CLASS_NEVER);   /* autiasp */
	check_class(0xd65f0bff, INSN_CLASS_NEVER);   /* retaa */
	check_class(0xd4000001, INSN_CLASS_NEVER);   /* svc #0 */
	check_class(0xd4200000, INSN_CLASS_NEVER);   /* brk #0 */
	check_class(0x58000040, INSN_CLASS_NEVER);   /* ldr x0, literal */
	check_class(0x98000040, INSN_CLASS_NEVER);   /* ldrsw x0, literal */
	check_class(0x5c000040, INSN_CLASS_NEVER);   /* ldr d0, literal */
	check_class(0xd8000040, INSN_CLASS_NEVER);   /* prfm literal */
	check_class(0xc85f7c20, INSN_CLASS_NEVER);   /* ldxr x0, [x1] */
	check_class(0xc802fc20, INSN_CLASS_NEVER);   /* stlxr w2, x0, [x1] */
	check_class(0xc8dffc20, INSN_CLASS_STEPPED); /* ldar x0, [x1] */
	check_class(0xc8a0fc22, INSN_CLASS_STEPPED); /* casl x0, x2, [x1] */
}

static void flow(void **state)
{
	(void)state;
	assert_int_equal(decode(0x14000004).flow, INSN_FLOW_JUMP);
	assert_int_equal(decode(0x14000004).target, AT + 16);
	assert_int_equal(decode(0x97fffffe).flow, INSN_FLOW_CALL);
	assert_int_equal(decode(0x97fffffe).target, AT - 8);
	assert_int_equal(decode(0x54ffffc1).flow, INSN_FLOW_BRANCH); /* b.ne */
	assert_int_equal(decode(0x54ffffc1).target, AT - 8);
	assert_int_equal(decode(0x54ffffc1).condition, 1);
	assert_int_equal(decode(0xb4000040).target, AT + 8);
	assert_int_equal(decode(0x3607ffc0).target, AT - 8); /* tbz w0, #0 */
	assert_int_equal(decode(0xd61f0220).flow, INSN_FLOW_JUMP_INDIRECT);
	assert_int_equal(decode(0xd63f0000).flow, INSN_FLOW_CALL_INDIRECT);
	assert_int_equal(decode(0xd65f03c0).flow, INSN_FLOW_RET);
	assert_int_equal(decode(0xd65f0bff).flow, INSN_FLOW_RET);
	assert_int_equal(decode(0xd4000001).flow, INSN_FLOW_SYSCALL);
	assert_int_equal(decode(0xd4200000).flow, INSN_FLOW_STOP);
}

static void check_sp(uint32_t word, enum insn_sp sp, int32_t change)
{
	struct insn insn = decode(word);

	if (insn.sp != sp || insn.sp_change != change)
		fail_msg("%08x: %d by %d, not %d by %d", word, insn.sp, insn.sp_change, sp, change);
}

static void stack_pointer(void **state)
{
	(void)state;
	check_sp(0xa9be7bfd, INSN_SP_ADD, -32);	    /* stp x29, x30, [sp, #-32]! */
	check_sp(0xa8c27bfd, INSN_SP_ADD, 32);	    /* ldp x29, x30, [sp], #32 */
	check_sp(0xf81f0ffe, INSN_SP_ADD, -16);	    /* str x30, [sp, #-16]! */
	check_sp(0x6dbe27e8, INSN_SP_ADD, -32);	    /* stp d8, d9, [sp, #-32]! */
	check_sp(0xd10083ff, INSN_SP_ADD, -32);	    /* sub sp, sp, #32 */
	check_sp(0xd14007ff, INSN_SP_ADD, -4096);   /* sub sp, sp, #1, lsl #12 */
	check_sp(0x910083ff, INSN_SP_ADD, 32);	    /* add sp, sp, #32 */
	check_sp(0x910003fd, INSN_SP_SAVE_FP, 0);   /* mov x29, sp */
	check_sp(0x910003bf, INSN_SP_FROM_FP, 0);   /* mov sp, x29 */
	check_sp(0xd10083bf, INSN_SP_FROM_FP, -32); /* sub sp, x29, #32 */
	check_sp(0xcb2063ff, INSN_SP_OTHER, 0);	    /* sub sp, sp, x0 */
	check_sp(0x9120001f, INSN_SP_OTHER, 0);	    /* add sp, x0, #2048 */
	check_sp(0xf9000fe1, INSN_SP_SAME, 0);	    /* str x1, [sp, #24] */
	check_sp(0xf94007e0, INSN_SP_SAME, 0);	    /* ldr x0, [sp, #8] */
}

static void registers(void **state)
{
	(void)state;
	assert_int_equal(decode(0xaa0003f3).args_written, 0); /* mov x19, x0 */
	assert_int_equal(decode(0x2a0103e0).args_written, 1); /* mov w0, w1 */
	assert_true(decode(0x2a0103e0).writes_ret);
	assert_int_equal(decode(0xa9400be1).args_written, 6);	  /* ldp x1, x2, [sp] */
	assert_int_equal(decode(0xf9000fe1).args_written, 0);	  /* str x1, [sp, #24] */
	assert_int_equal(decode(0xf8408441).args_written, 6);	  /* ldr x1, [x2], #8 */
	assert_int_equal(decode(0x90000003).args_written, 8);	  /* adrp x3 */
	assert_int_equal(decode(0xc8a0fc22).args_written & 1, 1); /* casl x0, x2, [x1] */
	assert_int_equal(decode(0x97fffffe).args_written, 0xff);  /* bl */
	assert_int_equal(decode(0xb4000040).args_written, 0);	  /* cbz x0 */
	assert_true(decode(0x97fffffe).writes_link);
	assert_true(decode(0xa8c27bfd).writes_link); /* ldp x29, x30, [sp], #32 */
	assert_true(decode(0xa8c27bfd).writes_fp);
	assert_false(decode(0xd65f03c0).writes_link);
}

static void check_plt(const uint32_t *words, size_t n, bool is_plt)
{
	uint8_t code[32] = {0};
	uint64_t slot = 0;

	memcpy(code, words, n * sizeof(*words));
	assert_int_equal(insn_arch_arm64.plt_slot(decoder, code, sizeof(code), AT, &slot), is_plt);
	if (is_plt)
		assert_int_equal(slot, AT + 0x10000 + 24);
}

/* adrp x16, +0x10000 ; ldr x17, [x16, #24] ; add x16, x16, #24 ; br x17 */
static void plt(void **state)
{
	static const uint32_t stub[] = {0x90000090, 0xf9400e11, 0x91006210, 0xd61f0220};
	static const uint32_t padded[] = {0xd503245f, 0x90000090, 0xf9400e11, 0x91006210,
					  0xd61f0220};
	static const uint32_t other[] = {0x90000080, 0xf9400c01, 0x91006000, 0xd65f03c0};
	static const uint32_t head[] = {0xa9bf7bf0, 0x90000090};

	(void)state;
	check_plt(stub, 4, true);
	check_plt(padded, 5, true);
	check_plt(other, 4, false);
	assert_true(insn_arch_arm64.plt_lazy(decoder, (const uint8_t *)head, sizeof(head), AT));
	assert_false(insn_arch_arm64.plt_lazy(decoder, (const uint8_t *)stub, sizeof(stub), AT));
}

static void breakpoints(void **state)
{
	static const uint32_t words[] = {0xd42000a0, 0xd4200000, 0xa9be7bfd};
	const uint8_t *original = (const uint8_t *)&words[2];

	(void)state;
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(
			insn_arch_arm64.breakpoint((const uint8_t *)&words[i], original, 4), i < 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(classes),     cmocka_unit_test(never),
		cmocka_unit_test(flow),	       cmocka_unit_test(stack_pointer),
		cmocka_unit_test(registers),   cmocka_unit_test(plt),
		cmocka_unit_test(breakpoints),
	};

	return cmocka_run_group_tests(tests, open_decoder, close_decoder);
}
