/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * calibrate.c - what a probe hit costs on this very host.
 *
 * A debug trap under a hypervisor costs ten times what it does on metal, and a rare hit several
 * times a hot one, so the numbers are measured: a child of ours calls two functions of ours, one
 * whose probed instruction the kernel emulates and one that it must single-step.
 */
#include "kernel/calibrate.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kernel/loader.h"
#include "kernel/own_code.h"
#include "log/log.h"

#define HOT_CALLS     200
#define RARE_CALLS    9
#define RARE_PAUSE_NS 600000
#define DEADLINE_MS   30000 /* against a hang only: a busy machine may take seconds */
#define RUNS	      (HOT_CALLS > RARE_CALLS ? HOT_CALLS : RARE_CALLS)

/* The first is emulated at its first instruction, the second is single-stepped there. */
void calibrate_push(void);
void calibrate_step(void);

#if defined(__x86_64__)
__asm__(".text\n"
	".type calibrate_push, @function\n"
	"calibrate_push: push %rbp\n pop %rbp\n ret\n"
	".size calibrate_push, . - calibrate_push\n"
	".type calibrate_step, @function\n"
	"calibrate_step: mov %rax, %rax\n ret\n"
	".size calibrate_step, . - calibrate_step\n");
#elif defined(__aarch64__)
__asm__(".text\n"
	".type calibrate_push, %function\n"
	"calibrate_push: adr x9, calibrate_push\n ret\n"
	".size calibrate_push, . - calibrate_push\n"
	".type calibrate_step, %function\n"
	"calibrate_step: mov x9, x9\n ret\n"
	".size calibrate_step, . - calibrate_step\n");
#else
#error "neither x86-64 nor arm64"
#endif

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ULL + (uint64_t)ts.tv_nsec;
}

static int compare_u32(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static uint32_t median_call_ns(void (*fn)(void), int calls, bool pause)
{
	const struct timespec rest = {.tv_nsec = RARE_PAUSE_NS};
	uint32_t took[RUNS];

	for (int i = 0; i < calls; i++) {
		uint64_t start;

		if (pause)
			nanosleep(&rest, NULL);
		start = now_ns();
		fn();
		took[i] = (uint32_t)(now_ns() - start);
	}
	qsort(took, calls, sizeof(took[0]), compare_u32);
	return took[calls / 2];
}

static void measure(struct calibration *out)
{
	void (*const fns[TRAP_CLASSES])(void) = {calibrate_push, calibrate_step};

	for (int i = 0; i < TRAP_CLASSES; i++) {
		out->trap[i].hot_ns = median_call_ns(fns[i], HOT_CALLS, false);
		out->trap[i].rare_ns = median_call_ns(fns[i], RARE_CALLS, true);
	}
}

static uint32_t less(uint32_t with, uint32_t without)
{
	return with > without ? with - without : 1;
}

/* The child: measures without probes, waits for them, measures again, answers. */
static void child_run(int go_fd, int answer_fd)
{
	struct calibration before, after;
	char byte;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	measure(&before);
	if (write(answer_fd, "r", 1) != 1 || read(go_fd, &byte, 1) != 1)
		_exit(1);
	measure(&after);
	for (int i = 0; i < TRAP_CLASSES; i++) {
		after.trap[i].hot_ns = less(after.trap[i].hot_ns, before.trap[i].hot_ns);
		after.trap[i].rare_ns = less(after.trap[i].rare_ns, before.trap[i].rare_ns);
	}
	if (write(answer_fd, &after, sizeof(after)) != sizeof(after))
		_exit(1);
	_exit(0);
}

static int attach(struct loader *loader, pid_t child, struct uprobe_link **link)
{
	const uint64_t cookies[TRAP_CLASSES] = {0, 0};
	void (*const fns[TRAP_CLASSES])(void) = {calibrate_push, calibrate_step};
	uint64_t offsets[TRAP_CLASSES];
	struct uprobe_set set = {.path = "/proc/self/exe",
				 .pid = child,
				 .offsets = offsets,
				 .cookies = cookies,
				 .n = TRAP_CLASSES};

	for (int i = 0; i < TRAP_CLASSES; i++) {
		if (!own_code_offset((uintptr_t)fns[i], &offsets[i]))
			return -ENOENT;
	}
	return loader__attach(loader, LOADER_ENTER, &set, link);
}

static int read_all(int fd, void *buf, size_t len)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	ssize_t n;

	if (poll(&p, 1, DEADLINE_MS) != 1)
		return -ETIMEDOUT;
	n = read(fd, buf, len);
	return n == (ssize_t)len ? 0 : -EPIPE;
}

static int converse(struct loader *loader, pid_t child, int go_fd, int answer_fd,
		    struct calibration *out)
{
	struct uprobe_link *link = NULL;
	struct calibration answer;
	char ready;
	int err;

	err = read_all(answer_fd, &ready, 1);
	err = err ?: attach(loader, child, &link);
	if (!err && write(go_fd, "g", 1) != 1)
		err = -EPIPE;
	err = err ?: read_all(answer_fd, &answer, sizeof(answer));
	uprobe_link__free(link);
	if (!err)
		*out = answer;
	return err;
}

int calibrate(struct loader *loader, struct calibration *out)
{
	int go[2], answer[2], err;
	pid_t child;

	for (int i = 0; i < TRAP_CLASSES; i++)
		out->trap[i] = (struct trap_cost){.hot_ns = 10000, .rare_ns = 20000};
	if (pipe2(go, O_CLOEXEC))
		return -errno;
	if (pipe2(answer, O_CLOEXEC)) {
		err = -errno;
		close(go[0]);
		close(go[1]);
		return err;
	}
	child = fork();
	if (child == 0) {
		close(go[1]);
		child_run(go[0], answer[1]);
	}
	err = child < 0 ? -errno : 0;
	close(go[0]);
	close(answer[1]);
	err = err ?: converse(loader, child, go[1], answer[0], out);
	close(go[1]);
	close(answer[0]);
	if (child > 0) {
		if (err)
			kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
	if (err)
		log_warn("probes could not be calibrated (%s): assuming a slow machine",
			 err_str(err));
	return err;
}
