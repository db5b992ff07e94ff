/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * wire_alloc.h - what the BPF programs on the functions of an allocator and user space say to each
 * other; see wire.h.
 *
 * Allocations are looked at in windows: probes that are attached for a number of calls, and then
 * taken off.  A window that has seen its number closes itself: what still runs into the probes
 * returns at once.  What is known of a call that was sampled is one record, made at its return,
 * with a copy of the caller's stack: return addresses are found in it by user space.
 *
 * free() is not probed: whether a block is still there is seen from outside.  But all calls,
 * sampled or not, late or not, say which addresses they were given until the blocks have been
 * looked at: an address that comes again is no longer that of the block that was sampled.
 *
 * A call's path is known without its stack: where it returns to, and how deep its thread's stack is
 * there.  Different call chains seldom have both alike, and one chain always has.  Paths whose
 * blocks are known to be freed soon are sampled less, so that there is room for rare ones.
 */
#ifndef CHESHIRE_WIRE_ALLOC_H
#define CHESHIRE_WIRE_ALLOC_H

#include "cheshire/wire.h"

#define WIRE_ALLOC_STACK_MAX 4096    /* bytes of a stack that are copied */
#define WIRE_ALLOC_RING	     2097152 /* bytes of the ring buffer */
#define WIRE_ALLOC_SITES_MAX 16	     /* call sites that are counted at the same time */
#define WIRE_ALLOC_KEPT	     4096    /* addresses of sampled blocks, a power of two */
#define WIRE_ALLOC_KEPT_WAYS 4	     /* places that each of them may have */
#define WIRE_ALLOC_PATHS     4096    /* paths whose blocks do not last, a power of two */
#define WIRE_ALLOC_PATH_WAYS 4	     /* places that each of them may have */
#define WIRE_ALLOC_SAVED     10	     /* callee-saved registers, but for the frame pointer */

/* By what is asked of it: how the arguments give the size, and where the pointer comes back. */
enum wire_alloc_function {
	WIRE_ALLOC_MALLOC = 0,	     /* (size): malloc, valloc, pvalloc */
	WIRE_ALLOC_CALLOC = 1,	     /* (n, size) */
	WIRE_ALLOC_REALLOC = 2,	     /* (old, size) */
	WIRE_ALLOC_REALLOCARRAY = 3, /* (old, n, size) */
	WIRE_ALLOC_ALIGNED = 4,	     /* (alignment, size): memalign, aligned_alloc */
	WIRE_ALLOC_POSIX = 5,	     /* (&pointer, alignment, size), 0 if it worked */
	WIRE_ALLOC_NEW = 6,	     /* operator new(size, ...), where it is the allocator's own */
	WIRE_ALLOC_MMAP = 7,	     /* (address, size, protection, flags, ...) */
	WIRE_ALLOC_MREMAP = 8,	     /* (old, old size, size, ...) */
	WIRE_ALLOC_OTHER = 9,	     /* at a call site: whatever is called there, size unknown */
	WIRE_ALLOC_FUNCTIONS = 10,
};

#define WIRE_ALLOC_FUNCTION_NAMES                                                                  \
	{                                                                                          \
		"malloc", "calloc", "realloc", "reallocarray", "aligned_alloc", "posix_memalign",  \
			"operator new", "mmap", "mremap", "other"                                  \
	}

/*
 * The cookie of a probe: what is at the place.  `value` is the distance from the stack pointer
 * there to that at the function's entry, in bytes; at a call site it is the site's number.
 */
enum wire_alloc_role {
	WIRE_ALLOC_ENTER = 0,
	WIRE_ALLOC_EXIT = 1,
	WIRE_ALLOC_MEMSET = 2,	    /* at the jump to memset that calloc ends with */
	WIRE_ALLOC_SITE_CALL = 3,   /* at the call: the arguments are there */
	WIRE_ALLOC_SITE_RETURN = 4, /* behind it: the pointer is */
};

static inline __u64 wire_alloc_cookie(enum wire_alloc_role role, enum wire_alloc_function function,
				      __u8 unless, __u8 stepped, __s32 value)
{
	return (__u64)role | (__u64)function << 8 | (__u64)unless << 16 | (__u64)stepped << 24 |
	       (__u64)(__u32)value << 32;
}

