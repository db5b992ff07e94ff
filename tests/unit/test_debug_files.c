/* SPDX-License-Identifier: GPL-2.0-only */
/* test_debug_files.c - debug files that came from elsewhere: kept by build-id, and not believed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "stacks/debug_files.h"
#include "target/elf_file.h"
#include "target/maps.h"

static uint8_t own_id[OBJECT_BUILD_ID_MAX];
static size_t own_id_len;

/* This program stands for a debug file: it has a build-id. */
static int open_self(void)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static int set_up(void **state)
{
	struct elf_file elf;
	int fd = open_self();

	(void)state;
	assert_int_equal(elf_file_open(&elf, fd), 0);
	own_id_len = elf_file_build_id(&elf, own_id, sizeof(own_id));
	elf_file_close(&elf);
	close(fd);
	return own_id_len < 2;
}

static int of_bytes(off_t bytes)
{
	int fd = memfd_create("debug", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, bytes), 0);
	return fd;
}

static void found_by_build_id(void **state)
{
	struct debug_files *files = debug_files__new();
	int fd = open_self(), found;

	(void)state;
	assert_non_null(files);
	assert_int_equal(debug_files__open(files, own_id, own_id_len), -ENOENT);
	assert_int_equal(debug_files__add(files, own_id, own_id_len, fd), 0);
	found = debug_files__open(files, own_id, own_id_len);
	assert_true(found >= 0 && found != fd);
	close(found);
	/* Another time as well, and not by a part of it. */
	found = debug_files__open(files, own_id, own_id_len);
	assert_true(found >= 0);
	close(found);
	assert_int_equal(debug_files__open(files, own_id, own_id_len - 1), -ENOENT);
	assert_int_equal(debug_files__add(files, own_id, own_id_len, open_self()), -EEXIST);
	assert_int_equal(debug_files__count(files), 1);
	assert_true(debug_files__bytes(files) > 1000);
	debug_files__free(files);
}

/* What it is said to be is looked at again when it is used. */
static void of_another_build_id(void **state)
{
	struct debug_files *files = debug_files__new();
	uint8_t id[OBJECT_BUILD_ID_MAX];

	(void)state;
	assert_non_null(files);
	memcpy(id, own_id, sizeof(id));
	id[0] ^= 1;
	assert_int_equal(debug_files__add(files, id, own_id_len, open_self()), 0);
	assert_int_equal(debug_files__open(files, id, own_id_len), -ENOENT);
	/* No ELF file at all, and an empty one. */
	id[0] ^= 3;
	assert_int_equal(debug_files__add(files, id, own_id_len, of_bytes(5000)), 0);
	assert_int_equal(debug_files__open(files, id, own_id_len), -ENOENT);
	id[0] ^= 7;
	assert_int_equal(debug_files__add(files, id, own_id_len, of_bytes(0)), 0);
	assert_int_equal(debug_files__open(files, id, own_id_len), -ENOENT);
	debug_files__free(files);
}

static void bounded(void **state)
{
	struct debug_files *files = debug_files__new();
	uint8_t id[OBJECT_BUILD_ID_MAX + 1] = {1};
	int fds[2];

	(void)state;
	assert_non_null(files);
	assert_int_equal(debug_files__add(files, id, 0, open_self()), -EINVAL);
	assert_int_equal(debug_files__add(files, id, sizeof(id), open_self()), -EINVAL);
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	assert_int_equal(debug_files__add(files, id, 20, fds[0]), -EINVAL);
	close(fds[1]);
	assert_int_equal(debug_files__add(files, id, 20, of_bytes(DEBUG_FILE_BYTES_MAX + 1)),
			 -EFBIG);
	for (id[0] = 1; id[0] <= DEBUG_FILES_BYTES_TOTAL / DEBUG_FILE_BYTES_MAX; id[0]++)
		assert_int_equal(debug_files__add(files, id, 20, of_bytes(DEBUG_FILE_BYTES_MAX)),
				 0);
	assert_int_equal(debug_files__add(files, id, 20, of_bytes(1)), -E2BIG);
	while (debug_files__count(files) < DEBUG_FILES_MAX) {
		assert_int_equal(debug_files__add(files, id, 20, of_bytes(0)), 0);
		id[0]++;
	}
	assert_int_equal(debug_files__add(files, id, 20, of_bytes(0)), -E2BIG);
	debug_files__free(files);
}

static void none_at_all(void **state)
{
	(void)state;
	assert_int_equal(debug_files__open(NULL, own_id, own_id_len), -ENOENT);
	assert_int_equal(debug_files__count(NULL), 0);
	debug_files__free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(found_by_build_id),
		cmocka_unit_test(of_another_build_id),
		cmocka_unit_test(bounded),
		cmocka_unit_test(none_at_all),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
