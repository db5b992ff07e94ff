/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Probe plans of fixtures compiled here with several compilers and flags, each compared with what
 * ptrace sees when a child calls the function; then plans of the real libraries.
 */
#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "target/maps.h"
#include "target/plan.h"
#include "target/probe_spec.h"
#include "target/process.h"

#include "data/target_tracer.h"

#define OUT   "build/tests/unit/target-plan"
#define SRC   "tests/unit/data/"
#define CALLS 20

/* The children are forked: a large quarantine would make every fork dear. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "quarantine_size_mb=4";
}

typedef long (*stage_fn)(long a, long b);

static const char *const variants[] = {
	"gcc -O2",
	"gcc -O0",
	"gcc -O2 -fcf-protection=full",
	"gcc -O2 -fno-plt",
	"gcc -Os -fomit-frame-pointer",
	"gcc -O3 -fno-omit-frame-pointer",
	"clang -O2",
	"gcc -O2 -fno-asynchronous-unwind-tables",
	"gcc -O2 -s",
	"clang -O2 -fuse-ld=lld",
	"gcc -O2 -fstack-protector-all",
};
#define N_VARIANTS (sizeof(variants) / sizeof(variants[0]))

static void *libs[N_VARIANTS], *asm_lib, *throw_lib, *other_lib;

__attribute__((format(printf, 1, 2))) static void build(const char *fmt, ...)
{
	char command[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(command, sizeof(command), fmt, ap);
	va_end(ap);
	if (system(command) != 0)
		fail_msg("failed: %s", command);
}

static void *load(const char *path)
{
	void *lib = dlopen(path, RTLD_LAZY | RTLD_LOCAL);

	if (!lib)
		fail_msg("%s", dlerror());
	return lib;
}

static int build_all(void **state)
{
	char path[128];
	size_t i;

	(void)state;
	build("mkdir -p " OUT);
	build("gcc -O2 -g -shared -fPIC " SRC "target_other.c -o " OUT "/libother.so");
	other_lib = load(OUT "/libother.so");
	for (i = 0; i < N_VARIANTS; i++) {
		build("%s -shared -fPIC " SRC "target_flow.c -o " OUT "/libflow%zu.so -L" OUT
		      " -lother -Wl,-rpath,'$ORIGIN' -Wl,-z,lazy",
		      variants[i], i);
		snprintf(path, sizeof(path), OUT "/libflow%zu.so", i);
		libs[i] = load(path);
	}
	build("gcc -shared " SRC "target_asm.s -o " OUT "/libasm.so -Wl,-z,noexecstack");
	asm_lib = load(OUT "/libasm.so");
	build("g++ -O2 -shared -fPIC " SRC "target_throw.cc -o " OUT "/libthrow.so -L" OUT
	      " -lother -Wl,-rpath,'$ORIGIN'");
	throw_lib = load(OUT "/libthrow.so");
	return 0;
}

struct plan_case {
	struct process proc;
	struct object_table table;
	struct match *matches;
	size_t n;
	struct func_plan plan;
	int result;
	char err[512];
};

static void plan_open(struct plan_case *c, pid_t pid, const char *spec_text,
		      const struct plan_opts *opts)
{
	struct probe_spec spec;

	memset(c, 0, sizeof(*c));
	assert_int_equal(process_open(&c->proc, pid), 0);
	assert_int_equal(object_table_read(&c->table, &c->proc), 0);
	assert_int_equal(probe_spec_parse(spec_text, &spec, c->err, sizeof(c->err)), 0);
	if (probe_spec_match(&spec, &c->table, &c->proc, 64, &c->matches, &c->n, c->err,
			     sizeof(c->err)) != 0)
		fail_msg("%s: %s", spec_text, c->err);
	assert_int_equal(c->n, 1);
	c->result = plan_function(&c->proc, &c->table, &c->matches[0], opts, &c->plan);
}

static void plan_close(struct plan_case *c)
{
	func_plan_free(&c->plan);
	match_list_free(c->matches, c->n);
	object_table_free(&c->table);
	process_close(&c->proc);
}

static unsigned int early_exits; /* calls that were seen to end at a conditional jump */

