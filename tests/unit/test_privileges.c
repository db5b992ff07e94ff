/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is dropped cannot be had back, so every test works in a child.  A call counts as forbidden
 * if it is answered with EPERM after the drop and with something else before.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <linux/openat2.h>
#include <linux/perf_event.h>
#include <pthread.h>
#include <sched.h>
#include <seccomp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <cmocka.h>

#include "keeper/privileges.h"
#include "kernel/uprobe_link.h"
#include "log/log.h"

#define NOBODY 65534

static char complaint[4096];

/* Says what is wrong; the child's report. */
static void __attribute__((format(printf, 1, 2))) complain(const char *fmt, ...)
{
	size_t used = strlen(complaint);
	va_list args;

	va_start(args, fmt);
	vsnprintf(complaint + used, sizeof(complaint) - used, fmt, args);
	va_end(args);
	used = strlen(complaint);
	snprintf(complaint + used, sizeof(complaint) - used, "\n");
}

#define EXPECT(condition)                                                                          \
	do {                                                                                       \
		if (!(condition))                                                                  \
			complain("line %d: %s (errno %d)", __LINE__, #condition, errno);           \
	} while (0)

/* The child answers "done" after its complaints: one that ended early does not pass. */
static void in_child(void (*body)(void))
{
	char answer[sizeof(complaint) + 8] = "";
	size_t len = 0;
	ssize_t n;
	int fds[2], status;
	pid_t child;

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	child = fork();
	assert_true(child >= 0);
	if (!child) {
		complaint[0] = '\0';
		body();
		strcat(complaint, "done");
		_exit(write(fds[1], complaint, strlen(complaint)) > 0 ? 0 : 1);
	}
	close(fds[1]);
	while ((n = read(fds[0], answer + len, sizeof(answer) - 1 - len)) > 0)
		len += (size_t)n;
	close(fds[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_string_equal(answer, "done");
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void root_only(void)
{
	if (geteuid() == 0)
		return;
	print_message("skipped: needs root\n");
	skip();
}

/* A field of /proc/self/status as a number of the given base. */
static uint64_t status_field(const char *name, int base)
{
	FILE *f = fopen("/proc/self/status", "re");
	uint64_t value = UINT64_MAX;
	char line[256];

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, name, strlen(name)) && line[strlen(name)] == ':')
			value = strtoull(line + strlen(name) + 1, NULL, base);
	if (f)
		fclose(f);
	return value;
}

#define CAP(name) (UINT64_C(1) << CAP_##name)
#define KEPT                                                                                       \
	(CAP(BPF) | CAP(PERFMON) | CAP(SYS_PTRACE) | CAP(DAC_READ_SEARCH) | CAP(CHECKPOINT_RESTORE))

static int drop(enum privileges_role role, bool perf, int state_dir_fd)
{
	const struct privileges p = {
		.role = role, .perf = perf, .channel_fd = -1, .state_dir_fd = state_dir_fd};

	return privileges_drop(&p);
}

static int drop_keeper(void)
{
	return drop(PRIVILEGES_OF_KEEPER, false, -1);
}

static int drop_session(void)
{
	return drop(PRIVILEGES_OF_SESSION, false, -1);
}

static void check_status(uint64_t caps)
{
	EXPECT(status_field("CapEff", 16) == caps);
	EXPECT(status_field("CapPrm", 16) == caps);
	EXPECT(status_field("CapInh", 16) == 0);
	EXPECT(status_field("CapBnd", 16) == 0);
	EXPECT(status_field("CapAmb", 16) == 0);
	EXPECT(status_field("NoNewPrivs", 10) == 1);
	EXPECT(status_field("Seccomp", 10) == 2);
}

static void session_has_none(void)
{
	struct rlimit core = {1, 1};

	EXPECT(drop_session() == 0);
	check_status(0);
	EXPECT(getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_cur == 0 && core.rlim_max == 0);
}

static void with_multi(void)
{
	const uint64_t before = status_field("CapPrm", 16);
	struct rlimit core = {1, 1};

	EXPECT(drop_keeper() == 0);
	check_status(before & KEPT);
	EXPECT(getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_cur == 0 && core.rlim_max == 0);
}

static void without_multi(void)
{
	const uint64_t before = status_field("CapPrm", 16);

	EXPECT(drop(PRIVILEGES_OF_KEEPER, true, -1) == 0);
	check_status(before & (KEPT | CAP(SYS_ADMIN)));
	/* No attributes: EFAULT from the kernel, EPERM from a filter. */
	EXPECT(syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0) < 0 && errno == EFAULT);
	EXPECT(ioctl(STDERR_FILENO, PERF_EVENT_IOC_ENABLE, 0) == 0 || errno == ENOTTY);
}

static void test_capabilities(void **state)
{
	(void)state;
	root_only();
	in_child(session_has_none);
	in_child(with_multi);
}

static void test_capabilities_perf(void **state)
{
	(void)state;
	root_only();
	in_child(without_multi);
}

struct call {
	const char *what;
	long number;
	long args[6];
};

static char byte[8192] __attribute__((aligned(4096)));
static struct iovec one = {byte, 1};

/* Harmless even where they are permitted: bad pointers, signal 0, empty flags. */
static const struct call forbidden[] = {
	{"execve", SYS_execve, {0}},
	{"execveat", SYS_execveat, {-1}},
	{"ptrace", SYS_ptrace, {PTRACE_PEEKDATA, 1}},
	{"process_vm_writev", SYS_process_vm_writev, {1, 0, 0, 0, 0, 1}},
	{"kill", SYS_kill, {1, 0}},
	{"tkill", SYS_tkill, {1, 0}},
	{"tgkill of another", SYS_tgkill, {1, 1, 0}},
	{"pidfd_send_signal", SYS_pidfd_send_signal, {-1}},
	{"pidfd_getfd", SYS_pidfd_getfd, {-1}},
	{"socket of IPv4", SYS_socket, {AF_INET, SOCK_DGRAM}},
	{"socket of IPv6", SYS_socket, {AF_INET6, SOCK_DGRAM}},
	{"socket of netlink", SYS_socket, {AF_NETLINK, SOCK_RAW}},
	{"bind", SYS_bind, {-1}},
	{"sendto an address", SYS_sendto, {-1, 0, 0, 0, (long)byte, 1}},
	{"sendmsg", SYS_sendmsg, {-1}},
	{"open for writing", SYS_openat, {AT_FDCWD, (long)"/dev/null", O_WRONLY}},
	{"open for both", SYS_openat, {AT_FDCWD, (long)"/dev/null", O_RDWR}},
	{"open to create", SYS_openat, {AT_FDCWD, (long)"/proc/none", O_CREAT, 0600}},
	{"open to empty", SYS_openat, {AT_FDCWD, (long)"/dev/null", O_TRUNC}},
	{"open a nameless file", SYS_openat, {AT_FDCWD, (long)"/proc/none", O_TMPFILE}},
	{"unlink", SYS_unlink, {0}},
	{"unlinkat", SYS_unlinkat, {-1}},
	{"rename", SYS_rename, {0}},
	{"mkdir", SYS_mkdir, {0}},
	{"chmod", SYS_chmod, {0}},
	{"fchmod", SYS_fchmod, {-1}},
	{"chown", SYS_chown, {0}},
	{"truncate", SYS_truncate, {0}},
	{"mount", SYS_mount, {0, 0, 0, 0, 0}},
	{"chroot", SYS_chroot, {0}},
	{"setns", SYS_setns, {-1}},
	{"unshare", SYS_unshare, {0}},
	{"clone into a user namespace", SYS_clone, {CLONE_NEWUSER | CLONE_FS}},
	{"init_module", SYS_init_module, {0}},
	{"finit_module", SYS_finit_module, {-1}},
	{"open_by_handle_at", SYS_open_by_handle_at, {-1}},
	{"setuid", SYS_setuid, {0}},
	{"capset", SYS_capset, {0}},
	{"keyctl", SYS_keyctl, {-1}},
	{"io_uring_setup", SYS_io_uring_setup, {1, 0}},
	{"userfaultfd", SYS_userfaultfd, {-1}},
	{"perf_event_open", SYS_perf_event_open, {0, 0, -1, -1, 0}},
	{"memory that can be run",
	 SYS_mmap,
	 {0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0}},
	{"memory made runnable", SYS_mprotect, {(long)byte, 4096, PROT_READ | PROT_EXEC}},
	{"prctl of dumpable", SYS_prctl, {PR_SET_DUMPABLE, 5}},
	{"a higher limit of core files", SYS_prlimit64, {0, RLIMIT_CORE, 1, 0}},
	{"limits of another", SYS_prlimit64, {1, RLIMIT_MEMLOCK, 0, 0}},
	{"bpf: pin", SYS_bpf, {BPF_OBJ_PIN, (long)byte, 1}},
	{"bpf: get", SYS_bpf, {BPF_OBJ_GET, (long)byte, 1}},
	{"bpf: programs of others", SYS_bpf, {BPF_PROG_GET_FD_BY_ID, (long)byte, 1}},
	{"bpf: maps of others", SYS_bpf, {BPF_MAP_GET_FD_BY_ID, (long)byte, 1}},
	{"bpf: attach", SYS_bpf, {BPF_PROG_ATTACH, (long)byte, 1}},
	{"bpf: test run", SYS_bpf, {BPF_PROG_TEST_RUN, (long)byte, 1}},
};

#define FORBIDDEN_N (sizeof(forbidden) / sizeof(forbidden[0]))

/* What the keeper does for the session. */
static const struct call forbidden_to_session[] = {
	{"openat2", SYS_openat2, {-1}},
	{"memory of another", SYS_process_vm_readv, {1, 0, 0, 0, 0, 1}},
	{"a process", SYS_clone, {CLONE_SIGHAND}},
	{"memfd_create", SYS_memfd_create, {0}},
	{"pipe2", SYS_pipe2, {0}},
	{"recvmsg", SYS_recvmsg, {-1}},
	{"prctl", SYS_prctl, {PR_SET_PDEATHSIG, 0}},
	{"bpf: link", SYS_bpf, {BPF_LINK_CREATE, (long)byte, 1}},
	{"bpf: program", SYS_bpf, {BPF_PROG_LOAD, (long)byte, 1}},
	{"bpf: map", SYS_bpf, {BPF_MAP_CREATE, (long)byte, 1}},
	{"bpf: BTF", SYS_bpf, {BPF_BTF_LOAD, (long)byte, 1}},
	{"bpf: raw tracepoint", SYS_bpf, {BPF_RAW_TRACEPOINT_OPEN, (long)byte, 1}},
};

/* It only answers. */
static const struct call forbidden_to_keeper[] = {
	{"socket", SYS_socket, {AF_UNIX, -1}},
	{"connect", SYS_connect, {-1}},
	{"sendto", SYS_sendto, {-1}},
	{"recvmsg", SYS_recvmsg, {-1}},
	{"bpf: iterator", SYS_bpf, {BPF_ITER_CREATE, (long)byte, 1}},
	{"bpf: delete", SYS_bpf, {BPF_MAP_DELETE_ELEM, (long)byte, 1}},
};

static bool refused(const struct call *c)
{
	long ret;

	errno = 0;
	ret = syscall(c->number, c->args[0], c->args[1], c->args[2], c->args[3], c->args[4],
		      c->args[5]);
	if (ret >= 0 && (c->number == SYS_openat || c->number == SYS_socket))
		close((int)ret);
	return ret < 0 && errno == EPERM;
}

/* What is answered with EPERM here even without the drop, such as in a container. */
static void expect_refused(const struct call *calls, size_t n, const bool *before)
{
	for (size_t i = 0; i < n; i++) {
		if (before[i])
			complain("%s: refused before the drop, the test shows nothing",
				 calls[i].what);
		if (!refused(&calls[i]))
			complain("%s: not refused (errno %d)", calls[i].what, errno);
	}
}

static void try_forbidden(int (*drop_role)(void), const struct call *more, size_t more_n)
{
	bool before[FORBIDDEN_N], more_before[FORBIDDEN_N];

	for (size_t i = 0; i < FORBIDDEN_N; i++)
		before[i] = refused(&forbidden[i]);
	for (size_t i = 0; i < more_n; i++)
		more_before[i] = refused(&more[i]);
	EXPECT(mprotect(byte, 4096, PROT_READ | PROT_WRITE) == 0);
	EXPECT(drop_role() == 0);
	expect_refused(forbidden, FORBIDDEN_N, before);
	expect_refused(more, more_n, more_before);
}

static void try_forbidden_session(void)
{
	try_forbidden(drop_session, forbidden_to_session,
		      sizeof(forbidden_to_session) / sizeof(forbidden_to_session[0]));
}

static void try_forbidden_keeper(void)
{
	try_forbidden(drop_keeper, forbidden_to_keeper,
		      sizeof(forbidden_to_keeper) / sizeof(forbidden_to_keeper[0]));
}

static void test_forbidden(void **state)
{
	(void)state;
	root_only();
	in_child(try_forbidden_session);
	in_child(try_forbidden_keeper);
}

static void read_files(void)
{
	struct open_how how = {.flags = O_PATH, .resolve = RESOLVE_IN_ROOT};
	char path[64];
	struct stat st;
	int dir, fd;

	snprintf(path, sizeof(path), "/proc/%d", (int)getppid());
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	EXPECT(dir >= 0);
	fd = openat(dir, "maps", O_RDONLY);
	EXPECT(fd >= 0 && read(fd, byte, 16) == 16);
	close(fd);
	fd = openat(dir, "exe", O_PATH);
	EXPECT(fd >= 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	EXPECT(open(path, O_RDONLY) >= 0);
	EXPECT(readlinkat(dir, "exe", byte, 64) > 0);
	EXPECT(fstatat(dir, "fd", &st, 0) == 0);
	fd = openat(dir, "root", O_PATH | O_DIRECTORY);
	EXPECT(syscall(SYS_openat2, fd, "/proc/version", &how, sizeof(how)) >= 0);
}

static void look_at_parent(void)
{
	struct iovec local = {byte + 4096, 1};
	cpu_set_t cpus;
	clockid_t clock;
	struct timespec ts;

	/* The parent's copy of this page is where ours is. */
	EXPECT(process_vm_readv(getppid(), &local, 1, &one, 1, 0) == 1);
	EXPECT(clock_getcpuclockid(getppid(), &clock) == 0 && clock_gettime(clock, &ts) == 0);
	EXPECT(sched_getaffinity(getppid(), sizeof(cpus), &cpus) == 0);
}

static void use_process(void)
{
	const struct timespec moment = {.tv_nsec = 1000};
	struct epoll_event event;
	int ep = epoll_create1(EPOLL_CLOEXEC), fds[2], status = -1;
	pid_t child;
	void *big;

	EXPECT(ep >= 0 && epoll_wait(ep, &event, 1, 0) == 0);
	EXPECT(nanosleep(&moment, NULL) == 0);
	EXPECT(pipe2(fds, O_CLOEXEC) == 0 && write(fds[1], "x", 1) == 1);
	big = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	EXPECT(big != MAP_FAILED && munmap(big, 1 << 20) == 0);
	child = fork();
	if (!child)
		_exit(prctl(PR_SET_PDEATHSIG, SIGKILL) ? 1 : 7);
	EXPECT(child > 0 && waitpid(child, &status, 0) == child);
	EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 7);
}

static void talk_to_syslog(void)
{
	struct sockaddr_un nowhere = {.sun_family = AF_UNIX, .sun_path = "/proc/no-such-socket"};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	EXPECT(fd >= 0);
	EXPECT(connect(fd, (struct sockaddr *)&nowhere, sizeof(nowhere)) < 0 && errno == ENOENT);
	EXPECT(send(fd, "x", 1, MSG_DONTWAIT) < 0 && errno == ENOTCONN);
}

static void keeper_needs(void)
{
	EXPECT(drop_keeper() == 0);
	read_files();
	look_at_parent();
	use_process();
}

static void *add_one(void *number)
{
	++*(int *)number;
	return number;
}

/* What everybody may read, threads to close links, words to the keeper and to syslog. */
static void session_needs(void)
{
	struct privileges p = {.role = PRIVILEGES_OF_SESSION, .channel_fd = -1, .state_dir_fd = -1};
	char text[64] = "", path[64];
	int ends[2], number = 1, fd;
	struct iovec part = {text, sizeof(text)};
	struct msghdr msg = {.msg_iov = &part, .msg_iovlen = 1};
	pthread_t thread;

	EXPECT(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0);
	p.channel_fd = ends[0];
	EXPECT(privileges_drop(&p) == 0);
	EXPECT(sendmsg(ends[0], &msg, MSG_NOSIGNAL) == sizeof(text));
	EXPECT(write(ends[1], "answer", 6) == 6 && recvmsg(ends[0], &msg, 0) == 6);
	EXPECT(recvmsg(ends[1], &msg, MSG_DONTWAIT) < 0 && errno == EPERM);
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)getppid());
	fd = open(path, O_RDONLY | O_CLOEXEC);
	EXPECT(fd >= 0 && read(fd, text, sizeof(text)) > 0);
	EXPECT(pthread_create(&thread, NULL, add_one, &number) == 0);
	EXPECT(pthread_join(thread, NULL) == 0 && number == 2);
	talk_to_syslog();
}

