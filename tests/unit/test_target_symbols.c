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
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "target/elf_file.h"
#include "target/maps.h"
#include "target/names.h"
#include "target/probe_spec.h"
#include "target/process.h"
#include "target/symbols.h"
#include "target/unwind.h"

#define OUT "build/tests/unit/target-symbols"
#define SRC "tests/unit/data/"

static void run(const char *command)
{
	if (system(command) != 0)
		fail_msg("failed: %s", command);
}

static int build_all(void **state)
{
	(void)state;
	run("mkdir -p " OUT);
	run("gcc -O2 -shared -fPIC " SRC "target_other.c -o " OUT "/libother.so");
	run("gcc -O2 -shared -fPIC " SRC "target_flow.c -o " OUT "/libflow.so -L" OUT " -lother");
	run("g++ -O2 -shared -fPIC " SRC "target_throw.cc -o " OUT "/libthrow.so -L" OUT
	    " -lother");
	/* As distributions make .gnu_debugdata: the symbols that stripping would lose, in xz. */
	run("gcc -O2 -fPIE -pie " SRC "target_main.c -o " OUT "/mini && cd " OUT
	    " && objcopy --only-keep-debug mini mini.debug && objcopy -S mini.debug mini.min"
	    " --keep-symbol=program_stage && strip mini && rm -f mini.min.xz && xz mini.min"
	    " && objcopy --add-section .gnu_debugdata=mini.min.xz mini");
	return 0;
}

/* An object as the table would hold it, opened from a file. */
static struct symbol_table *open_file(const char *path, struct object *obj)
{
	memset(obj, 0, sizeof(*obj));
	obj->fd = open(path, O_RDONLY);
	assert_true(obj->fd >= 0);
	return symbol_table__open(obj);
}

struct found {
	size_t n;
	char last[256];
	uint64_t vaddr, size;
};

static int count(const struct symbol *sym, void *ctx)
{
	struct found *found = ctx;

	found->n++;
	snprintf(found->last, sizeof(found->last), "%s", sym->name);
	found->vaddr = sym->vaddr;
	found->size = sym->size;
	return 0;
}

static size_t matches(const struct symbol_table *table, const char *pattern)
{
	struct found found = {0};

	assert_int_equal(symbol_table__match(table, pattern, count, &found), 0);
	return found.n;
}

/* Every function that nm lists is there, at nm's address. */
static void test_against_nm(void **state)
{
	struct symbol_table *table;
	struct found found;
	struct object obj;
	unsigned long vaddr, size;
	char name[256], type;
	size_t n = 0;
	FILE *nm;

	(void)state;
	table = open_file(OUT "/libflow.so", &obj);
	assert_non_null(table);
	nm = popen("nm -S --defined-only " OUT "/libflow.so | awk 'NF == 4'", "r");
	while (fscanf(nm, "%lx %lx %c %255s\n", &vaddr, &size, &type, name) == 4) {
		if ((type != 'T' && type != 't') || strstr(name, ".cold"))
			continue;
		memset(&found, 0, sizeof(found));
		symbol_table__match(table, name, count, &found);
		assert_int_equal(found.n, 1);
		assert_int_equal(found.vaddr, vaddr);
		assert_int_equal(found.size, size);
		n++;
	}
	pclose(nm);
	assert_true(n >= 14);
	assert_int_equal(matches(table, "*.cold"), 0);
	assert_false(symbol_table__incomplete(table, NULL));
	symbol_table__free(table);
	close(obj.fd);
}

static void test_minidebuginfo(void **state)
{
	struct symbol_table *table;
	const struct symbol *sym;
	struct object obj;
	size_t i;

	(void)state;
	table = open_file(OUT "/mini", &obj);
	assert_non_null(table);
	assert_int_equal(matches(table, "program_stage"), 1);
	for (i = 0; i < symbol_table__count(table); i++) {
		sym = symbol_table__at(table, i);
		if (strcmp(sym->name, "program_stage") == 0)
			assert_int_equal(sym->source, SYMBOL_DEBUGDATA);
	}
	symbol_table__free(table);
	close(obj.fd);
}

