/* SPDX-License-Identifier: GPL-2.0-only */
/* Frames of Python looked at by a clock: which code objects user space is asked about, and when. */
#include "world.h"

#include <string.h>
#include <sys/mman.h>

#include "python.bpf.h"

#define T0     (5ULL << 30)
#define TOP    0x7f0000001000ULL /* of the thread */
#define TSTATE 0x600000ULL
#define FRAME  0x610000ULL
#define CODE   0x620000ULL
#define NAME   0x630000ULL

int python_tick(struct pt_regs *regs);

extern struct python_codes {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, WIRE_PYTHON_CODES);
	__type(key, __u64);
	__type(value, struct wire_python_code);
} python_codes;

static struct wire_python *conf(void)
{
	const __u32 zero = 0;

	return bpf_map_lookup_elem(&python_conf, &zero);
}

/* What the loader sets before the programs are loaded. */
static void want_python(void)
{
	void *page = (void *)((uintptr_t)&cfg_python & ~(uintptr_t)4095);

	assert_int_equal(mprotect(page, 4096, PROT_READ | PROT_WRITE), 0);
	*(volatile bool *)(uintptr_t)&cfg_python = true;
}

static void put(__u64 address, __u64 word)
{
	*(__u64 *)shim_user(address, sizeof(word)) = word;
}

/* A thread that runs one function; frames are two words: the code and the frame before. */
static void python(void)
{
	want_python();
	for (__u64 page = TSTATE; page <= NAME; page += 0x10000)
		shim_map_user(page, 64);
	shim_map_user(TOP, 64);
	thread(1)->task.thread.fsbase = TOP;
	put(TOP + 16, TSTATE);
	put(TSTATE + 8, FRAME);
	put(FRAME, CODE);
	put(CODE + 8, NAME);
	*conf() = (struct wire_python){.offsets = {.current = PYTHON_CURRENT_TLS,
						   .current_offset = 16,
						   .tstate_thread_id = PYTHON_NONE,
						   .tstate_cframe = PYTHON_NONE,
						   .tstate_frame = 8,
						   .frame_previous = 8,
						   .frame_owner = PYTHON_NONE,
						   .frame_generator = PYTHON_NONE,
						   .code_qualname = 8},
				       .known = 1,
				       .sampling = 1,
				       .since_ns = T0};
	at(T0 + 1000);
}

static void tick_at(__u64 ip)
{
	struct pt_regs at_ip = {.ip = ip};

	shim.now_ns += 2000000;
	assert_int_equal(python_tick(&at_ip), 0);
	shim_check();
}

static void tick(void)
{
	tick_at(0);
}

/* Since the last time. */
static unsigned int questions(void)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < shim_records(); i++) {
		const struct wire_python_question *q = shim_record_at(i)->data;

		n += q->hdr.kind == WIRE_KIND_PYTHON_CODE && q->code == CODE;
	}
	shim_drain();
	return n;
}

static void test_one_question(void **state)
{
	(void)state;
	python();
	tick();
	assert_int_equal(questions(), 1);
	for (int i = 0; i < 10; i++)
		tick();
	assert_int_equal(questions(), 0);
	expect_no_losses();
}

/* A full ring buffer, or a reader that has enough to do: nobody would ever know what it is. */
static void test_lost_question(void **state)
{
	const __u32 room = shim.ring_bytes;

	(void)state;
	python();
	shim.ring_bytes = 0;
	tick();
	assert_int_equal(questions(), 0);
	shim.ring_bytes = room;
	tick();
	assert_int_equal(questions(), 0);
	conf()->generation++;
	tick();
	tick();
	assert_int_equal(questions(), 1);
}

/* Another code object may lie where one of no stage was: it is asked for once a generation. */
static void test_of_no_stage(void **state)
{
	const struct wire_python_code nothing = {.cls = WIRE_PYTHON_NOTHING};
	const __u64 code = CODE;

	(void)state;
	python();
	assert_int_equal(bpf_map_update_elem(&python_codes, &code, &nothing, BPF_ANY), 0);
	tick();
	assert_int_equal(questions(), 0);
	conf()->generation++;
	tick();
	tick();
	assert_int_equal(questions(), 1);
}

/* Frames that were told since the last time. */
static unsigned int frames(void)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < shim_records(); i++) {
		const struct wire_python_sample *s = shim_record_at(i)->data;

		n += s->hdr.kind == WIRE_KIND_PYTHON_SAMPLE ? s->frames_n : 0;
	}
	shim_drain();
	return n;
}

