/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * wire.h - what the BPF programs and user space say to each other.
 *
 * Both compilers read this file.  Rules: only __u8 .. __u64 and __s64, named padding that is
 * set to zero, tags that are explicit and append-only, sizes asserted on both sides.  "tgid" and
 * "tid" are the kernel's words; "pid" is used in text for people only, where it means tgid.
 * Times are nanoseconds of CLOCK_MONOTONIC (bpf_ktime_get_ns) unless a name says otherwise.
 */
#ifndef CHESHIRE_WIRE_H
#define CHESHIRE_WIRE_H

#ifdef __bpf__
#include "vmlinux.h"
#else
#include <linux/types.h>
#endif

#define WIRE_STAGES_MAX 64   /* stages of one target */
#define WIRE_BINDS_MAX	512  /* functions bound to stages (a stage has several alternatives) */
#define WIRE_PROBES_MAX 8192 /* probed instructions */
#define WIRE_FRAMES_MAX 16   /* open functions on one thread, outermost per stage only */
#define WIRE_OPEN_SLOTS 16   /* spans in flight per stage whose age user space can see */

/*
 * Histograms are log-linear: values below 64 ns are exact, above that every power of two is cut
 * into 64 buckets, so that a bucket's middle is within 1/128 = 0.78 % of every value in it: half of
 * what is promised (docs/metrics.md), the rest is for the traps between two clocks.  The
 * last bucket holds everything from 2^41 ns (36 minutes) on.
 */
#define WIRE_HIST_SUB_BITS 6
#define WIRE_HIST_MAX_BITS 41
#define WIRE_HIST_BUCKETS  (((WIRE_HIST_MAX_BITS - WIRE_HIST_SUB_BITS) + 1) << WIRE_HIST_SUB_BITS)

/* Where a thread's time goes while it is not on a CPU. */
enum wire_wait {
	WIRE_WAIT_RUNQUEUE = 0,	  /* runnable, waiting for a CPU */
	WIRE_WAIT_LOCK = 1,	  /* futex and friends */
	WIRE_WAIT_DISK = 2,	  /* in_iowait */
	WIRE_WAIT_NETWORK = 3,	  /* socket receive, send, accept, connect */
	WIRE_WAIT_PIPE = 4,	  /* read or write on a pipe, fifo or tty */
	WIRE_WAIT_POLL = 5,	  /* poll, select, epoll */
	WIRE_WAIT_PAGE_FAULT = 6, /* not in a system call: a fault that had to wait */
	WIRE_WAIT_SLEEP = 7,	  /* nanosleep and the like */
	WIRE_WAIT_OTHER = 8,
	WIRE_WAIT_GIL = 9, /* the lock that one thread at a time runs Python with */
	WIRE_WAITS = 10,
};

#define WIRE_WAIT_NAMES                                                                            \
	{                                                                                          \
		"runqueue", "lock", "disk", "network", "pipe", "poll", "page_fault", "sleep",      \
			"other", "gil"                                                             \
	}

enum wire_kind {
	WIRE_KIND_INVALID = 0,
	WIRE_KIND_SPAN = 1,		/* struct wire_span */
	WIRE_KIND_LIFE = 2,		/* struct wire_life */
	WIRE_KIND_LEARN = 3,		/* struct wire_learn */
	WIRE_KIND_STATEMENT = 4,	/* struct wire_statement (wire_statement.h) */
	WIRE_KIND_PYTHON_SAMPLE = 5,	/* struct wire_python_sample (wire_python.h) */
	WIRE_KIND_PYTHON_CODE = 6,	/* struct wire_python_question */
	WIRE_KIND_PYTHON_GENERATOR = 7, /* struct wire_python_generator */
};

/* First member of every record. */
struct wire_hdr {
	__u16 kind;	 /* enum wire_kind */
	__u16 len_bytes; /* the whole record; readers skip unknown kinds by it */
	__u32 cpu;
	__u64 ts_ns; /* when the record was made */
	__u32 tgid;
	__u32 tid;
};

