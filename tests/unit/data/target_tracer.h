/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The truth about a plan: a child calls the function under ptrace with breakpoints of the test's
 * own on every planned site, on the function's first byte and on every return address. Each call
 * must pass the entry site once with SP at entry as planned, and leave through exactly one exit
 * site with the value it returns.
 */
#ifndef TEST_TARGET_TRACER_H
#define TEST_TARGET_TRACER_H

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "target/maps.h"
#include "target/plan.h"
#include "target/process.h"

#define TRACE_BREAKS 256
#define TRACE_FRAMES 4096

enum { ROLE_FIRST = 1, ROLE_ENTRY = 2, ROLE_EXIT = 4, ROLE_RETURN = 8 };

struct trace_break {
	uint64_t addr;
	long byte; /* original */
	int roles;
	const struct plan_site *site;
};

struct tracer {
	pid_t pid;
	const struct func_plan *plan;
	struct trace_break breaks[TRACE_BREAKS];
	size_t n_breaks;
	uint64_t frames[TRACE_FRAMES]; /* SP at entry */
	size_t n_frames;
	uint64_t first_sp, closed_sp, closed_value;
	bool closed_known;  /* the return register had its value there, as planned */
	unsigned int early; /* exits at a conditional jump */
	unsigned int firsts, entries, exits, returns, abandoned;
	char failure[256];
};

__attribute__((format(printf, 2, 3))) static void trace_fail(struct tracer *t, const char *fmt, ...)
{
	va_list ap;

	if (t->failure[0])
		return;
	va_start(ap, fmt);
	vsnprintf(t->failure, sizeof(t->failure), fmt, ap);
	va_end(ap);
}

/* One byte only: the next breakpoint may be in the same word. */
static void trace_poke(const struct tracer *t, uint64_t addr, long byte)
{
	long word = ptrace(PTRACE_PEEKTEXT, t->pid, (void *)addr, NULL);

	ptrace(PTRACE_POKETEXT, t->pid, (void *)addr, (void *)((word & ~0xffL) | byte));
}

static void trace_add(struct tracer *t, uint64_t addr, int role, const struct plan_site *site)
{
	struct trace_break *b;
	size_t i;

	for (i = 0; i < t->n_breaks; i++) {
		if (t->breaks[i].addr != addr)
			continue;
		t->breaks[i].roles |= role;
		if (site)
			t->breaks[i].site = site;
		return;
	}
	if (t->n_breaks == TRACE_BREAKS) {
		trace_fail(t, "too many breakpoints");
		return;
	}
	b = &t->breaks[t->n_breaks++];
	b->addr = addr;
	b->roles = role;
	b->site = site;
	b->byte = ptrace(PTRACE_PEEKTEXT, t->pid, (void *)addr, NULL) & 0xff;
	trace_poke(t, addr, 0xcc);
}

static void trace_pop_below(struct tracer *t, uint64_t sp)
{
	while (t->n_frames && t->frames[t->n_frames - 1] < sp) {
		t->n_frames--;
		t->abandoned++;
	}
}

static void trace_entry(struct tracer *t, const struct plan_site *site,
			const struct user_regs_struct *regs)
{
	uint64_t sp = regs->rsp + (uint64_t)(int64_t)site->sp_delta;

	trace_pop_below(t, sp);
	if (sp != t->first_sp)
		trace_fail(t, "entry: SP at entry is not sp + delta (%d)", site->sp_delta);
	if (t->n_frames && t->frames[t->n_frames - 1] == sp) {
		if (!t->plan->entry_loops)
			trace_fail(t, "entry passed twice in one call");
		return;
	}
	t->entries++;
	if (t->n_frames < TRACE_FRAMES)
		t->frames[t->n_frames++] = sp;
}

static void trace_exit(struct tracer *t, const struct plan_site *site,
		       const struct user_regs_struct *regs)
{
	uint64_t sp = regs->rsp + (uint64_t)(int64_t)site->sp_delta;

	trace_pop_below(t, sp);
	if (!t->n_frames || t->frames[t->n_frames - 1] != sp) {
		if (!site->tail)
			trace_fail(t, "exit without entry at 0x%lx", (unsigned long)site->offset);
		return;
	}
	t->n_frames--;
	t->exits++;
	t->closed_sp = sp;
	t->closed_value = regs->rax;
	t->closed_known = site->has_ret_value;
	t->early += site->conditional;
}