static pid_t spawn_calls(stage_fn fn, long *results)
{
	pid_t pid = fork();
	int status, i;

	assert_true(pid >= 0);
	if (pid == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		for (i = 0; i < CALLS; i++)
			results[i] = fn(i / 2, i % 2 ? 200 : 1);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSTOPPED(status));
	return pid;
}

/* Plans the function in a traced child, lets the child call it, compares with what ptrace saw. */
static void check_traced_with(void *lib, const char *object, const char *name, const char *call,
			      unsigned int abandoned, const struct plan_opts *opts)
{
	struct tracer *t = calloc(1, sizeof(*t));
	long *results, truth[CALLS];
	struct plan_case c;
	char spec[256];
	stage_fn fn;
	int i;

	*(void **)&fn = dlsym(lib, call);
	assert_non_null(fn);
	results = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (i = 0; i < CALLS; i++)
		truth[i] = fn(i / 2, i % 2 ? 200 : 1);
	t->pid = spawn_calls(fn, results);
	snprintf(spec, sizeof(spec), "%s:%s", object, name);
	plan_open(&c, t->pid, spec, opts);
	if (c.result != 0)
		fail_msg("%s refused: %s", spec, c.plan.reason);
	trace_arm(t, &c.table, &c.plan);
	if (trace_run(t) != 0) {
		func_plan_describe(&c.plan, &c.table, stdout);
		fail_msg("%s: %s", spec, t->failure);
	}
	for (i = 0; i < CALLS; i++)
		assert_int_equal(results[i], truth[i]);
	assert_true(t->entries >= CALLS);
	if (!c.plan.entry_loops)
		assert_int_equal(t->firsts, t->entries);
	assert_int_equal(t->abandoned + t->n_frames, abandoned);
	assert_int_equal(t->returns, t->entries - abandoned);
	if (!c.plan.learn_return)
		assert_int_equal(t->exits, t->entries - abandoned);
	early_exits += t->early;
	plan_close(&c);
	munmap(results, 4096);
	free(t);
}

/* Where the return value is wanted, and where not: then the exits may lie earlier. */
static void check_traced(void *lib, const char *object, const char *name, const char *call,
			 unsigned int abandoned)
{
	static const struct plan_opts with_ret = {.need_args = true, .need_ret = true};
	static const struct plan_opts without_ret = {.need_args = true};

	check_traced_with(lib, object, name, call, abandoned, &with_ret);
	check_traced_with(lib, object, name, call, abandoned, &without_ret);
}

static void test_flow(void **state)
{
	static const char *const names[] = {
		"fixture_leaf",	      "fixture_twelve",	   "fixture_switch",
		"fixture_tail_local", "fixture_tail_plt",  "fixture_tail_indirect",
		"fixture_tail_deep",  "fixture_tail_free", "fixture_tail_cycle",
		"fixture_recursive",  "fixture_frame",	   "fixture_cold",
		"fixture_longjmp",
	};
	char object[64];
	size_t i, j;

	(void)state;
	for (i = 0; i < N_VARIANTS; i++) {
		snprintf(object, sizeof(object), "libflow%zu.so", i);
		for (j = 0; j < sizeof(names) / sizeof(names[0]); j++)
			check_traced(libs[i], object, names[j], names[j], 0);
	}
}

static void test_throw(void **state)
{
	(void)state;
	check_traced(throw_lib, "libthrow.so", "fixture_throw", "fixture_throw", 0);
	/* Two of the calls leave by the exception. */
	check_traced(throw_lib, "libthrow.so", "fixture::Engine::decode(long, long)",
		     "fixture_throw", 2);
}

static void test_asm_traced(void **state)
{
	static const char *const names[] = {
		"asm_nop5",	   "asm_args",	       "asm_frame",	 "asm_loop",
		"asm_tail",	   "asm_through",      "asm_self",	 "asm_early",
		"asm_early_value", "asm_early_shared", "asm_early_call", "asm_many",
		"asm_early_store", "asm_early_rep",    "asm_early_back", "asm_early_table"};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		check_traced(asm_lib, "libasm.so", names[i], names[i], 0);
}

static void expect_entry(const char *name, uint64_t at, int32_t delta, enum insn_class cls,
			 bool need_args)
{
	const struct plan_opts opts = {.need_args = need_args};
	struct plan_case c;
	char spec[128];

	snprintf(spec, sizeof(spec), "libasm.so:%s", name);
	plan_open(&c, getpid(), spec, &opts);
	assert_int_equal(c.result, 0);
	assert_int_equal(c.plan.entry.offset - c.plan.offset, at);
	assert_int_equal(c.plan.entry.sp_delta, delta);
	assert_int_equal(c.plan.entry.cls, cls);
	plan_close(&c);
}