static void test_needed(void **state)
{
	(void)state;
	root_only();
	in_child(keeper_needs);
	in_child(session_needs);
}

/* New maps, programs and links can be made. */
static void keeper_uses_bpf(void)
{
	const bool multi = uprobe_link_have_multi();
	int map;

	EXPECT(drop_keeper() == 0);
	map = bpf_map_create(BPF_MAP_TYPE_ARRAY, NULL, 4, 8, 1, NULL);
	EXPECT(map >= 0);
	EXPECT(uprobe_link_have_multi() == multi);
}

/* Those of before go on. */
static void session_uses_bpf(void)
{
	const int map = bpf_map_create(BPF_MAP_TYPE_HASH, NULL, 8, 8, 4, NULL);
	uint64_t key = 1, value = 2, got = 0;

	EXPECT(map >= 0);
	EXPECT(drop_session() == 0);
	EXPECT(bpf_map_update_elem(map, &key, &value, BPF_ANY) == 0);
	EXPECT(bpf_map_lookup_elem(map, &key, &got) == 0 && got == 2);
	EXPECT(bpf_map_lookup_and_delete_elem(map, &key, &got) == 0);
	EXPECT(bpf_map_create(BPF_MAP_TYPE_ARRAY, NULL, 4, 8, 1, NULL) == -EPERM);
}

