/* SPDX-License-Identifier: GPL-2.0-only */
/* The CPython layer on the memory of a process that never was, sound and hostile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "config/python_probe.h"
#include "python/functions.h"
#include "python/line_table.h"
#include "python/stack.h"
#include "python_fixture.h"

static struct python_runtime *opened(struct image *im)
{
	struct python_runtime *runtime;
	char why[256];
	int err = python_runtime__open_at(&im->symbols, &im->reader, &runtime, why, sizeof(why));

	if (err)
		fail_msg("3.%u: %d %s", im->layout.minor, err, why);
	return runtime;
}

static void refused(struct image *im, int err, const char *why)
{
	struct python_runtime *runtime;
	char text[256];

	assert_int_equal(
		python_runtime__open_at(&im->symbols, &im->reader, &runtime, text, sizeof(text)),
		err);
	assert_null(runtime);
	if (!strstr(text, why))
		fail_msg("'%s' does not say '%s'", text, why);
}

static const struct python_function *of_code(const struct python_functions *list, uint64_t code)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->items[i].code == code)
			return &list->items[i];
	return NULL;
}

static void expect_function(const struct python_functions *list, uint64_t code, uint64_t function,
			    const char *qualname, uint32_t line)
{
	const struct python_function *f = of_code(list, code);

	assert_non_null(f);
	assert_string_equal(f->qualname, qualname);
	assert_string_equal(f->file, "/app/app.py");
	assert_int_equal(f->first_line, line);
	assert_int_equal(f->function, function);
	assert_false(f->immortal);
}

static void every_version(void **state)
{
	(void)state;
	for (uint32_t minor = PYTHON_MINOR_MIN; minor <= PYTHON_MINOR_MAX; minor++) {
		struct image *im = image_new(minor);
		struct python_runtime *runtime = opened(im);
		const struct python_offsets *o = python_runtime__offsets(runtime);
		struct python_functions list;
		char version[16];

		snprintf(version, sizeof(version), "3.%u.5", minor);
		assert_string_equal(python_runtime__version(runtime), version);
		assert_int_equal(o->interpreter, im->interpreter);
		assert_int_equal(o->current, PYTHON_CURRENT_TSS);
		assert_int_equal(o->current_offset, 0x310 + 3 * 16 + 8);
		assert_int_equal(python_functions_list(runtime, NULL, &list), 0);
		assert_false(list.partial);
		assert_int_equal(list.n, 4);
		assert_int_equal(list.objects_n, 6);
		expect_function(&list, im->code_deco, im->function_deco, "deco", 2);
		/* To 3.10 the wrapper's function object has the other's name. */
		expect_function(&list, im->code_wrapper, im->function_wrapper,
				"deco.<locals>.wrapper", 3);
		expect_function(&list, im->code_transcribe, im->function_transcribe, "transcribe",
				7);
		expect_function(&list, im->code_reply, im->function_reply, "Session.reply", 16);
		python_functions_free(&list);
		python_runtime__free(runtime);
		free(im);
	}
}

static void stacks(void **state)
{
	(void)state;
	for (uint32_t minor = PYTHON_MINOR_MIN; minor <= PYTHON_MINOR_MAX; minor++) {
		struct image *im = image_new(minor);
		struct python_runtime *runtime = opened(im);
		struct python_thread threads[4];
		struct python_stack stack;

		assert_int_equal(python_threads_list(runtime, threads, 4), 1);
		assert_int_equal(threads[0].tid, 4711);
		assert_int_equal(threads[0].tstate, im->tstate);
		assert_int_equal(python_stack_read(runtime, im->tstate, &stack), 0);
		assert_false(stack.partial);
		assert_int_equal(stack.n, 2);
		assert_string_equal(stack.frames[0].qualname, "transcribe");
		assert_int_equal(stack.frames[0].line, 9);
		assert_int_equal(stack.frames[0].code, im->code_transcribe);
		assert_int_equal(stack.frames[0].frame, im->inner_frame);
		assert_string_equal(stack.frames[1].qualname, "<module>");
		assert_int_equal(stack.frames[1].line, 20);
		python_stack_free(&stack);
		python_runtime__free(runtime);
		free(im);
	}
}

