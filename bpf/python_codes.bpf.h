/* SPDX-License-Identifier: GPL-2.0-only */
/* python_codes.bpf.h - which code objects are of a stage; included once. */
#ifndef CHESHIRE_PYTHON_CODES_BPF_H
#define CHESHIRE_PYTHON_CODES_BPF_H

#include "python.bpf.h"
#include "span.bpf.h"

struct python_codes {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, WIRE_PYTHON_CODES);
	__type(key, __u64);
	__type(value, struct wire_python_code);
};

struct python_codes python_codes SEC(".maps");

static __always_inline void ask(__u64 code, __u64 now)
{
	struct wire_python_question *q = bpf_ringbuf_reserve(&events, sizeof(*q), 0);

	if (!q) {
		ctr_inc(WIRE_CTR_RING_FULL);
		return;
	}
	hdr_fill(&q->hdr, WIRE_KIND_PYTHON_CODE, sizeof(*q), now);
	q->code = code;
	bpf_ringbuf_submit(q, BPF_RB_NO_WAKEUP);
}

/*
 * The class of a code object, and a question where there is none.  An object of no stage may have
 * made room for another one, and a question may be lost: now and then it is asked for again.  One
 * of a stage is looked at.
 */
static __always_inline __u32 class_of(const struct wire_python *py, __u64 code, __u64 now)
{
	struct wire_python_code *known = bpf_map_lookup_elem(&python_codes, &code);
	struct wire_python_code asked = {.cls = WIRE_PYTHON_ASKED};
	__s32 at = py->offsets.code_qualname != PYTHON_NONE ? py->offsets.code_qualname
							    : py->offsets.code_name;
	__u64 qualname = 0;

	if (known && (known->cls == WIRE_PYTHON_NOTHING || known->cls == WIRE_PYTHON_ASKED)) {
		if (known->generation != py->generation) {
			known->generation = py->generation;
			ask(code, now);
		}
		return known->cls;
	}
	if (known && !read_word(&qualname, code + (__u64)(__s64)at) && qualname == known->qualname)
		return known->cls;
	asked.generation = py->generation;
	bpf_map_update_elem(&python_codes, &code, &asked, BPF_ANY);
	ask(code, now);
	return WIRE_PYTHON_ASKED;
}

#endif
