/* SPDX-License-Identifier: GPL-2.0-only */
#include "kernel/selftest_code.h"

#include <string.h>

#if defined(__aarch64__)

#define NZCV 0xf0000000

/* Named by the code below. */
struct cpu_state selftest_in __attribute__((visibility("hidden")));
struct cpu_state selftest_out __attribute__((visibility("hidden")));
uint64_t selftest_fn __attribute__((visibility("hidden")));
uint64_t selftest_sp __attribute__((visibility("hidden")));
void selftest_switch(void);

_Static_assert(offsetof(struct cpu_state, flags) == 248, "used below");
_Static_assert(offsetof(struct cpu_state, sp) == 256, "used below");
_Static_assert(offsetof(struct cpu_state, fpu) == 400, "used below");

/*
 * x16 and x17 are what the call itself needs; they have the same values in every call. What is in
 * the link register after a return means nothing (behind a uretprobe it is the kernel's address).
 * There is no red zone on arm64.
 */
#define EACH_PAIR(op)                                                                              \
	op("x0", "x1", "0") op("x2", "x3", "16") op("x4", "x5", "32") op("x6", "x7", "48")         \
		op("x8", "x9", "64") op("x10", "x11", "80") op("x12", "x13", "96")                 \
			op("x14", "x15", "112") op("x18", "x19", "144") op("x20", "x21", "160")    \
				op("x22", "x23", "176") op("x24", "x25", "192")                    \
					op("x26", "x27", "208") op("x28", "x29", "224")
#define EACH_VECTOR(op)                                                                            \
	op("q0", "q1", "400") op("q2", "q3", "432") op("q4", "q5", "464") op("q6", "q7", "496")    \
		op("q8", "q9", "528") op("q10", "q11", "560") op("q12", "q13", "592")              \
			op("q14", "q15", "624") op("q16", "q17", "656") op("q18", "q19", "688")    \
				op("q20", "q21", "720") op("q22", "q23", "752")                    \
					op("q24", "q25", "784") op("q26", "q27", "816")            \
						op("q28", "q29", "848") op("q30", "q31", "880")
#define LOAD(a, b, at)	"ldp " a ", " b ", [x17, #" at "]\n"
#define STORE(a, b, at) "stp " a ", " b ", [x17, #" at "]\n"
#define ADDRESS(reg, name)                                                                         \
	"adrp " reg ", " name "\n"                                                                 \
	"add " reg ", " reg ", :lo12:" name "\n"
/* clang-format off */
#define SAVED(op)                                                                                  \
	op " x19, x20, [sp, #16]\n" op " x21, x22, [sp, #32]\n"                                    \
	op " x23, x24, [sp, #48]\n" op " x25, x26, [sp, #64]\n"                                    \
	op " x27, x28, [sp, #80]\n" op " d8, d9, [sp, #96]\n"                                      \
	op " d10, d11, [sp, #112]\n" op " d12, d13, [sp, #128]\n" op " d14, d15, [sp, #144]\n"

__asm__(".text\n"
	".type selftest_switch, %function\n"
	"selftest_switch:\n"
	"stp x29, x30, [sp, #-160]!\n"
	SAVED("stp")
	ADDRESS("x16", "selftest_sp")
	"mov x17, sp\n"
	"str x17, [x16]\n"
	ADDRESS("x17", "selftest_in")
	EACH_VECTOR(LOAD)
	"ldr x16, [x17, #248]\n"
	"msr nzcv, x16\n"
	EACH_PAIR(LOAD)
	"adrp x16, selftest_fn\n"
	"ldr x16, [x16, :lo12:selftest_fn]\n"
	"blr x16\n"
	"stp x16, x17, [sp, #-16]!\n"
	ADDRESS("x17", "selftest_out")
	EACH_PAIR(STORE)
	EACH_VECTOR(STORE)
	"str xzr, [x17, #240]\n"
	"mrs x16, nzcv\n"
	"str x16, [x17, #248]\n"
	"add x16, sp, #16\n"
	"str x16, [x17, #256]\n"
	"ldp x0, x1, [sp], #16\n"
	"stp x0, x1, [x17, #128]\n"
	"adrp x16, selftest_sp\n"
	"ldr x16, [x16, :lo12:selftest_sp]\n"
	"mov sp, x16\n"
	SAVED("ldp")
	"ldp x29, x30, [sp], #160\n"
	"ret\n"
	".size selftest_switch, . - selftest_switch\n");
/* clang-format on */

