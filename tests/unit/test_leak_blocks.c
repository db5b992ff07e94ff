/* SPDX-License-Identifier: GPL-2.0-only */
/* Blocks of a live process in every state that glibc's malloc knows, judged from outside. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
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

#include "leaks/allocator.h"
#include "leaks/process_memory.h"
#include "leaks/reachability.h"
#include "leaks/survivor.h"
#include "target/maps.h"
#include "target/process.h"
#include "target/process_access.h"

#define OUT	   "build/tests/unit/leak_blocks"
#define SRC	   "tests/unit/data/"
#define LIBS	   "/usr/lib/x86_64-linux-gnu/"
#define BLOCKS_MAX 4096

struct truth {
	char name[32];
	bool live;
};

struct target {
	pid_t pid;
	FILE *in, *out;
	struct process proc;
	struct object_table objects;
	struct target_memory memory;
	struct block_check blocks[BLOCKS_MAX];
	struct truth truth[BLOCKS_MAX];
	size_t n;
};

static pid_t spawn(const char *path, const char *variable, int in[2], int out[2])
{
	pid_t parent = getpid(), pid;

	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
		dup2(in[0], 0);
		dup2(out[1], 1);
		if (variable)
			putenv((char *)(uintptr_t)variable);
		execl(path, path, NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	return pid;
}

static void read_truth(struct target *t)
{
	char line[256], live[8];

	while (fgets(line, sizeof(line), t->out) && strcmp(line, "ready\n") != 0) {
		struct block_check *b = &t->blocks[t->n];

		assert_true(t->n < BLOCKS_MAX);
		assert_int_equal(sscanf(line, "%31s %" SCNx64 " %" SCNu64 " %7s",
					t->truth[t->n].name, &b->ptr, &b->size_bytes, live),
				 4);
		t->truth[t->n].live = !strcmp(live, "live");
		t->n++;
	}
	assert_true(t->n > 50);
}

static void begin(struct target *t, const char *path, const char *variable)
{
	int in[2], out[2];

	memset(t, 0, sizeof(*t));
	t->pid = spawn(path, variable, in, out);
	t->in = fdopen(in[1], "w");
	t->out = fdopen(out[0], "r");
	assert_non_null(t->in);
	assert_non_null(t->out);
	read_truth(t);
	assert_int_equal(process_open(&t->proc, t->pid), 0);
	assert_int_equal(object_table_read(&t->objects, &t->proc), 0);
	t->memory = process_memory(&t->proc);
}

static void end(struct target *t)
{
	kill(t->pid, SIGKILL);
	assert_int_equal(waitpid(t->pid, NULL, 0), t->pid);
	fclose(t->in);
	fclose(t->out);
	object_table_free(&t->objects);
	process_close(&t->proc);
}

static void tell(struct target *t, const char *word)
{
	char line[32];

	fprintf(t->in, "%s\n", word);
	fflush(t->in);
	assert_non_null(fgets(line, sizeof(line), t->out));
}

static struct mappings read_mappings(const struct target *t)
{
	struct mappings mappings;
	char *text;
	size_t len;

	assert_int_equal(process_read_maps(&t->proc, PROCESS_MAPS_LOOK, &text, &len), 0);
	assert_int_equal(mappings_parse(&mappings, text), 0);
	free(text);
	return mappings;
}

static void look(const struct target *t, struct survivor_judge *judge, uint64_t inode,
		 struct block_check *blocks, size_t n)
{
	struct mappings mappings = read_mappings(t);

	assert_int_equal(survivor_judge__prepare(judge, &t->memory, &mappings, inode), 0);
	mappings_free(&mappings);
	assert_int_equal(survivor_judge__check(judge, &t->memory, blocks, n), 0);
}

/* Handed out again for as many bytes: nothing tells it from what was there. */
static bool is_again(const struct target *t, size_t i)
{
	for (size_t j = i + 1; j < t->n; j++)
		if (t->truth[j].live && t->blocks[j].ptr == t->blocks[i].ptr &&
		    t->blocks[j].size_bytes == t->blocks[i].size_bytes)
			return true;
	return !strcmp(t->truth[i].name, "again");
}

/* Every single one must be right, but for the known blind spot. */
static size_t wrong(const struct target *t, const struct block_check *blocks, bool freed_only)
{
	size_t n = 0;

	for (size_t i = 0; i < t->n; i++) {
		bool live = t->truth[i].live || is_again(t, i);
		enum block_state is = live ? BLOCK_LIVE : BLOCK_FREED;

		if (blocks[i].state == is || (freed_only && blocks[i].state != BLOCK_FREED))
			continue;
		print_message("%s 0x%" PRIx64 " %" PRIu64 ": %s, judged %d (%s)\n",
			      t->truth[i].name, blocks[i].ptr, blocks[i].size_bytes,
			      t->truth[i].live ? "live" : "freed", blocks[i].state,
			      block_evidence_name(blocks[i].evidence));
		n++;
	}
	return n;
}