enum wire_span_flags {
	WIRE_SPAN_KEY = 1 << 0,		   /* key is valid; else the thread is the key */
	WIRE_SPAN_WORK = 1 << 1,	   /* work and per_second are valid */
	WIRE_SPAN_ERROR = 1 << 2,	   /* the stage's error condition held */
	WIRE_SPAN_HIT = 1 << 3,		   /* a frame that hit (wake word) */
	WIRE_SPAN_ABNORMAL = 1 << 4,	   /* did not end by a return */
	WIRE_SPAN_EXCEPTION = 1 << 5,	   /* ... but by a C++ exception: end_ns is exact */
	WIRE_SPAN_THREAD_END = 1 << 6,	   /* ... but by the end of its thread */
	WIRE_SPAN_UPPER_BOUND = 1 << 7,	   /* end_ns is when the loss of the frame was noticed */
	WIRE_SPAN_STREAM_OPEN = 1 << 8,	   /* stream: the `from` point; end_ns == start_ns */
	WIRE_SPAN_STREAM_FIRST = 1 << 9,   /* stream: first output seen; not closed yet */
	WIRE_SPAN_STREAM_CLOSED = 1 << 10, /* stream: closed in the kernel by the next `from` */
	WIRE_SPAN_CPU = 1 << 11,    /* cpu_ns and wait_ns are valid (same thread at both ends) */
	WIRE_SPAN_CACHED = 1 << 12, /* the stage's condition of a cached answer held */
	WIRE_SPAN_RATE = 1 << 13,   /* per_second was read in the target, not configured */
};

/* One execution of a stage, or one step of a stream. */
struct wire_span {
	struct wire_hdr hdr;
	__u16 stage; /* index of the stage */
	__u16 bind;  /* index of the bound function (which alternative) */
	__u32 flags; /* enum wire_span_flags */
	__u64 start_ns;
	__u64 end_ns;		   /* streams: the last output so far */
	__u64 first_ns;		   /* streams: the first output, 0 before it; else end_ns */
	__u64 key;		   /* what pairs the spans of a turn */
	__u64 handle;		   /* the engine handle, 0 where none is configured */
	__s64 work;		   /* amount of work, e.g. samples */
	__s64 per_second;	   /* work units per second of audio */
	__u64 cpu_ns;		   /* on-CPU time of the calling thread */
	__u64 process_cpu_ns;	   /* on-CPU time of all threads of the process meanwhile */
	__u64 wait_ns[WIRE_WAITS]; /* off-CPU time of the calling thread by reason */
	__u32 outputs;		   /* streams: number of `to` points seen */
	__u32 pad0;
};

enum wire_life_event {
	WIRE_LIFE_INVALID = 0,
	WIRE_LIFE_EXIT = 1,    /* the last thread ended; status is the wait status */
	WIRE_LIFE_EXEC = 2,    /* a new program in the same process */
	WIRE_LIFE_FORK = 3,    /* child is the new tgid */
	WIRE_LIFE_OBJECTS = 4, /* the dynamic loader changed its list of objects */
};

struct wire_life {
	struct wire_hdr hdr;
	__u32 event;  /* enum wire_life_event */
	__u32 status; /* EXIT: as in wait(2): signal in the low 7 bits, 0x80 core dumped */
	__u32 child;  /* FORK: tgid of the child */
	__u32 pad0;
};

/* A return address at which a function that ends in an unknown jump will come back. */
struct wire_learn {
	struct wire_hdr hdr;
	__u16 stage;
	__u16 bind;
	__u32 pad0;
	__u64 return_address;
};

enum wire_lock_flags {
	WIRE_LOCK_PI = 1 << 0,	   /* with priority inheritance: the word names the owner */
	WIRE_LOCK_SHARED = 1 << 1, /* between processes */
};

/* A thread that sleeps for a lock; from an iterator, not from the ring. */
struct wire_lock_wait {
	__u64 address;	/* of the lock's word */
	__u64 switches; /* of the thread's context, so far: as before, and it is the same wait */
	__u32 tid;
	__u32 own_tid; /* in the target's PID namespace; 0: not known */
	__u32 value;   /* of the word, when it went to sleep */
	__u32 flags;   /* enum wire_lock_flags */
};

/* --- configuration of probes, written by user space before arming --- */

enum wire_base {
	WIRE_BASE_NONE = 0, /* no value */
	WIRE_BASE_ARG = 1,  /* integer argument number `arg`; from the seventh on: on the stack */
	WIRE_BASE_RET = 2,
	WIRE_BASE_CONST = 3, /* `rhs` itself is the value */
};