/* NAME is the function, NAME_at the probed instruction. */
#define CODE(name, text)                                                                           \
	void name(void);                                                                           \
	extern const char name##_at[] __attribute__((visibility("hidden")));                       \
	__asm__(".text\n.p2align 4\n.type " #name ", %function\n.hidden " #name "_at\n"            \
		".globl " #name "_at\n" #name ":\n" text ".size " #name ", . - " #name "\n")
#define AT(name) #name "_at: "
#define FRAME	 "stp x29, x30, [sp, #-16]!\n"
#define UNFRAME	 "ldp x29, x30, [sp], #16\n ret\n"

CODE(code_push, AT(code_push) FRAME UNFRAME);
CODE(code_sub, AT(code_sub) "sub sp, sp, #32\n str x0, [sp, #8]\n ldr x1, [sp, #8]\n"
			    "add sp, sp, #32\n ret\n");
CODE(code_step, "mov x2, x0\n" AT(code_step) "add x0, x0, #3\n add x0, x0, x2\n ret\n");
CODE(code_sign, AT(code_sign) "hint #25\n hint #29\n ret\n");
CODE(code_bti, AT(code_bti) "hint #34\n add x0, x0, #3\n ret\n");
CODE(code_nop, AT(code_nop) "nop\n add x0, x0, #3\n ret\n");
CODE(code_adrp, AT(code_adrp) "adrp x0, selftest_in\n ret\n");
CODE(code_call, FRAME AT(code_call) "bl 1f\n" UNFRAME "1: mov x0, #5\n ret\n");
CODE(code_site, FRAME "bl 1f\n" AT(code_site) "mov x1, x0\n" UNFRAME "1: mov x0, #5\n ret\n");
CODE(code_jmp, AT(code_jmp) "b 1f\n .inst 0\n 1: mov x0, #7\n ret\n");
CODE(code_br, "adr x16, 1f\n" AT(code_br) "br x16\n .inst 0\n 1: hint #36\n mov x0, #7\n ret\n");
CODE(code_jcc, AT(code_jcc) "b.cs 1f\n ret\n 1: mov x0, #2\n ret\n");
CODE(code_cbz, "and x1, x0, #8\n" AT(code_cbz) "cbz x1, 1f\n ret\n 1: mov x0, #2\n ret\n");
CODE(code_tbz, AT(code_tbz) "tbnz x0, #3, 1f\n ret\n 1: mov x0, #2\n ret\n");
CODE(code_ret, "mov x0, #9\n" AT(code_ret) "ret\n");
CODE(code_uretprobe, AT(code_uretprobe) FRAME "mov x0, #9\n" UNFRAME);

#define ROW(what, code, site, ...)                                                                 \
	{                                                                                          \
		.name = (what), .fn = (code), .probe = code##_at, .kind = SITE_KIND_##site,        \
		.free_red_zone = true, __VA_ARGS__                                                 \
	}

const struct selftest_code selftest_codes[] = {
	ROW("entry at a pair pushed", code_push, STEPPED, .brief = true),
	ROW("entry at sub sp", code_sub, STEPPED),
	ROW("entry at paciasp", code_sign, STEPPED),
	ROW("entry at bti", code_bti, STEPPED),
	ROW("entry at nop", code_nop, NOP_LONG),
	ROW("inside, at a stepped instruction", code_step, STEPPED, .brief = true),
	ROW("inside, at adrp", code_adrp, LITERAL, .brief = true),
	ROW("inside, at a call", code_call, CALL, .brief = true),
	ROW("inside, at a jump", code_jmp, JMP),
	ROW("inside, at a jump to a register", code_br, JMP),
	ROW("inside, at a conditional jump", code_jcc, JCC),
	ROW("inside, at cbz", code_cbz, JCC),
	ROW("inside, at tbnz", code_tbz, JCC),
	ROW("exit at ret", code_ret, RET, .brief = true),
	ROW("return site, behind a call", code_site, STEPPED),
	ROW("uretprobe", code_uretprobe, STEPPED, .uretprobe = true),
};
const size_t selftest_codes_n = sizeof(selftest_codes) / sizeof(selftest_codes[0]);

void selftest_pattern(struct cpu_state *in, int variant)
{
	uint64_t value = variant ? 0x9e3779b97f4a7c15ULL : 0x0123456789abcdefULL;

	memset(in, 0, sizeof(*in));
	for (size_t i = 0; i < SELFTEST_GPRS; i++)
		in->gpr[i] = value += 0x1111111111111111ULL;
	for (size_t i = 0; i < sizeof(in->fpu); i++)
		in->fpu[i] = (uint8_t)(i * 7 + (size_t)variant);
	in->flags = variant ? NZCV : 0;
}

void selftest_call(void (*fn)(void), const struct cpu_state *in, struct cpu_state *out)
{
	selftest_in = *in;
	selftest_fn = (uintptr_t)fn;
	selftest_switch();
	*out = selftest_out;
	out->sp -= selftest_sp;
}

#endif
