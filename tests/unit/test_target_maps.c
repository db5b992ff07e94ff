/* SPDX-License-Identifier: GPL-2.0-only */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "target/maps.h"
#include "target/process.h"

#define OUT "build/tests/unit/target-maps"

static void *map_exec(int fd)
{
	void *at = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);

	assert_ptr_not_equal(at, MAP_FAILED);
	return at;
}

static int make_file(const char *name)
{
	int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0700);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, 4096), 0);
	return fd;
}

static struct object *find(const struct object_table *table, void *addr)
{
	return object_table_lookup(table, (uint64_t)(uintptr_t)addr, NULL);
}

static void open_self(struct process *proc, struct object_table *table)
{
	assert_int_equal(process_open(proc, getpid()), 0);
	assert_int_equal(object_table_read(table, proc), 0);
	assert_int_equal(table->n_skipped, 0);
}

/* Names that imitate what a parser looks for. */
static void test_hostile_names(void **state)
{
	static const char *const names[] = {
		"with space",	  " (deleted)",	 "two\nlines", "0-1 r-xp 00000000 00:00 0 ",
		"back\\012slash", "\x1b[31mred",
	};
	struct object_table table;
	struct process proc;
	struct object *obj;
	struct stat st, seen;
	char path[256];
	void *at[6];
	size_t i;
	int fd;

	(void)state;
	assert_int_equal(system("rm -rf " OUT " && mkdir -p " OUT), 0);
	for (i = 0; i < 6; i++) {
		snprintf(path, sizeof(path), OUT "/%s", names[i]);
		fd = make_file(path);
		at[i] = map_exec(fd);
		close(fd);
	}
	open_self(&proc, &table);
	for (i = 0; i < 6; i++) {
		snprintf(path, sizeof(path), OUT "/%s", names[i]);
		obj = find(&table, at[i]);
		assert_non_null(obj);
		if (i != 1 && i != 4) /* these two cannot be told from the kernel's own marks */
			assert_string_equal(obj->basename, names[i]);
		assert_int_equal(object_open(obj, &proc), 0);
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(fstat(obj->fd, &seen), 0);
		assert_int_equal(st.st_ino, seen.st_ino);
		munmap(at[i], 4096);
	}
	object_table_free(&table);
	process_close(&proc);
}

/* Deleted, replaced and memfd files: what is opened is what is mapped. */
static void test_deleted(void **state)
{
	struct object_table table;
	struct process proc;
	struct object *obj;
	struct stat st, seen;
	char path[64];
	int fd, mem, other;
	void *at, *at_mem;

	(void)state;
	fd = make_file(OUT "/gone");
	at = map_exec(fd);
	assert_int_equal(fstat(fd, &st), 0);
	unlink(OUT "/gone");
	other = make_file(OUT "/gone");
	mem = memfd_create("jit code", 0);
	assert_int_equal(ftruncate(mem, 4096), 0);
	at_mem = map_exec(mem);
	open_self(&proc, &table);
	obj = find(&table, at);
	assert_non_null(obj);
	assert_true(obj->deleted);
	assert_string_equal(obj->basename, "gone");
	assert_int_equal(object_attach_path(obj, path, sizeof(path)), -EBADF);
	assert_int_equal(object_open(obj, &proc), 0);
	assert_int_equal(object_attach_path(obj, path, sizeof(path)), 0);
	/* Followed as the kernel follows it. */
	assert_int_equal(stat(path, &seen), 0);
	assert_int_equal(seen.st_ino, st.st_ino);
	assert_int_equal(seen.st_dev, st.st_dev);
	obj = find(&table, at_mem);
	assert_non_null(obj);
	assert_string_equal(obj->path, "/memfd:jit code");
	assert_int_equal(object_open(obj, &proc), 0);
	object_table_free(&table);
	object_table_free(&table);
	process_close(&proc);
	munmap(at, 4096);
	munmap(at_mem, 4096);
	close(fd);
	close(mem);
	close(other);
}

