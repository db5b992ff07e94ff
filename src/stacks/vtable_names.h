/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vtable_names.h - of which C++ class an object is, by the address of the vtable that it begins
 * with.
 *
 * Names are the target's files' choice: escape them before printing.
 */
#ifndef CHESHIRE_STACKS_VTABLE_NAMES_H
#define CHESHIRE_STACKS_VTABLE_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct stack_modules;

/*
 * "AudioBuffer" where the address lies in the vtable of AudioBuffer, behind its head, as in an
 * object's first word; by the symbols of the files.  False: in none that has a symbol.
 */
bool vtable_class(const struct stack_modules *modules, uint64_t addr, char *name, size_t size);

/* Does the address lie in what the process has mapped of a file? */
bool vtable_in_file(const struct stack_modules *modules, uint64_t addr);

/* Does a std::type_info begin like that: is its vtable one of the C++ library's for classes? */
bool vtable_of_type_info(const struct stack_modules *modules, uint64_t addr);

/* "AudioBuffer" of "11AudioBuffer", a type_info's name.  False: it is no such name. */
bool vtable_type_name(const char *mangled, char *name, size_t size);

#endif /* CHESHIRE_STACKS_VTABLE_NAMES_H */
