/* SPDX-License-Identifier: GPL-2.0-only */
/* test_leak_classes.c - C++ objects told by their first word: with symbols, without, and hostile.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "leaks/reachability.h"
#include "leaks/target_memory.h"
#include "stacks/stack_modules.h"
#include "stacks/vtable_names.h"
#include "target/maps.h"
#include "target/process.h"
#include "watch/leak_classes.h"

#define PAGE 4096

static struct process self;
static struct object_table objects;
static struct stack_modules *modules;
static uint64_t exception, bad_alloc, class_type_info; /* as objects point to these vtables */

/* What a compiler writes for a class; this program's file is not stripped, but these have no _ZTV.
 */
static uint64_t type_info[2], vtable[3];
static const char plain_name[] = "N5voice5TenorE";
static const char local_name[] = "*N12_GLOBAL__N_14BassE";

static int read_own(void *ctx, struct memory_read *reads, size_t n)
{
	(void)ctx;
	for (size_t i = 0; i < n; i++)
		reads[i].ok =
			!process_read_memory(&self, reads[i].addr, reads[i].buf, reads[i].bytes);
	return 0;
}

static const struct target_memory memory = {NULL, read_own};

static uint64_t vtable_of(void *library, const char *symbol)
{
	const char *at = dlsym(library, symbol);

	assert_non_null(at);
	return (uint64_t)(uintptr_t)at + 16;
}

static int set_up(void **state)
{
	void *library = dlopen("libstdc++.so.6", RTLD_NOW);

	(void)state;
	assert_non_null(library);
	exception = vtable_of(library, "_ZTVSt9exception");
	bad_alloc = vtable_of(library, "_ZTVSt9bad_alloc");
	class_type_info = vtable_of(library, "_ZTVN10__cxxabiv117__class_type_infoE");
	modules = stack_modules__new(NULL);
	return !modules || process_open(&self, getpid()) || object_table_read(&objects, &self) ||
	       stack_modules__refresh(modules, &objects, &self);
}

static int tear_down(void **state)
{
	(void)state;
	stack_modules__free(modules);
	object_table_free(&objects);
	process_close(&self);
	return 0;
}

static void names_by_symbol(void **state)
{
	char name[256];

	(void)state;
	assert_true(vtable_class(modules, exception, name, sizeof(name)));
	assert_string_equal(name, "std::exception");
	assert_true(vtable_class(modules, class_type_info, name, sizeof(name)));
	assert_string_equal(name, "__cxxabiv1::__class_type_info");
	/* Its head, not aligned, and nowhere. */
	assert_false(vtable_class(modules, exception - 16, name, sizeof(name)));
	assert_false(vtable_class(modules, exception - 8, name, sizeof(name)));
	assert_false(vtable_class(modules, exception + 1, name, sizeof(name)));
	assert_false(vtable_class(modules, 0, name, sizeof(name)));
	assert_false(vtable_class(modules, UINT64_MAX - 7, name, sizeof(name)));
	/* A function, and data that are no vtable. */
	assert_false(vtable_class(modules, (uint64_t)(uintptr_t)malloc & ~7ULL, name, 256));
	assert_false(vtable_class(modules, (uint64_t)(uintptr_t)vtable, name, sizeof(name)));
}

static void names_of_types(void **state)
{
	char name[32];

	(void)state;
	assert_true(vtable_type_name("11AudioBuffer", name, sizeof(name)));
	assert_string_equal(name, "AudioBuffer");
	assert_true(vtable_type_name(plain_name, name, sizeof(name)));
	assert_string_equal(name, "voice::Tenor");
	assert_true(vtable_type_name(local_name, name, sizeof(name)));
	assert_string_equal(name, "(anonymous namespace)::Bass");
	assert_false(vtable_type_name("", name, sizeof(name)));
	assert_false(vtable_type_name("*", name, sizeof(name)));
	assert_false(vtable_type_name("my secret", name, sizeof(name)));
	assert_false(vtable_type_name("hello", name, sizeof(name)));
	assert_false(vtable_type_name("11Audio\x1b[31m", name, sizeof(name)));
	/* Cut, not overrun. */
	assert_true(
		vtable_type_name("40aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", name, sizeof(name)));
	assert_int_equal(strlen(name), sizeof(name) - 1);
}

static struct leak_classes look(uint64_t *words, size_t n)
{
	struct reach_block *blocks = calloc(n + 1, sizeof(*blocks));
	struct leak_classes classes;

	assert_non_null(blocks);
	for (size_t i = 0; i < n; i++)
		blocks[i] = (struct reach_block){.ptr = (uint64_t)(uintptr_t)&words[i],
						 .size_bytes = 8};
	assert_int_equal(leak_classes_look(&classes, modules, &memory, blocks, n), 0);
	free(blocks);
	return classes;
}

