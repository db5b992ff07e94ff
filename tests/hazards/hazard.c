/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Places and circumstances that are dangerous to probe; the results tell whether the target
 * noticed. nop5      stage_nop5() has a 5-byte nop in its middle, with the red zone in use around
 * it seccomp   stage_work() under a filter that kills for system calls which a program has no use
 * for pressure  stage_work(), and between its calls the file --extra is read through a mapping,
 * over and over: in a small memory cgroup the code itself has to be read again and again
 */
#include "truth.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NEW_SYSCALLS 335 /* uretprobe, uprobe, ... of x86-64: what no filter of today knows */

static struct truth_function *work_fn, *nop5_fn;

STAGE uint64_t stage_work(long us, uint64_t value)
{
	truth_sleep_us(us);
	TRUTH_BARRIER();
	return truth_mix(value);
}

#if defined(__x86_64__)
uint64_t stage_nop5(uint64_t a, uint64_t b);
__asm__(".text\n.globl stage_nop5\n.type stage_nop5, @function\n"
	"stage_nop5:\n"
	"mov %rdi, -8(%rsp)\n mov %rsi, -16(%rsp)\n mov %rdi, -120(%rsp)\n"
	".byte 0x0f, 0x1f, 0x44, 0x00, 0x00\n"
	"mov -8(%rsp), %rax\n sub -16(%rsp), %rax\n add -120(%rsp), %rax\n"
	"ret\n"
	".size stage_nop5, . - stage_nop5\n");
#else
STAGE uint64_t stage_nop5(uint64_t a, uint64_t b)
{
	return a - b + a;
}
#endif

static void call_work(const struct truth_opts *opts, unsigned int *random, uint64_t value)
{
	long us = truth_draw_us(opts, random);
	uint64_t start_ns = truth_now_ns();
	uint64_t got = stage_work(us, value);

	truth_record(work_fn, start_ns, truth_now_ns(), TRUTH_NORMAL);
	truth_check(truth_unmix(got) == value, "stage_work returns what it was given");
}

static void run_nop5(const struct truth_opts *opts)
{
	struct truth_pace pace;
	bool right = true;

	truth_pace_start(&pace);
	while (truth_pace_next(&pace, opts))
		for (uint64_t i = 0; i < 10; i++)
			right &= stage_nop5(i * 7919, (uint64_t)pace.done) ==
				 2 * i * 7919 - (uint64_t)pace.done;
	truth_count(nop5_fn, 10 * (uint64_t)opts->iterations);
	truth_check(right, "every result of stage_nop5");
}

static bool filter_syscalls(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ptrace, 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, NEW_SYSCALLS, 2, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 38),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};
	const struct sock_fprog prog = {sizeof(filter) / sizeof(filter[0]), filter};

	return !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) &&
	       !prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog);
}

/* Touches every page of the file. */
static uint64_t read_through(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	const uint8_t *data;
	struct stat st;
	uint64_t sum = 0;

	if (fd < 0 || fstat(fd, &st))
		return 0;
	data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (data == MAP_FAILED)
		return 0;
	for (off_t at = 0; at < st.st_size; at += 4096)
		sum += data[at];
	munmap((void *)data, (size_t)st.st_size);
	return sum;
}

static void run_work(const struct truth_opts *opts)
{
	unsigned int random = opts->seed;
	struct truth_pace pace;
	uint64_t sum = opts->extra ? read_through(opts->extra) : 0;

	truth_pace_start(&pace);
	while (truth_pace_next(&pace, opts)) {
		call_work(opts, &random, (uint64_t)pace.done);
		if (opts->extra)
			truth_check(read_through(opts->extra) == sum, "the file's bytes");
	}
}

int main(int argc, char **argv)
{
	struct truth_opts opts;

	truth_init(&opts, argc, argv);
	work_fn = truth_fn("stage_work");
	nop5_fn = truth_fn("stage_nop5");
	if (!strcmp(opts.mode, "seccomp") && !filter_syscalls())
		return 2;
	truth_ready(&opts);
	if (!strcmp(opts.mode, "nop5"))
		run_nop5(&opts);
	else
		run_work(&opts);
	return truth_finish();
}
