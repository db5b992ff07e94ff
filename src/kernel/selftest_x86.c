/* SPDX-License-Identifier: GPL-2.0-only */
#include "kernel/selftest_code.h"

#include <string.h>

#if defined(__x86_64__)

#define FLAGS_FIXED 0x202 /* bit 1 and interrupts */
#define FLAGS_ALL   0xcd5 /* carry, parity, adjust, zero, sign, direction, overflow */
#define MXCSR	    0x1f80
#define X87_CONTROL 0x37f

/* Named by the code below. */
struct cpu_state selftest_in __attribute__((visibility("hidden")));
struct cpu_state selftest_out __attribute__((visibility("hidden")));
uint64_t selftest_fn __attribute__((visibility("hidden")));
uint64_t selftest_sp __attribute__((visibility("hidden")));
void selftest_switch(void);

_Static_assert(offsetof(struct cpu_state, flags) == 120, "used below");
_Static_assert(offsetof(struct cpu_state, sp) == 128, "used below");
_Static_assert(offsetof(struct cpu_state, red_zone) == 136, "used below");
_Static_assert(offsetof(struct cpu_state, fpu) == 272 && 272 % 16 == 0, "used below");

/*
 * The direction flag is part of the pattern, so it is cleared before C goes on; MXCSR and the x87
 * control word have their usual values.
 */
#define EACH_GPR(op)                                                                               \
	op("rax", "0") op("rbx", "8") op("rcx", "16") op("rdx", "24") op("rsi", "32")              \
		op("rdi", "40") op("rbp", "48") op("r8", "56") op("r9", "64") op("r10", "72")      \
			op("r11", "80") op("r12", "88") op("r13", "96") op("r14", "104")           \
				op("r15", "112")
#define LOAD(reg, at)  "mov selftest_in+" at "(%rip), %" reg "\n"
#define STORE(reg, at) "mov %" reg ", selftest_out+" at "(%rip)\n"

__asm__(".text\n"
	".type selftest_switch, @function\n"
	"selftest_switch:\n"
	"push %rbx\n push %rbp\n push %r12\n push %r13\n push %r14\n push %r15\n"
	"mov %rsp, selftest_sp(%rip)\n"
	"fxrstor selftest_in+272(%rip)\n"
	"lea selftest_in+136(%rip), %rsi\n"
	"lea -136(%rsp), %rdi\n"
	"mov $16, %ecx\n"
	"rep movsq\n"
	"pushq selftest_in+120(%rip)\n"
	"popfq\n" EACH_GPR(LOAD) "call *selftest_fn(%rip)\n" EACH_GPR(
		STORE) "mov %rsp, selftest_out+128(%rip)\n"
		       "pushfq\n"
		       "popq selftest_out+120(%rip)\n"
		       "cld\n"
		       "fxsave selftest_out+272(%rip)\n"
		       "lea -136(%rsp), %rsi\n"
		       "lea selftest_out+136(%rip), %rdi\n"
		       "mov $16, %ecx\n"
		       "rep movsq\n"
		       "mov selftest_sp(%rip), %rsp\n"
		       "pop %r15\n pop %r14\n pop %r13\n pop %r12\n pop %rbp\n pop %rbx\n"
		       "ret\n"
		       ".size selftest_switch, . - selftest_switch\n");