static void test_cxx_names(void **state)
{
	struct symbol_table *table;
	struct object obj;
	char text[128];

	(void)state;
	table = open_file(OUT "/libthrow.so", &obj);
	assert_non_null(table);
	assert_int_equal(matches(table, "_ZN7fixture6Engine6decodeEll"), 1);
	assert_int_equal(matches(table, "fixture::Engine::decode"), 2);
	assert_int_equal(matches(table, "fixture::Engine::decode(long, long)"), 1);
	assert_int_equal(matches(table, "fixture::*::decode*"), 2);
	assert_int_equal(matches(table, "*Engine*decode(long*"), 1);
	assert_int_equal(matches(table, "fixture::Engine::encode"), 0);
	assert_true(symbol_demangle("_ZN7fixture6Engine6decodeEll", text, sizeof(text)));
	assert_string_equal(text, "fixture::Engine::decode(long, long)");
	assert_false(symbol_demangle("plain", text, sizeof(text)));
	assert_string_equal(text, "plain");
	symbol_table__free(table);
	close(obj.fd);
}

/* A short name that expands without end, and one that nests without end. */
static void test_hostile_names(void **state)
{
	char name[8192], text[256];
	size_t i;

	(void)state;
	strcpy(name, "_Z1fSt");
	for (i = strlen(name); i < 4000; i += 2)
		memcpy(name + i, "PS", 3);
	symbol_demangle(name, text, sizeof(text));
	strcpy(name, "_Z1fI1aE");
	for (i = 0; i < 60; i++)
		strcat(name, "I_S_S_E");
	symbol_demangle(name, text, sizeof(text));
	memset(name, 'P', sizeof(name) - 1);
	memcpy(name, "_Z1f", 4);
	name[sizeof(name) - 1] = '\0';
	assert_false(symbol_demangle(name, text, sizeof(text)));
}

static void test_glob(void **state)
{
	static const struct {
		const char *pattern, *text;
		bool matches;
	} cases[] = {
		{"", "", true},
		{"", "a", false},
		{"*", "", true},
		{"a*", "abc", true},
		{"*c", "abc", true},
		{"a*c*e", "abcde", true},
		{"a*c*f", "abcde", false},
		{"?bc", "abc", true},
		{"?", "", false},
		{"[a-c]x", "bx", true},
		{"[!a-c]x", "bx", false},
		{"[]]x", "]x", true},
		{"[x", "[x", true},
		{"a\\*", "a*", true},
		{"a\\*", "ab", false},
		{"**a**", "bab", true},
		{"libpq.so*", "libpq.so.5.15", true},
		{"a", "ab", false},
		{"a[", "a[", true},
	};
	char text[2001], pattern[201];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (glob_match(cases[i].pattern, cases[i].text) != cases[i].matches)
			fail_msg("'%s' against '%s'", cases[i].pattern, cases[i].text);
	/* Exponential for a naive matcher. */
	memset(text, 'a', 2000);
	text[2000] = '\0';
	for (i = 0; i < 200; i += 2)
		memcpy(pattern + i, "a*", 3);
	pattern[199] = 'b';
	assert_false(glob_match(pattern, text));
}

static void test_near(void **state)
{
	const struct symbol *near[4];
	struct symbol_table *table;
	struct object obj;
	size_t n;

	(void)state;
	assert_int_equal(name_distance("kitten", "sitting", 5), 3);
	assert_int_equal(name_distance("kitten", "sitting", 2), 3);
	assert_int_equal(name_distance("", "abc", 3), 3);
	assert_int_equal(name_distance("Same", "same", 3), 0);
	table = open_file(OUT "/libflow.so", &obj);
	n = symbol_table__near(table, "fixture_twelv", near, 4);
	assert_true(n >= 1);
	assert_string_equal(near[0]->name, "fixture_twelve");
	assert_int_equal(symbol_table__near(table, "zzzzzzqqqqq", near, 4), 0);
	symbol_table__free(table);
	close(obj.fd);
}