/* The site when only some arguments are read. */
static void expect_args(const char *name, uint64_t at, uint8_t mask)
{
	const struct plan_opts opts = {.need_args = true, .arg_mask = mask};
	struct plan_case c;
	char spec[128];

	snprintf(spec, sizeof(spec), "libasm.so:%s", name);
	plan_open(&c, getpid(), spec, &opts);
	assert_int_equal(c.result, 0);
	assert_int_equal(c.plan.entry.offset - c.plan.offset, at);
	plan_close(&c);
}

static void test_entry_sites(void **state)
{
	(void)state;
	expect_entry("asm_nop5", 5, 0, INSN_CLASS_STEPPED, true);
	expect_entry("asm_args", 0, 0, INSN_CLASS_STEPPED, true);
	expect_entry("asm_args", 5, 0, INSN_CLASS_PUSH, false);
	expect_args("asm_args", 5, 0x02);
	expect_args("asm_args", 0, 0x01);
	expect_entry("asm_frame", 12, 24, INSN_CLASS_PUSH, true);
	expect_entry("asm_loop", 0, 0, INSN_CLASS_STEPPED, false);
}

static void expect_exit_with(const struct plan_opts opts, const char *name, size_t index, size_t n,
			     enum insn_class cls, bool conditional, int32_t delta)
{
	const struct plan_site *site;
	struct plan_case c;
	char spec[128];

	snprintf(spec, sizeof(spec), "libasm.so:%s", name);
	plan_open(&c, getpid(), spec, &opts);
	assert_int_equal(c.result, 0);
	assert_int_equal(c.plan.n_exits, n);
	site = &c.plan.exits[index];
	assert_int_equal(site->cls, cls);
	assert_int_equal(site->conditional, conditional);
	assert_int_equal(site->sp_delta, delta);
	assert_true(site->has_ret_value || !opts.need_ret);
	plan_close(&c);
}

static void expect_exit(const char *name, size_t index, size_t n, bool need_ret,
			enum insn_class cls, bool conditional, int32_t delta)
{
	expect_exit_with((struct plan_opts){.need_ret = need_ret}, name, index, n, cls, conditional,
			 delta);
}

/* Which rets are replaced by the branch before them; that it is right, ptrace says above. */
static void test_early_exits(void **state)
{
	(void)state;
	/* One branch for both rets. */
	expect_exit("asm_early", 0, 1, false, INSN_CLASS_JCC, false, 24);
	expect_exit("asm_early", 0, 2, true, INSN_CLASS_JCC, true, 24);
	expect_exit("asm_early", 1, 2, true, INSN_CLASS_STEPPED, false, 0);
	expect_exit("asm_early_value", 0, 2, true, INSN_CLASS_STEPPED, false, 0);
	expect_exit("asm_early_value", 0, 2, false, INSN_CLASS_JCC, true, 8);
	expect_exit("asm_early_value", 1, 2, false, INSN_CLASS_STEPPED, false, 0);
	/* Two ways into the first ret: only one branch is left of them for the second. */
	expect_exit("asm_early_shared", 0, 2, false, INSN_CLASS_JCC, true, 0);
	expect_exit("asm_early_shared", 1, 2, false, INSN_CLASS_JCC, false, 0);
	/* The other way there comes out of a call: no place but the ret. */
	expect_exit("asm_early_call", 0, 1, false, INSN_CLASS_STEPPED, false, 0);
	expect_exit("asm_many", 0, 21, false, INSN_CLASS_STEPPED, false, 0);
	/* The end of a loop would be hit every time round. */
	expect_exit("asm_loop", 0, 1, false, INSN_CLASS_STEPPED, false, 0);
	/* A store before the ret: what is read at the exit must be there already. */
	expect_exit("asm_early_store", 0, 2, true, INSN_CLASS_JCC, true, 0);
	expect_exit_with((struct plan_opts){.need_memory = true}, "asm_early_store", 0, 2,
			 INSN_CLASS_STEPPED, false, 0);
	expect_exit("asm_early_rep", 0, 2, false, INSN_CLASS_STEPPED, false, 0);
	expect_exit("asm_early_back", 0, 1, false, INSN_CLASS_STEPPED, false, 0);
	/* A switch one of whose entries leads to a part that nothing else leads to. */
	expect_exit("asm_early_table", 0, 1, false, INSN_CLASS_STEPPED, false, 0);
	assert_true(early_exits > 100);
}

