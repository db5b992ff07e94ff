/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Coroutines in the collector's lists: each is told once when it was made and once when it is over,
 * also where objects are freed and others take their places, and while the lists are changed.
 */
#include "world.h"

#include <string.h>
#include <sys/mman.h>

#include "cheshire/wire_python.h"

#define S	  3
#define MS	  1000000ULL
#define T0	  (5ULL << 30)
#define HEAP	  0x7f0000000000ULL
#define OBJECTS	  4096
#define SIZE	  0x100ULL /* of an object with what is before it */
#define GC_BYTES  16
#define FRAME	  80 /* in a coroutine */
#define HEADS	  0x610000ULL
#define CODE	  0x620000ULL
#define NAME	  0x630000ULL
#define TYPE	  0x640000ULL
#define SUSPENDED ((__s8)-1)
#define CLEARED	  ((__s8)4)

/* As python_codes.bpf.h and python.bpf.h have them. */
struct python_codes {
	int (*type)[BPF_MAP_TYPE_LRU_HASH];
	int (*max_entries)[WIRE_PYTHON_CODES];
	__u64 *key;
	struct wire_python_code *value;
};

struct python_conf {
	int (*type)[BPF_MAP_TYPE_ARRAY];
	int (*max_entries)[1];
	__u32 *key;
	struct wire_python *value;
};

extern struct python_codes python_codes;
extern struct python_conf python_conf;
extern const volatile bool cfg_python;
int python_generators_look(__u64 now, __u64 before);

static __u64 now_ns;
static unsigned seen;	     /* records that were looked at */
static __u64 unsure_ns = MS; /* when it was may be so uncertain */

/* User space sets it before the programs are loaded. */
static void want_python(void)
{
	__u64 page = (__u64)&cfg_python & ~4095ULL;

	assert_int_equal(mprotect((void *)page, 4096, PROT_READ | PROT_WRITE), 0);
	*(bool *)(__u64)&cfg_python = true;
}

static __u64 *word(__u64 at)
{
	return shim_user(at, 8);
}

static __u64 head(unsigned list)
{
	return HEADS + list * 24;
}

static struct wire_python *conf(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&python_conf, &zero);
}

static void interpreter(void)
{
	const struct wire_python_code cls = {.cls = S + 1, .qualname = NAME};
	const __u64 code = CODE;
	struct wire_python *py;

	want_python();
	stage(S, 0);
	shim_map_user(HEAP, OBJECTS * SIZE);
	shim_map_user(HEADS, 4096);
	shim_map_user(CODE, 4096);
	*word(CODE + 8) = NAME;
	assert_int_equal(bpf_map_update_elem(&python_codes, &code, &cls, BPF_ANY), 0);
	py = conf();
	*py = (struct wire_python){.known = 1, .sampling = 1, .generators = 1, .since_ns = T0};
	py->offsets.frame_kind = PYTHON_FRAMES_INTERNAL;
	py->offsets.frame_owner = 72;
	py->offsets.generator_frame = FRAME;
	py->offsets.gc_head = GC_BYTES;
	py->offsets.coroutine_type = TYPE;
	py->offsets.code_qualname = 8;
	for (unsigned i = 0; i < WIRE_PYTHON_GC_LISTS; i++) {
		py->gc_lists[i] = head(i);
		*word(head(i)) = *word(head(i) + 8) = head(i);
	}
	now_ns = T0;
	seen = 0;
	unsure_ns = MS;
}

static __u64 node(unsigned i)
{
	return HEAP + i * SIZE;
}

static __u64 frame(unsigned i)
{
	return node(i) + GC_BYTES + FRAME;
}

static void set_state(unsigned i, __s8 state)
{
	*(__s8 *)shim_user(frame(i) + (__u64)WIRE_PYTHON_FRAME_STATE, 1) = state;
}

static void append(unsigned list, __u64 at)
{
	__u64 last = *word(head(list) + 8);

	*word(at) = head(list);
	*word(at + 8) = last;
	*word(last) = at;
	*word(head(list) + 8) = at;
}

/* Something that is no coroutine. */
static void make_other(unsigned i)
{
	memset(shim_user(node(i), SIZE), 0, SIZE);
	append(0, node(i));
}

static void make(unsigned i)
{
	make_other(i);
	*word(node(i) + GC_BYTES + 8) = TYPE;
	*word(frame(i)) = CODE;
	set_state(i, SUSPENDED);
}

