/* SPDX-License-Identifier: GPL-2.0-only */
/* Objects of a live Python, counted by type from outside; and of memory that is made up. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "leaks/census.h"
#include "leaks/process_memory.h"
#include "target/process.h"
#include "target/process_access.h"

#define S 1000000000ULL

/* Each line on stdin is a number of objects to make; they are kept. */
static const char script[] = "import sys\n"
			     "class Turn:\n"
			     "    __slots__ = ('a', 'b')\n"
			     "kept = [Turn() for i in range(100)]\n"
			     "print('ready', flush=True)\n"
			     "for line in sys.stdin:\n"
			     "    for i in range(int(line)):\n"
			     "        kept.append(Turn()); kept.append((i, kept))\n"
			     "    print('done', flush=True)\n";

static pid_t spawn(FILE **in, FILE **out)
{
	int to[2], from[2];
	pid_t parent = getpid(), pid;

	assert_int_equal(pipe2(to, O_CLOEXEC), 0);
	assert_int_equal(pipe2(from, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
		dup2(to[0], 0);
		dup2(from[1], 1);
		execlp("python3", "python3", "-c", script, NULL);
		_exit(127);
	}
	close(to[0]);
	close(from[1]);
	*in = fdopen(to[1], "w");
	*out = fdopen(from[0], "r");
	assert_non_null(*in);
	assert_non_null(*out);
	return pid;
}

static void begin(struct census *census, const struct process *proc, uint64_t now_ns)
{
	struct mappings mappings;
	char *text;
	size_t len;

	assert_int_equal(process_read_maps(proc, PROCESS_MAPS_LOOK, &text, &len), 0);
	assert_int_equal(mappings_parse(&mappings, text), 0);
	free(text);
	assert_int_equal(census__begin(census, &mappings, now_ns), 0);
	mappings_free(&mappings);
}

static void count(struct census *census, const struct process *proc, uint64_t now_ns)
{
	struct target_memory memory = process_memory(proc);
	int more;

	begin(census, proc, now_ns);
	while ((more = census__step(census, &memory, 1 << 20)) > 0)
		;
	assert_int_equal(more, 0);
}

static const struct census_type *find(const struct census_type *types, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(types[i].name, name))
			return &types[i];
	fail_msg("no type %s grows", name);
	return NULL;
}

static void near(uint64_t grown, uint64_t expected)
{
	assert_true(grown >= expected * 98 / 100 && grown <= expected * 103 / 100);
}

static void test_python(void **state)
{
	struct census *census = census__new();
	struct census_type types[64];
	const struct census_type *turn, *tuple;
	struct process proc;
	double elapsed_s;
	char line[64];
	FILE *in, *out;
	pid_t pid;
	size_t n;

	(void)state;
	assert_non_null(census);
	pid = spawn(&in, &out);
	if (!fgets(line, sizeof(line), out)) {
		print_message("skipped: no python3\n");
		skip();
	}
	assert_int_equal(process_open(&proc, pid), 0);
	count(census, &proc, S);
	assert_int_equal(census__growing(census, types, 64, &elapsed_s), 0);
	fprintf(in, "5000\n");
	fflush(in);
	assert_non_null(fgets(line, sizeof(line), out));
	/* One that is not brought to its end. */
	begin(census, &proc, 6 * S);
	count(census, &proc, 11 * S);
	n = census__growing(census, types, 64, &elapsed_s);
	assert_true(n > 0 && elapsed_s > 9.9 && elapsed_s < 10.1);
	turn = find(types, n, "Turn");
	near(turn->now - turn->before, 5000);
	assert_true(turn->now_bytes / turn->now == 32 && turn->bytes_known);
	tuple = find(types, n, "tuple");
	near(tuple->now - tuple->before, 5000);
	/* There is as much of either, and the class is the program's own. */
	assert_ptr_equal(turn, &types[0]);
	assert_true(tuple->builtin && !turn->builtin);
	/* 24 bytes and two pointers each. */
	near(tuple->now_bytes - tuple->before_bytes, 5000 * 40);
	/* Nothing grows while nothing is made. */
	count(census, &proc, 21 * S);
	n = census__growing(census, types, 64, &elapsed_s);
	for (size_t i = 0; i < n; i++)
		assert_true(types[i].now - types[i].before < 50);
	assert_int_equal(census__lost(census), 0);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	fclose(in);
	fclose(out);
	process_close(&proc);
	census__free(census);
}

/* Every word is another type, and leads to itself: all there is to find is nonsense. */
static int made_up(void *ctx, struct memory_read *reads, size_t n)
{
	uint64_t *word = ctx;

	for (size_t i = 0; i < n; i++) {
		for (uint32_t at = 0; at + 8 <= reads[i].bytes; at += 8) {
			uint64_t value = at % 16 ? 0x10000 + (*word += 16) % 0x1000000 : 1;

			memcpy((char *)reads[i].buf + at, &value, 8);
		}
		reads[i].ok = true;
	}
	return 0;
}

static void test_made_up(void **state)
{
	struct mapping map = {
		.start = 0x10000, .end = 0x2010000, .kind = MAPPING_ANON, .writable = true};
	const struct mappings mappings = {.all = &map, .n = 1};
	struct census *census = census__new();
	uint64_t word = 0;
	const struct target_memory memory = {.ctx = &word, .read = made_up};
	struct census_type types[8];
	double elapsed_s;

	(void)state;
	assert_non_null(census);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(census__begin(census, &mappings, S), 0);
		while (census__step(census, &memory, 1 << 24) > 0)
			;
	}
	assert_true(census__lost(census) > 0);
	(void)census__growing(census, types, 8, &elapsed_s);
	census__free(census);
}

/* As the keeper does it: one piece that wraps around, and the request as a whole is refused. */
static int read_as_keeper(void *ctx, struct process_memory_part *parts, size_t n)
{
	(void)ctx;
	for (size_t i = 0; i < n; i++)
		if (parts[i].address + parts[i].length < parts[i].address)
			return -EPROTO;
	for (size_t i = 0; i < n; i++) {
		parts[i].err = 0;
		memcpy(parts[i].buf, (const void *)(uintptr_t)parts[i].address, parts[i].length);
	}
	return 0;
}

/* Pointers that were found in the target need not be any. */
static void test_nonsense_is_not_asked_for(void **state)
{
	static const struct process_access access = {.read_scatter = read_as_keeper};
	struct process proc = {.pid = getpid(), .pidfd = -1, .dirfd = -1, .access = &access};
	struct target_memory memory = process_memory(&proc);
	uint64_t here = 0x1234, got[4] = {};
	const uint64_t addrs[] = {UINT64_MAX, UINT64_MAX - 3, 1ULL << 63, (uintptr_t)&here};
	struct memory_read reads[4];

	(void)state;
	for (size_t i = 0; i < 4; i++)
		reads[i] = (struct memory_read){
			.addr = addrs[i], .buf = &got[i], .bytes = sizeof(got[i]), .ok = true};
	assert_int_equal(target_memory_read_all(&memory, reads, 4), 0);
	for (size_t i = 0; i < 3; i++)
		assert_false(reads[i].ok);
	assert_true(reads[3].ok);
	assert_int_equal(got[3], here);
	assert_int_equal(target_memory_read_all(&memory, reads, 3), 0);
	assert_int_equal(target_memory_read(&memory, UINT64_MAX, got, 8), -EFAULT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_python),
		cmocka_unit_test(test_made_up),
		cmocka_unit_test(test_nonsense_is_not_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