enum wire_type {
	WIRE_TYPE_U64 = 0,
	WIRE_TYPE_I64 = 1,
	WIRE_TYPE_U32 = 2,
	WIRE_TYPE_I32 = 3,
	WIRE_TYPE_U16 = 4,
	WIRE_TYPE_I16 = 5,
	WIRE_TYPE_U8 = 6,
	WIRE_TYPE_I8 = 7,
	WIRE_TYPE_STR = 8, /* the value is a pointer to text; its first 8 bytes are compared */
};

enum wire_op {
	WIRE_OP_NONE = 0, /* a plain value, no comparison */
	WIRE_OP_EQ = 1,
	WIRE_OP_NE = 2,
	WIRE_OP_LT = 3,
	WIRE_OP_LE = 4,
	WIRE_OP_GT = 5,
	WIRE_OP_GE = 6,
	WIRE_OP_LIKE = 7, /* text only: equal but for the case of letters, which are small in rhs */
};

#define WIRE_DEREFS_MAX 4

/*
 * A value read from the target, and optionally a comparison with a constant:
 *	v = base;  for each of derefs: v = *(v + off[i]);  v += off[derefs];
 * The last dereference reads `type`; those before it read pointers.
 */
struct wire_value {
	__u8 base;	/* enum wire_base */
	__u8 arg;	/* WIRE_BASE_ARG: 0 .. 15 */
	__u8 derefs;	/* 0 .. WIRE_DEREFS_MAX */
	__u8 type;	/* enum wire_type */
	__u8 op;	/* enum wire_op */
	__u8 str_bytes; /* WIRE_TYPE_STR: bytes compared, 1 .. 8; the NUL too where all is meant */
	__u16 pad0;
	__s32 off[WIRE_DEREFS_MAX + 1];
	__u32 pad1;
	__u64 rhs; /* constant, or up to 8 bytes of text */
};

enum wire_role {
	WIRE_ROLE_NONE = 0,
	WIRE_ROLE_CALL = 1,  /* entry to return is a span */
	WIRE_ROLE_FRAME = 2, /* entry to return is an audio frame */
	WIRE_ROLE_HIT = 3,   /* return: when `when` holds, the last frame of this handle hit */
	WIRE_ROLE_FROM = 4,  /* opens a stream */
	WIRE_ROLE_TO = 5,    /* output of a stream */
	WIRE_ROLE_CLASS = 6, /* entry: the handle belongs to class `cls` from now on */
	/* Of a cache: counted, nothing is timed.  */
	WIRE_ROLE_LOOKUP = 10, /* return: a hit where `when` holds */
	WIRE_ROLE_INSERT = 11,
	WIRE_ROLE_EVICT = 12,
	/* Those of statements, from here on; see statement.bpf.c. */
	WIRE_ROLE_EXECUTE = 16, /* entry to return is one execution of a statement */
	WIRE_ROLE_PREPARE = 17, /* return: the handle (and name) stands for the text */
	WIRE_ROLE_STEP = 18,	/* a part of an execution; `when`: the last one */
	WIRE_ROLE_RESET = 19,	/* entry: the execution is over */
	WIRE_ROLE_FREE = 20,	/* entry: ... and the handle stands for nothing any more */
	WIRE_ROLE_BEGIN = 21,	/* entry (if it returns as it should): sent */
	WIRE_ROLE_END = 22, /* return: a result; `when`: the last one of the oldest that was sent */
};

enum wire_bind_flags {
	WIRE_BIND_AT_RETURN = 1 << 0,	    /* the role acts at the return, else at the entry */
	WIRE_BIND_WHERE_AT_RETURN = 1 << 1, /* `where` mentions ret */
	WIRE_BIND_LEARN = 1 << 2,	    /* exits are return sites learnt at entry */
	WIRE_BIND_ENTRY_LOOPS = 1 << 3,	    /* an entry at the SP of the open frame continues it */
	WIRE_BIND_OWN_EXITS = 1 << 4, /* no exit is shared: return addresses are not compared */
	WIRE_BIND_TRIAL = 1 << 5,     /* joins a stage that is armed: entries are counted only */
	WIRE_BIND_INSIDE = 1 << 6,    /* not counted while its handle is in an enclosing call */
	WIRE_BIND_ENCLOSES = 1 << 7,  /* an enclosing call, on whichever thread the others are */
	WIRE_BIND_WORD = 1 << 8,      /* of the text, the first word alone */
};