static void drop(unsigned i)
{
	__u64 next = *word(node(i)), previous = *word(node(i) + 8);

	*word(next + 8) = previous;
	*word(previous) = next;
	*word(node(i) + GC_BYTES + 8) = 0;
	set_state(i, CLEARED);
}

/* All of a list are older now. */
static void collect(unsigned list)
{
	while (*word(head(list)) != head(list)) {
		__u64 at = *word(head(list)), next = *word(at);

		*word(head(list)) = next;
		*word(next + 8) = head(list);
		append(list + 1, at);
	}
	++*word(head(list + 1) + 16);
}

static void look(void)
{
	now_ns += 2 * MS;
	at(now_ns);
	python_generators_look(now_ns, now_ns - MS);
	shim_check();
}

/* What was told since: so many were made, so many are over. */
static void expect_told(unsigned made, unsigned over)
{
	const struct shim_record *record;
	unsigned n[2] = {};

	for (; (record = shim_record_at(seen)); seen++) {
		const struct wire_python_generator *g = record->data;

		assert_int_equal(g->hdr.kind, WIRE_KIND_PYTHON_GENERATOR);
		assert_int_equal(g->cls, S + 1);
		assert_int_equal(g->code, CODE);
		assert_true(g->before_ns <= g->hdr.ts_ns &&
			    g->hdr.ts_ns - g->before_ns <= unsure_ns);
		assert_true(g->over < 2);
		n[g->over]++;
	}
	assert_int_equal(n[0], made);
	assert_int_equal(n[1], over);
}

static void test_made_and_over(void **state)
{
	(void)state;
	interpreter();
	/* What is there at the first look may have been there for long. */
	make(1);
	look();
	expect_told(0, 0);
	assert_int_equal(stats(S)->in_flight, 1);
	make(2);
	make(3);
	look();
	expect_told(2, 0);
	look();
	expect_told(0, 0);
	assert_int_equal(stats(S)->in_flight, 3);
	drop(2);
	look();
	expect_told(0, 1);
	drop(1);
	drop(3);
	look();
	expect_told(0, 2);
	assert_int_equal(stats(S)->in_flight, 0);
	expect_no_losses();
}

/* What is freed last is taken first: places of before are no marks. */
static void test_places_taken_again(void **state)
{
	(void)state;
	interpreter();
	for (unsigned i = 0; i < 300; i++)
		make_other(i);
	look();
	for (unsigned round = 0; round < 20; round++) {
		for (unsigned i = 300; i < 310; i++)
			make_other(i);
		look();
		for (unsigned i = 309; i >= 300; i--)
			drop(i);
		for (unsigned i = 400; i < 420; i++)
			make(i);
		/* The last one of before is among those that were made after them. */
		for (unsigned i = 309; i >= 300; i--)
			make_other(i);
		for (unsigned i = 500; i < 700; i++)
			make_other(i);
		look();
		expect_told(20, 0);
		for (unsigned i = 400; i < 420; i++)
			drop(i);
		for (unsigned i = 300; i < 310; i++)
			drop(i);
		for (unsigned i = 500; i < 700; i++)
			drop(i);
		look();
		expect_told(0, 20);
	}
	expect_no_losses();
}

/* The same objects in the same order at the same places, round by round: marks are of one look. */
static void test_rounds_alike(void **state)
{
	(void)state;
	interpreter();
	look();
	for (unsigned round = 0; round < 5; round++) {
		for (unsigned i = 0; i < 20; i++)
			make(i);
		for (unsigned i = 20; i < 300; i++)
			make_other(i);
		look();
		expect_told(20, 0);
		for (unsigned i = 0; i < 300; i++)
			drop(i);
		look();
		expect_told(0, 20);
	}
	expect_no_losses();
}

/* The collector ran in between: they are in the list of older ones. */
static void test_collected(void **state)
{
	(void)state;
	interpreter();
	for (unsigned i = 0; i < 200; i++)
		make_other(i);
	look();
	make(300);
	collect(0);
	look();
	expect_told(1, 0);
	make(301);
	collect(0);
	collect(1);
	make(302);
	look();
	expect_told(2, 0);
	for (unsigned i = 300; i < 303; i++)
		drop(i);
	look();
	expect_told(0, 3);
	expect_no_losses();
}

