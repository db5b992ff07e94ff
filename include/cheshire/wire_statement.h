/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * wire_statement.h - what the BPF programs on database statements and user space say to each
 * other; see wire.h.
 *
 * The kernel knows a statement by a hash of the first WIRE_TEXT_MAX bytes of its text.  Texts that
 * agree in them are one statement.
 */
#ifndef CHESHIRE_WIRE_STATEMENT_H
#define CHESHIRE_WIRE_STATEMENT_H

#include "cheshire/wire.h"

#define WIRE_TEXT_MAX	    511	       /* bytes of a text that are looked at */
#define WIRE_TEXTS_PER_S    1000       /* new texts that cross to user space */
#define WIRE_SENT_MAX	    16	       /* statements on their way on one connection */
#define WIRE_STMT_BUCKETS   144	       /* of a statement's own histogram: 4 to a power of two */
#define WIRE_STMT_BUCKET(b) ((b) >> 4) /* ... from a bucket of struct wire_histogram */

/* What a statement is allowed to take. */
enum wire_class {
	WIRE_CLASS_PENDING = 0, /* user space has not said yet */
	WIRE_CLASS_SIMPLE = 1,
	WIRE_CLASS_COMPLEX = 2,
	WIRE_CLASS_FULLTEXT = 3,
	WIRE_CLASS_ANALYTICS = 4,
	WIRE_CLASS_UNCLASSIFIED = 5,
	WIRE_CLASSES = 6,
};

enum wire_statement_flags {
	WIRE_STMT_TEXT = 1 << 0,    /* the text follows: it is new */
	WIRE_STMT_RAN = 1 << 1,	    /* an execution: the times are valid */
	WIRE_STMT_COUNTED = 1 << 2, /* ... that is in the histogram of its class already */
	WIRE_STMT_ERROR = 1 << 3,
	WIRE_STMT_CPU = 1 << 4, /* cpu_ns and wait_ns are valid */
	WIRE_STMT_TIMEOUT = 1 << 5,
};

/* WIRE_KIND_STATEMENT; text_bytes bytes of text follow. */
struct wire_statement {
	struct wire_hdr hdr;
	__u16 stage;
	__u16 bind;
	__u32 flags; /* enum wire_statement_flags */
	__u64 hash;  /* 0: the text is not known */
	__u64 start_ns;
	__u64 end_ns;
	__u64 busy_ns; /* what counts: the sum of its steps, or end - start */
	__u64 cpu_ns;
	__u64 process_cpu_ns;
	__u64 wait_ns[WIRE_WAITS];
	__u32 steps;
	__u16 cls; /* enum wire_class, as counted */
	__u16 text_bytes;
};

/* Everything counted per class; shared by all CPUs, atomic adds. */
struct wire_class_stats {
	__u64 slow_ns; /* written by user space: slower ones send a record; 0: none does */
	__u64 count;
	__u64 errors;
	__u64 timeouts;
	__u64 sum_ns;
	__u64 max_ns;
	struct wire_histogram hist;
};

/* Of one text, while it is among those kept. */
struct wire_statement_stats {
	__u64 count;
	__u64 errors;
	__u64 sum_ns;
	__u64 max_ns;
	__u32 bucket[WIRE_STMT_BUCKETS]; /* WIRE_STMT_BUCKET */
};

WIRE_ASSERT(sizeof(struct wire_statement) == 24 + 8 + 6 * 8 + WIRE_WAITS * 8 + 8);
WIRE_ASSERT(WIRE_STMT_BUCKET(WIRE_HIST_BUCKETS - 1) < WIRE_STMT_BUCKETS);

#endif /* CHESHIRE_WIRE_STATEMENT_H */