/* A mapped device must not be opened: /dev/zero maps executable, and is no regular file. */
static void test_device(void **state)
{
	struct object_table table;
	struct process proc;
	struct object *obj;
	int fd = open("/dev/zero", O_RDWR);
	void *at = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);

	(void)state;
	if (at == MAP_FAILED) {
		print_message("skipped: /dev is mounted noexec\n");
		close(fd);
		skip();
	}
	open_self(&proc, &table);
	obj = find(&table, at);
	if (obj)
		assert_int_not_equal(object_open(obj, &proc), 0);
	object_table_free(&table);
	process_close(&proc);
	munmap(at, 4096);
	close(fd);
}

static void test_refresh(void **state)
{
	struct object_diff diff;
	struct object_table table;
	struct process proc;
	struct object *before;
	uint32_t index;
	void *lib;
	size_t i;

	(void)state;
	open_self(&proc, &table);
	assert_int_equal(object_table_refresh(&table, &proc, &diff), 0);
	assert_int_equal(diff.n_added + diff.n_removed, 0);
	object_diff_free(&diff);
	before = find(&table, (void *)(uintptr_t)&test_refresh);
	lib = dlopen("libsqlite3.so.0", RTLD_NOW);
	assert_non_null(lib);
	assert_int_equal(object_table_refresh(&table, &proc, &diff), 0);
	assert_int_equal(diff.n_removed, 0);
	assert_true(diff.n_added >= 1);
	for (index = OBJECT_NONE, i = 0; i < diff.n_added; i++)
		if (strstr(table.objects[diff.added[i]]->basename, "sqlite3"))
			index = diff.added[i];
	assert_int_not_equal(index, OBJECT_NONE);
	assert_int_equal(table.objects[index]->index, index);
	assert_ptr_equal(find(&table, dlsym(lib, "sqlite3_open")), table.objects[index]);
	assert_ptr_equal(find(&table, (void *)(uintptr_t)&test_refresh), before);
	object_diff_free(&diff);
	dlclose(lib);
	assert_int_equal(object_table_refresh(&table, &proc, &diff), 0);
	assert_true(table.objects[index]->gone);
	assert_int_equal(object_open(table.objects[index], &proc), -ENOENT);
	object_diff_free(&diff);
	lib = dlopen("libsqlite3.so.0", RTLD_NOW);
	assert_int_equal(object_table_refresh(&table, &proc, NULL), 0);
	assert_int_not_equal(find(&table, dlsym(lib, "sqlite3_open"))->index, index);
	object_table_free(&table);
	process_close(&proc);
}

static void test_addresses(void **state)
{
	struct object_table table;
	struct process proc;
	struct object *obj;
	uint64_t addr = (uint64_t)(uintptr_t)&test_addresses, offset, back;
	uint8_t bytes[16];

	(void)state;
	open_self(&proc, &table);
	obj = object_table_lookup(&table, addr, &offset);
	assert_non_null(obj);
	assert_string_equal(obj->basename, "test_target_maps");
	assert_int_equal(object_offset_to_addr(obj, offset, &back), 0);
	assert_int_equal(back, addr);
	assert_int_equal(object_open(obj, &proc), 0);
	assert_true(obj->build_id_len == 20 || obj->build_id_len == 0);
	assert_int_equal(pread(obj->fd, bytes, sizeof(bytes), (off_t)offset), sizeof(bytes));
	assert_memory_equal(bytes, (const void *)(uintptr_t)addr, sizeof(bytes));
	assert_int_equal(object_offset_to_addr(obj, UINT64_MAX - 1, &back), -ENOENT);
	assert_null(object_table_lookup(&table, 0, NULL));
	object_table_free(&table);
	process_close(&proc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hostile_names), cmocka_unit_test(test_deleted),
		cmocka_unit_test(test_device),	      cmocka_unit_test(test_refresh),
		cmocka_unit_test(test_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