/* NAME is the function, NAME_at the probed instruction. */
#define CODE(name, text)                                                                           \
	void name(void);                                                                           \
	extern const char name##_at[] __attribute__((visibility("hidden")));                       \
	__asm__(".text\n.p2align 4\n.type " #name ", @function\n.hidden " #name "_at\n"            \
		".globl " #name "_at\n" #name ":\n" text ".size " #name ", . - " #name "\n")
#define AT(name) #name "_at: "

CODE(code_push, AT(code_push) "push %rbp\n mov %rsp, %rbp\n pop %rbp\n ret\n");
CODE(code_nop, AT(code_nop) "nop\n lea 3(%rdi), %rax\n ret\n");
CODE(code_endbr, AT(code_endbr) "endbr64\n lea 3(%rdi), %rax\n ret\n");
CODE(code_step, "mov %rdi, -8(%rsp)\n" AT(code_step) "lea 3(%rdi), %rax\n"
						     "add -8(%rsp), %rax\n ret\n");
CODE(code_rip, AT(code_rip) "mov selftest_in(%rip), %rax\n ret\n");
CODE(code_hook, AT(code_hook) "ret\n");
CODE(code_ret, "mov %rdi, %rax\n mov %rdi, -16(%rsp)\n" AT(code_ret) "ret\n");
CODE(code_jcc, "mov $1, %eax\n" AT(code_jcc) "jc 1f\n ret\n 1: mov $2, %eax\n ret\n");
CODE(code_jmp, "mov %rdi, -8(%rsp)\n" AT(code_jmp) "jmp 1f\n ud2\n 1: mov -8(%rsp), %rax\n ret\n");
CODE(code_call, AT(code_call) "call 1f\n ret\n 1: mov $5, %eax\n ret\n");
CODE(code_site, "call 1f\n" AT(code_site) "mov %rax, %rdx\n ret\n 1: mov $5, %eax\n ret\n");
CODE(code_nop4, "mov %rdi, -8(%rsp)\n" AT(code_nop4) ".byte 0x0f, 0x1f, 0x40, 0x00\n"
						     "mov -8(%rsp), %rax\n ret\n");
CODE(code_nop5_first, AT(code_nop5_first) ".byte 0x0f, 0x1f, 0x44, 0x00, 0x00\n"
					  "lea 3(%rdi), %rax\n ret\n");
CODE(code_nop5, "mov %rdi, -8(%rsp)\n" AT(code_nop5) ".byte 0x0f, 0x1f, 0x44, 0x00, 0x00\n"
						     "mov -8(%rsp), %rax\n ret\n");
CODE(code_uretprobe, AT(code_uretprobe) "push %rbp\n mov %rsp, %rbp\n lea 3(%rdi), %rax\n"
					"mov $9, %edx\n pop %rbp\n ret\n");

#define ROW(what, code, site, ...)                                                                 \
	{                                                                                          \
		.name = (what), .fn = (code), .probe = code##_at, .kind = SITE_KIND_##site,        \
		__VA_ARGS__                                                                        \
	}

const struct selftest_code selftest_codes[] = {
	ROW("entry at push", code_push, PUSH, .brief = true, .free_red_zone = true),
	ROW("entry at nop", code_nop, NOP, .free_red_zone = true),
	ROW("entry at endbr64", code_endbr, STEPPED, .free_red_zone = true),
	ROW("entry at a stepped instruction", code_step, STEPPED, .brief = true),
	ROW("entry at one that addresses by rip", code_rip, STEPPED, .free_red_zone = true),
	ROW("entry at a 5-byte nop", code_nop5_first, NOP5, .free_red_zone = true),
	ROW("inside, at a 4-byte nop", code_nop4, NOP_LONG),
	ROW("inside, at a call", code_call, CALL, .free_red_zone = true),
	ROW("exit at ret", code_ret, RET, .brief = true),
	ROW("exit at a conditional jump", code_jcc, JCC, .brief = true),
	ROW("exit at a jump", code_jmp, JMP),
	ROW("return site, behind a call", code_site, STEPPED),
	ROW("hook: a function of one ret", code_hook, RET, .free_red_zone = true),
	ROW("uretprobe", code_uretprobe, PUSH, .uretprobe = true, .free_red_zone = true),
	ROW("inside, at a 5-byte nop", code_nop5, NOP5, .forbidden = true),
};
const size_t selftest_codes_n = sizeof(selftest_codes) / sizeof(selftest_codes[0]);

void selftest_pattern(struct cpu_state *in, int variant)
{
	const uint16_t control = X87_CONTROL;
	const uint32_t mxcsr = MXCSR;
	uint64_t value = variant ? 0x9e3779b97f4a7c15ULL : 0x0123456789abcdefULL;

	memset(in, 0, sizeof(*in));
	for (size_t i = 0; i < sizeof(in->gpr) / sizeof(in->gpr[0]); i++)
		in->gpr[i] = value += 0x1111111111111111ULL;
	for (size_t i = 0; i < sizeof(in->red_zone) / sizeof(in->red_zone[0]); i++)
		in->red_zone[i] = value += 0x0f1e2d3c4b5a6978ULL;
	for (size_t i = 160; i < 416; i++) /* xmm0 to xmm15 */
		in->fpu[i] = (uint8_t)(i * 7 + (size_t)variant);
	memcpy(in->fpu, &control, sizeof(control));
	memcpy(in->fpu + 24, &mxcsr, sizeof(mxcsr));
	in->flags = FLAGS_FIXED | (variant ? FLAGS_ALL : 0);
}

void selftest_call(void (*fn)(void), const struct cpu_state *in, struct cpu_state *out)
{
	selftest_in = *in;
	selftest_fn = (uintptr_t)fn;
	selftest_switch();
	*out = selftest_out;
	out->sp -= selftest_sp;
}

#elif !defined(__aarch64__)

const struct selftest_code selftest_codes[1];
const size_t selftest_codes_n;

void selftest_pattern(struct cpu_state *in, int variant)
{
	(void)variant;
	memset(in, 0, sizeof(*in));
}

void selftest_call(void (*fn)(void), const struct cpu_state *in, struct cpu_state *out)
{
	fn();
	*out = *in;
}

#endif