static struct survivor_judge *judge_of(struct target *t, enum allocator_kind kind, uint64_t *inode)
{
	struct survivor_judge *judge;
	struct allocator a;

	assert_int_equal(allocator_find(&a, &t->proc, &t->objects, &t->memory), 0);
	assert_int_equal(a.kind, kind);
	assert_true(a.functions[ALLOCATOR_MALLOC].found);
	assert_true(a.functions[ALLOCATOR_REALLOC].found);
	*inode = t->objects.objects[a.object]->inode;
	judge = survivor_judge__new(&a);
	assert_non_null(judge);
	return judge;
}

static void each_class(const char *path, const char *variable)
{
	struct target *t = malloc(sizeof(*t));
	struct survivor_judge_facts facts;
	struct survivor_judge *judge;
	uint64_t inode;

	assert_non_null(t);
	begin(t, path, variable);
	judge = judge_of(t, ALLOCATOR_GLIBC, &inode);
	look(t, judge, inode, t->blocks, t->n);
	assert_int_equal(wrong(t, t->blocks, false), 0);
	survivor_judge__facts(judge, &facts);
	assert_true(facts.cache_key && facts.fast_bins);
	assert_true(facts.arenas_n >= 1 && facts.arenas_n <= 4);
	assert_string_equal(facts.why, "");
	survivor_judge__free(judge);
	end(t);
	free(t);
}

static void test_each_class(void **state)
{
	(void)state;
	each_class(OUT "/blocks", NULL);
}

static void test_static(void **state)
{
	(void)state;
	each_class(OUT "/blocks-static", NULL);
}

/* Threads allocate and free in the same arena meanwhile: nothing that lives may look freed. */
static void test_churn(void **state)
{
	struct target *t = malloc(sizeof(*t));
	struct survivor_judge *judge;
	uint64_t inode;

	(void)state;
	assert_non_null(t);
	begin(t, OUT "/blocks", "MALLOC_ARENA_MAX=1");
	judge = judge_of(t, ALLOCATOR_GLIBC, &inode);
	tell(t, "churn");
	for (int i = 0; i < 200; i++) {
		look(t, judge, inode, t->blocks, t->n);
		assert_int_equal(wrong(t, t->blocks, true), 0);
	}
	survivor_judge__free(judge);
	end(t);
	free(t);
}

/* Lists that are not followed to their end: what they may hold is not known, and all else is. */
static void test_short_lists(void **state)
{
	struct target *t = malloc(sizeof(*t));
	struct survivor_judge *judge;
	size_t unknown = 0, before = 0;
	uint64_t inode;

	(void)state;
	assert_non_null(t);
	begin(t, OUT "/blocks", NULL);
	judge = judge_of(t, ALLOCATOR_GLIBC, &inode);
	look(t, judge, inode, t->blocks, t->n);
	for (size_t i = 0; i < t->n; i++)
		before += t->blocks[i].evidence == BLOCK_EVIDENCE_FAST_BIN;
	survivor_judge__follow_at_most(judge, 1);
	look(t, judge, inode, t->blocks, t->n);
	for (size_t i = 0; i < t->n; i++) {
		bool live = t->truth[i].live || is_again(t, i);

		unknown += t->blocks[i].state == BLOCK_UNKNOWABLE;
		assert_int_not_equal(t->blocks[i].state, live ? BLOCK_FREED : BLOCK_LIVE);
	}
	assert_true(before > 1 && unknown > 0);
	survivor_judge__follow_at_most(judge, 0);
	look(t, judge, inode, t->blocks, t->n);
	assert_int_equal(wrong(t, t->blocks, false), 0);
	survivor_judge__free(judge);
	end(t);
	free(t);
}

static void test_touch(void **state)
{
	struct target *t = malloc(sizeof(*t));
	struct survivor_judge *judge;
	size_t touched = 0;
	uint64_t inode;

	(void)state;
	assert_non_null(t);
	begin(t, OUT "/blocks", NULL);
	judge = judge_of(t, ALLOCATOR_GLIBC, &inode);
	look(t, judge, inode, t->blocks, t->n);
	look(t, judge, inode, t->blocks, t->n);
	for (size_t i = 0; i < t->n; i++)
		touched += t->blocks[i].touched;
	assert_int_equal(touched, 0);
	tell(t, "touch");
	look(t, judge, inode, t->blocks, t->n);
	for (size_t i = 0; i < t->n; i++)
		touched += t->blocks[i].touched;
	assert_int_equal(touched, 1);
	survivor_judge__free(judge);
	end(t);
	free(t);
}