static void test_parse(void **state)
{
	static const struct {
		const char *text, *object, *symbol;
		uint64_t offset;
		enum probe_point point;
	} good[] = {
		{"libpq.so*:PQexec", "libpq.so*", "PQexec", 0, PROBE_BOTH},
		{"a:b@entry", "a", "b", 0, PROBE_ENTRY},
		{"a:ns::f(int)@return", "a", "ns::f(int)", 0, PROBE_RETURN},
		{"prog+0x1a2B", "prog", "", 0x1a2b, PROBE_BOTH},
		{"lib+0x1+0x20@entry", "lib+0x1", "", 0x20, PROBE_ENTRY},
		{"lib:operator+0x", "lib", "operator+0x", 0, PROBE_BOTH},
		{"lib:get()[9]@entry", "lib", "get", 0, PROBE_ENTRY},
		{"lib:a::get()::b()[0]()[4095]", "lib", "a::get()::b", 0, PROBE_BOTH},
		{"lib:f()[abi:cxx11]", "lib", "f()[abi:cxx11]", 0, PROBE_BOTH},
		{"lib:f()[1]()", "lib", "f()[1]()", 0, PROBE_BOTH},
		{"lib:f()[-1]", "lib", "f()[-1]", 0, PROBE_BOTH},
	};
	static const char *const bad[] = {"",
					  "noparts",
					  ":f",
					  "o:",
					  "o:f@exit",
					  "o+0x",
					  "o+0xzz",
					  "o+0x12 ",
					  "+0x12",
					  "o+0x-1",
					  "o+0x0x1",
					  "@entry",
					  "o:f()[4096]",
					  "o:()[1]",
					  "o:f()[1]()[1]()[1]()[1]()[1]",
					  "o+0xfffffffffffffffff"};
	struct probe_spec spec;
	char err[128], text[PROBE_TEXT_MAX + 10];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(probe_spec_parse(good[i].text, &spec, err, sizeof(err)), 0);
		assert_string_equal(spec.object, good[i].object);
		assert_string_equal(spec.symbol, good[i].symbol);
		assert_int_equal(spec.offset, good[i].offset);
		assert_int_equal(spec.point, good[i].point);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (probe_spec_parse(bad[i], &spec, err, sizeof(err)) != -EINVAL)
			fail_msg("'%s' was taken", bad[i]);
		assert_true(err[0] != '\0');
	}
	assert_int_equal(probe_spec_parse("usdt:o:p:n", &spec, err, sizeof(err)), -EOPNOTSUPP);
	assert_int_equal(probe_spec_parse("python:a/b.py:C.f", &spec, err, sizeof(err)), 0);
	assert_int_equal(spec.kind, PROBE_PYTHON);
	assert_string_equal(spec.object, "a/b.py");
	assert_string_equal(spec.symbol, "C.f");
	assert_int_equal(probe_spec_parse("python:f", &spec, err, sizeof(err)), -EINVAL);
	memset(text, 'a', sizeof(text));
	text[1] = ':';
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(probe_spec_parse(text, &spec, err, sizeof(err)), -EINVAL);
}

struct match_case {
	struct process proc;
	struct object_table table;
	struct match *list;
	size_t n;
	char err[512];
};

static int match(struct match_case *c, const char *text, size_t max)
{
	struct probe_spec spec;

	assert_int_equal(probe_spec_parse(text, &spec, c->err, sizeof(c->err)), 0);
	match_list_free(c->list, c->n);
	return probe_spec_match(&spec, &c->table, &c->proc, max, &c->list, &c->n, c->err,
				sizeof(c->err));
}

