/* SPDX-License-Identifier: GPL-2.0-only */
#include "watch/python_watchpoint.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "keeper/keeper.h"
#include "kernel/python.h"
#include "log/log.h"
#include "python/functions.h"
#include "python/stack.h"
#include "watch/python_target.h"

#define THREADS_LOOKED_AT     64
#define VERSION(major, minor) ((uint32_t)(major) << 24 | (uint32_t)(minor) << 16)

int python_watchpoint_layout(const struct python_target *target,
			     struct python_watchpoint_layout *out, char *why, size_t size)
{
	struct python_thread threads[THREADS_LOOKED_AT];
	int n = python_threads_list(target->runtime, threads, THREADS_LOOKED_AT);
	int err = n < 0 ? n : -EOPNOTSUPP;

	out->target = target;
	for (int i = 0; i < n && err; i++)
		err = python_frame_stack_find(python_runtime__offsets(target->runtime),
					      &target->reader, threads[i].tstate, &out->stack);
	if (err)
		snprintf(why, size, "where frames are in this interpreter was not found: %s",
			 err_str(err));
	return err;
}

bool python_watchpoint_suits(const struct python_function *f, char *why, size_t size)
{
	if (f->flags & (PYTHON_CODE_COROUTINE | PYTHON_CODE_ASYNC_GENERATOR))
		snprintf(why, size, "not exact: a coroutine has no frame of its own on a thread");
	else if (f->flags & PYTHON_CODE_GENERATOR)
		snprintf(why, size, "not exact: a generator has no frame of its own on a thread");
	else if (f->immortal)
		snprintf(why, size,
			 "not exact: the code object is immortal, so its reference "
			 "count never changes");
	else
		return true;
	return false;
}

static int read_count(const struct python_target *t, uint64_t address, uint64_t *count)
{
	const struct python_offsets *o = python_runtime__offsets(t->runtime);

	*count = 0;
	return python_reader_read(&t->reader, address, count, o->refcount_bytes);
}

static const char *failure(int err)
{
	switch (err) {
	case -EBUSY:
		return "the search for leaks has the CPU's debug registers";
	case -ENOSPC:
		return "the CPU's debug registers are taken (by a debugger, or another tool)";
	case -EPERM:
	case -EACCES:
		return "not permitted (no stage of Python was configured at start, or CAP_PERFMON "
		       "is missing)";
	case -E2BIG:
		return "more than 1024 threads";
	case -EMFILE:
		return "more descriptors than the process may have (threads times functions)";
	case -EOPNOTSUPP:
	case -EINVAL:
		return "this CPU or kernel has no watchpoints";
	}
	return err_str(err);
}

static void fill(struct wire_watch *w, const struct python_watchpoint_layout *layout,
		 uint32_t stage, uint64_t code, uint32_t frame_bytes)
{
	const struct python_offsets *o = python_runtime__offsets(layout->target->runtime);
	const struct python_frame_stack *s = &layout->stack;

	*w = (struct wire_watch){.code = code,
				 .stage = stage,
				 .frame_bytes = frame_bytes,
				 .exact_ends = o->version >= VERSION(3, 12),
				 .tstate_stack = s->tstate_stack,
				 .tstate_exception = s->tstate_exception,
				 .code_frame = s->code_frame,
				 .code_stack = s->code_stack,
				 .code_locals = s->code_locals,
				 .code_specials = s->code_specials,
				 .code_idle = s->code_idle};
}

int python_watchpoint_set(struct python_watchpoint_layout *layout, struct loader *loader,
			  struct keeper *keeper, uint32_t slot, uint32_t stage,
			  const struct python_function *f, char *why, size_t size)
{
	const struct python_target *t = layout->target;
	const struct python_offsets *o = python_runtime__offsets(t->runtime);
	struct wire_watch *w = python_watch_at(loader, slot);
	struct keeper_watch watch = {.address = f->code + (uint64_t)(int64_t)o->object_refcount,
				     .length = o->refcount_bytes,
				     .kind = WATCHPOINT_WRITES,
				     .python = true};
	struct keeper_watched watched;
	uint32_t bytes;
	uint64_t count;
	int err = python_frame_bytes(&layout->stack, &t->reader, f->code, &bytes);

	err = err ?: read_count(t, watch.address, &count);
	if (err) {
		snprintf(why, size, "not exact: its code object cannot be read: %s", err_str(err));
		return err;
	}
	fill(w, layout, stage, f->code, bytes);
	w->count = count;
	__atomic_store_n(&w->address, watch.address, __ATOMIC_SEQ_CST);
	err = keeper__watch(keeper, slot, &watch, &watched);
	if (err) {
		w->address = 0;
		snprintf(why, size, "not exact: %s", failure(err));
		return err;
	}
	w->cost_ns = watched.cost_ns;
	layout->copy_percent = watched.copy_percent;
	return 0;
}

void python_watchpoint_clear(struct loader *loader, struct keeper *keeper, uint32_t slot)
{
	struct wire_watch *w = python_watch_at(loader, slot);
	struct keeper_watched watched;

	w->armed = 0;
	(void)keeper__watch(keeper, slot, NULL, &watched);
	__atomic_store_n(&w->address, 0, __ATOMIC_SEQ_CST);
}

uint64_t python_watchpoint_name(const struct python_target *t, uint64_t code)
{
	const struct python_offsets *o = python_runtime__offsets(t->runtime);
	int32_t at = o->code_qualname != PYTHON_NONE ? o->code_qualname : o->code_name;
	uint64_t type, name;

	if (python_reader_read(&t->reader, code + (uint64_t)(int64_t)o->object_type, &type,
			       sizeof(type)) ||
	    type != o->code_type ||
	    python_reader_read(&t->reader, code + (uint64_t)(int64_t)at, &name, sizeof(name)))
		return 0;
	return name;
}