static void expect_refused(const char *spec, const char *part)
{
	static const struct plan_opts opts;
	struct plan_case c;

	plan_open(&c, getpid(), spec, &opts);
	assert_int_equal(c.result, -EOPNOTSUPP);
	if (!strstr(c.plan.reason, part))
		fail_msg("%s: '%s' does not say '%s'", spec, c.plan.reason, part);
	plan_close(&c);
}

static void test_refusals(void **state)
{
	static const struct plan_opts entry_only = {.entry_only = true};
	struct plan_case c;

	(void)state;
	expect_refused("libasm.so:asm_data", "no instruction");
	expect_refused("libasm.so:asm_middle", "middle of an instruction");
	expect_refused("libasm.so:asm_slow", "too long");
	expect_refused("libasm.so:asm_never", "never returns");
	expect_refused("libflow0.so:fixture_never", "never returns");
	plan_open(&c, getpid(), "libflow0.so:fixture_never", &entry_only);
	assert_int_equal(c.result, 0);
	assert_true(c.plan.never_returns);
	plan_close(&c);
}

/* What must be found without learning the return address, and what must be learnt. */
static bool uses_kind(const struct func_plan *plan, uint32_t kinds)
{
	bool uses = SITE_KIND_BIT(plan->entry.kind) & kinds;

	for (size_t i = 0; i < plan->n_exits; i++)
		uses |= SITE_KIND_BIT(plan->exits[i].kind) & kinds;
	return uses;
}

/* Kinds of places that failed the self-test are not used, and others are found or it is said. */
static void test_avoided_kinds(void **state)
{
	static const char *const names[] = {"fixture_leaf", "fixture_twelve", "fixture_switch",
					    "fixture_frame", "fixture_recursive"};
	static const uint32_t jumps = SITE_KIND_BIT(SITE_KIND_JCC) | SITE_KIND_BIT(SITE_KIND_JMP);
	static const struct plan_opts plain = {}, without_jumps = {.avoid = jumps},
				      without_push = {.avoid = SITE_KIND_BIT(SITE_KIND_PUSH)},
				      without_ret = {.avoid = SITE_KIND_BIT(SITE_KIND_RET)},
				      without_any = {.avoid = UINT32_MAX};
	unsigned int jumped = 0, pushed = 0;
	struct plan_case c;
	char spec[64];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(spec, sizeof(spec), "libflow0.so:%s", names[i]);
		plan_open(&c, getpid(), spec, &plain);
		assert_int_equal(c.result, 0);
		jumped += uses_kind(&c.plan, jumps);
		pushed += uses_kind(&c.plan, SITE_KIND_BIT(SITE_KIND_PUSH));
		plan_close(&c);
		plan_open(&c, getpid(), spec, &without_push);
		assert_int_equal(c.result, 0);
		assert_false(uses_kind(&c.plan, SITE_KIND_BIT(SITE_KIND_PUSH)));
		plan_close(&c);
		check_traced_with(libs[0], "libflow0.so", names[i], names[i], 0, &without_jumps);
		plan_open(&c, getpid(), spec, &without_ret);
		if (c.result)
			assert_non_null(strstr(c.plan.reason, "a probe at a ret fails"));
		else
			assert_false(uses_kind(&c.plan, SITE_KIND_BIT(SITE_KIND_RET)));
		plan_close(&c);
		plan_open(&c, getpid(), spec, &without_any);
		assert_int_equal(c.result, -EOPNOTSUPP);
		assert_non_null(strstr(c.plan.reason, "no place for its entry"));
		plan_close(&c);
	}
	assert_true(jumped > 0 && pushed > 0);
}

