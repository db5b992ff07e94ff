/* SPDX-License-Identifier: GPL-2.0-only */
/* Hand-written code without call frame information. */
	.text
	.macro function name
	.globl \name
	.type \name, @function
\name:
	.endm
	.macro end name
	.size \name, . - \name
	.endm

/* A 5-byte nop at the entry, then another one: neither is to be probed. */
function asm_nop5
	.byte 0x0f, 0x1f, 0x44, 0x00, 0x00
	mov %rdi, -8(%rsp)
	.byte 0x0f, 0x1f, 0x44, 0x00, 0x00
	mov -8(%rsp), %rax
	ret
end asm_nop5

/* An emulated instruction only behind the write of the first argument. */
function asm_args
	mov %rdi, %rax
	xor %edi, %edi
	push %rbx
	pop %rbx
	ret
end asm_args

/* endbr64, frame built by sub, then a call: the entry site is the push behind both. */
function asm_frame
	endbr64
	sub $24, %rsp
	lea (%rdi,%rsi), %rax
	push %rax
	pop %rax
	add $24, %rsp
	ret
end asm_frame

/* A loop back to the second instruction: nothing behind its target stands for the entry. */
function asm_loop
	mov %rdi, %rax
1:	push %rax
	pop %rax
	dec %rax
	jg 1b
	ret
end asm_loop

/* A branch behind which only the return is left; the other way has a ret of its own. */
function asm_early
	push %rbx
	sub $16, %rsp
	mov %rdi, %rbx
	lea (%rdi,%rsi), %rax
	sub $5, %rbx
	js 1f
	add $16, %rsp
	pop %rbx
	ret
1:	neg %rax
	add $16, %rsp
	pop %rbx
	ret
end asm_early

/* The same, but the return value comes behind the branch. */
function asm_early_value
	push %rbx
	mov %rdi, %rbx
	cmp $5, %rsi
	jae 1f
	mov %rbx, %rax
	pop %rbx
	ret
1:	push %rcx
	pop %rcx
	lea 7(%rbx), %rax
	pop %rbx
	ret
end asm_early_value

/* The code before the ret is jumped into: passing the branch is not the only way there. */
function asm_early_shared
	push %rdi
	pop %rax
	test $1, %dil
	jnz 2f
	add $3, %rax
	test $2, %dil
	jz 1f
	nop
2:	nop
	ret
1:	inc %rax
	ret
end asm_early_shared

/* One of two ways to the ret comes out of a call. */
function asm_early_call
	push %rbx
	mov %rdi, %rbx
	test $1, %sil
	jnz 1f
	call asm_args
	add %rax, %rbx
1:	mov %rbx, %rax
	pop %rbx
	ret
end asm_early_call

/* What the returned pointer leads to is written behind the branch. */
function asm_early_store
	push %rdi
	pop %rcx
	lea asm_word(%rip), %rax
	test %rsi, %rsi
	jz 1f
	mov %rdi, (%rax)
	ret
1:	xor %eax, %eax
	nop
	call asm_args
	ret
end asm_early_store

/* The work itself lies behind the branch: a string instruction. */
function asm_early_rep
	push %rdi
	pop %rax
	and $15, %rax
	lea 1(%rax), %rcx
	lea asm_word(%rip), %rdi
	test $1, %sil
	jz 1f
	rep stosb
	ret
1:	call asm_args
	ret
end asm_early_rep

/* Its second half, without a frame, jumps back to before the ret: a way there from outside. */
function asm_early_back
	.cfi_startproc
	push %rdi
	.cfi_adjust_cfa_offset 8
	pop %rax
	.cfi_adjust_cfa_offset -8
	test $1, %al
	jnz asm_early_back.cold
	test $2, %al
	jz 1f
	add $3, %rax
	nop
	jmp 2f
1:	inc %rax
	jmp 2f
	nop
2:	ret
	.cfi_endproc
end asm_early_back
asm_early_back.cold:
	.cfi_startproc
	add $100, %rax
	jmp 2b
	.cfi_endproc
	.size asm_early_back.cold, . - asm_early_back.cold

/*
 * A switch whose third entry leads to a part that nothing else leads to, as gcc does; from there,
 * and by the fourth entry, there is a way to the ret.
 */
function asm_early_table
	.cfi_startproc
	push %rbx
	.cfi_adjust_cfa_offset 8
	mov %rdi, %rax
	mov %rdi, %rcx
	and $3, %ecx
	lea asm_table(%rip), %rdx
	movslq (%rdx,%rcx,4), %rcx
	add %rdx, %rcx
	jmp *%rcx
1:	add $10, %rax
	jmp 3f
2:	add $20, %rax
	jmp 3f
	nop
3:	pop %rbx
	.cfi_adjust_cfa_offset -8
	ret
	.cfi_endproc
end asm_early_table
asm_early_table.cold:
	.cfi_startproc
	.cfi_def_cfa_offset 16
	add $100, %rax
	jmp 3b
	.cfi_endproc
	.size asm_early_table.cold, . - asm_early_table.cold
	.section .rodata
	.p2align 2
asm_table:
	.long 1b - asm_table, 2b - asm_table, asm_early_table.cold - asm_table, 3b - asm_table
	.text

/* So many jumps that only the rets are few enough. */
function asm_many
	push %rdi
	pop %rax
	.rept 20
	dec %rax
	js 7f
	jz 7f
	jp 7f
	jo 7f
	jmp 8f
7:	nop
	ret
8:
	.endr
	ret
end asm_many

/* Data between the instructions. */
function asm_data
	mov %rdi, %rax
	jmp 2f
	.byte 0x06, 0x07, 0x06, 0x07
2:	ret
end asm_data

/* A jump into the middle of an instruction. */
function asm_middle
	test %rdi, %rdi
	je 3f
	mov %rsi, %rax
	.byte 0x48, 0xb8
3:	.byte 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0xc3
	ret
end asm_middle

/* Tail jump from within a function without frame, after push and pop. */
function asm_tail
	push %rbx
	mov %rdi, %rbx
	mov %rbx, %rax
	pop %rbx
	jmp asm_args
end asm_tail

/* Runs into the next function. */
function asm_through
	mov %rsi, %rdi
	test %rdi, %rdi
end asm_through
function asm_after
	mov %rdi, %rax
	ret
end asm_after

/* Never returns. */
function asm_never
	ud2
end asm_never

/* Jumps back to its own first byte. */
function asm_self
	sub $1, %rdi
	jg asm_self
	mov %rdi, %rax
	ret
end asm_self
	.section .note.GNU-stack, "", @progbits

/* Made to be slow to follow: an endless row of indirect jumps from within a frame. */
	.text
function asm_slow
	push %rbx
	.rept 150000
	movslq (%rdi,%rsi,4), %rax
	jmp *%rax
	.endr
	ret
end asm_slow

	.bss
asm_word:
	.zero 64
