/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "target/process.h"
#include "target/process_access.h"
#include "target/process_stats.h"
#include "target/thread_wait.h"

static pid_t spawn_waiting(void)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	return pid;
}

static void reap(pid_t pid)
{
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void test_identity(void **state)
{
	struct process proc;
	pid_t pid = spawn_waiting();
	siginfo_t info;
	uint32_t fds;

	(void)state;
	assert_int_equal(process_open(&proc, pid), 0);
	assert_int_equal(process_check(&proc), 0);
	kill(pid, SIGKILL);
	/* A zombie is dead already; so is what its reaped PID leaves. */
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	assert_int_equal(process_check(&proc), -ESRCH);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(process_check(&proc), -ESRCH);
	assert_int_equal(process_count_fds(&proc, &fds), -ESRCH);
	process_close(&proc);
	process_close(&proc);
	assert_int_equal(process_open(&proc, pid), -ESRCH);
	assert_int_equal(process_open(&proc, 0), -ESRCH);
	assert_int_equal(process_open(&proc, -7), -ESRCH);
}

/* A recycled PID: the same number, another start time. */
/* A thread that cannot be looked at has not ended. */
static void test_thread_doing(void **state)
{
	struct process proc, closed;
	pid_t pid = spawn_waiting();
	uint32_t tid;

	(void)state;
	assert_int_equal(process_open(&proc, pid), 0);
	closed = proc;
	closed.dirfd = -1;
	while (thread_doing(&proc, (uint32_t)pid) == THREAD_RUNS)
		sched_yield();
	assert_int_equal(thread_doing(&proc, (uint32_t)pid), THREAD_SLEEPS);
	assert_int_equal(thread_doing(&proc, 1), THREAD_ENDED);
	assert_int_equal(thread_doing(&closed, (uint32_t)pid), THREAD_UNKNOWN);
	assert_int_equal(thread_by_own_tid(&proc, (uint32_t)pid, &tid), 0);
	assert_int_equal(tid, pid);
	assert_int_equal(thread_by_own_tid(&proc, 1, &tid), -ENOENT);
	assert_int_equal(thread_by_own_tid(&closed, (uint32_t)pid, &tid), -EBADF);
	process_close(&proc);
	reap(pid);
}

static void test_recycled(void **state)
{
	struct process proc;

	(void)state;
	assert_int_equal(process_open(&proc, getpid()), 0);
	assert_int_equal(process_check(&proc), 0);
	proc.starttime_ticks--;
	assert_int_equal(process_check(&proc), -ESRCH);
	process_close(&proc);
}

static void *thread_main(void *arg)
{
	struct process proc;
	int *err = arg;

	*err = process_open(&proc, (pid_t)syscall(SYS_gettid));
	return NULL;
}

static void test_thread_id_is_no_process(void **state)
{
	pthread_t thread;
	int err = 0;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, thread_main, &err), 0);
	pthread_join(thread, NULL);
	assert_int_equal(err, -EINVAL);
}

static void test_hostile_comm(void **state)
{
	struct process proc;
	char old[16];

	(void)state;
	prctl(PR_GET_NAME, old);
	prctl(PR_SET_NAME, "a) R 1 2 (x\n");
	assert_int_equal(process_open(&proc, getpid()), 0);
	assert_string_equal(proc.comm, "a) R 1 2 (x\n");
	assert_int_equal(process_check(&proc), 0);
	assert_non_null(strstr(proc.exe, "test_target_process"));
	process_close(&proc);
	prctl(PR_SET_NAME, old);
}

static uint64_t smaps_rss_kb(void)
{
	char line[256];
	uint64_t kb = 0;
	FILE *f = fopen("/proc/self/smaps_rollup", "r");

	while (f && fgets(line, sizeof(line), f))
		sscanf(line, "Rss: %lu kB", &kb);
	if (f)
		fclose(f);
	return kb;
}

static void test_status(void **state)
{
	struct process_status before, after;
	struct process proc;
	size_t size = 64u << 20;
	char *room;

	(void)state;
	assert_int_equal(process_open(&proc, getpid()), 0);
	assert_int_equal(process_read_status(&proc, &before), 0);
	room = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memset(room, 1, size);
	assert_int_equal(process_read_status(&proc, &after), 0);
	/* The kernel batches its counters per CPU: a few hundred kB are not seen at once. */
	assert_true(after.rss_anon_bytes - before.rss_anon_bytes > size - (2u << 20));
	assert_true(after.vm_hwm_bytes >= after.vm_rss_bytes - (2u << 20));
	assert_int_equal(after.vm_rss_bytes,
			 after.rss_anon_bytes + after.rss_file_bytes + after.rss_shmem_bytes);
	assert_true(labs((long)(after.vm_rss_bytes / 1024) - (long)smaps_rss_kb()) < 8192);
	assert_int_equal(after.threads, 1);
	assert_int_equal(after.state, 'R');
	assert_int_equal(after.ns_pid, getpid());
	assert_true(after.has_memory && after.seccomp >= 0);
	munmap(room, size);
	process_close(&proc);
}

