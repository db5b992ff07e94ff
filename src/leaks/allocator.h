/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * allocator.h - whose malloc a process uses, by looking at the process: never by what is installed.
 *
 * The pointers with which its objects call malloc (GOT) are read from its memory; the function they
 * lead to belongs to an object, and its symbols say what it is.  So interposition by the executable
 * or by LD_PRELOAD is seen as the loader has decided it.
 */
#ifndef CHESHIRE_LEAKS_ALLOCATOR_H
#define CHESHIRE_LEAKS_ALLOCATOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "leaks/target_memory.h"

struct object;
struct object_table;
struct process;

enum allocator_kind {
	ALLOCATOR_UNKNOWN = 0, /* no malloc was found, or it cannot be told which; see `why` */
	ALLOCATOR_GLIBC = 1,
	ALLOCATOR_MUSL = 2,
	ALLOCATOR_JEMALLOC = 3,
	ALLOCATOR_TCMALLOC = 4,
	ALLOCATOR_MIMALLOC = 5,
	ALLOCATOR_SANITIZER = 6,
	ALLOCATOR_OTHER = 7, /* there is one, but of none of these */
	ALLOCATOR_KINDS = 8,
};

/* The functions that hand out memory, and free. */
enum allocator_entry {
	ALLOCATOR_MALLOC = 0,	      /* (size) */
	ALLOCATOR_CALLOC = 1,	      /* (n, size) */
	ALLOCATOR_REALLOC = 2,	      /* (ptr, size) */
	ALLOCATOR_REALLOCARRAY = 3,   /* (ptr, n, size); in glibc it calls realloc */
	ALLOCATOR_MEMALIGN = 4,	      /* (alignment, size) */
	ALLOCATOR_ALIGNED_ALLOC = 5,  /* (alignment, size) */
	ALLOCATOR_POSIX_MEMALIGN = 6, /* (&ptr, alignment, size) */
	ALLOCATOR_NEW = 7,	      /* operator new(size), where it does not call malloc */
	ALLOCATOR_NEW_ARRAY = 8,
	ALLOCATOR_NEW_ALIGNED = 9, /* (size, alignment) */
	ALLOCATOR_NEW_NOTHROW = 10,
	ALLOCATOR_FREE = 11,
	ALLOCATOR_ENTRIES = 12,
};

struct allocator_function {
	bool found;
	uint32_t object; /* index in the table */
	uint64_t offset; /* in the object's file: what a uprobe takes */
	uint64_t vaddr;	 /* ELF virtual address */
	uint64_t addr;	 /* in the target */
};

struct allocator {
	enum allocator_kind kind;
	uint32_t object; /* that holds malloc; OBJECT_NONE */
	bool is_static;	 /* malloc is in the executable */
	bool interposed; /* it is not the C library's */
	struct allocator_function functions[ALLOCATOR_ENTRIES];
	/* Objects whose GOT leads to it, and that have another malloc (then see `why`). */
	uint32_t users_n, others_n;
	char name[64]; /* the object's basename, of the target's choice: escape it */
	char why[160]; /* what is not known or not seen, in words; "" all is */
};

/*
 * Opens the objects that it looks at (object_open), and leaves them open.  Slow, for a worker: it
 * reads relocations and symbols.  0 (kind may be ALLOCATOR_UNKNOWN), or a negative errno of memory
 * or of the target.
 */
int allocator_find(struct allocator *out, const struct process *proc, struct object_table *objects,
		   const struct target_memory *memory);

const char *allocator_kind_name(enum allocator_kind kind);
const char *allocator_entry_name(enum allocator_entry entry);

/* Can be told from outside whether one of its blocks is still allocated? */
bool allocator_tells(enum allocator_kind kind);
/* In words, for people: what can and what cannot be told of the blocks of this allocator. */
const char *allocator_limits(enum allocator_kind kind);

#endif /* CHESHIRE_LEAKS_ALLOCATOR_H */
