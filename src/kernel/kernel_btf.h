/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CHESHIRE_KERNEL_KERNEL_BTF_H
#define CHESHIRE_KERNEL_KERNEL_BTF_H

#include <stdbool.h>

/*
 * Where libbpf is to find the types of the running kernel from now on: in the file of that path
 * (borrowed), NULL: where the kernel shows them, and else by asking it for them.
 */
void kernel_btf_use(const char *path);

/* The kernel was built with its types, whether or not it shows them to us; ask after a program has
 * been loaded, or tried. */
bool kernel_btf_exists(void);

/*
 * Where the kernel's types are out of sight: asks the kernel for them and keeps the answer.  Only
 * with all of root's privileges may it be asked, so: before they are given up.
 */
void kernel_btf_ask(void);

#endif
