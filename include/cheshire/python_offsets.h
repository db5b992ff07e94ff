/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * python_offsets.h - where things are in one running CPython: plain data that user space finds
 * out (src/python) and that programs in the kernel follow as well.
 *
 * Everything in it was checked against the process.  An offset that a version does not have is
 * PYTHON_NONE; an address that is not known is 0.  All are of a 64-bit little-endian process.
 *
 * From a thread to its frames, in the kernel:
 *
 *	base = task->thread.fsbase
 *	tstate:	PYTHON_CURRENT_TSS	*(base + current_offset)
 *		PYTHON_CURRENT_TLS	*(base + current_offset)
 *		PYTHON_CURRENT_DTV	*(*(*(base + 8) + current_module * 16) + current_offset)
 *	frame:	tstate_cframe != PYTHON_NONE ? *(*(tstate + tstate_cframe) + cframe_frame)
 *					     : *(tstate + tstate_frame)
 *	code:	*(frame + frame_code) & ~tag_mask
 *	next:	*(frame + frame_previous)
 *
 * A frame whose owner (one byte) is frame_owner_shim or more belongs to no Python function; pass
 * it by.  So does one whose code is not of type code_type.
 */
#ifndef CHESHIRE_PYTHON_OFFSETS_H
#define CHESHIRE_PYTHON_OFFSETS_H

#ifndef __bpf__
#include <linux/types.h>
#endif

#define PYTHON_NONE (-1)

/* co_flags: of a generator, a coroutine, an asynchronous generator */
#define PYTHON_CODE_GENERATOR	    0x20
#define PYTHON_CODE_COROUTINE	    0x80
#define PYTHON_CODE_ASYNC_GENERATOR 0x200
#define PYTHON_CODE_MAKES                                                                          \
	(PYTHON_CODE_GENERATOR | PYTHON_CODE_COROUTINE | PYTHON_CODE_ASYNC_GENERATOR)

enum python_current {
	PYTHON_CURRENT_UNKNOWN = 0,
	/*
	 * The thread's own state, in glibc's first block of thread specific data: also while the
	 * GIL is released.
	 */
	PYTHON_CURRENT_TSS = 1,
	/* A thread-local variable, NULL while the GIL is released: keep the last one of the thread.
	 */
	PYTHON_CURRENT_TLS = 2,
	PYTHON_CURRENT_DTV = 3, /* the same in a library that was loaded later */
};

enum python_frame_kind {
	PYTHON_FRAMES_UNKNOWN = 0,
	PYTHON_FRAMES_OBJECTS = 1,  /* to 3.10: PyFrameObject */
	PYTHON_FRAMES_INTERNAL = 2, /* from 3.11: _PyInterpreterFrame */
};

/* What a frame's instruction is. */
enum python_instruction {
	PYTHON_INSTRUCTION_UNKNOWN = 0,
	PYTHON_INSTRUCTION_BYTES = 1,	 /* 3.9: int, bytes from the code's start */
	PYTHON_INSTRUCTION_UNITS = 2,	 /* 3.10: int, units of 2 bytes */
	PYTHON_INSTRUCTION_POINTER = 3,	 /* 3.11, 3.12: pointer to the one that runs */
	PYTHON_INSTRUCTION_POINTER2 = 4, /* from 3.13: likewise, or the one after a call */
};

struct python_offsets {
	__u32 version;	  /* PY_VERSION_HEX: 0x030b02f0 is 3.11.2 */
	__u32 frame_kind; /* enum python_frame_kind */

	/* Addresses in the process. */
	__u64 runtime;	   /* _PyRuntime */
	__u64 interpreter; /* of the main one, PyInterpreterState */
	__u64 code_type;   /* PyCode_Type, as ob_type has it; likewise: */
	__u64 function_type;
	__u64 unicode_type;
	__u64 tuple_type;
	__u64 dict_type;
	__u64 bytes_type;
	__u64 generator_type;
	__u64 coroutine_type;
	__u64 async_generator_type;
	/* Futexes that a thread waits on for the GIL lie in [gil_wait, gil_wait + gil_wait_bytes).
	 */
	__u64 gil;
	__u64 gil_wait;
	__u32 gil_wait_bytes;

	/* The state of the thread that runs: see above. */
	__u32 current; /* enum python_current */
	__u32 current_module;
	__u32 refcount_bytes;	 /* of ob_refcnt: 8, or 4 from 3.12 on */
	__s64 current_offset;	 /* from fsbase (TSS, TLS) or in the module's block (DTV) */
	__u64 refcount_immortal; /* such a count or a higher one never changes; 0: none is so */
	__u64 tag_mask;		 /* bits of a reference in a frame that are not of the address */

	__s32 runtime_interpreters; /* _PyRuntimeState: head of the list of interpreters */
	__s32 interpreter_next;	    /* PyInterpreterState */
	__s32 interpreter_threads;  /* head of the list of threads */
	__s32 interpreter_gc;	    /* struct _gc_runtime_state */
	__s32 interpreter_gc_bytes;
	__s32 tstate_next; /* PyThreadState */
	__s32 tstate_interpreter;
	__s32 tstate_thread_id; /* pthread_self(), which is fsbase */
	__s32 tstate_native_id; /* the kernel's tid; none before 3.11 */
	__s32 tstate_frame;	/* innermost frame, or: */
	__s32 tstate_cframe;	/* pointer to a struct with it; 3.11, 3.12 */
	__s32 cframe_frame;

	__s32 frame_code; /* a frame of frame_kind */
	__s32 frame_previous;
	__s32 frame_instruction;
	__u32 instruction;	/* enum python_instruction */
	__s32 frame_owner;	/* one byte; from 3.11 */
	__u32 frame_owner_shim; /* owners from here on are no Python functions */
	__u32 frame_owner_generator;
	__s32 frame_object_frame; /* PyFrameObject -> frame, what PyTraceBack_Here gets; none: it is
				   */
	__s32 generator_frame;	  /* PyGenObject: the frame itself (internal), or a pointer to it */
	__s32 frame_generator;	  /* to 3.10: pointer of a frame to its generator */

	__s32 object_refcount; /* PyObject */
	__s32 object_type;
	__s32 object_size; /* PyVarObject */
	__s32 gc_head;	   /* bytes of PyGC_Head before the object */

	__s32 function_code; /* PyFunctionObject */
	__s32 function_qualname;
	__s32 function_dict;
	__s32 function_closure;

	__s32 code_flags; /* PyCodeObject; int */
	__s32 code_first_line;
	__s32 code_filename;
	__s32 code_name;
	__s32 code_qualname; /* none before 3.11 */
	__s32 code_consts;
	__s32 code_linetable;
	__s32 code_instructions; /* the first instruction; to 3.10: pointer to a bytes object */

	__s32 unicode_length; /* PyASCIIObject */
	__s32 unicode_state;
	__s32 unicode_ascii;   /* its characters, if compact and ASCII */
	__s32 unicode_compact; /* and if compact, but not ASCII */
	__s32 tuple_items;     /* PyTupleObject */
	__s32 bytes_data;      /* PyBytesObject */
	__u32 pad0;
};

_Static_assert(sizeof(struct python_offsets) % 8 == 0, "python_offsets: no hidden padding");
_Static_assert(__builtin_offsetof(struct python_offsets, current_offset) == 8 + 13 * 8 + 16,
	       "python_offsets layout");

#endif