static void test_match(void **state)
{
	struct match_case c = {0};
	void *lib = dlopen(OUT "/libother.so", RTLD_NOW);
	uint64_t offset;
	char text[64];

	(void)state;
	assert_non_null(lib);
	assert_int_equal(process_open(&c.proc, getpid()), 0);
	assert_int_equal(object_table_read(&c.table, &c.proc), 0);
	assert_int_equal(match(&c, "libother.so:other_work", 9), 0);
	assert_int_equal(c.n, 1);
	assert_ptr_equal(object_table_lookup(
				 &c.table, (uint64_t)(uintptr_t)dlsym(lib, "other_work"), &offset),
			 c.table.objects[c.list[0].object]);
	assert_int_equal(c.list[0].offset, offset);
	/* Two names, one function. */
	assert_int_equal(match(&c, "libother*:other_alias*", 9), 0);
	assert_int_equal(c.n, 1);
	assert_int_equal(match(&c, "libother.so:other_*", 2), -E2BIG);
	assert_int_equal(match(&c, "libother.so:other_ifunc", 9), -EOPNOTSUPP);
	assert_non_null(strstr(c.err, "IFUNC"));
	assert_int_equal(match(&c, "libc.so*:memcpy", 9), -EOPNOTSUPP);
	assert_int_equal(match(&c, "libother.so:other_wrok", 9), -ENOENT);
	assert_non_null(strstr(c.err, "other_work"));
	assert_int_equal(match(&c, "libohter.so:other_work", 9), -ENOENT);
	assert_non_null(strstr(c.err, "libother.so"));
	snprintf(text, sizeof(text), "libother.so+0x%lx", (unsigned long)offset);
	assert_int_equal(match(&c, text, 9), 0);
	assert_int_equal(c.list[0].offset, offset);
	snprintf(text, sizeof(text), "libother.so+0x%lx", (unsigned long)offset + 4);
	assert_int_equal(match(&c, text, 9), -ENOENT);
	assert_non_null(strstr(c.err, "into the function"));
	match_list_free(c.list, c.n);
	object_table_free(&c.table);
	process_close(&c.proc);
	dlclose(lib);
}

struct table_api {
	int (*slot[12])(int);
};

struct table_base {
	const struct table_api *(*get_api)(unsigned version);
};

/* The function found is the one that a caller would reach. */
static void expect_slot(struct match_case *c, const char *text, int (*function)(int))
{
	uint64_t offset;

	if (match(c, text, 9))
		fail_msg("%s: %s", text, c->err);
	assert_int_equal(c->n, 1);
	assert_string_equal(c->list[0].name, strchr(text, ':') + 1);
	assert_ptr_equal(object_table_lookup(&c->table, (uint64_t)(uintptr_t)function, &offset),
			 c->table.objects[c->list[0].object]);
	assert_int_equal(c->list[0].offset, offset);
	assert_true(c->list[0].size > 0);
}

static void check_tables(const char *build)
{
	struct match_case c = {0};
	const struct table_base *(*get_base)(void);
	const struct table_api *api;
	char command[256];
	void *lib;

	snprintf(command, sizeof(command),
		 "%s -shared -fPIC " SRC "target_table.c -o " OUT "/libtable.so", build);
	run(command);
	lib = dlopen(OUT "/libtable.so", RTLD_NOW | RTLD_LOCAL);
	assert_non_null(lib);
	*(void **)&get_base = dlsym(lib, "table_get_base");
	api = get_base()->get_api(28);
	assert_int_equal(process_open(&c.proc, getpid()), 0);
	assert_int_equal(object_table_read(&c.table, &c.proc), 0);
	expect_slot(&c, "libtable.so:table_get_base()[0]()[9]", api->slot[9]);
	expect_slot(&c, "libtable.so:table_get_base()[0]()[0]", api->slot[0]);
	expect_slot(&c, "libtable.so:table_get_any()[3]",
		    ((const struct table_api *(*)(int))dlsym(lib, "table_get_any"))(0)->slot[3]);
	assert_int_equal(match(&c, "libtable.so:table_get_any()[0]", 9), -EOPNOTSUPP);
	assert_non_null(strstr(c.err, "more than one table"));
	assert_int_equal(match(&c, "libtable.so:table_get_base()[0]()[5]", 9), -EOPNOTSUPP);
	assert_non_null(strstr(c.err, "slot 5"));
	assert_int_equal(match(&c, "libtable.so:table_get_base()[1]()[0]", 9), -EOPNOTSUPP);
	assert_int_equal(match(&c, "libtable.so:table_get_base()[4095]", 9), -EOPNOTSUPP);
	assert_int_equal(match(&c, "libtable.so:no_such()[0]", 9), -ENOENT);
	match_list_free(c.list, c.n);
	object_table_free(&c.table);
	process_close(&c.proc);
	dlclose(lib);
}

