/* SPDX-License-Identifier: GPL-2.0-only */
/* Stacks that were copied: their return addresses against backtrace(), and what these are called.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <execinfo.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

#include "stacks/frame_names.h"
#include "stacks/stack_modules.h"
#include "stacks/unwinder.h"
#include "target/debug_file.h"
#include "target/elf_file.h"
#include "target/maps.h"
#include "target/process.h"

#define KEPT	 __attribute__((noinline, noclone))
#define DEEP_MAX 40

/* What was seen in one place: the copy, and libgcc's own walk. */
static struct snapshot {
	struct wire_alloc record;
	uint64_t truth[STACK_FRAMES_MAX]; /* [0] lies in the caller of snapshot_take() */
	size_t n_truth;
	int line;
} seen;

static struct process self;
static struct object_table objects;
static struct stack_modules *modules;

static void registers_of(const ucontext_t *context, struct wire_alloc_regs *regs)
{
#if defined(__x86_64__)
	const greg_t *from = context->uc_mcontext.gregs;

	*regs = (struct wire_alloc_regs){
		.ip = (uint64_t)from[REG_RIP],
		.sp = (uint64_t)from[REG_RSP],
		.fp = (uint64_t)from[REG_RBP],
		.saved = {(uint64_t)from[REG_RBX], (uint64_t)from[REG_R12], (uint64_t)from[REG_R13],
			  (uint64_t)from[REG_R14], (uint64_t)from[REG_R15]},
	};
#else
	const mcontext_t *from = &context->uc_mcontext;

	*regs = (struct wire_alloc_regs){
		.ip = from->pc, .sp = from->sp, .fp = from->regs[29], .link = from->regs[30]};
	memcpy(regs->saved, &from->regs[19], sizeof(regs->saved));
#endif
}

/* As a record is made of a call: of this function, at a place in it. */
static KEPT void snapshot_take(struct snapshot *to)
{
	void *frames[STACK_FRAMES_MAX];
	ucontext_t context;
	size_t i;

	memset(&to->record, 0, sizeof(to->record));
	assert_int_equal(getcontext(&context), 0);
	registers_of(&context, &to->record.regs);
	to->record.return_address = (uint64_t)(uintptr_t)__builtin_return_address(0);
	/* Less of it where the stack ends before. */
	for (to->record.stack_bytes = WIRE_ALLOC_STACK_MAX; process_read_memory(
		     &self, to->record.regs.sp, to->record.stack, to->record.stack_bytes);
	     to->record.stack_bytes -= 256)
		assert_true(to->record.stack_bytes > 256);
	to->n_truth = (size_t)backtrace(frames, STACK_FRAMES_MAX);
	/* A sanitizer's own frames come first. */
	for (i = 0; i < to->n_truth && (uint64_t)(uintptr_t)frames[i] != to->record.return_address;)
		i++;
	to->n_truth -= i;
	memcpy(to->truth, frames + i, to->n_truth * sizeof(frames[0]));
}

static KEPT int named_caller(int depth)
{
	if (depth)
		return named_caller(depth - 1) + 1;
	seen.line = __LINE__ + 1;
	snapshot_take(&seen);
	return (int)seen.n_truth;
}

static inline __attribute__((always_inline)) int put_into_caller(void)
{
	snapshot_take(&seen);
	return (int)seen.n_truth;
}

static KEPT int holds_another(void)
{
	seen.line = __LINE__ + 1;
	return put_into_caller() + 1;
}

/* All of them, but for the last ones where the copy ended earlier. */
static void assert_same_stack(const struct snapshot *snapshot, const uint64_t *addrs, size_t n,
			      size_t least)
{
	size_t i;

	assert_true(n >= least);
	for (i = 0; i < n && i < snapshot->n_truth; i++)
		assert_int_equal(addrs[i], snapshot->truth[i]);
}

static size_t walked(uint64_t *addrs)
{
	assert_int_equal(stack_modules__refresh(modules, &objects, &self), 0);
	return unwind_allocation(modules, &seen.record, addrs, STACK_FRAMES_MAX);
}