static void shim_frames_are_passed_by(void **state)
{
	struct image *im = image_new(12);
	struct python_runtime *runtime = opened(im);
	struct python_stack stack;

	(void)state;
	*(uint8_t *)at(im, im->inner_frame + (uint64_t)im->layout.offsets.frame_owner) = 3;
	assert_int_equal(python_stack_read(runtime, im->tstate, &stack), 0);
	assert_int_equal(stack.n, 1);
	assert_string_equal(stack.frames[0].qualname, "<module>");
	python_stack_free(&stack);
	python_runtime__free(runtime);
	free(im);
}

static void immortal_code(void **state)
{
	struct image *im = image_new(12);
	struct python_runtime *runtime;
	struct python_functions list;

	(void)state;
	/* The upper half is not of the count. */
	put(im, im->code_deco, 0xffffffffull);
	put(im, im->code_reply, 0x8000000000000001ull);
	runtime = opened(im);
	assert_int_equal(python_functions_list(runtime, NULL, &list), 0);
	assert_true(of_code(&list, im->code_deco)->immortal);
	assert_false(of_code(&list, im->code_reply)->immortal);
	python_functions_free(&list);
	python_runtime__free(runtime);
	free(im);
}

/* --- which interpreter ---------------------------------------------------------------------- */

static void interpreters_that_are_refused(void **state)
{
	struct image *im = image_new(11);

	(void)state;
	strcpy(im->symbols.version, "3.15.0");
	refused(im, -EOPNOTSUPP, "CPython 3.15: known are 3.9 to 3.14");
	strcpy(im->symbols.version, "3.8.20");
	refused(im, -EOPNOTSUPP, "CPython 3.8: known are");
	/* A version that the memory does not bear out. */
	strcpy(im->symbols.version, "3.9.1");
	refused(im, -EOPNOTSUPP, "the layout of 3.9: ");
	strcpy(im->symbols.version, "3.11.2");
	im->symbols.code_type = 0;
	refused(im, -EOPNOTSUPP, "PyCode_Type");
	free(im);
	im = image_new(13);
	put(im, im->symbols.runtime + 16, 1);
	refused(im, -EOPNOTSUPP, "free-threaded");
	put(im, im->symbols.runtime + 16, 0);
	put(im, im->symbols.runtime + 8, 0x030f00a1);
	refused(im, -EOPNOTSUPP, "CPython 3.15: its debug offsets");
	put(im, im->symbols.runtime + 8, 0x030d00f0);
	put(im, im->symbols.runtime + 9 * 8, UINT64_MAX);
	refused(im, -EOPNOTSUPP, "make no sense");
	free(im);
}

static void one_that_starts_or_ends(void **state)
{
	struct image *im = image_new(11);

	(void)state;
	put(im, im->symbols.runtime + 40, 0);
	put(im, im->tstate + 16, 0);
	refused(im, -EAGAIN, "");
	free(im);
}

/* No version in its data: the tables are tried one after the other. */
static void version_by_trying(void **state)
{
	struct image *im = image_new(10);
	struct python_runtime *runtime;

	(void)state;
	im->symbols.version[0] = '\0';
	runtime = opened(im);
	assert_string_equal(python_runtime__version(runtime), "3.10");
	assert_string_equal(python_runtime__source(runtime), "the layout of 3.10");
	python_runtime__free(runtime);
	free(im);
}

