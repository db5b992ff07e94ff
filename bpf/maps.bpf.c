/* SPDX-License-Identifier: GPL-2.0-only */
/* maps.bpf.c - the one definition of every shared map and variable. */
#include "maps.bpf.h"
#include "python.bpf.h"

char LICENSE[] SEC("license") = "GPL";

struct thread_states thread_states SEC(".maps");
struct stages stages SEC(".maps");
struct stage_stats stage_stats SEC(".maps");
struct stage_hists stage_hists SEC(".maps");
struct cached_hists cached_hists SEC(".maps");
struct binds binds SEC(".maps");
struct probes probes SEC(".maps");
struct slices slices SEC(".maps");
struct streams streams SEC(".maps");
struct handle_classes handle_classes SEC(".maps");
struct enclosing enclosing SEC(".maps");
struct return_sites return_sites SEC(".maps");
struct counters counters SEC(".maps");
struct events events SEC(".maps");
struct python_threads python_threads SEC(".maps");
struct python_conf python_conf SEC(".maps");

/* The target's tgid as the initial PID namespace counts. */
const volatile __u32 cfg_tgid = 1;

const volatile bool cfg_never = false;
const volatile bool cfg_python = false;

__u64 clocks[WIRE_CLOCKS][WIRE_CLOCK_WORDS];
__u64 sched_since_ns;
__u64 sched_missed;