/* Lists that do not fit together: nothing is told, and nothing is missed when they do again. */
static void test_torn(void **state)
{
	__u64 kept;

	(void)state;
	interpreter();
	for (unsigned i = 0; i < 40; i++)
		make_other(i);
	look();
	make(50);
	make_other(51);
	make_other(52);
	kept = *word(node(52) + 8);
	for (unsigned i = 0; i < 3; i++) {
		*word(node(52) + 8) = (const __u64[]){0x1234, node(7), head(1)}[i];
		look();
		expect_told(0, 0);
	}
	/* In a ring. */
	*word(node(52) + 8) = node(52);
	*word(node(52)) = node(52);
	look();
	expect_told(0, 0);
	*word(node(52) + 8) = kept;
	*word(node(52)) = head(0);
	look();
	/* Nothing was known since the last look before. */
	unsure_ns = 5 * 2 * MS;
	expect_told(1, 0);
}

/* As python_generators.bpf.h has it. */
struct python_newest_value {
	__u64 walked_ns, cut_ns, filled_ns;
	__s64 spare_ns;
};

struct python_newest {
	int (*type)[BPF_MAP_TYPE_ARRAY];
	int (*max_entries)[1];
	__u32 *key;
	struct python_newest_value *value;
};

extern struct python_newest python_newest;

/* Going through the lists took too long: it is done without, and nothing is missed. */
static void test_too_often(void **state)
{
	struct python_newest_value *newest;
	__u32 zero = 0;

	(void)state;
	interpreter();
	look();
	make(1);
	newest = bpf_map_lookup_elem(&python_newest, &zero);
	newest->spare_ns = -(__s64)(5 * MS / 16); /* of 3 looks */
	look();
	look();
	make(2);
	expect_told(0, 0);
	look();
	unsure_ns = 3 * 2 * MS;
	expect_told(2, 0);
	unsure_ns = MS;
	make(3);
	look();
	expect_told(1, 0);
	drop(1);
	drop(2);
	drop(3);
	newest->spare_ns = -(__s64)MS;
	look();
	/* Whether it is over costs little. */
	expect_told(0, 3);
	expect_no_losses();
}

/* As python_generators.bpf.h has it. */
struct python_generators {
	int (*type)[BPF_MAP_TYPE_HASH];
	int (*max_entries)[WIRE_PYTHON_GENERATORS];
	__u64 *key;
	struct wire_python_open *value;
};

extern struct python_generators python_generators;

/* Nobody collects: what is further away than is looked at user space made known at first. */
static void test_never_collected(void **state)
{
	const struct wire_python_open open = {.code = CODE, .since_ns = T0, .cls = S + 1};
	const __u64 first = frame(0);

	(void)state;
	interpreter();
	assert_int_equal(bpf_map_update_elem(&python_generators, &first, &open, BPF_ANY), 0);
	make(0);
	for (unsigned i = 1; i < 3000; i++)
		make_other(i);
	look();
	for (unsigned i = 3000; i < 3010; i++)
		make(i);
	look();
	expect_told(10, 0);
	for (unsigned i = 1; i < 2900; i++)
		drop(i);
	look();
	expect_told(0, 0);
	make(3010);
	look();
	expect_told(1, 0);
	assert_int_equal(stats(S)->in_flight, 11);
	drop(0);
	look();
	expect_told(0, 1);
	assert_int_equal(stats(S)->in_flight, 11);
	expect_no_losses();
}

/* More than are followed: none is told half. */
static void test_too_many(void **state)
{
	(void)state;
	interpreter();
	look();
	for (unsigned i = 0; i < WIRE_PYTHON_GENERATORS + 50; i++)
		make(i);
	look();
	expect_told(WIRE_PYTHON_GENERATORS, 0);
	assert_int_equal(stats(S)->in_flight, WIRE_PYTHON_GENERATORS);
	for (unsigned i = 0; i < WIRE_PYTHON_GENERATORS + 50; i++)
		drop(i);
	look();
	expect_told(0, WIRE_PYTHON_GENERATORS);
	assert_int_equal(stats(S)->in_flight, 0);
}

/* Looks began anew: those of before are let go of, and nothing is said of them. */
static void test_began_anew(void **state)
{
	(void)state;
	interpreter();
	look();
	make(1);
	look();
	expect_told(1, 0);
	conf()->since_ns = now_ns + MS;
	look();
	expect_told(0, 0);
	drop(1);
	look();
	expect_told(0, 1);
	assert_int_equal(stats(S)->in_flight, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(test_made_and_over),
		world_test(test_places_taken_again),
		world_test(test_collected),
		world_test(test_rounds_alike),
		world_test(test_torn),
		world_test(test_too_many),
		world_test(test_began_anew),
		world_test(test_too_often),
		world_test(test_never_collected),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