/* One function bound to a stage. */
struct wire_bind {
	__u16 stage;
	__u8 role;   /* enum wire_role */
	__u8 cls;    /* handle class required (or given, WIRE_ROLE_CLASS), 0 none */
	__u32 flags; /* enum wire_bind_flags */
	struct wire_value key;
	struct wire_value handle;
	struct wire_value where; /* condition: ignore the call unless it holds */
	struct wire_value when;	 /* condition of a hit (frames, look-ups) */
	struct wire_value error; /* condition: the call failed */
	struct wire_value work;	 /* of a cache: bytes put in or thrown out */
	struct wire_value per_second;
	struct wire_value cached; /* condition: the answer came out of a cache (calls) */
	struct wire_value size;	  /* of a cache: bytes in it now */
	struct wire_value text;	  /* of a statement: where it is */
	struct wire_value length; /* ... its bytes; negative or not given: up to the NUL */
	struct wire_value name;	  /* ... where the name is that it was prepared under */
};

enum wire_site {
	WIRE_SITE_NONE = 0,
	WIRE_SITE_ENTRY = 1,
	WIRE_SITE_EXIT = 2,
	WIRE_SITE_CATCH = 3,  /* __cxa_begin_catch */
	WIRE_SITE_LOADER = 4, /* _dl_debug_state */
};

/* One probed instruction; its index is the BPF cookie. */
struct wire_probe {
	__u16 bind;
	__u8 site;	  /* enum wire_site */
	__u8 no_ra_check; /* the return address is not at the frame's slot any more */
	__s32 sp_delta;	  /* SP at function entry = SP here + sp_delta */
	__u32 cost_ns;	  /* calibrated cost of the trap alone */
	__u8 unless;	  /* EXIT at a conditional jump: none while this condition code - 1 holds;
			   * 0: an exit always */
	__u8 shared;	  /* EXIT in a function that others call as well: mostly not ours */
	__u8 pad0[2];
};

enum wire_stage_state {
	WIRE_STAGE_OFF = 0,   /* hits are ignored, but cost is counted */
	WIRE_STAGE_TRIAL = 1, /* entries are counted, nothing else */
	WIRE_STAGE_ARMED = 2,
	WIRE_STAGE_LANDING = 3, /* being taken off: what is open ends, nothing new begins */
};

enum wire_stage_flags {
	WIRE_STAGE_VOICE = 1 << 0,    /* in flight: CPU counts as voice processing */
	WIRE_STAGE_ACTIVE = 1 << 1,   /* the clocks active_wall and active_cpu are kept */
	WIRE_STAGE_OVERLAPS = 1 << 2, /* starts are counted: some stage asks who runs beside it */
};

/* Configuration of a stage; `state` is changed while running. */
struct wire_stage {
	__u32 state;	       /* enum wire_stage_state */
	__u32 flags;	       /* enum wire_stage_flags */
	__u64 timeout_ns;      /* spans longer than this count as timed out; 0 none */
	__u32 records_per_s;   /* token bucket of span records */
	__u32 cached;	       /* index + 1 into the histograms of cached answers; 0 none */
	__u64 frames_since_ns; /* frames opened before are from before the stage was taken off */
};

/* --- aggregates kept by the kernel, read and diffed by user space, never cleared --- */

struct wire_open_slot {
	__u64 start_ns; /* 0: free */
	__u64 tid;
};