static int setup(void **state)
{
	(void)state;
	modules = stack_modules__new(NULL);
	return !modules || process_open(&self, getpid()) || object_table_read(&objects, &self);
}

static int teardown(void **state)
{
	(void)state;
	stack_modules__free(modules);
	object_table_free(&objects);
	process_close(&self);
	return 0;
}

static void test_calls(void **state)
{
	uint64_t addrs[STACK_FRAMES_MAX];

	(void)state;
	assert_true(named_caller(3) > 4);
	assert_same_stack(&seen, addrs, walked(addrs), 6);
	/* Nothing that has been read already is read again. */
	assert_same_stack(&seen, addrs, walked(addrs), 6);
}

static void test_deep(void **state)
{
	uint64_t addrs[STACK_FRAMES_MAX];
	size_t n;

	(void)state;
	named_caller(DEEP_MAX);
	n = walked(addrs);
	assert_same_stack(&seen, addrs, n, 10);
	assert_true(n <= STACK_FRAMES_MAX);
	assert_int_equal(unwind_allocation(modules, &seen.record, addrs, 5), 5);
	assert_same_stack(&seen, addrs, 5, 5);
}

static int compare_and_look(const void *a, const void *b)
{
	named_caller(0);
	return *(const int *)a - *(const int *)b;
}

/* The C library of a distribution has no frame pointers. */
static void test_through_the_c_library(void **state)
{
	uint64_t addrs[STACK_FRAMES_MAX];
	int numbers[] = {3, 1, 2};
	struct frame_name name;

	(void)state;
	qsort(numbers, 3, sizeof(numbers[0]), compare_and_look);
	assert_same_stack(&seen, addrs, walked(addrs), 5);
	assert_true(frame_names(modules, addrs[2], true, &name, 1));
	assert_non_null(strstr(name.object, "libc"));
}

static int debug_file_of(uint64_t addr)
{
	uint64_t offset;
	const struct object *found = object_table_lookup(&objects, addr, &offset);
	struct object *obj = found ? objects.objects[found->index] : NULL;
	struct elf_file elf;
	int fd;

	assert_non_null(obj);
	assert_int_equal(object_open(obj, &self), 0);
	assert_int_equal(elf_file_open(&elf, obj->fd), 0);
	fd = debug_file_open(&elf);
	elf_file_close(&elf);
	return fd;
}

/* Where Debian's libc6-dbg is installed its functions have files and lines. */
static void test_separate_debug_file(void **state)
{
	uint64_t addrs[STACK_FRAMES_MAX];
	int numbers[] = {3, 1, 2}, fd;
	struct frame_name name;

	(void)state;
	qsort(numbers, 3, sizeof(numbers[0]), compare_and_look);
	assert_true(walked(addrs) > 3);
	fd = debug_file_of(addrs[2]);
	if (fd < 0) {
		print_message("skipped: no debug file of the C library (libc6-dbg)\n");
		skip();
	}
	close(fd);
	assert_true(frame_names(modules, addrs[2], true, &name, 1));
	assert_non_null(strstr(name.file, "msort.c"));
	assert_true(name.line > 0);
	assert_string_not_equal(name.function, "");
}

static void on_signal(int number)
{
	(void)number;
	named_caller(0);
}

static void test_signal_frame(void **state)
{
	uint64_t addrs[STACK_FRAMES_MAX];

	(void)state;
	signal(SIGUSR1, on_signal);
	raise(SIGUSR1);
	signal(SIGUSR1, SIG_DFL);
	/* The registers that the kernel saves may be as large as the copy: it may end in them. */
	assert_same_stack(&seen, addrs, walked(addrs), 2);
}

static void *in_thread(void *arg)
{
	named_caller(1);
	return arg;
}

static void test_thread(void **state)
{
	uint64_t addrs[STACK_FRAMES_MAX];
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, in_thread, NULL), 0);
	pthread_join(thread, NULL);
	assert_same_stack(&seen, addrs, walked(addrs), 4);
}

