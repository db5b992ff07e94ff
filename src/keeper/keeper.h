/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * keeper.h - the process that keeps the privileges.
 *
 * The session has none: it reads hostile files, decides and writes output.  What takes privileges
 * it asks of its keeper, a child that was forked before and understands fourteen requests
 * (protocol.h): loading the programs, attaching them at a place of a known object, opening a
 * mapped file, reading what only a tracer may read.  Both end with each other.
 *
 * Two threads of the session may ask, one after the other: each call waits for that of the other.
 */
#ifndef CHESHIRE_KEEPER_KEEPER_H
#define CHESHIRE_KEEPER_KEEPER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/loader.h"
#include "keeper/protocol.h"

struct alloc_windows;
struct calibration;
struct keeper;
struct object;
struct process;
struct process_access;
struct uprobe_link;

struct keeper_opts {
	const struct process *proc; /* the target; directly accessed */
	const char *btf_path;
	bool force_perf;
	bool uretprobes; /* the configuration asks for them by name */
	bool objects;	 /* it asks for what lies in the target's heap: process_read_scatter */
	bool leaks;	 /* leaks are hunted for: the programs for that may be loaded */
};

/* Forks it, while there is one thread only.  0 or a negative errno. */
int keeper__start(const struct keeper_opts *opts, struct keeper **out);
/* Lets it end, and waits for that.  NULL is fine. */
void keeper__stop(struct keeper *keeper);

/*
 * Hung up when the keeper has ended; readable when it has answered.  It does not come back: what is
 * asked afterwards fails with -EPIPE.
 */
int keeper__fd(const struct keeper *keeper);
bool keeper__lost(const struct keeper *keeper);
/* What it costs: CPU time, and memory that is not shared with the session. */
void keeper__cost(const struct keeper *keeper, uint64_t *cpu_ns, uint64_t *bytes);
/*
 * To be called when the descriptor is hung up: gives it up where it ended.  An answer to a
 * question of another thread is none of the caller's.
 */
void keeper__check(struct keeper *keeper);

/* For process.access; the context is the keeper. */
const struct process_access *keeper_access(void);

/* As loader__open, calibrate and loader__attach_tracing. */
int keeper__load(struct keeper *keeper, const struct loader_opts *opts, struct loader **out,
		 struct calibration *calibration, char *why, size_t why_size);

/* The programs for windows on the allocator (alloc_windows.h), which are loaded with the first. */
int keeper__load_alloc(struct keeper *keeper, struct alloc_windows **out);

/*
 * Probes of one object, as one link, which is freed before the keeper is stopped.  prog: enum
 * loader_prog, or LOADER_PROGS + enum alloc_prog.  The keeper has it as well and takes the probes
 * off, so that none stays where the session is killed in the middle of that.
 */
int keeper__attach(struct keeper *keeper, uint32_t prog, bool uretprobe, const struct object *obj,
		   const struct keeper_probe *probes, size_t n, struct uprobe_link **out);

/*
 * Looks at the frames of Python `hz` times a second of each thread's CPU time; 0: not any more.
 * -EPERM: the configuration did not ask for Python at the start; -E2BIG: too many threads.
 */
int keeper__ticks(struct keeper *keeper, uint32_t hz);

/* Bytes of the target to be watched. */
struct keeper_watch {
	uint64_t address; /* a multiple of the length */
	uint32_t length;  /* 1, 2, 4 or 8 */
	enum watchpoint_kind kind;
	bool python; /* the program of Python's spans runs at each hit; else they are counted */
};

/*
 * A watchpoint on all threads of the target (kernel/watchpoint.h), in the slot (below
 * WATCHPOINTS_MAX); `watch` NULL: none there any more.  It ends with the session.  0; -EBUSY: there
 * is one, of others: Python's functions and the search for leaks share the slots; -EPERM: the
 * configuration did not ask at the start for what lies in the heap; -EFAULT: no writable private
 * memory; -ENOSPC: a debugger holds the registers; -E2BIG: more than WATCHPOINT_THREADS_MAX
 * threads; -EMFILE; -EOPNOTSUPP; -ESRCH; -EPIPE.
 */
int keeper__watch(struct keeper *keeper, uint32_t slot, const struct keeper_watch *watch,
		  struct keeper_watched *out);
/* How it is; where hits are counted, new threads are watched from here on.  -ENOENT: none there. */
int keeper__watched(struct keeper *keeper, uint32_t slot, struct keeper_watched *out);

#endif