/* Calling a coroutine's function makes it, in a frame that is gone at once: that is no call. */
static void test_frame_that_makes_a_coroutine(void **state)
{
	(void)state;
	python();
	conf()->offsets.code_flags = 16;
	put(CODE + 16, PYTHON_CODE_COROUTINE);
	tick();
	assert_int_equal(frames(), 0);
	put(CODE + 16, 0);
	tick();
	assert_int_equal(frames(), 1);
	expect_no_losses();
}

extern struct python_stats {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct wire_python_stats);
} python_stats;

static const struct wire_python_stats *counted(void)
{
	const __u32 zero = 0;

	return bpf_map_lookup_elem(&python_stats, &zero);
}

static __u64 walks(void)
{
	return counted()->walks;
}

/* It leaves its CPU for the n-th time, after_ns after it came back, for 10 us. */
static void pause(__u64 after_ns)
{
	shim.now_ns += after_ns;
	switch_to(0, thread(1), idle(), false, 0);
	shim.now_ns += 10000;
	switch_to(0, idle(), thread(1), false, 0);
}

/* A loop that sends and receives: only what changes is gone through, and all once a while. */
static void test_pauses_in_one_place(void **state)
{
	__u64 before;

	(void)state;
	python();
	pause(10000);
	before = walks();
	for (int i = 0; i < 40; i++)
		pause(10000);
	assert_int_equal(walks(), before);
	put(FRAME, CODE + 64);
	pause(10000);
	assert_int_equal(walks(), before + 1);
	put(TSTATE + 8, 0);
	pause(10000);
	assert_int_equal(walks(), before + 2);
	pause(1010000);
	assert_int_equal(walks(), before + 3);
	pause(10000);
	assert_int_equal(walks(), before + 3);
	expect_no_losses();
}

/* What was seen until then is told with what is new: until the newest pause, walked or not. */
static void test_pauses_are_looks(void **state)
{
	const struct wire_python_sample *s = NULL;
	__u64 paused_ns;

	(void)state;
	python();
	pause(10000);
	pause(10000);
	shim_drain();
	paused_ns = shim.now_ns;
	put(TSTATE + 8, 0);
	pause(300000);
	for (unsigned int i = 0; i < shim_records(); i++) {
		const struct wire_python_sample *at = shim_record_at(i)->data;

		s = at->hdr.kind == WIRE_KIND_PYTHON_SAMPLE ? at : s;
	}
	assert_non_null(s);
	assert_int_equal(s->frames_n, 0);
	assert_int_equal(s->before_ns, paused_ns);
	assert_int_equal(s->hdr.ts_ns, paused_ns + 300000);
}

#ifdef __x86_64__
struct code {
	__u8 bytes[3];
	bool copies;
};

static const struct code codes[] = {
	{{0xf3, 0xa4, 0x90}, true},  /* rep movsb */
	{{0xf3, 0x48, 0xa5}, true},  /* rep movsq */
	{{0xf3, 0x48, 0xab}, true},  /* rep stosq */
	{{0xf3, 0xaa, 0xc3}, true},  /* rep stosb */
	{{0xf3, 0x0f, 0x1e}, false}, /* endbr64 */
	{{0xf3, 0xa6, 0x90}, false}, /* rep cmpsb */
	{{0xf3, 0x48, 0xaf}, false}, /* rep scasq */
	{{0xa4, 0x90, 0x90}, false}, /* movsb */
	{{0x48, 0xa5, 0x90}, false}, /* movsq */
};

/* Only while debug registers are set, for the time of a tick each; without looking at frames. */
static void test_copies_are_counted(void **state)
{
	__u64 expected_ns = 0;

	(void)state;
	python();
	conf()->sampling = 0;
	conf()->tick_ns = 5000000;
	for (int watching = 0; watching < 2; watching++) {
		conf()->watching = (__u32)watching;
		for (unsigned int i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
			memcpy(shim_user(CODE, 3), codes[i].bytes, 3);
			tick_at(CODE);
			expected_ns += watching && codes[i].copies ? 5000000 : 0;
			assert_int_equal(counted()->copied_ns, expected_ns);
		}
	}
	tick_at(NAME + 4096);
	assert_int_equal(counted()->copied_ns, expected_ns);
	assert_int_equal(walks(), 0);
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_one_question),	      world_test(test_frame_that_makes_a_coroutine),
		world_test(test_lost_question),	      world_test(test_of_no_stage),
		world_test(test_pauses_in_one_place), world_test(test_pauses_are_looks),
#ifdef __x86_64__
		world_test(test_copies_are_counted),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
