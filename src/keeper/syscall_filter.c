/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * syscall_filter.c - the system calls of the two processes.
 *
 * The session: the event loop (epoll, poll; signalfd and timerfd are open already), reading what
 * everybody may read (/proc, its configuration, debug files), output (write; a new socket to
 * /dev/log after the daemon's restart), maps and iterators that are open (bpf), words to its
 * keeper.  It starts no process, and its threads only close links.
 *
 * The keeper: opening and reading for the session, the target's memory (process_vm_readv), loading
 * and attaching (bpf, perf events without uprobe_multi), a child that calibrates.
 *
 * What is not told apart: openat2's flags are in memory, where seccomp does not look, so the ban
 * on opening for writing holds for open and openat only.
 */
#include "keeper/syscall_filter.h"

#include <asm/termbits.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "keeper/privileges.h"

/* O_TMPFILE without the O_DIRECTORY that is part of it. */
#define TMPFILE_BIT (O_TMPFILE & ~O_DIRECTORY)
#define WRITING	    ((uint64_t)(O_ACCMODE | O_CREAT | O_TRUNC | TMPFILE_BIT))

#define NEW_NAMESPACES                                                                             \
	((uint64_t)(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |  \
		    CLONE_NEWPID | CLONE_NEWNET))

/* Calls that are harmless whatever their arguments. */
static const int plain_calls[] = {
	/* files that are open, and looking at files */
	SCMP_SYS(read),
	SCMP_SYS(readv),
	SCMP_SYS(pread64),
	SCMP_SYS(write),
	SCMP_SYS(writev),
	SCMP_SYS(lseek),
	SCMP_SYS(close),
	SCMP_SYS(fcntl),
	SCMP_SYS(dup),
	SCMP_SYS(dup3),
	SCMP_SYS(fstat),
	SCMP_SYS(stat),
	SCMP_SYS(lstat),
	SCMP_SYS(newfstatat),
	SCMP_SYS(statx),
	SCMP_SYS(access),
	SCMP_SYS(faccessat),
	SCMP_SYS(faccessat2),
	SCMP_SYS(readlink),
	SCMP_SYS(readlinkat),
	SCMP_SYS(getdents64),
	/* memory */
	SCMP_SYS(brk),
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(madvise),
	/* waiting, time */
	SCMP_SYS(epoll_create1),
	SCMP_SYS(epoll_ctl),
	SCMP_SYS(epoll_wait),
	SCMP_SYS(epoll_pwait),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_getres),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(nanosleep),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(time),
	/* the process itself, and the C library's work */
	SCMP_SYS(futex),
	SCMP_SYS(set_robust_list),
	SCMP_SYS(rseq),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(sigaltstack),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
	SCMP_SYS(wait4),
	SCMP_SYS(getpid),
	SCMP_SYS(gettid),
	SCMP_SYS(getppid),
	SCMP_SYS(getuid),
	SCMP_SYS(geteuid),
	SCMP_SYS(getgid),
	SCMP_SYS(getegid),
	SCMP_SYS(getrusage),
	SCMP_SYS(uname),
	SCMP_SYS(sysinfo),
	SCMP_SYS(getrandom),
	SCMP_SYS(sched_getaffinity),
	SCMP_SYS(sched_yield),
	SCMP_SYS(getcpu),
};

static const int session_calls[] = {
	/* the way to /dev/log, see socket below */
	SCMP_SYS(connect),
};

static const int keeper_calls[] = {
	/* the target's files, and its memory, for reading only */
	SCMP_SYS(openat2),
	SCMP_SYS(process_vm_readv),
	/* texts for the session; newer versions of libbpf keep places for maps with it */
	SCMP_SYS(memfd_create),
	/* to the child that calibrates */
	SCMP_SYS(pipe2),
};

/* A call let through where its arguments are such; several entries of one call: any of them. */
struct argument_rule {
	int call;
	unsigned int n;
	struct scmp_arg_cmp args[2];
};

#define EQ(arg, value)                                                                             \
	{                                                                                          \
		(arg), SCMP_CMP_EQ, (uint64_t)(value), 0                                           \
	}