static void test_tail_kinds(void **state)
{
	static const struct plan_opts opts;
	static const struct {
		const char *name;
		bool learn, tails;
	} cases[] = {
		{"libflow0.so:fixture_leaf", false, false},
		/* A switch is no tail jump, but its split part without a frame is like one. */
		{"libflow0.so:fixture_switch", false, true},
		{"libflow0.so:fixture_tail_local", false, true},
		{"libflow0.so:fixture_tail_plt", false, true},
		{"libflow3.so:fixture_tail_plt", false, true},
		{"libflow0.so:fixture_tail_cycle", false, true},
		{"libflow0.so:fixture_tail_deep", true, false},
		{"libflow0.so:fixture_tail_indirect", true, false},
	};
	struct plan_case c;
	size_t i, j, tails;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		plan_open(&c, getpid(), cases[i].name, &opts);
		assert_int_equal(c.result, 0);
		if (c.plan.learn_return != cases[i].learn)
			fail_msg("%s: learn %d (%s)", cases[i].name, c.plan.learn_return,
				 c.plan.reason);
		for (j = tails = 0; j < c.plan.n_exits; j++)
			tails += c.plan.exits[j].tail;
		if ((tails > 0) != cases[i].tails)
			fail_msg("%s: %zu tail exits", cases[i].name, tails);
		if (c.plan.learn_return)
			assert_true(c.plan.reason[0] != '\0');
		plan_close(&c);
	}
}

/* A patched function is refused; a foreign breakpoint over a first byte is noted. */
static void test_patched(void **state)
{
	static const struct plan_opts opts;
	struct plan_case c;
	long *results = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct tracer t;
	stage_fn fn;
	pid_t pid;

	(void)state;
	*(void **)&fn = dlsym(libs[0], "fixture_leaf");
	pid = spawn_calls(fn, results);
	memset(&t, 0, sizeof(t));
	t.pid = pid;
	trace_add(&t, (uint64_t)(uintptr_t)fn, ROLE_FIRST, NULL);
	plan_open(&c, pid, "libflow0.so:fixture_leaf", &opts);
	assert_int_equal(c.result, 0);
	assert_true(c.plan.entry.probed);
	assert_true(c.plan.note[0] != '\0');
	assert_int_equal(plan_site_verify(&c.proc, &c.table, &c.plan.entry), 0);
	plan_close(&c);
	ptrace(PTRACE_POKETEXT, pid, (void *)fn, (void *)0x9090909090909090L);
	plan_open(&c, pid, "libflow0.so:fixture_leaf", &opts);
	assert_int_equal(c.result, -EOPNOTSUPP);
	assert_non_null(strstr(c.plan.reason, "differs"));
	c.plan.entry.object = c.matches[0].object;
	c.plan.entry.offset = c.matches[0].offset;
	c.plan.entry.len = 1;
	c.plan.entry.bytes[0] = 0xf4;
	assert_int_equal(plan_site_verify(&c.proc, &c.table, &c.plan.entry), -ESTALE);
	plan_close(&c);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	munmap(results, 4096);
}

static uint64_t seen_return;

__attribute__((noinline)) static void note_return(void)
{
	seen_return = (uint64_t)(uintptr_t)__builtin_return_address(0);
}

static void test_return_site(void **state)
{
	struct plan_site site;
	struct process proc;
	struct object_table table;
	char reason[128];

	(void)state;
	note_return();
	assert_int_equal(process_open(&proc, getpid()), 0);
	assert_int_equal(object_table_read(&table, &proc), 0);
	assert_int_equal(
		plan_return_site(&proc, &table, seen_return, &site, reason, sizeof(reason)), 0);
	assert_int_equal(site.sp_delta, -8);
	assert_true(site.has_ret_value && site.len > 0);
	assert_int_equal(plan_return_site(&proc, &table, (uint64_t)(uintptr_t)&test_return_site,
					  &site, reason, sizeof(reason)),
			 -EOPNOTSUPP);
	assert_int_equal(plan_return_site(&proc, &table, (uint64_t)(uintptr_t)&site, &site, reason,
					  sizeof(reason)),
			 -ENOENT);
	object_table_free(&table);
	process_close(&proc);
}