/* Somebody's own fields before the lists of interpreters, of threads, and the collector's. */
static void layout_by_search(void **state)
{
	struct image *im = image_new(11);
	const struct python_offsets *o = &im->layout.offsets;
	struct python_functions list;
	struct python_runtime *runtime;

	(void)state;
	put(im, im->symbols.runtime + (uint64_t)o->runtime_interpreters, 0);
	put(im, im->symbols.runtime + (uint64_t)o->runtime_interpreters + 128, im->interpreter);
	put(im, im->interpreter + (uint64_t)o->interpreter_threads, 0);
	put(im, im->interpreter + (uint64_t)o->interpreter_threads + 64, im->tstate);
	im->gc += 1024;
	for (int i = 0; i < 4; i++) /* the old ones are empty */
		put(im, im->gc - 1024 + 24 * (uint64_t)i, 0);
	build_objects(im);
	runtime = opened(im);
	assert_string_equal(python_runtime__source(runtime), "the layout of 3.11, and a search");
	assert_int_equal(python_functions_list(runtime, NULL, &list), 0);
	assert_int_equal(list.n, 4);
	python_functions_free(&list);
	python_runtime__free(runtime);
	free(im);
}

/* --- hostile memory ------------------------------------------------------------------------- */

static void list_all(struct image *im, struct python_runtime *runtime,
		     const struct python_limits *limits, struct python_functions *list)
{
	im->reads = 0;
	assert_int_equal(python_functions_list(runtime, limits, list), 0);
	assert_true(im->reads < 10000);
}

static void lists_that_run_in_circles(void **state)
{
	struct image *im = image_new(11);
	struct python_runtime *runtime = opened(im);
	struct python_functions list;
	uint64_t second = im->function_transcribe - 16;

	(void)state;
	/* The last points to itself, and the head backwards to the first. */
	put(im, second, second);
	put(im, im->gc + 48 + 8, im->function_deco - 16);
	list_all(im, runtime, NULL, &list);
	assert_true(list.partial);
	assert_non_null(of_code(&list, im->code_reply));
	python_functions_free(&list);
	/* One node that is its own neighbour. */
	put(im, second, second);
	put(im, second + 8, second);
	list_all(im, runtime, NULL, &list);
	assert_true(list.partial);
	python_functions_free(&list);
	python_runtime__free(runtime);
	free(im);
}

static void limits(void **state)
{
	struct image *im = image_new(11);
	struct python_runtime *runtime = opened(im);
	struct python_functions list;

	(void)state;
	list_all(im, runtime, &(struct python_limits){.objects = 2}, &list);
	assert_true(list.partial);
	assert_string_equal(list.why, "more objects than are looked at");
	assert_int_equal(list.objects_n, 2);
	python_functions_free(&list);
	list_all(im, runtime, &(struct python_limits){.bytes = 40000}, &list);
	assert_true(list.partial);
	python_functions_free(&list);
	list_all(im, runtime, &(struct python_limits){.time_ns = 1}, &list);
	assert_true(list.partial);
	python_functions_free(&list);
	python_runtime__free(runtime);
	free(im);
}

static void objects_that_lie(void **state)
{
	const struct python_offsets *o;
	struct image *im = image_new(11);
	struct python_runtime *runtime = opened(im);
	struct python_functions list;

	(void)state;
	o = &im->layout.offsets;
	put(im, im->consts_deco + 16, UINT64_MAX);			/* a huge tuple */
	put(im, im->function_reply + (uint64_t)o->function_code, 0x41); /* no object */
	put(im, im->code_transcribe + (uint64_t)o->code_qualname, im->consts_deco);
	list_all(im, runtime, NULL, &list);
	assert_int_equal(list.n, 2);
	python_functions_free(&list);
	put(im, im->str_file + (uint64_t)o->unicode_length, 1ull << 40);
	list_all(im, runtime, NULL, &list);
	assert_int_equal(list.n, 0);
	python_functions_free(&list);
	im->unreadable = im->gc;
	list_all(im, runtime, NULL, &list);
	assert_true(list.partial);
	python_functions_free(&list);
	python_runtime__free(runtime);
	free(im);
}

