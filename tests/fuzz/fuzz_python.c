/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The memory of a Python process with words in it that somebody else chose: whatever they are, the
 * interpreter is refused or read within its bounds.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../unit/python_fixture.h"
#include "python/functions.h"
#include "python/line_table.h"
#include "python/stack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MINORS (PYTHON_MINOR_MAX - PYTHON_MINOR_MIN + 1)

/* Where a word is put, and which: mostly an address within the image. */
struct patch {
	uint16_t place; /* of 4 bytes */
	uint16_t kind;
	uint32_t value;
};

static void apply(struct image *im, const struct patch *p)
{
	uint64_t address = IMAGE_BASE + p->place * 4ull % (IMAGE_BYTES - 8), old;

	memcpy(&old, at(im, address), sizeof(old));
	switch (p->kind % 4) {
	case 0:
		put(im, address, IMAGE_BASE + p->value % IMAGE_BYTES);
		break;
	case 1:
		put(im, address, old + (int64_t)(int32_t)p->value);
		break;
	case 2:
		put(im, address, (uint64_t)p->value << (p->kind >> 2) % 33);
		break;
	default:
		put(im, address, old ^ 1ull << p->value % 64);
	}
}

/* Half of the patches come when the process is read for the third time. */
static const struct patch *late;
static size_t late_n;

static void change(struct image *im)
{
	if (im->reads == 3)
		for (size_t i = 0; i < late_n; i++)
			apply(im, &late[i]);
}

static void look(struct python_runtime *runtime)
{
	const struct python_limits limits = {.objects = 5000, .bytes = 8u << 20};
	struct python_thread threads[8];
	struct python_functions list;
	struct python_stack stack;
	int n;

	if (!python_functions_list(runtime, &limits, &list)) {
		for (size_t i = 0; i < list.n; i++)
			if (!list.items[i].file || !list.items[i].qualname || !list.items[i].code)
				abort();
		if (list.objects_n > 5000 + 1)
			abort();
		python_functions_free(&list);
	}
	n = python_threads_list(runtime, threads, 8);
	if (n > 8)
		abort();
	for (int i = 0; i < n; i++) {
		if (python_stack_read(runtime, threads[i].tstate, &stack))
			continue;
		if (stack.n > PYTHON_STACK_MAX)
			abort();
		python_stack_free(&stack);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct python_runtime *runtime;
	struct patch patches[32];
	struct image *im;
	size_t n;
	char why[256];

	if (size < 2)
		return 0;
	(void)line_of_lnotab(data, size, 1, data[0]);
	(void)line_of_ranges(data, size, 1, data[0]);
	(void)line_of_locations(data, size, 1, data[0]);
	n = (size - 2) / sizeof(patches[0]);
	n = n < 32 ? n : 32;
	memcpy(patches, data + 2, n * sizeof(patches[0]));
	im = image_new(PYTHON_MINOR_MIN + data[0] % MINORS);
	for (size_t i = 0; i < n / 2; i++)
		apply(im, &patches[i]);
	late = patches + n / 2;
	late_n = n - n / 2;
	if (data[1] & 1)
		im->between = change;
	if (data[1] & 2)
		im->symbols.version[0] = '\0';
	if (!python_runtime__open_at(&im->symbols, &im->reader, &runtime, why, sizeof(why))) {
		im->reads = 0;
		look(runtime);
		python_runtime__free(runtime);
	}
	free(im);
	return 0;
}