static void counted_by_class(void **state)
{
	uint64_t words[LEAK_CLASSES_BLOCKS + 6] = {};
	struct leak_classes classes;

	(void)state;
	for (size_t i = 0; i < LEAK_CLASSES_BLOCKS + 6; i++)
		words[i] = i % 4 == 3 ? bad_alloc : exception;
	words[0] = 0;
	words[1] = (uint64_t)(uintptr_t)words;
	classes = look(words, LEAK_CLASSES_BLOCKS + 6);
	assert_int_equal(classes.blocks_n, LEAK_CLASSES_BLOCKS);
	assert_int_equal(classes.n, 2);
	assert_string_equal(classes.classes[0].name, "std::exception");
	assert_int_equal(classes.classes[0].blocks_n, LEAK_CLASSES_BLOCKS * 3 / 4 - 2);
	assert_string_equal(classes.classes[1].name, "std::bad_alloc");
	assert_int_equal(classes.classes[1].blocks_n, LEAK_CLASSES_BLOCKS / 4);
	classes = look(words, 0);
	assert_int_equal(classes.blocks_n, 0);
	assert_int_equal(classes.n, 0);
}

/* As a stripped program has them. */
static void write_class(uint64_t to_top, const char *name)
{
	type_info[0] = class_type_info;
	type_info[1] = (uint64_t)(uintptr_t)name;
	vtable[0] = to_top;
	vtable[1] = (uint64_t)(uintptr_t)type_info;
	vtable[2] = (uint64_t)(uintptr_t)abort;
}

static void by_type_info(void **state)
{
	uint64_t word = (uint64_t)(uintptr_t)&vtable[2];
	struct leak_classes classes;

	(void)state;
	write_class(0, plain_name);
	classes = look(&word, 1);
	assert_int_equal(classes.n, 1);
	assert_string_equal(classes.classes[0].name, "voice::Tenor");
	write_class(0, local_name);
	classes = look(&word, 1);
	assert_string_equal(classes.classes[0].name, "(anonymous namespace)::Bass");
	/* A part of an object, a type_info that is none, names that are none. */
	write_class(8, plain_name);
	assert_int_equal(look(&word, 1).n, 0);
	write_class(0, plain_name);
	type_info[0] = exception;
	assert_int_equal(look(&word, 1).n, 0);
	write_class(0, "what was said");
	assert_int_equal(look(&word, 1).n, 0);
	write_class(0, plain_name);
	vtable[1] = 0;
	assert_int_equal(look(&word, 1).n, 0);
}

/* Nothing of it lies in a file: a heap that looks like one shows nothing of itself. */
static void not_of_a_file(void **state)
{
	char *pages =
		mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t word = (uint64_t)(uintptr_t)&vtable[2];

	(void)state;
	assert_true(pages != MAP_FAILED);
	strcpy(pages, plain_name);
	write_class(0, pages);
	assert_int_equal(look(&word, 1).n, 0);
	write_class(0, plain_name);
	memcpy(pages, vtable, sizeof(vtable));
	word = (uint64_t)(uintptr_t)(pages + 16);
	assert_int_equal(look(&word, 1).n, 0);
	/* Nor is what is not mapped read. */
	assert_int_equal(munmap(pages, 2 * PAGE), 0);
	assert_int_equal(look(&word, 1).n, 0);
}

static void hostile(void **state)
{
	uint64_t words[LEAK_CLASSES_BLOCKS];
	unsigned int seed = 5;

	(void)state;
	for (int round = 0; round < 300; round++) {
		const uint64_t bases[] = {exception,
					  class_type_info,
					  (uint64_t)(uintptr_t)vtable,
					  (uint64_t)(uintptr_t)type_info,
					  0,
					  UINT64_MAX};

		for (size_t i = 0; i < LEAK_CLASSES_BLOCKS; i++)
			words[i] = bases[(unsigned int)rand_r(&seed) % 6] +
				   (uint64_t)(rand_r(&seed) % 4096) - 2048;
		write_class(0, plain_name);
		vtable[(unsigned int)rand_r(&seed) % 3] ^= (uint64_t)rand_r(&seed) % 64;
		type_info[(unsigned int)rand_r(&seed) % 2] += (uint64_t)rand_r(&seed) % 9000;
		assert_true(look(words, LEAK_CLASSES_BLOCKS).n <= LEAK_CLASSES_MAX);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_by_symbol),  cmocka_unit_test(names_of_types),
		cmocka_unit_test(counted_by_class), cmocka_unit_test(by_type_info),
		cmocka_unit_test(not_of_a_file),    cmocka_unit_test(hostile),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