static void frames_that_run_in_circles(void **state)
{
	struct image *im = image_new(14);
	struct python_runtime *runtime = opened(im);
	struct python_stack stack;

	(void)state;
	put(im, im->frame + (uint64_t)im->layout.offsets.frame_previous, im->inner_frame);
	assert_int_equal(python_stack_read(runtime, im->tstate, &stack), 0);
	assert_true(stack.partial);
	assert_int_equal(stack.n, PYTHON_STACK_MAX);
	python_stack_free(&stack);
	put(im, im->frame + (uint64_t)im->layout.offsets.frame_previous, 0x10);
	assert_int_equal(python_stack_read(runtime, im->tstate, &stack), 0);
	assert_true(stack.partial);
	assert_int_equal(stack.n, 2);
	python_stack_free(&stack);
	python_runtime__free(runtime);
	free(im);
}

/* While it is walked, the first young object goes, and its memory is used anew. */
static void remove_one(struct image *im)
{
	uint64_t gone = im->function_wrapper - 16, next;

	if (im->reads != 3)
		return;
	memcpy(&next, at(im, gone), 8);
	put(im, im->gc + 24, next);
	put(im, next + 8, im->gc + 24);
	memset(at(im, gone), 0x5a, 64);
}

static void a_list_that_changes(void **state)
{
	(void)state;
	for (unsigned int when = 0; when < 8; when++) {
		struct image *im = image_new(12);
		struct python_runtime *runtime = opened(im);
		struct python_functions list;

		im->between = remove_one;
		im->reads = when;
		assert_int_equal(python_functions_list(runtime, NULL, &list), 0);
		assert_non_null(of_code(&list, im->code_deco));
		assert_non_null(of_code(&list, im->code_transcribe));
		assert_non_null(of_code(&list, im->code_reply));
		python_functions_free(&list);
		python_runtime__free(runtime);
		free(im);
	}
}

/* --- names ---------------------------------------------------------------------------------- */

static void names_that_match(void **state)
{
	const struct python_function f = {.file = "/opt/voice/app.py", .qualname = "Session.reply"};

	(void)state;
	assert_true(python_function_matches(&f, "app.py", "Session.reply"));
	assert_true(python_function_matches(&f, "*.py", "*.reply"));
	assert_true(python_function_matches(&f, "voice/app.py", "Session.*"));
	assert_true(python_function_matches(&f, "/opt/voice/app.py", "Session.reply"));
	assert_true(python_function_matches(&f, "*/app.py", "Session.reply"));
	assert_false(python_function_matches(&f, "pp.py", "Session.reply"));
	assert_false(python_function_matches(&f, "oice/app.py", "Session.reply"));
	assert_false(python_function_matches(&f, "app.py", "reply"));
	assert_false(python_function_matches(&f, "/voice/app.py", "Session.reply"));
}

static void near_names(void **state)
{
	struct python_function items[] = {
		{.code = 1, .file = "/a/app.py", .qualname = "transcribe"},
		{.code = 2, .file = "/a/other.py", .qualname = "transcribe"},
		{.code = 3, .file = "/a/app.py", .qualname = "Session.speak"},
		{.code = 4, .file = "/a/app.py", .qualname = "unlike"},
	};
	const struct python_functions list = {.items = items, .n = 4};
	const struct python_function *near[4];

	(void)state;
	assert_int_equal(python_functions_near(&list, "app.py", "transcibe", near, 4), 2);
	assert_ptr_equal(near[0], &items[0]);
	assert_ptr_equal(near[1], &items[1]);
	/* Without the class. */
	assert_int_equal(python_functions_near(&list, "app.py", "speak", near, 4), 1);
	assert_ptr_equal(near[0], &items[2]);
	assert_int_equal(python_functions_near(&list, "app.py", "transcibe", near, 1), 1);
	assert_int_equal(python_functions_near(&list, "app.py", "something_else", near, 4), 0);
}

