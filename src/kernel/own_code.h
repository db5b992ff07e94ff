/* SPDX-License-Identifier: GPL-2.0-only */
/* own_code.h - where code of this program is in its own file, to probe it in a child. */
#ifndef CHESHIRE_KERNEL_OWN_CODE_H
#define CHESHIRE_KERNEL_OWN_CODE_H

#include <stdbool.h>
#include <stdint.h>

/* File offset of a mapped address of this program's or of one of its libraries'; false: none. */
bool own_code_offset(uintptr_t address, uint64_t *offset);

#endif