static void test_bpf(void **state)
{
	(void)state;
	root_only();
	if (!uprobe_link_have_multi()) {
		print_message("skipped: no uprobe_multi here\n");
		skip();
	}
	in_child(keeper_uses_bpf);
	in_child(session_uses_bpf);
}

/* With a state file, in its directory only, and nothing that is there is opened for writing. */
static char state_dir[32], elsewhere[32], victim[64];

static bool have_landlock(void)
{
	return syscall(SYS_landlock_create_ruleset, NULL, 0UL,
		       (unsigned long)LANDLOCK_CREATE_RULESET_VERSION) > 0;
}

/* Names that lead elsewhere, which the filter of system calls does not see. */
static void try_names(int dir, int flags)
{
	char name[64];

	snprintf(name, sizeof(name), "%s/new", elsewhere);
	EXPECT(openat(dir, name, flags, 0600) < 0 && errno == EACCES);
	EXPECT(openat(dir, victim, flags, 0600) < 0 && (errno == EACCES || errno == EEXIST));
	EXPECT(unlinkat(dir, victim, 0) < 0 && errno == EACCES);
	EXPECT(renameat(dir, victim, dir, "taken") < 0 && (errno == EACCES || errno == EXDEV));
	EXPECT(renameat(dir, "new", dir, name) < 0 && (errno == EACCES || errno == EXDEV));
	EXPECT(open(victim, O_RDONLY | O_CLOEXEC) >= 0);
}

