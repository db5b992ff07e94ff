/* SPDX-License-Identifier: GPL-2.0-only */
/* bpf_tracing.h - a tracing program is a function of its arguments. */
#ifndef SHIM_BPF_TRACING_H
#define SHIM_BPF_TRACING_H

#define BPF_PROG(name, ...) name(__VA_ARGS__)

#endif