#define WIRE_ALLOC_COOKIE_ROLE(c)     ((__u8)(c))
#define WIRE_ALLOC_COOKIE_FUNCTION(c) ((__u8)((c) >> 8))
/*
 * A conditional jump that stands for a ret: its condition + 1; 0: it is none.  At an entry 1: not
 * all ways out of the function are known.
 */
#define WIRE_ALLOC_COOKIE_UNLESS(c)  ((__u8)((c) >> 16))
#define WIRE_ALLOC_COOKIE_STEPPED(c) ((__u8)((c) >> 24)) /* the dear kind of trap */
#define WIRE_ALLOC_COOKIE_VALUE(c)   ((__s32)((c) >> 32))

/*
 * The registers that unwinding needs, as they were at the probe.  saved: x86-64 rbx, r12 to r15;
 * arm64 x19 to x28.  What there is none of is 0.
 */
struct wire_alloc_regs {
	__u64 ip; /* the probed instruction, in the allocator near its function's first one */
	__u64 sp;
	__u64 fp;   /* rbp, x29 */
	__u64 link; /* x30 */
	__u64 saved[WIRE_ALLOC_SAVED];
};

enum wire_alloc_kind {
	WIRE_ALLOC_BLOCK = 1,	   /* struct wire_alloc, with the stack */
	WIRE_ALLOC_SITE_BLOCK = 2, /* struct wire_alloc_head: a call site that is counted made it */
	WIRE_ALLOC_ENDED = 3,	   /* struct wire_alloc_head: the window has seen enough */
};

/* What every record begins with. */
struct wire_alloc_head {
	__u32 kind;	   /* enum wire_alloc_kind */
	__u32 window;	   /* its number */
	__u64 pointer;	   /* what came back; never 0 but in WIRE_ALLOC_ENDED */
	__u64 old_pointer; /* realloc, reallocarray, mremap: the block that ended; else 0 */
	__u64 size_bytes;  /* that were asked for */
	__u64 time_ns;	   /* of the call */
	__u64 path;	   /* WIRE_ALLOC_BLOCK: wire_alloc_path(); 0: not known */
	__u32 tid;
	__u32 sample_bytes; /* sampled with probability size_bytes / sample_bytes, if that is less
			       than 1; 0: as each call was */
	__u32 site;	    /* WIRE_ALLOC_SITE_BLOCK: its number */
	__u8 function;	    /* enum wire_alloc_function */
	__u8 kept;	    /* WIRE_ALLOC_BLOCK: 1: it is among control.kept; 0: no room */
	__u8 brief;	    /* WIRE_ALLOC_BLOCK: 1: its path is among control.brief */
	__u8 pad0;
};

struct wire_alloc {
	struct wire_alloc_head head;
	struct wire_alloc_regs regs;
	__u64 sp_entry;	      /* stack pointer at the function's first instruction */
	__u64 return_address; /* into the function that called it; 0: it could not be read */
	__u32 stack_bytes;    /* of the stack, from regs.sp upwards, that could be read */
	__u32 pad0;
	__u8 stack[WIRE_ALLOC_STACK_MAX]; /* as it was at the return: below sp_entry it is stale */
};

enum wire_alloc_counter {
	WIRE_ALLOC_CTR_HITS_EMULATED = 0, /* traps of windows, by their cost; all of them */
	WIRE_ALLOC_CTR_HITS_STEPPED = 1,
	WIRE_ALLOC_CTR_LATE = 2,     /* calls behind the window's end, until the probes were off */
	WIRE_ALLOC_CTR_NESTED = 3,   /* calls by the allocator itself: not looked at */
	WIRE_ALLOC_CTR_SAMPLED = 4,  /* calls that were chosen */
	WIRE_ALLOC_CTR_BLOCKS = 5,   /* ... and became a record */
	WIRE_ALLOC_CTR_FAILED = 6,   /* ... and gave no block */
	WIRE_ALLOC_CTR_LEFT = 7,     /* ... and whose return was not seen */
	WIRE_ALLOC_CTR_LOST = 8,     /* ... and had no room in the ring buffer */
	WIRE_ALLOC_CTR_NO_STATE = 9, /* calls of threads that there was no memory for */
	WIRE_ALLOC_CTR_UNREADABLE = 10, /* stacks of which nothing could be read */
	WIRE_ALLOC_CTR_UNSEEN = 11, /* calls that were not chosen and whose return was not seen */
	WIRE_ALLOC_CTRS = 12,
};