static void try_state_file(void)
{
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	int dir, other, fd;

	dir = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	other = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	EXPECT(dir >= 0 && other >= 0);
	EXPECT(drop(PRIVILEGES_OF_SESSION, false, dir) == 0);
	fd = openat(dir, "new", flags, 0600);
	EXPECT(fd >= 0 && write(fd, "x", 1) == 1 && fsync(fd) == 0 && close(fd) == 0);
	EXPECT(openat(dir, "new", O_WRONLY) < 0 && errno == EPERM);
	EXPECT(openat(dir, "other", O_WRONLY | O_CREAT, 0600) < 0 && errno == EPERM);
	EXPECT(openat(other, "new", flags, 0600) < 0 && errno == EPERM);
	EXPECT(openat(AT_FDCWD, "new", flags, 0600) < 0 && errno == EPERM);
	EXPECT(renameat(dir, "new", other, "new") < 0 && errno == EPERM);
	EXPECT(renameat(other, "new", dir, "new") < 0 && errno == EPERM);
	if (have_landlock())
		try_names(dir, flags);
	EXPECT(renameat(dir, "new", dir, "name") == 0);
	EXPECT(fsync(dir) == 0);
	EXPECT(unlinkat(other, "new", 0) < 0 && errno == EPERM);
	EXPECT(unlinkat(other, state_dir, AT_REMOVEDIR) < 0 && errno == EPERM);
	EXPECT(unlinkat(dir, "name", 0) == 0);
}

