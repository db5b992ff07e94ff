/* SPDX-License-Identifier: GPL-2.0-only */
#include "stacks/unwinder.h"

#include <dwarf.h>
#include <string.h>

#include "stacks/stack_modules.h"

/* One walk. To elfutils the copy is the only thread of a process. */
struct walk {
	const struct stack_copy *copy;
	uint64_t *addrs;
	size_t n, max;
};

static pid_t next_thread(Dwfl *dwfl, void *arg, void **thread_arg)
{
	(void)dwfl;
	if (*thread_arg)
		return 0;
	*thread_arg = *(void **)arg;
	return 1;
}

static bool get_thread(Dwfl *dwfl, pid_t tid, void *arg, void **thread_arg)
{
	(void)dwfl;
	(void)tid;
	*thread_arg = *(void **)arg;
	return true;
}

static bool read_word(Dwfl *dwfl, Dwarf_Addr addr, Dwarf_Word *word, void *arg)
{
	const struct stack_copy *copy = (*(struct walk **)arg)->copy;
	uint64_t at = addr - copy->regs.sp;

	(void)dwfl;
	if (addr < copy->regs.sp || copy->n_bytes < sizeof(*word) ||
	    at > copy->n_bytes - sizeof(*word))
		return false;
	memcpy(word, copy->bytes + at, sizeof(*word));
	return true;
}

/* By DWARF's numbers of the registers. */
static bool set_registers(Dwfl_Thread *thread, void *arg)
{
	const struct wire_alloc_regs *regs = &((struct walk *)arg)->copy->regs;
#if defined(__x86_64__)
	const Dwarf_Word word[17] = {
		[3] = regs->saved[0],  [6] = regs->fp,	      [7] = regs->sp,
		[12] = regs->saved[1], [13] = regs->saved[2], [14] = regs->saved[3],
		[15] = regs->saved[4], [16] = regs->ip,
	};
#else
	Dwarf_Word word[32] = {[29] = regs->fp, [30] = regs->link, [31] = regs->sp};

	memcpy(&word[19], regs->saved, sizeof(regs->saved));
	dwfl_thread_state_register_pc(thread, regs->ip);
#endif
	return dwfl_thread_state_registers(thread, 0, sizeof(word) / sizeof(word[0]), word);
}

/* Attached once for each Dwfl: what is walked just now is behind a pointer that stays. */
static const Dwfl_Thread_Callbacks thread_callbacks = {
	.next_thread = next_thread,
	.get_thread = get_thread,
	.memory_read = read_word,
	.set_initial_registers = set_registers,
};

static int take_frame(Dwfl_Frame *frame, void *arg)
{
	struct walk *walk = arg;
	Dwarf_Addr pc;

	if (!dwfl_frame_pc(frame, &pc, NULL) || !pc)
		return DWARF_CB_ABORT;
	walk->addrs[walk->n++] = pc;
	return walk->n < walk->max ? DWARF_CB_OK : DWARF_CB_ABORT;
}

size_t unwind_stack(const struct stack_modules *modules, const struct stack_copy *copy,
		    uint64_t *addrs, size_t max)
{
	struct walk walk = {.copy = copy, .addrs = addrs, .max = max};
	Dwfl *dwfl = stack_modules__dwfl(modules);
	void **current = stack_modules__current(modules);

	if (!max || !copy->regs.ip)
		return 0;
	addrs[0] = copy->regs.ip;
	if (!dwfl ||
	    (dwfl_pid(dwfl) < 0 && !dwfl_attach_state(dwfl, NULL, 1, &thread_callbacks, current)))
		return 1;
	*current = &walk;
	dwfl_getthread_frames(dwfl, 1, take_frame, &walk);
	*current = NULL;
	return walk.n ? walk.n : 1;
}

/* From the caller: its registers are those of the probe, but for what the call itself changed. */
static size_t unwind_caller(const struct stack_modules *modules, const struct wire_alloc *record,
			    uint64_t *addrs, size_t max)
{
	struct stack_copy copy = {.regs = record->regs};
	uint64_t sp = record->sp_entry;
	uint64_t skipped;

#if defined(__x86_64__)
	sp += sizeof(uint64_t); /* the return address */
#endif
	skipped = sp - record->regs.sp;
	copy.regs.ip = record->return_address;
	copy.regs.sp = sp;
	if (sp >= record->regs.sp && skipped < record->stack_bytes) {
		copy.bytes = record->stack + skipped;
		copy.n_bytes = record->stack_bytes - skipped;
	}
	return unwind_stack(modules, &copy, addrs, max);
}

size_t unwind_allocation(const struct stack_modules *modules, const struct wire_alloc *record,
			 uint64_t *addrs, size_t max)
{
	uint64_t found[STACK_FRAMES_MAX + 1];
	struct stack_copy copy = {
		.regs = record->regs,
		.bytes = record->stack,
		.n_bytes = record->stack_bytes < WIRE_ALLOC_STACK_MAX ? record->stack_bytes
								      : WIRE_ALLOC_STACK_MAX,
	};
	size_t n;

	if (max > STACK_FRAMES_MAX)
		max = STACK_FRAMES_MAX;
	n = unwind_stack(modules, &copy, found, max + 1);
	if (record->return_address && (n < 2 || found[1] != record->return_address))
		return unwind_caller(modules, record, addrs, max);
	if (n < 2)
		return 0;
	memcpy(addrs, found + 1, (n - 1) * sizeof(*addrs));
	return n - 1;
}
