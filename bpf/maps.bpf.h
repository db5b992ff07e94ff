/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The maps that more than one program uses, and the state of a thread.  They are defined in
 * maps.bpf.c; the linker makes one of each.
 */
#ifndef CHESHIRE_MAPS_BPF_H
#define CHESHIRE_MAPS_BPF_H

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

#include "cheshire/wire.h"
#include "cheshire/wire_statement.h"

/* Integer arguments in registers; further ones are on the stack (arch.bpf.h). */
#if defined(__TARGET_ARCH_arm64)
#define ARCH_REG_ARGS 8
#else
#define ARCH_REG_ARGS 6
#endif

/* A thread's CPU and wait counters at one instant. */
struct usage {
	__u64 cpu_ns;
	__u64 process_cpu_ns;
	__u64 wait_ns[WIRE_WAITS];
};

/* A bound function that was entered and not left yet. */
struct frame {
	__u64 sp; /* stack pointer at function entry */
	__u64 return_address;
	__u64 start_ns;
	__u64 key;
	__u64 handle;
	__u64 arg[ARCH_REG_ARGS]; /* the integer arguments in registers, for values read at exit */
	struct usage at_entry;
	__u16 bind;
	__u8 slot;	  /* index + 1 into wire_stage_stats.open, 0 none */
	__u8 counted;	  /* enum wire_counted */
	__u16 span_flags; /* WIRE_SPAN_KEY */
	__u8 stage;	  /* those of the bind */
	__u8 role;
};

/* The newest frame of a frame stage on this thread, until a hit consumes it. */
struct last_frame {
	__u64 start_ns;
	__u64 end_ns;
	__u64 handle;
	__u64 key;
	__s64 work;
	__s64 per_second;
	struct usage used;
	__u16 stage;
	__u16 bind;
	__u32 span_flags;
	__u64 valid;
};

/* An execution that is not over yet: of a prepared statement, step by step. */
struct statement_run {
	__u64 start_ns;
	__u64 busy_ns;
	__u64 hash;
	struct usage used;
	__u32 steps;
	__u32 failed;
};

/* Statements on their way on a connection, oldest first. */
struct statements_sent {
	struct {
		__u64 start_ns;
		__u64 hash;
	} at[WIRE_SENT_MAX];
	__u32 first; /* running numbers: [first, next) */
	__u32 next;
	__u64 last_ns; /* of the oldest: its newest result */
	__u32 failed;  /* ... one of its results was an error */
	__u32 bind;
};

/* Where a value is evaluated: argument registers, return value, SP at function entry. */
struct value_ctx {
	__u64 arg[ARCH_REG_ARGS];
	__u64 ret;
	__u64 sp;
};

/* What the programs on statements need room for, one thing at a time but for `record`. */
struct statement_scratch {
	struct wire_statement record;
	union { /* sent behind the record */
		char text[WIRE_TEXT_MAX + 1];
		__u64 word[(WIRE_TEXT_MAX + 1) / 8];
	};
	struct statement_run run;
	struct statements_sent sent;
	struct value_ctx at; /* of the exit that is being worked on */
};

/* State of a thread of the target that has run a stage; freed by the kernel with the thread. */
struct thread_state {
	__u32 used;	      /* bit i: frame i is open */
	__u32 streams;	      /* open streams that take their CPU time from this thread */
	struct usage total;   /* counts only while a frame or stream is open */
	__u64 on_ns;	      /* on a CPU since, 0: off */
	__u64 exec_ns;	      /* its CPU time by the scheduler, then or before */
	__u64 off_ns;	      /* left the CPU at */
	__u64 run_delay_ns;   /* the kernel's run-queue total when it left */
	__u64 pending_ns;     /* off-CPU time not yet split into run queue and reason */
	__u32 pending_reason; /* enum wire_wait */
	__u32 sampled;	      /* a named Python function is on it: samples tell its times */
	__u32 watched;	      /* bits of the watched Python functions that are open on it */
	__u32 pad1;
	/* Scratch of the program that runs on this thread: too large for the BPF stack. */
	struct usage spent;
	struct wire_stream stream;
	struct last_frame last_frame;
	struct statement_scratch statement;
	struct frame frame[WIRE_FRAMES_MAX];
};

struct histograms {
	struct wire_histogram of[WIRE_HISTS];
};

struct class_key {
	__u64 handle;
};

struct enclosing_key {
	__u64 handle;
	__u64 stage;
};

struct site_key {
	__u64 return_address;
	__u64 bind;
};

struct thread_states {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct thread_state);
};

struct stages {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, WIRE_STAGES_MAX);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct wire_stage);
};

struct stage_stats {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, WIRE_STAGES_MAX);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct wire_stage_stats);
};

struct stage_hists {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, WIRE_STAGES_MAX);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct histograms);
};

/* One for each stage that tells answers out of a cache apart. */
struct cached_hists {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* user space: so many as are needed */
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct wire_histogram);
};

struct binds {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, WIRE_BINDS_MAX);
	__type(key, __u32);
	__type(value, struct wire_bind);
};

struct probes {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, WIRE_PROBES_MAX);
	__type(key, __u32);
	__type(value, struct wire_probe);
};

struct slices {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* user space: the number of possible CPUs */
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct wire_slice);
};

struct streams {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct wire_stream_key);
	__type(value, struct wire_stream);
};

/* Handles come and go for ever; those not seen for long are forgotten first. */
struct handle_classes {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct class_key);
	__type(value, __u64);
};

/* Handles in an enclosing call, and since when; one for each such call that is open. */
struct enclosing {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct enclosing_key);
	__type(value, __u64);
};

struct return_sites {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct site_key);
	__type(value, __u64);
};

struct counters {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, WIRE_CTR_CNT);
	__type(key, __u32);
	__type(value, __u64);
};

struct events {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
};

extern const volatile __u32 cfg_tgid;
extern const volatile bool cfg_never; /* false */

/* The process-wide clocks of wire.h, a cache line each: word 0 of it. */
extern __u64 clocks[WIRE_CLOCKS][WIRE_CLOCK_WORDS];

/* Since when switches of threads are seen; 0: not yet. */
extern __u64 sched_since_ns;
/* Not 0: switches were missed since then (arrival.bpf.h). */
extern __u64 sched_missed;

#endif