static void test_state_file(void **state)
{
	(void)state;
	strcpy(state_dir, "/tmp/cheshire-state.XXXXXX");
	assert_non_null(mkdtemp(state_dir));
	strcpy(elsewhere, "/tmp/cheshire-other.XXXXXX");
	assert_non_null(mkdtemp(elsewhere));
	snprintf(victim, sizeof(victim), "%s/victim", elsewhere);
	assert_int_equal(mknod(victim, S_IFREG | 0600, 0), 0);
	if (!have_landlock())
		print_message("names are not looked at: this kernel has no Landlock\n");
	in_child(try_state_file);
	/* What was made is gone again, and what was there is still there. */
	assert_int_equal(rmdir(state_dir), 0);
	assert_int_equal(unlink(victim), 0);
	assert_int_equal(rmdir(elsewhere), 0);
}

/* A user without any privilege: nothing to drop, the rest is closed all the same. */
static void as_nobody(void)
{
	struct stat before, after;

	EXPECT(setresgid(NOBODY, NOBODY, NOBODY) == 0 && setresuid(NOBODY, NOBODY, NOBODY) == 0);
	EXPECT(prctl(PR_SET_DUMPABLE, 1) == 0);
	EXPECT(stat("/proc/self/environ", &before) == 0 && before.st_uid == NOBODY);
	EXPECT(drop_keeper() == 0);
	EXPECT(status_field("CapPrm", 16) == 0 && status_field("CapEff", 16) == 0);
	EXPECT(status_field("NoNewPrivs", 10) == 1 && status_field("Seccomp", 10) == 2);
	/* The files of a process that cannot be dumped are root's. */
	EXPECT(stat("/proc/self/environ", &after) == 0 && after.st_uid == 0);
}

