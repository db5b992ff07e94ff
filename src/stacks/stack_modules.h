/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * stack_modules.h - the files that a process has mapped code of, as elfutils wants them: unwind
 * tables, symbols and debug information by address of the target.
 *
 * The files are hostile. They are read by descriptor, never mapped and never by a name of the
 * target's; what is read of them is elfutils' to check. Separate debug information is taken from
 * the host's own directory (debug_file.h). So this is for the worker thread of the
 * process that has no privileges, one thread at a time, and no library of elfutils' looks for files
 * by itself: no debuginfod, no search paths.
 */
#ifndef CHESHIRE_STACKS_STACK_MODULES_H
#define CHESHIRE_STACKS_STACK_MODULES_H

#include <elfutils/libdwfl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct debug_files;
struct object_table;
struct process;

struct stack_modules;

/*
 * `fetched` (borrowed; NULL: none) is asked where the host has no debug file.  NULL and errno on
 * failure.
 */
struct stack_modules *stack_modules__new(const struct debug_files *fetched);
void stack_modules__free(struct stack_modules *modules);

/*
 * Takes up the objects of the table as they are mapped now. New ones are opened (object_open), and
 * closed again if they were not open; it keeps descriptors of its own. Cheap where nothing has
 * changed. An object that cannot be opened or read is left out:
 * stacks end there. 0, -ENOMEM, or -EIO where elfutils refuses.
 */
int stack_modules__refresh(struct stack_modules *modules, struct object_table *objects,
			   const struct process *proc);

/*
 * Frees all that was read of the files: debug information is many times as large as what unwinding
 * needs.  Until the next refresh there is nothing to unwind or name with.
 */
void stack_modules__let_go(struct stack_modules *modules);

/* Borrowed, valid until the next refresh or let_go; NULL before the first, or after that. */
Dwfl *stack_modules__dwfl(const struct stack_modules *modules);

/*
 * A pointer that stays where it is as long as the modules: for callbacks of elfutils, which are
 * given what they work on but once (dwfl_attach_state).
 */
void **stack_modules__current(const struct stack_modules *modules);

/*
 * The file has debug information, of a size that is read: then frames have lines. Without it, or
 * over STACK_DEBUG_BYTES_MAX, they have the names of symbols.
 */
#define STACK_DEBUG_BYTES_MAX (256ULL << 20)
bool stack_modules__has_lines(const struct stack_modules *modules, uint64_t addr);

#endif /* CHESHIRE_STACKS_STACK_MODULES_H */
