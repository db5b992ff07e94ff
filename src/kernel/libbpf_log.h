/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CHESHIRE_KERNEL_LIBBPF_LOG_H
#define CHESHIRE_KERNEL_LIBBPF_LOG_H

/* From here on libbpf's messages are ours: its warnings are for -v, since we say what they mean. */
void libbpf_log_set(void);

#endif