static void test_nobody(void **state)
{
	(void)state;
	root_only();
	in_child(as_nobody);
}

/* What a strict container does. */
static void refuse_calls(const int *calls, size_t n)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);

	EXPECT(ctx != NULL);
	for (size_t i = 0; i < n; i++)
		EXPECT(seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EACCES), calls[i], 0) == 0);
	EXPECT(seccomp_load(ctx) == 0);
	seccomp_release(ctx);
}

/* As which strangers are talked to. */
static void gives_up(void)
{
	EXPECT(privileges_give_up() == 0);
	EXPECT(getuid() == NOBODY && geteuid() == NOBODY && getgid() == NOBODY);
	EXPECT(getgroups(0, NULL) == 0);
	EXPECT(status_field("CapPrm", 16) == 0 && status_field("CapEff", 16) == 0);
	EXPECT(status_field("CapInh", 16) == 0 && status_field("CapAmb", 16) == 0);
	EXPECT(status_field("CapBnd", 16) == 0);
	EXPECT(status_field("NoNewPrivs", 10) == 1);
	EXPECT(setuid(0) < 0 && errno == EPERM);
	EXPECT(prctl(PR_GET_DUMPABLE) == 0);
}

static void cannot_give_up(void)
{
	const int calls[] = {SCMP_SYS(setresuid)};

	refuse_calls(calls, 1);
	EXPECT(privileges_give_up() == -EACCES);
}