#define NONE_OF(arg, bits)                                                                         \
	{                                                                                          \
		(arg), SCMP_CMP_MASKED_EQ, (uint64_t)(bits), 0                                     \
	}
#define BPF(command)                                                                               \
	{                                                                                          \
		SCMP_SYS(bpf), 1,                                                                  \
		{                                                                                  \
			EQ(0, command)                                                             \
		}                                                                                  \
	}

static const struct argument_rule common_rules[] = {
	/* Reading only; see WRITING. */
	{SCMP_SYS(open), 1, {NONE_OF(1, WRITING)}},
	{SCMP_SYS(openat), 1, {NONE_OF(2, WRITING)}},
	/* No new code. */
	{SCMP_SYS(mmap), 1, {NONE_OF(2, PROT_EXEC)}},
	{SCMP_SYS(mprotect), 1, {NONE_OF(2, PROT_EXEC)}},
	/* isatty() */
	{SCMP_SYS(ioctl), 1, {EQ(1, TCGETS)}},
	/* Limits may be asked for. */
	{SCMP_SYS(prlimit64), 2, {EQ(0, 0), EQ(2, 0)}},
	BPF(BPF_OBJ_GET_INFO_BY_FD),
};

static const struct argument_rule session_rules[] = {
	/* Syslog; no way out of the machine.  send() is sendto() without an address. */
	{SCMP_SYS(socket), 1, {EQ(0, AF_UNIX)}},
	{SCMP_SYS(sendto), 1, {EQ(4, 0)}},
	/* Links are closed side by side. */
	{SCMP_SYS(clone), 1, {{0, SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD}}},
	/* Of the maps and iterators that are open. */
	BPF(BPF_MAP_LOOKUP_ELEM),
	BPF(BPF_MAP_UPDATE_ELEM),
	BPF(BPF_MAP_DELETE_ELEM),
	BPF(BPF_MAP_GET_NEXT_KEY),
	BPF(BPF_MAP_LOOKUP_AND_DELETE_ELEM),
	BPF(BPF_ITER_CREATE),
};

static const struct argument_rule keeper_rules[] = {
	/* The child that calibrates ends with us. */
	{SCMP_SYS(clone), 1, {NONE_OF(0, NEW_NAMESPACES)}},
	{SCMP_SYS(prctl), 1, {EQ(0, PR_SET_PDEATHSIG)}},
	/* Locked memory is what BPF maps count as before Linux 5.11. */
	{SCMP_SYS(prlimit64), 2, {EQ(0, 0), EQ(1, RLIMIT_MEMLOCK)}},
	/* Never BPF_OBJ_PIN (nothing is left behind), nor objects of others by id. */
	BPF(BPF_MAP_CREATE),
	BPF(BPF_MAP_UPDATE_ELEM),
	BPF(BPF_MAP_LOOKUP_ELEM),
	BPF(BPF_MAP_FREEZE),
	BPF(BPF_BTF_LOAD),
	BPF(BPF_PROG_LOAD),
	BPF(BPF_PROG_BIND_MAP),
	BPF(BPF_LINK_CREATE),
	BPF(BPF_RAW_TRACEPOINT_OPEN),
};

/* Without uprobe_multi every probe is a perf event, and so is the clock of a Python thread. */
static const struct argument_rule perf_rules[] = {
	{SCMP_SYS(perf_event_open), 0, {{0}}},
	{SCMP_SYS(ioctl), 1, {EQ(1, PERF_EVENT_IOC_ENABLE)}},
	{SCMP_SYS(ioctl), 1, {EQ(1, PERF_EVENT_IOC_DISABLE)}},
	{SCMP_SYS(ioctl), 1, {EQ(1, PERF_EVENT_IOC_SET_BPF)}},
	{SCMP_SYS(ioctl), 1, {EQ(1, PERF_EVENT_IOC_REFRESH)}},
};

static int add_rules(scmp_filter_ctx ctx, const struct argument_rule *rules, size_t n)
{
	int err = 0;

	for (size_t i = 0; i < n && !err; i++)
		err = seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, rules[i].call, rules[i].n,
					     rules[i].args);
	return err;
}