/* However the compiler returns an address, and the linker writes down that it is to be moved. */
static void test_tables(void **state)
{
	(void)state;
	check_tables("gcc -O2");
	check_tables("gcc -O0");
	check_tables("gcc -O2 -s -fcf-protection=full");
	check_tables("clang -O2");
	check_tables("gcc -O1 -s -Wl,-z,pack-relative-relocs");
}

/* Function bounds from .eh_frame equal the symbols of compiled code, with and without the header.
 */
static void check_bounds(const char *path)
{
	struct unwind_table *unwind;
	struct symbol_table *table;
	struct unwind_range range;
	struct unwind_cfa cfa;
	struct elf_file elf;
	struct object obj;
	size_t i, n = 0;

	table = open_file(path, &obj);
	assert_non_null(table);
	assert_int_equal(elf_file_open(&elf, obj.fd), 0);
	unwind = unwind_table__open(&elf);
	assert_non_null(unwind);
	for (i = 0; i < symbol_table__count(table); i++) {
		const struct symbol *sym = symbol_table__at(table, i);

		if (strncmp(sym->name, "fixture_", 8) != 0 || sym->cold)
			continue;
		assert_int_equal(unwind_table__find(unwind, sym->vaddr + sym->size - 1, &range), 0);
		assert_int_equal(range.start, sym->vaddr);
		assert_int_equal(range.end, sym->vaddr + sym->size);
		assert_int_equal(unwind_table__cfa(unwind, &range, sym->vaddr, &cfa), 0);
		assert_true(cfa.known && !cfa.from_fp);
		assert_int_equal(cfa.offset, 8);
		n++;
	}
	assert_true(n >= 14);
	assert_int_equal(unwind_table__find(unwind, 0, &range), -ENOENT);
	unwind_table__free(unwind);
	elf_file_close(&elf);
	symbol_table__free(table);
	close(obj.fd);
}

static void test_bounds(void **state)
{
	(void)state;
	check_bounds(OUT "/libflow.so");
	run("gcc -O2 -shared -fPIC -Wl,--no-eh-frame-hdr " SRC "target_flow.c -o " OUT
	    "/libnohdr.so -L" OUT " -lother");
	check_bounds(OUT "/libnohdr.so");
}

/* What is no ELF file, or one cut short. */
static void test_not_elf(void **state)
{
	struct object obj;
	struct elf_file elf;

	(void)state;
	assert_null(open_file("Makefile", &obj));
	assert_int_equal(errno, ENOEXEC);
	close(obj.fd);
	run("head -c 300 " OUT "/libflow.so > " OUT "/short");
	obj.fd = open(OUT "/short", O_RDONLY);
	assert_int_equal(elf_file_open(&elf, obj.fd), -ENOEXEC);
	close(obj.fd);
	obj.fd = open("/dev/null", O_RDONLY);
	assert_int_equal(elf_file_open(&elf, obj.fd), -ENOEXEC);
	close(obj.fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_against_nm), cmocka_unit_test(test_minidebuginfo),
		cmocka_unit_test(test_cxx_names),  cmocka_unit_test(test_hostile_names),
		cmocka_unit_test(test_glob),	   cmocka_unit_test(test_near),
		cmocka_unit_test(test_parse),	   cmocka_unit_test(test_match),
		cmocka_unit_test(test_tables),	   cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_not_elf),
	};

	return cmocka_run_group_tests(tests, build_all, NULL);
}