/* The program forms: the stage is found by symbol, or by its offset where the symbols are gone. */
static void check_program(const char *how, const char *strip, bool by_offset)
{
	static const struct plan_opts opts = {.need_args = true};
	int in[2], out[2], exits;
	struct plan_case c;
	char spec[128], ready;
	FILE *nm;
	unsigned long offset = 0;
	pid_t pid;

	build("gcc -O2 %s " SRC "target_main.c -o " OUT "/program", how);
	nm = popen("nm " OUT "/program | awk '$3 == \"program_stage\" { print $1 }'", "r");
	assert_int_equal(fscanf(nm, "%lx", &offset), 1);
	pclose(nm);
	build("%s " OUT "/program", strip);
	assert_int_equal(pipe(in), 0);
	assert_int_equal(pipe(out), 0);
	pid = fork();
	if (pid == 0) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		close(in[1]);
		execl(OUT "/program", "program", NULL);
		_exit(127);
	}
	close(out[1]);
	assert_int_equal(read(out[0], &ready, 1), 1);
	if (by_offset)
		snprintf(spec, sizeof(spec), "program+0x%lx",
			 offset >= 0x400000 ? offset - 0x400000 : offset);
	else
		snprintf(spec, sizeof(spec), "program:program_stage");
	plan_open(&c, pid, spec, &opts);
	if (c.result)
		fail_msg("%s %s: %s", how, strip, c.plan.reason);
	for (exits = 0; (size_t)exits < c.plan.n_exits; exits++)
		assert_int_equal(c.plan.exits[exits].bytes[0], 0xc3);
	assert_true(exits >= 1 || c.plan.learn_return);
	plan_close(&c);
	close(in[0]);
	close(in[1]);
	close(out[0]);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void test_programs(void **state)
{
	(void)state;
	check_program("-fPIE -pie", "true", false);
	check_program("-fPIE -pie", "strip", true);
	check_program("-no-pie", "strip", true);
	check_program("-static-pie -fPIE", "true", false);
	check_program("-static-pie -fPIE", "strip", true);
	check_program("-static", "strip", true);
	check_program("-fPIE -pie -Wl,--no-eh-frame-hdr", "true", false);
}

/* The real libraries: shapes known from their disassembly. */
static void check_real(const char *lib, const char *spec, bool tails)
{
	static const struct plan_opts opts = {.need_args = true};
	void *handle = dlopen(lib, RTLD_LAZY);
	struct plan_case c;
	size_t i, n = 0;

	if (!handle)
		fail_msg("%s", dlerror());
	plan_open(&c, getpid(), spec, &opts);
	if (c.result)
		fail_msg("%s: %s", spec, c.plan.reason);
	assert_false(c.plan.learn_return);
	assert_true(c.plan.n_exits > 0);
	for (i = 0; i < c.plan.n_exits; i++) {
		n += c.plan.exits[i].tail;
		assert_int_equal(plan_site_verify(&c.proc, &c.table, &c.plan.exits[i]), 0);
	}
	assert_int_equal(n > 0, tails);
	plan_close(&c);
}

static void test_real_libraries(void **state)
{
	(void)state;
	check_real("libpq.so.5", "libpq.so*:PQexec", true);
	check_real("libpq.so.5", "libpq.so*:PQsendQuery", true);
	check_real("libflite.so.1", "libflite.so*:flite_text_to_wave", false);
	check_real("libflite.so.1", "libflite.so*:flite_synth_text", true);
	check_real("libpocketsphinx.so.3", "libpocketsphinx.so*:ps_process_raw", false);
	check_real("libpocketsphinx.so.3", "libpocketsphinx.so*:ps_get_hyp", false);
	check_real("libespeak-ng.so.1", "libespeak-ng.so*:espeak_Synth", false);
	check_real("libsqlite3.so.0", "libsqlite3.so*:sqlite3_step", true);
	check_real("libc.so.6", "libc.so.6:malloc", false);
	check_real("libc.so.6", "libc.so.6:free", false);
}

int main(void)
{
	/* Those that fork first: a fork costs more the more memory the process has touched. */
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_asm_traced), cmocka_unit_test(test_flow),
		cmocka_unit_test(test_throw),	   cmocka_unit_test(test_early_exits),
		cmocka_unit_test(test_patched),	   cmocka_unit_test(test_entry_sites),
		cmocka_unit_test(test_tail_kinds), cmocka_unit_test(test_return_site),
		cmocka_unit_test(test_programs),   cmocka_unit_test(test_real_libraries),
		cmocka_unit_test(test_refusals),   cmocka_unit_test(test_avoided_kinds),
	};

	return cmocka_run_group_tests(tests, build_all, NULL);
}
