/* SPDX-License-Identifier: GPL-2.0-only */
/* test_own_frame.c - which frame of a stack is named as the place that allocates. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "stacks/own_frame.h"

static void test_for_caller(void **state)
{
	static const char *const wrappers[] = {
		"std::__new_allocator<int>::allocate(unsigned long, void const*)",
		"void std::vector<int, std::allocator<int> >::_M_realloc_insert<int>(int*, int&&)",
		"std::_Rb_tree_node<std::pair<int const, (anonymous namespace)::block> >* "
		"std::_Rb_tree<int, int>::_M_create_node<int const&>(int const&)",
		"std::__new_allocator::allocate",
		"__gnu_cxx::new_allocator<char>::allocate(unsigned long)",
		"operator new(unsigned long)",
		"operator new[](unsigned long, std::align_val_t)",
		"xmalloc",
		"my_xstrdup",
		"zmalloc_usable",
		"__ckd_calloc__",
		"PyMem_Malloc",
		"alloc::raw_vec::finish_grow",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrappers) / sizeof(wrappers[0]); i++)
		if (!allocates_for_caller(wrappers[i], "alice"))
			fail_msg("%s", wrappers[i]);
	assert_true(allocates_for_caller("strdup", "libc.so.6"));
	assert_true(allocates_for_caller("", "libstdc++.so.6.0.30"));
	assert_true(allocates_for_caller("g_strdup", "libglib-2.0.so.0.7400.6"));
}

static void test_own(void **state)
{
	static const char *const own[] = {
		"keep_audio",
		"voice::keep(std::vector<short, std::allocator<short> > const&)",
		"(anonymous namespace)::session::add(std::string)",
		"(anonymous namespace)::session_remember",
		"std_keep", /* not of the namespace */
		"void alice::put<std::string>(std::string&&)",
		"alice::table::operator[](int)",
		"alice::operator<(alice::key const&, alice::key const&)",
		"mixer",
		"",
		"<", /* whatever a file says */
		"(((",
		">>> operator",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (allocates_for_caller(own[i], "alice"))
			fail_msg("%s", own[i]);
	assert_false(allocates_for_caller("ps_start_utt", "libpocketsphinx.so.3"));
}

static void test_stack(void **state)
{
	struct frame_name frames[] = {
		{.function = "operator new(unsigned long)", .object = "libstdc++.so.6"},
		{.function = "std::__new_allocator<int>::allocate(unsigned long, void const*)",
		 .object = "alice",
		 .inlined = true},
		{.function = "history::add(int)", .object = "alice"},
		{.function = "main", .object = "alice"},
	};

	(void)state;
	assert_int_equal(own_frame(frames, 4), 2);
	/* Nothing but libraries: the innermost is as good as any. */
	assert_int_equal(own_frame(frames, 2), 0);
	assert_int_equal(own_frame(frames, 0), 0);
}

/* Names as long as they get, and longer than what is compared. */
static void test_long(void **state)
{
	struct frame_name frame = {.object = "alice"};

	(void)state;
	memset(frame.function, '<', sizeof(frame.function) - 1);
	assert_int_equal(own_frame(&frame, 1), 0);
	memset(frame.function, 'x', sizeof(frame.function) - 1);
	memcpy(frame.function, "std::", 5);
	assert_true(allocates_for_caller(frame.function, "alice"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_for_caller),
		cmocka_unit_test(test_own),
		cmocka_unit_test(test_stack),
		cmocka_unit_test(test_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