/* The call has really returned: an exit site must have said so just before. */
static void trace_return(struct tracer *t, const struct user_regs_struct *regs)
{
	uint64_t sp = regs->rsp - 8;

	if (t->n_frames && t->frames[t->n_frames - 1] == sp) {
		t->n_frames--;
		if (!t->plan->learn_return)
			trace_fail(t, "returned without an exit site");
		t->returns++;
	} else if (t->closed_sp == sp) {
		if (t->closed_known && t->closed_value != regs->rax)
			trace_fail(t, "the value at the exit is not the one returned");
		t->closed_sp = 0;
		t->returns++;
	}
}

static void trace_hit(struct tracer *t, struct trace_break *b, struct user_regs_struct *regs)
{
	uint64_t addr;

	/* In the order of events at one address: a return ends a call before another begins. */
	if (b->roles & ROLE_RETURN)
		trace_return(t, regs);
	if (b->roles & ROLE_FIRST) {
		t->firsts++;
		/* A new return address where an open frame had its own: that call was left. */
		if (!t->plan->entry_loops)
			trace_pop_below(t, regs->rsp + 1);
		t->first_sp = regs->rsp;
		addr = (uint64_t)ptrace(PTRACE_PEEKDATA, t->pid, (void *)regs->rsp, NULL);
		trace_add(t, addr, ROLE_RETURN, NULL);
	}
	if (b->roles & ROLE_ENTRY)
		trace_entry(t, b->site, regs);
	if ((b->roles & ROLE_EXIT) && !b->site->conditional)
		trace_exit(t, b->site, regs);
}

/* What the processor made of a conditional jump: was it the way on which the site is an exit? */
static void trace_stepped(struct tracer *t, const struct trace_break *b)
{
	const struct plan_site *site = b->site;
	struct user_regs_struct regs;
	bool taken, exits_when_taken;

	if (!(b->roles & ROLE_EXIT) || !site->conditional)
		return;
	ptrace(PTRACE_GETREGS, t->pid, NULL, &regs);
	taken = regs.rip != b->addr + site->len;
	/* An exit unless the condition holds: the instruction's own, or the opposite. */
	exits_when_taken = site->condition != (site->bytes[site->bytes[0] == 0x0f] & 0xf);
	if (taken == exits_when_taken)
		trace_exit(t, site, &regs);
}

/* Runs the instruction under the breakpoint, then puts the breakpoint back. */
static int trace_step_over(struct tracer *t, const struct trace_break *b,
			   struct user_regs_struct *regs)
{
	int status;

	trace_poke(t, b->addr, b->byte);
	regs->rip = b->addr;
	ptrace(PTRACE_SETREGS, t->pid, NULL, regs);
	ptrace(PTRACE_SINGLESTEP, t->pid, NULL, NULL);
	if (waitpid(t->pid, &status, 0) != t->pid || !WIFSTOPPED(status))
		return -1;
	trace_poke(t, b->addr, 0xcc);
	return 0;
}

/* Runs the child to its end. 0: exited with status 0 and nothing failed. */
static int trace_run(struct tracer *t)
{
	struct user_regs_struct regs;
	int status, sig = 0;
	size_t i;

	for (;;) {
		ptrace(PTRACE_CONT, t->pid, NULL, (void *)(long)sig);
		if (waitpid(t->pid, &status, 0) != t->pid)
			return -1;
		if (!WIFSTOPPED(status))
			break;
		sig = WSTOPSIG(status);
		if (sig != SIGTRAP)
			continue;
		sig = 0;
		ptrace(PTRACE_GETREGS, t->pid, NULL, &regs);
		regs.rip--;
		for (i = 0; i < t->n_breaks && t->breaks[i].addr != regs.rip; i++)
			;
		if (i == t->n_breaks) {
			trace_fail(t, "trap at 0x%llx, where no breakpoint is", regs.rip);
			return -1;
		}
		trace_hit(t, &t->breaks[i], &regs);
		if (trace_step_over(t, &t->breaks[i], &regs) != 0)
			break;
		trace_stepped(t, &t->breaks[i]);
	}
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		trace_fail(t, "the child did not end well (status 0x%x)", (unsigned int)status);
	return t->failure[0] ? -1 : 0;
}

static void trace_arm(struct tracer *t, struct object_table *table, const struct func_plan *plan)
{
	uint64_t addr;
	size_t i;

	t->plan = plan;
	for (i = 0; i <= plan->n_exits; i++) {
		const struct plan_site *site = i ? &plan->exits[i - 1] : &plan->entry;

		if (object_offset_to_addr(table->objects[site->object], site->offset, &addr) != 0)
			trace_fail(t, "site %zu is not mapped", i);
		else
			trace_add(t, addr, i ? ROLE_EXIT : ROLE_ENTRY, site);
	}
	if (object_offset_to_addr(table->objects[plan->object], plan->offset, &addr) == 0)
		trace_add(t, addr, ROLE_FIRST, NULL);
}

#endif