/* Slots of musl, in a program that is linked with it in either way. */
static void test_musl(void **state)
{
	static const char *const programs[] = {OUT "/blocks-musl", OUT "/blocks-musl-static"};
	struct target *t = malloc(sizeof(*t));

	(void)state;
	assert_non_null(t);
	for (int i = 0; i < 2; i++) {
		struct survivor_judge *judge;
		uint64_t inode;

		if (access(programs[i], X_OK) != 0) {
			free(t);
			print_message("skipped: no musl-gcc\n");
			skip();
		}
		begin(t, programs[i], NULL);
		judge = judge_of(t, ALLOCATOR_MUSL, &inode);
		look(t, judge, inode, t->blocks, t->n);
		assert_int_equal(wrong(t, t->blocks, false), 0);
		survivor_judge__free(judge);
		end(t);
	}
	free(t);
}

static void preloaded(const char *library, enum allocator_kind kind)
{
	struct target *t = malloc(sizeof(*t));
	struct survivor_judge *judge;
	char variable[96];
	uint64_t inode;

	assert_non_null(t);
	if (access(library, R_OK) != 0) {
		free(t);
		print_message("skipped: no %s\n", library);
		skip();
	}
	snprintf(variable, sizeof(variable), "LD_PRELOAD=%s", library);
	begin(t, OUT "/blocks", variable);
	judge = judge_of(t, kind, &inode);
	look(t, judge, inode, t->blocks, t->n);
	/* What it does not tell is not guessed. */
	for (size_t i = 0; i < t->n; i++)
		assert_true(t->blocks[i].state == BLOCK_UNKNOWABLE ||
			    (!t->truth[i].live && t->blocks[i].state == BLOCK_FREED));
	survivor_judge__free(judge);
	end(t);
	free(t);
}

/* The allocator is the one that is used, not the one that is installed. */
static void test_jemalloc(void **state)
{
	(void)state;
	preloaded(LIBS "libjemalloc.so.2", ALLOCATOR_JEMALLOC);
}

static void test_tcmalloc(void **state)
{
	(void)state;
	preloaded(LIBS "libtcmalloc_minimal.so.4", ALLOCATOR_TCMALLOC);
}

static void test_mimalloc(void **state)
{
	(void)state;
	preloaded(LIBS "libmimalloc.so.2", ALLOCATOR_MIMALLOC);
}

static uint32_t all_pointers(const struct reach_block *block)
{
	uint32_t n = 0;

	for (unsigned int kind = 0; kind < MAPPING_KINDS; kind++)
		n += block->pointers[kind];
	return n;
}

/* One block is pointed to from the program's data; most are not pointed to at all. */
static void test_reachable(void **state)
{
	struct target *t = malloc(sizeof(*t));
	const struct reach_block *found;
	struct reach_block blocks[2] = {{.id = 1}, {.id = 2}};
	struct mappings mappings;
	struct reachability *scan;
	size_t n;
	int more;

	(void)state;
	assert_non_null(t);
	begin(t, OUT "/blocks", "MALLOC_ARENA_MAX=1");
	for (size_t i = 0; i < t->n; i++) {
		struct reach_block *b = strcmp(t->truth[i].name, "calloc") == 0 ? &blocks[0]
										: &blocks[1];

		/* The last calloc is kept in `touched`; nobody keeps one of 20000. */
		if (b == &blocks[1] && t->blocks[i].size_bytes != 20000)
			continue;
		b->ptr = t->blocks[i].ptr;
		b->size_bytes = t->blocks[i].size_bytes;
	}
	mappings = read_mappings(t);
	scan = reachability__new(blocks, 2, &mappings);
	assert_non_null(scan);
	while ((more = reachability__step(scan, &t->memory, 1 << 20)) > 0)
		;
	assert_int_equal(more, 0);
	found = reachability__blocks(scan, &n);
	assert_int_equal(n, 2);
	for (size_t i = 0; i < n; i++) {
		if (found[i].id == 1)
			assert_true(found[i].pointers[MAPPING_DATA] == 1);
		else
			assert_true(all_pointers(&found[i]) <= 2); /* dead words on stacks */
	}
	assert_true(reachability__read_bytes(scan) > 0);
	reachability__free(scan);
	mappings_free(&mappings);
	end(t);
	free(t);
}

static int setup(void **state)
{
	(void)state;
	/* musl's compiler need not be there. */
	return system("mkdir -p " OUT " && cc -w -O1 -pthread " SRC "leak_blocks.c -o " OUT
		      "/blocks && cc -w -O1 -static -pthread " SRC "leak_blocks.c -o " OUT
		      "/blocks-static && { ! command -v musl-gcc >/dev/null || { musl-gcc -w -O1 "
		      "-pthread " SRC "leak_blocks.c -o " OUT "/blocks-musl && musl-gcc -w -O1 "
		      "-static -pthread " SRC "leak_blocks.c -o " OUT "/blocks-musl-static; }; }");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_class), cmocka_unit_test(test_static),
		cmocka_unit_test(test_churn),	   cmocka_unit_test(test_musl),
		cmocka_unit_test(test_jemalloc),   cmocka_unit_test(test_tcmalloc),
		cmocka_unit_test(test_mimalloc),   cmocka_unit_test(test_short_lists),
		cmocka_unit_test(test_touch),	   cmocka_unit_test(test_reachable),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