/*
 * A state file: what is new is made under another name and then takes the file's place.  Names are
 * in memory, where seccomp does not look: an absolute one would be let through as well, but no
 * file that is there is ever opened for writing.
 */
#define NEW_FILE ((uint64_t)(O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC))

static int add_state_rules(scmp_filter_ctx ctx, int dir_fd)
{
	const struct argument_rule rules[] = {
		{SCMP_SYS(openat), 2, {EQ(0, dir_fd), EQ(2, NEW_FILE)}},
		{SCMP_SYS(renameat), 2, {EQ(0, dir_fd), EQ(2, dir_fd)}},
		{SCMP_SYS(unlinkat), 2, {EQ(0, dir_fd), EQ(2, 0)}},
		{SCMP_SYS(fsync), 0, {{0}}},
	};

	return add_rules(ctx, rules, sizeof(rules) / sizeof(rules[0]));
}

/* abort() sends the signal to its own thread group; no other may be signalled. */
static int add_own_signals(scmp_filter_ctx ctx)
{
	return seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
				SCMP_A0(SCMP_CMP_EQ, (uint64_t)getpid(), 0));
}

/* Words to the other process, on this descriptor only. */
static int add_channel_rules(scmp_filter_ctx ctx, int fd)
{
	const struct argument_rule rules[] = {
		{SCMP_SYS(sendmsg), 1, {EQ(0, fd)}},
		{SCMP_SYS(recvmsg), 1, {EQ(0, fd)}},
	};

	return add_rules(ctx, rules, sizeof(rules) / sizeof(rules[0]));
}

static int add_calls(scmp_filter_ctx ctx, const int *calls, size_t n)
{
	int err = 0;

	for (size_t i = 0; i < n && !err; i++)
		err = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, calls[i], 0);
	return err;
}

#define ADD_CALLS(ctx, calls) add_calls(ctx, calls, sizeof(calls) / sizeof((calls)[0]))
#define ADD_RULES(ctx, rules) add_rules(ctx, rules, sizeof(rules) / sizeof((rules)[0]))

static int add_session(scmp_filter_ctx ctx, const struct privileges *p)
{
	int err = ADD_CALLS(ctx, session_calls);

	err = err ?: ADD_RULES(ctx, session_rules);
	if (p->state_dir_fd >= 0)
		err = err ?: add_state_rules(ctx, p->state_dir_fd);
	return err;
}

static int add_keeper(scmp_filter_ctx ctx, const struct privileges *p)
{
	int err = ADD_CALLS(ctx, keeper_calls);

	err = err ?: ADD_RULES(ctx, keeper_rules);
	if (p->perf || p->events)
		err = err ?: ADD_RULES(ctx, perf_rules);
	return err;
}

static int add_all(scmp_filter_ctx ctx, const struct privileges *p)
{
	int err = ADD_CALLS(ctx, plain_calls);

	err = err ?: ADD_RULES(ctx, common_rules);
	if (!err)
		err = p->role == PRIVILEGES_OF_KEEPER ? add_keeper(ctx, p) : add_session(ctx, p);
	if (p->channel_fd >= 0)
		err = err ?: add_channel_rules(ctx, p->channel_fd);
	/* Its flags are in memory; the C library falls back to clone() at ENOSYS alone. */
	err = err ?: seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	return err ?: add_own_signals(ctx);
}

int syscall_filter_install(const struct privileges *p)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int err;

	if (!ctx)
		return -ENOMEM;
	/* Calls of another ABI (32 bit, x32) are none of ours. */
	err = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(EPERM));
	err = err ?: seccomp_attr_set(ctx, SCMP_FLTATR_CTL_TSYNC, 1);
	/* Before Linux 4.14 refusals cannot be logged: no reason to go without the filter. */
	(void)seccomp_attr_set(ctx, SCMP_FLTATR_CTL_LOG, 1);
	/* A binary tree: the filter is run at every call, of which the loop makes many. */
	(void)seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	err = err ?: add_all(ctx, p);
	err = err ?: seccomp_load(ctx);
	seccomp_release(ctx);
	return err;
}