static void test_names(void **state)
{
	uint64_t addrs[STACK_FRAMES_MAX];
	struct frame_name names[FRAME_INLINED_MAX];

	(void)state;
	named_caller(1);
	walked(addrs);
	assert_int_equal(frame_names(modules, addrs[0], true, names, FRAME_INLINED_MAX), 1);
	assert_string_equal(names[0].function, "named_caller");
	assert_string_equal(names[0].file, "unit/test_stacks.c");
	assert_int_equal(names[0].line, seen.line);
	assert_string_equal(names[0].object, "test_stacks");
	assert_false(names[0].inlined);
	assert_int_equal(frame_names(modules, addrs[2], true, names, FRAME_INLINED_MAX), 1);
	assert_string_equal(names[0].function, "test_names");
}

static void test_inlined(void **state)
{
	uint64_t addrs[STACK_FRAMES_MAX];
	struct frame_name names[FRAME_INLINED_MAX];

	(void)state;
	holds_another();
	walked(addrs);
	assert_int_equal(frame_names(modules, addrs[0], true, names, FRAME_INLINED_MAX), 2);
	assert_string_equal(names[0].function, "put_into_caller");
	assert_true(names[0].inlined);
	assert_string_equal(names[1].function, "holds_another");
	assert_string_equal(names[1].file, "unit/test_stacks.c");
	assert_int_equal(names[1].line, seen.line);
	assert_false(names[1].inlined);
	assert_int_equal(frame_names(modules, addrs[0], true, names, 1), 1);
}

static void test_nowhere(void **state)
{
	struct frame_name name;

	(void)state;
	assert_int_equal(frame_names(modules, 0x1234, true, &name, 1), 1);
	assert_string_equal(name.function, "");
	assert_string_equal(name.object, "");
	assert_int_equal(name.offset, 0x1234);
}

/* Tables that do not lead to the caller that was seen: the walk begins there. */
static void test_other_caller(void **state)
{
	uint64_t addrs[STACK_FRAMES_MAX];

	(void)state;
	named_caller(0);
	seen.record.regs.ip = 0x1000;
	seen.record.sp_entry = seen.record.regs.sp;
	assert_true(walked(addrs) >= 1);
	assert_int_equal(addrs[0], seen.record.return_address);
}

/* Stacks and registers of anybody's choice. */
static void test_hostile(void **state)
{
	uint64_t addrs[STACK_FRAMES_MAX];
	struct frame_name names[FRAME_INLINED_MAX];
	struct snapshot good;
	unsigned int seed = 7;
	int round;
	size_t i;

	(void)state;
	named_caller(6);
	good = seen;
	for (round = 0; round < 500; round++) {
		size_t n;

		seen = good;
		for (i = 0; i < 20; i++)
			seen.record.stack[(unsigned int)rand_r(&seed) % WIRE_ALLOC_STACK_MAX] =
				(uint8_t)rand_r(&seed);
		if (round % 3 == 0)
			seen.record.stack_bytes = (uint32_t)rand_r(&seed) % 200;
		if (round % 5 == 0)
			seen.record.regs.fp ^= (uint64_t)rand_r(&seed) << (round % 32);
		if (round % 7 == 0)
			seen.record.regs.sp = UINT64_MAX - (uint64_t)(round % 16);
		if (round % 11 == 0)
			seen.record.sp_entry = (uint64_t)rand_r(&seed) << 16;
		n = walked(addrs);
		assert_true(n <= STACK_FRAMES_MAX);
		if (n)
			frame_names(modules, addrs[n - 1], true, names, FRAME_INLINED_MAX);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_calls),
		cmocka_unit_test(test_deep),
		cmocka_unit_test(test_through_the_c_library),
		cmocka_unit_test(test_separate_debug_file),
		cmocka_unit_test(test_signal_frame),
		cmocka_unit_test(test_thread),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_inlined),
		cmocka_unit_test(test_nowhere),
		cmocka_unit_test(test_other_caller),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