static void test_fds(void **state)
{
	struct process proc;
	uint32_t before, after;
	int fds[10], i;

	(void)state;
	assert_int_equal(process_open(&proc, getpid()), 0);
	assert_int_equal(process_count_fds(&proc, &before), 0);
	for (i = 0; i < 10; i++)
		fds[i] = open("/dev/null", O_RDONLY);
	assert_int_equal(process_count_fds(&proc, &after), 0);
	assert_int_equal(after, before + 10);
	for (i = 0; i < 10; i++)
		close(fds[i]);
	process_close(&proc);
}

static uint64_t own_cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void test_cpu(void **state)
{
	struct process proc;
	uint64_t first, seen, last;

	(void)state;
	assert_int_equal(process_open(&proc, getpid()), 0);
	first = own_cpu_ns();
	assert_int_equal(process_read_cpu_ns(&proc, &seen), 0);
	last = own_cpu_ns();
	assert_true(first <= seen && seen <= last);
	process_close(&proc);
}

static void test_cpus(void **state)
{
	struct process_cpus cpus;
	struct process proc;
	pid_t pid = spawn_waiting();
	cpu_set_t set, one;
	int cpu;

	(void)state;
	assert_int_equal(process_open(&proc, pid), 0);
	assert_int_equal(sched_getaffinity(pid, sizeof(set), &set), 0);
	assert_int_equal(process_read_cpus(&proc, &cpus), 0);
	assert_int_equal(cpus.affinity, CPU_COUNT(&set));
	assert_true(cpus.available_milli > 0 && cpus.available_milli <= cpus.affinity * 1000);
	for (cpu = 0; !CPU_ISSET(cpu, &set); cpu++)
		;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	assert_int_equal(sched_setaffinity(pid, sizeof(one), &one), 0);
	assert_int_equal(process_read_cpus(&proc, &cpus), 0);
	assert_int_equal(cpus.affinity, 1);
	assert_true(cpus.available_milli <= 1000);
	process_close(&proc);
	reap(pid);
}

static void test_memory(void **state)
{
	struct process proc;
	char text[] = "some bytes", copy[sizeof(text)];
	char *room = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)state;
	assert_int_equal(process_open(&proc, getpid()), 0);
	assert_int_equal(process_read_memory(&proc, (uint64_t)(uintptr_t)text, copy, sizeof(copy)),
			 0);
	assert_memory_equal(copy, text, sizeof(text));
	assert_int_equal(process_read_memory(&proc, 16, copy, sizeof(copy)), -EFAULT);
	munmap(room + 4096, 4096);
	/* Half mapped: nothing is better than a part. */
	assert_int_equal(process_read_memory(&proc, (uint64_t)(uintptr_t)room + 4090, copy, 11),
			 -EFAULT);
	assert_int_equal(process_read_memory(&proc, UINT64_MAX - 3, copy, 11), -EFAULT);
	munmap(room, 4096);
	process_close(&proc);
}

/* Pieces that cannot be read are told apart, wherever they stand, also beyond one call's worth. */
static void test_scattered(void **state)
{
	static char text[600];
	struct process_memory_part parts[600];
	char copy[600];
	struct process proc;

	(void)state;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)i;
	for (size_t i = 0; i < 600; i++) {
		parts[i] = (struct process_memory_part){
			.address = i % 7 ? (uintptr_t)&text[i] : 16, .buf = &copy[i], .length = 1};
		copy[i] = 0;
	}
	assert_int_equal(process_open(&proc, getpid()), 0);
	assert_int_equal(process_read_scatter(&proc, parts, 600), 0);
	for (size_t i = 0; i < 600; i++) {
		assert_int_equal(parts[i].err, i % 7 ? 0 : -EFAULT);
		if (i % 7)
			assert_int_equal(copy[i], text[i]);
	}
	assert_int_equal(process_read_scatter(&proc, parts, 0), 0);
	parts[3].length = 0;
	assert_int_equal(process_read_scatter(&proc, parts, 4), -EINVAL);
	parts[3].length = PROCESS_PART_MAX + 1;
	assert_int_equal(process_read_scatter(&proc, parts, 4), -EINVAL);
	process_close(&proc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_identity),     cmocka_unit_test(test_recycled),
		cmocka_unit_test(test_thread_doing), cmocka_unit_test(test_thread_id_is_no_process),
		cmocka_unit_test(test_hostile_comm), cmocka_unit_test(test_status),
		cmocka_unit_test(test_fds),	     cmocka_unit_test(test_cpu),
		cmocka_unit_test(test_cpus),	     cmocka_unit_test(test_memory),
		cmocka_unit_test(test_scattered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