static void probes(void **state)
{
	struct python_probe_spec spec;
	char err[160];
	size_t where;

	(void)state;
	assert_int_equal(python_probe_parse("python:C:/x.py:f", &spec, &where, err, sizeof(err)),
			 0);
	assert_string_equal(spec.file, "C:/x.py");
	assert_string_equal(spec.qualname, "f");
	assert_int_equal(
		python_probe_parse("python:a.py:f.<locals>.g", &spec, &where, err, sizeof(err)), 0);
	assert_int_equal(
		python_probe_parse("python:a.py:<lambda>", &spec, &where, err, sizeof(err)),
		-EINVAL);
	assert_int_equal(where, 12);
	assert_int_equal(python_probe_parse("libfoo:f", &spec, &where, err, sizeof(err)), -EINVAL);
}

/* --- lines ---------------------------------------------------------------------------------- */

/*
 * def f(a):		# 1
 *     x = (a +		# 2
 *          g(a))	# 3
 *     return [x]	# 4
 * as CPython 3.9, 3.10 and 3.11 compile it.
 */
static void lines_of_instructions(void **state)
{
	static const uint8_t lnotab[] = {0, 1, 2, 1, 6, 255, 4, 2};
	static const uint8_t ranges[] = {2, 1, 6, 1, 4, 255, 6, 2, 2, 128};
	static const uint8_t locations[] = {
		0x80 | 15 << 3,			/* 1 unit without a line */
		0x80 | 11 << 3 | 1, 3, 4,	/* 2 units, a line more */
		0x80 | 13 << 3,	    2,		/* 1 unit, a line more (signed) */
		0x80 | 14 << 3,	    3, 0, 0, 0, /* 1 unit, a line less, long form */
		0x80 | 2 << 3,	    0,		/* 1 unit, the same line */
	};
	static const uint32_t expected[] = {0, 2, 2, 3, 2, 2};

	(void)state;
	assert_int_equal(line_of_lnotab(lnotab, sizeof(lnotab), 1, 0), 2);
	assert_int_equal(line_of_lnotab(lnotab, sizeof(lnotab), 1, 2), 3);
	assert_int_equal(line_of_lnotab(lnotab, sizeof(lnotab), 1, 8), 2);
	assert_int_equal(line_of_lnotab(lnotab, sizeof(lnotab), 1, 13), 4);
	assert_int_equal(line_of_ranges(ranges, sizeof(ranges), 1, 0), 2);
	assert_int_equal(line_of_ranges(ranges, sizeof(ranges), 1, 7), 3);
	assert_int_equal(line_of_ranges(ranges, sizeof(ranges), 1, 8), 2);
	assert_int_equal(line_of_ranges(ranges, sizeof(ranges), 1, 12), 4);
	assert_int_equal(line_of_ranges(ranges, sizeof(ranges), 1, 18), 0);
	assert_int_equal(line_of_ranges(ranges, sizeof(ranges), 1, 100), 0);
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
		assert_int_equal(line_of_locations(locations, sizeof(locations), 1, (int64_t)i * 2),
				 expected[i]);
	assert_int_equal(line_of_locations(locations, sizeof(locations), 1, -2), 1);
	assert_int_equal(line_of_locations(locations, sizeof(locations), 1, 12), 0);
	/* Cut in the middle, and no table at all. */
	for (size_t n = 0; n < sizeof(locations); n++)
		(void)line_of_locations(locations, n, 1, 1000);
	assert_int_equal(line_of_locations((const uint8_t *)"\x01\x02", 2, 1, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_version),
		cmocka_unit_test(stacks),
		cmocka_unit_test(shim_frames_are_passed_by),
		cmocka_unit_test(immortal_code),
		cmocka_unit_test(interpreters_that_are_refused),
		cmocka_unit_test(one_that_starts_or_ends),
		cmocka_unit_test(version_by_trying),
		cmocka_unit_test(layout_by_search),
		cmocka_unit_test(lists_that_run_in_circles),
		cmocka_unit_test(limits),
		cmocka_unit_test(objects_that_lie),
		cmocka_unit_test(frames_that_run_in_circles),
		cmocka_unit_test(a_list_that_changes),
		cmocka_unit_test(names_that_match),
		cmocka_unit_test(near_names),
		cmocka_unit_test(probes),
		cmocka_unit_test(lines_of_instructions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
