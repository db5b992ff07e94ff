/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ends that are many, or none.
 *   many    stage_many_rets() has 12 return sites (the live test counts them in the disassembly)
 *   thread  stage_thread_end() ends by pthread_exit() inside, every second one by cancellation
 *   exit    stage_never() loops until it ends the process by exit(7) inside itself
 */
#include "truth.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define RETURN_SITES 12

/* No frame and no saved register, so that no two returns are worth joining. */
#if defined(__aarch64__)
__asm__(".text\n"
	".globl stage_many_rets\n"
	".type stage_many_rets, %function\n"
	"stage_many_rets:\n"
	".cfi_startproc\n"
	"	stp x29, x30, [sp, -32]!\n"
	".cfi_def_cfa_offset 32\n"
	".cfi_offset 29, -32\n"
	".cfi_offset 30, -24\n"
	"	str w1, [sp, 16]\n"
	"	bl truth_sleep_us\n"
	"	ldr w0, [sp, 16]\n"
	"	ldp x29, x30, [sp], 32\n"
	".cfi_def_cfa_offset 0\n"
	".set site, 0\n"
	".rept 11\n"
	"	cmp w0, site\n"
	"	b.ne 1f\n"
	"	add w0, w0, 100\n"
	"	ret\n"
	"1:\n"
	".set site, site + 1\n"
	".endr\n"
	"	add w0, w0, 100\n"
	"	ret\n"
	".cfi_endproc\n"
	".size stage_many_rets, .-stage_many_rets\n");
#else
__asm__(".text\n"
	".globl stage_many_rets\n"
	".type stage_many_rets, @function\n"
	"stage_many_rets:\n"
	".cfi_startproc\n"
	"	push %rbx\n"
	".cfi_def_cfa_offset 16\n"
	".cfi_offset %rbx, -16\n"
	"	mov %esi, %ebx\n"
	"	call truth_sleep_us@PLT\n"
	"	mov %ebx, %eax\n"
	"	pop %rbx\n"
	".cfi_def_cfa_offset 8\n"
	".set site, 0\n"
	".rept 11\n"
	"	cmp $site, %eax\n"
	"	jne 1f\n"
	"	lea 100(%rax), %eax\n"
	"	ret\n"
	"1:\n"
	".set site, site + 1\n"
	".endr\n"
	"	lea 100(%rax), %eax\n"
	"	ret\n"
	".cfi_endproc\n"
	".size stage_many_rets, .-stage_many_rets\n");
#endif

int stage_many_rets(long us, int site);

static struct truth_function *never_fn;
static struct truth_function *thread_fn;
static volatile int endless = 1;
static uint64_t never_start_ns;

/* The span of stage_never ends with the process: its truth is written while it still can be. */
STAGE void stage_never(const struct truth_opts *opts)
{
	struct truth_pace pace;

	truth_pace_start(&pace);
	while (endless) {
		if (truth_pace_next(&pace, opts))
			continue;
		truth_record(never_fn, never_start_ns, truth_now_ns(), TRUTH_ABNORMAL);
		truth_write_log();
		exit(7);
	}
}

STAGE void stage_thread_end(long us, bool exit_inside)
{
	truth_sleep_us(us);
	if (exit_inside)
		pthread_exit(NULL);
	while (endless)
		truth_sleep_us(1000); /* a cancellation point: waits for the cancel */
}

struct ending {
	long us;
	bool exit_inside;
	uint64_t start_ns;
};

static void *run_ending(void *arg)
{
	struct ending *ending = arg;

	ending->start_ns = truth_now_ns();
	stage_thread_end(ending->us, ending->exit_inside);
	return NULL;
}

static void end_one_thread(long us, bool exit_inside)
{
	struct ending ending = {.us = us, .exit_inside = exit_inside};
	pthread_t thread;
	void *result;

	pthread_create(&thread, NULL, run_ending, &ending);
	if (!exit_inside) {
		truth_sleep_us(us * 2);
		pthread_cancel(thread);
	}
	pthread_join(thread, &result);
	truth_record(thread_fn, ending.start_ns, truth_now_ns(), TRUTH_ABNORMAL);
	truth_check(exit_inside || result == PTHREAD_CANCELED, "thread was cancelled");
}

int main(int argc, char **argv)
{
	struct truth_function *many_fn = truth_fn("stage_many_rets");
	struct truth_opts opts;
	struct truth_pace pace;
	unsigned int random;

	truth_init(&opts, argc, argv);
	never_fn = truth_fn("stage_never");
	thread_fn = truth_fn("stage_thread_end");
	random = opts.seed;
	truth_ready(&opts);
	if (!strcmp(opts.mode, "exit")) {
		never_start_ns = truth_now_ns();
		stage_never(&opts);
	}
	truth_pace_start(&pace);
	while (truth_pace_next(&pace, &opts)) {
		long us = truth_draw_us(&opts, &random);
		int site = (int)(pace.done % RETURN_SITES);
		uint64_t start_ns = truth_now_ns();

		if (!strcmp(opts.mode, "thread")) {
			end_one_thread(us, pace.done % 2);
			continue;
		}
		truth_check(stage_many_rets(us, site) == 100 + site, "stage_many_rets");
		truth_record(many_fn, start_ns, truth_now_ns(), TRUTH_NORMAL);
	}
	return truth_finish();
}