#define WIRE_ALLOC_CTR_NAMES                                                                       \
	{                                                                                          \
		"hits_emulated", "hits_stepped", "late", "nested", "sampled", "blocks", "failed",  \
			"left", "lost", "no_state", "unreadable", "unseen"                         \
	}

/* A call site that is counted.  Shared by all CPUs, atomic adds; never reset. */
struct wire_alloc_site {
	__u64 calls; /* at the call; where that is not probed, at its return */
	__u64 bytes; /* asked for by them */
	__u64 returned;
	__u64 failed;	    /* ... without a block */
	__s64 records_left; /* set by user space: blocks that get a record of their own */
	__u64 records_lost; /* ... that there was no room for */
};

/* Shared with user space, in the programs' .bss. */
struct wire_alloc_control {
	/* Written by user space; window last, for that opens it. */
	__u64 calls_max;	  /* the window ends with them, */
	__u64 blocks_max;	  /* or with so many that were sampled */
	__u32 sample_bytes;	  /* as in the records */
	__u32 window;		  /* its number; 0: none is open */
	__u32 brief_sample_bytes; /* the same for calls whose path is among `brief` */
	__u32 pad0;
	__u32 looked; /* 1: its blocks were looked at; who is given their addresses is no matter */
	__u32 outer_only; /* 1: calls from the allocator's code are nested, whatever called that */
	__u64 code_start, code_end; /* of the allocator: calls from there are nested */
	/* Written by the programs. */
	__u64 calls;	/* of this window, those behind its end included; user space sets it to 0 */
	__u64 sampled;	/* of them; likewise */
	__u64 ended_ns; /* when one of the two was reached; likewise */
	__u64 counters[WIRE_ALLOC_CTRS];
	struct wire_alloc_site sites[WIRE_ALLOC_SITES_MAX];
	/*
	 * The blocks of this window that were sampled, by address, until the address is given to
	 * another call, or the block to realloc.  By wire_alloc_kept_at(); 0: free.  User space
	 * sets all to 0 before the window.
	 */
	__u64 kept[WIRE_ALLOC_KEPT];
	/*
	 * Paths whose blocks do not last, by wire_alloc_path_at(); 0: none.  Written by user space
	 * while no window is open.
	 */
	__u64 brief[WIRE_ALLOC_PATHS];
};

/* Never 0.  top: any address that the stack of one thread always has the same distance from. */
static inline __u64 wire_alloc_path(__u64 return_address, __u64 sp_entry, __u64 top)
{
	__u64 hash = (return_address ^ (top - sp_entry) << 40) * 0x9e3779b97f4a7c15ULL;

	hash = (hash ^ hash >> 32 ^ (top - sp_entry)) * 0xd6e8feb86659fd93ULL;
	hash ^= hash >> 32;
	return hash + !hash;
}

/* The first of the places that the path may have. */
static inline __u32 wire_alloc_path_at(__u64 path)
{
	return (__u32)path & (WIRE_ALLOC_PATHS - WIRE_ALLOC_PATH_WAYS);
}

/* The first of the places that the address may have. */
static inline __u32 wire_alloc_kept_at(__u64 pointer)
{
	__u32 hash = (__u32)((pointer >> 4) * 0x9e3779b97f4a7c15ULL >> 32);

	return hash & (WIRE_ALLOC_KEPT - WIRE_ALLOC_KEPT_WAYS);
}

_Static_assert(sizeof(struct wire_alloc_head) == 64, "wire_alloc_head layout");
_Static_assert(sizeof(struct wire_alloc) == 64 + 112 + 24 + WIRE_ALLOC_STACK_MAX,
	       "wire_alloc layout");

#endif