static void test_give_up(void **state)
{
	(void)state;
	root_only();
	in_child(gives_up);
	in_child(cannot_give_up);
}

static int warnings;
static char last_warning[256];

static void count_warning(enum log_level level, const char *line, void *ctx)
{
	(void)ctx;
	if (level != LOG_LEVEL_WARN)
		return;
	warnings++;
	snprintf(last_warning, sizeof(last_warning), "%s", line);
}

static void seccomp_refused(void)
{
	const int calls[] = {SCMP_SYS(seccomp)};

	log_set_sink(count_warning, NULL);
	refuse_calls(calls, 1);
	EXPECT(drop_keeper() < 0);
	EXPECT(warnings == 1 && strstr(last_warning, "seccomp"));
	EXPECT(status_field("CapEff", 16) == KEPT);
	EXPECT(status_field("NoNewPrivs", 10) == 1);
	EXPECT(status_field("Seccomp_filters", 10) == 1);
}

static void capset_refused(void)
{
	const int calls[] = {SCMP_SYS(capset)};
	uint64_t filters;

	log_set_sink(count_warning, NULL);
	refuse_calls(calls, 1);
	filters = status_field("Seccomp_filters", 10);
	EXPECT(drop_keeper() < 0);
	EXPECT(warnings == 1 && strstr(last_warning, "capabilities"));
	/* The one does not hinder the other. */
	EXPECT(status_field("Seccomp_filters", 10) == filters + 1);
	EXPECT(kill(getpid(), 0) < 0 && errno == EPERM);
}

static void *wait_for_end(void *fd)
{
	/* Until the pipe is closed. */
	return read(*(int *)fd, byte, 1) < 0 ? fd : NULL;
}

/* Capabilities are a thread's own: with another one about, the drop must not be said to be done. */
static void thread_left(void)
{
	pthread_t thread;
	int fds[2];

	log_set_sink(count_warning, NULL);
	EXPECT(pipe2(fds, O_CLOEXEC) == 0);
	EXPECT(pthread_create(&thread, NULL, wait_for_end, &fds[0]) == 0);
	EXPECT(drop_keeper() == -EBUSY);
	EXPECT(warnings == 1 && strstr(last_warning, "capabilities"));
	close(fds[1]);
	EXPECT(pthread_join(thread, NULL) == 0);
}

static void test_refusals(void **state)
{
	(void)state;
	root_only();
	in_child(thread_left);
	in_child(seccomp_refused);
	in_child(capset_refused);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_capabilities), cmocka_unit_test(test_capabilities_perf),
		cmocka_unit_test(test_forbidden),    cmocka_unit_test(test_needed),
		cmocka_unit_test(test_bpf),	     cmocka_unit_test(test_nobody),
		cmocka_unit_test(test_refusals),     cmocka_unit_test(test_state_file),
		cmocka_unit_test(test_give_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