/* Everything counted per stage; shared by all CPUs, atomic adds. */
struct wire_stage_stats {
	__u64 entry_hits; /* probe hits, whatever came of them */
	__u64 exit_hits;
	__u64 cost_ns; /* sum of the calibrated trap cost of those hits */
	__u64 spans;   /* spans that ended by a return (frames: all frames) */
	__u64 abnormal_exception;
	__u64 abnormal_unwound; /* longjmp and the like, noticed later */
	__u64 abnormal_thread_end;
	__u64 nested;	       /* inner calls of a stage that was open already: not counted */
	__u64 unmatched;       /* exits without a frame: attached in mid call, or not ours */
	__u64 filtered;	       /* `where` or the handle class said no */
	__u64 unknown_class;   /* the handle was configured before cheshire came */
	__u64 learning;	       /* calls passed over while their return site was learnt */
	__u64 frames_overflow; /* more than WIRE_FRAMES_MAX functions open on a thread */
	__u64 errors;
	__u64 timeouts;
	__u64 hits;   /* frames, or look-ups, that hit */
	__u64 sum_ns; /* wall time of `spans` */
	__u64 max_ns;
	__u64 cpu_ns;
	__u64 process_cpu_ns;
	__u64 wait_ns[WIRE_WAITS];
	__u64 work_sum_ns;     /* audio time processed: work / per_second */
	__u64 worked_ns;       /* wall time of the spans that stated their work */
	__u64 records;	       /* span records sent */
	__u64 records_limited; /* not sent: token bucket empty */
	__u64 records_lost;    /* not sent: ring buffer full */
	__u64 read_failures;   /* target memory could not be read */
	__u64 in_flight;       /* functions of the stage, and streams, that are open now */
	__u64 cached;	       /* of `spans`: answered out of a cache */
	__u64 overlaps; /* with WIRE_STAGE_ACTIVE: times that another voice stage ran beside it */
	__u64 tokens;	/* token bucket: seconds << 32 | used */
	/* WIRE_STAGE_ACTIVE: clocks (below) that run once while anything of the stage is in flight:
	   one with the time, one with the target's CPU clock. */
	__u64 active_wall;
	__u64 active_cpu;
	__u64 active_starts; /* of this stage, as far as counted in the voice clock's starts */
	__u64 active_others; /* starts of other stages when this one was entered */
	__u64 trial_hits;    /* of entry_hits: calls of functions on trial (WIRE_BIND_TRIAL) */
	/* Caches; of a look-up left by an exception the outcome is in abnormal_*. */
	__u64 cache_misses;
	__u64 cache_evictions;
	__u64 cache_evicted_bytes;
	__u64 cache_inserts;
	__u64 cache_inserted_bytes;
	__u64 cache_size_bytes; /* as last read in the target */
	__u64 cache_sizes;	/* times that it was read */
	struct wire_open_slot open[WIRE_OPEN_SLOTS];
};

/*
 * Latencies of all calls but those answered out of a cache, which have a histogram of their own
 * (wire_stage.cached); or latencies of the frames that hit (frames); and every frame.
 */
enum wire_hist {
	WIRE_HIST_LATENCY = 0,
	WIRE_HIST_FRAME = 1,
	WIRE_HISTS = 2,
};

struct wire_histogram {
	__u32 bucket[WIRE_HIST_BUCKETS]; /* wraps; differences are right */
};

/* What a span in flight is counted in, to be taken back when it lands. */
enum wire_counted {
	WIRE_COUNTED_FLIGHT = 1 << 0,	/* in_flight, and the slot */
	WIRE_COUNTED_VOICE = 1 << 1,	/* WIRE_CLOCK_VOICE */
	WIRE_COUNTED_ACTIVE = 1 << 2,	/* the stage's own clocks */
	WIRE_COUNTED_ENCLOSES = 1 << 3, /* its handle is among the enclosing ones */
};

/* State of an open stream, keyed by stage and key. */
struct wire_stream_key {
	__u64 key;
	__u32 stage;
	__u32 pad0;
};

struct wire_stream {
	__u64 start_ns;
	__u64 first_ns; /* 0: no output yet */
	__u64 last_ns;
	__u64 handle;
	__s64 work; /* summed over outputs */
	__s64 per_second;
	__u64 cpu0_ns; /* counters of the opening thread at `from` */
	__u64 process_cpu0_ns;
	__u64 wait0_ns[WIRE_WAITS];
	__u64 cpu_ns; /* since `from`, as of the last output, if on the same thread */
	__u64 process_cpu_ns;
	__u64 wait_ns[WIRE_WAITS];
	__u32 tid; /* thread of `from` */
	__u32 outputs;
	__u32 bind;
	__u32 flags;   /* WIRE_SPAN_KEY, _CPU, _ERROR, _WORK, _RATE */
	__u32 counted; /* enum wire_counted while it is in flight, else 0 */
	__u32 slot;    /* index + 1 into wire_stage_stats.open */
};

/*
 * Process-wide clocks, each one atomic word: the number of running things in the high 10 bits
 * and a sum A in the low 54, so that the clock reads (A + n * t) mod 2^54 at time t.  Starting
 * one at t adds 1 to n and takes t from A; ending it the reverse.
 */
#define WIRE_CLOCK_BITS 54
#define WIRE_CLOCK_MASK ((1ULL << WIRE_CLOCK_BITS) - 1)

enum wire_clock {
	WIRE_CLOCK_CPU = 0,   /* CPU time of all threads of the target */
	WIRE_CLOCK_VOICE = 1, /* time with at least one voice stage in flight (n counts as 1) */
	WIRE_CLOCKS = 2,
};

