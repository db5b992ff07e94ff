/* SPDX-License-Identifier: GPL-2.0-only */
/* vmlinux.h - the real one, for a compiler that does not know clang's pragma. */
#ifndef SHIM_VMLINUX_H
#define SHIM_VMLINUX_H

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunknown-pragmas"
#include_next "vmlinux.h"
#pragma GCC diagnostic pop

#endif