/* Each clock has a cache line; beside the voice clock's word: WIRE_STAGE_OVERLAPS starts so far. */
#define WIRE_CLOCK_WORDS  8
#define WIRE_CLOCK_STARTS 1

/* What a CPU is doing for the target just now; one a CPU, written by that CPU only. */
struct wire_slice {
	__u64 start_ns;	      /* 0: no thread of the target is running here, as far as seen */
	__u64 voice_start_ns; /* voice clock at start_ns; between slices, at the end of the last */
	__u64 exec_start_ns;  /* the thread's own CPU time, as the scheduler counts, at start_ns */
	__u64 voice_cpu_ns;   /* closed slices: CPU time with a voice stage in flight */
	__u64 cpu_ns;	      /* closed slices: all CPU time, as the scheduler counts it */
	__u64 tp_hits;	      /* tracepoint program runs that concerned the target */
	__u64 tp_sampled;     /* runs whose duration was measured (1 in 64) */
	__u64 tp_sampled_ns;
	__u64 probe_sampled; /* uprobe program runs measured, likewise */
	__u64 probe_sampled_ns;
	__u64 probe_runs;
	__u64 catch_hits;  /* exceptions caught: a trap each */
	__u64 loader_hits; /* changes of the loader's list: likewise */
	__u64 ended_ns;	   /* end of the last slice */
	/* CLOCK_MONOTONIC less the clock of the scheduler's own notes; 0: not known yet. */
	__u64 arrival_gap_ns;
	__u64 rq;     /* address of the CPU's run queue; 0: not known yet */
	__u64 unseen; /* slices whose beginning was not seen, and was found afterwards */
	__u32 tid;
	__u32 pad0;
};

/* Reasons why something was not recorded, beside those kept per stage. */
#define WIRE_COUNTERS(X)                                                                           \
	X(RING_FULL, "ring_full", "records lost: ring buffer full")                                \
	X(THREAD_STATE, "thread_state", "thread state could not be allocated")                     \
	X(CLOCK_RETRY, "clock_retry", "process clock update gave up after bounded tries")          \
	X(STREAMS_FULL, "streams_full", "stream not opened: table full")                           \
	X(CLASSES_FULL, "classes_full", "handle class not stored: table full")                     \
	X(STACK_UNKNOWN, "stack_unknown", "could not tell which stack a frame is on")              \
	X(NO_SLOT, "no_slot", "span in flight without a slot: its age is not watched")             \
	X(HIT_WITHOUT_FRAME, "hit_without_frame", "a hit, but no frame of that handle before it")  \
	X(SOCKET_NOTE, "socket_note", "looks at a socket that could not be noted: not counted")    \
	X(SOCKET_RETRY, "socket_retry", "socket counter update gave up after bounded tries")       \
	X(STATEMENTS_FULL, "statements_full", "statement not followed: table full")                \
	X(TEXTS_LIMITED, "texts_limited", "texts of statements not looked at: too many new ones")  \
	X(READ_FAILED, "read_failed", "kernel or target memory could not be read")                 \
	X(BUG, "bug", "cannot happen")                                                             \
	X(ENCLOSING_FULL, "enclosing_full",                                                        \
	  "enclosing call not noted, inner ones counted: table full")

enum wire_counter {
#define X(name, id, text) WIRE_CTR_##name,
	WIRE_COUNTERS(X)
#undef X
		WIRE_CTR_CNT
};

#define WIRE_ASSERT(what) _Static_assert(what, #what)
WIRE_ASSERT(sizeof(struct wire_hdr) == 24);
WIRE_ASSERT(sizeof(struct wire_span) == 24 + 8 + 9 * 8 + WIRE_WAITS * 8 + 8);
WIRE_ASSERT(sizeof(struct wire_life) == 40);
WIRE_ASSERT(sizeof(struct wire_learn) == 40);
WIRE_ASSERT(sizeof(struct wire_lock_wait) == 32);
WIRE_ASSERT(sizeof(struct wire_value) == 40);
WIRE_ASSERT(sizeof(struct wire_bind) == 8 + 12 * 40);
WIRE_ASSERT(sizeof(struct wire_probe) == 16);
WIRE_ASSERT(sizeof(struct wire_stage) == 32);
WIRE_ASSERT(sizeof(struct wire_stream_key) == 16);

#endif /* CHESHIRE_WIRE_H */
