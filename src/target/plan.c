/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From a function to the places where it is probed. The entry probe goes to the cheapest
 * instruction that is as good as the first one, the exits to every ret that can end the call: its
 * own, those of its split parts, and those of the functions it leaves to by a tail jump.
 */
#include "target/plan.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "log/escape.h"
#include "target/early_exit.h"
#include "target/maps.h"
#include "target/probe_spec.h"
#include "target/process.h"
#include "target/scan.h"
#include "target/tail.h"

#define VISITED_MAX 64 /* functions looked into for one plan */

struct plan_run {
	struct code_space space;
	const struct plan_opts *opts;
	struct func_plan *plan;
	struct {
		const struct code_object *code;
		uint64_t vaddr;
	} visited[VISITED_MAX];
	size_t n_visited;
	bool rets_only; /* no jump stands for a ret */
	bool unknown;	/* there are exits that are not known: plan->reason */
};

static void make_site(const struct code_part *part, size_t index, struct plan_site *site)
{
	const struct insn *insn = &part->insns[index];
	uint64_t offset = 0, function = 0;

	/* Both lie in a range that was read by virtual address: they have offsets. */
	(void)elf_file_vaddr_to_offset(&part->code->elf, insn->addr, &offset);
	(void)elf_file_vaddr_to_offset(&part->code->elf, part->range.start, &function);
	*site = (struct plan_site){
		.object = part->code->obj->index,
		.offset = offset,
		.function = function,
		.len = insn->len,
		.cls = insn->cls,
		.kind = site_kind_of(insn),
		.probed = part->probed[index],
		.condition = insn->condition,
	};
	memcpy(site->bytes, insn->bytes, insn->len);
}

/*
 * How good a place is: a known emulated class, a long nop (new kernels), stepped, never. A return
 * is the place of an exit, and of the entry only where the function is nothing else.
 */
static int entry_rank(const struct insn *insn, bool first, uint32_t avoid)
{
	if (insn->cls == INSN_CLASS_NEVER || (avoid & SITE_KIND_BIT(site_kind_of(insn))))
		return 0;
	if (insn->flow == INSN_FLOW_RET && !first)
		return 0;
	if (insn->is_nop5) /* its optimised probe overwrites the red zone */
		return first ? 1 : 0;
	if (insn_class_emulated(insn->cls))
		return 4;
	return insn->cls == INSN_CLASS_NOP_LONG ? 3 : 2;
}

/* May the search go on behind this instruction, the entry's state being still known? */
static bool entry_goes_on(const struct insn *insn, uint8_t args, int32_t *delta)
{
	if (insn->flow != INSN_FLOW_NEXT || insn->cls == INSN_CLASS_NEVER || insn->writes_link ||
	    (args & insn->args_written))
		return false;
	if (insn->sp == INSN_SP_SAME || insn->sp == INSN_SP_SAVE_FP)
		return true;
	if (insn->sp != INSN_SP_ADD || insn->sp_change > 0)
		return false;
	*delta -= insn->sp_change;
	return *delta >= 0;
}

/* -EOPNOTSUPP: all that would do are of kinds to be avoided. */
static int plan_entry(struct plan_run *run, const struct scan *scan)
{
	const struct code_part *part = &scan->parts[0];
	struct func_plan *plan = run->plan;
	uint8_t args = run->opts->arg_mask;
	int best = 0, rank;
	int32_t delta = 0;
	size_t i;

	if (!run->opts->need_args)
		args = 0;
	else if (args == 0)
		args = 0xff;
	for (i = 0; i < part->n; i++) {
		const struct insn *insn = &part->insns[i];

		if (i > 0 && insn->addr >= scan->first_target)
			break;
		rank = entry_rank(insn, i == 0, run->opts->avoid);
		/* Of equally stepped places the first is the best, as nothing ran before it. */
		if (rank > best && rank > 0) {
			best = rank;
			make_site(part, i, &plan->entry);
			plan->entry.sp_delta = delta;
		}
		if (best == 4 || !entry_goes_on(insn, args, &delta))
			break;
	}
	plan->entry_loops = scan->entry_is_target;
	if (best > 0)
		return 0;
	snprintf(plan->reason, sizeof(plan->reason), "no place for its entry: %s",
		 run->opts->avoid ? "what is there fails the self-test on this kernel"
				  : "its first instruction is never probed");
	return -EOPNOTSUPP;
}

/* One conditional jump for two rets, one on either side, is an exit always. */
static void merge_exit(struct plan_site *site, const struct plan_site *other)
{
	if (site->conditional && (!other->conditional || site->condition != other->condition))
		site->conditional = false;
}

static int append_exit(struct plan_run *run, const struct plan_site *site)
{
	struct func_plan *plan = run->plan;
	struct plan_site *bigger;
	size_t i;

	for (i = 0; i < plan->n_exits; i++) {
		if (plan->exits[i].object != site->object || plan->exits[i].offset != site->offset)
			continue;
		merge_exit(&plan->exits[i], site);
		return 0;
	}
	if (plan->n_exits == PLAN_EXITS_MAX) {
		snprintf(plan->reason, sizeof(plan->reason), "more than %d exits", PLAN_EXITS_MAX);
		return -E2BIG;
	}
	bigger = realloc(plan->exits, (plan->n_exits + 1) * sizeof(*bigger));
	if (!bigger)
		return -ENOMEM;
	plan->exits = bigger;
	plan->exits[plan->n_exits++] = *site;
	return 0;
}

static void make_early(const struct early_exit *early, bool has_ret_value, struct plan_site *site)
{
	make_site(early->part, early->index, site);
	site->sp_delta = early->sp_delta;
	site->has_ret_value = has_ret_value;
	site->conditional = early->when != EARLY_ALWAYS;
	if (early->when == EARLY_TAKEN)
		site->condition = insn_condition_inverse(site->condition);
}

/* The places for one ret: itself, or the cheaper jumps that decide on it.  Returns how many. */
static size_t make_exits(struct plan_run *run, const struct scan *scan, struct jump_map *map,
			 size_t part, size_t ret, struct plan_site sites[EARLY_EXITS_MAX])
{
	const struct plan_site *entry = &run->plan->entry;
	struct early_exit early[EARLY_EXITS_MAX];
	const struct exit_needs needs = {run->opts->need_ret, run->opts->need_memory};
	enum insn_class ret_class = scan->parts[part].insns[ret].cls;
	size_t n = 0;

	/* Where a ret is cheap itself, nothing need stand for it. */
	if (!run->rets_only && !insn_class_emulated(ret_class))
		n = early_exit_find(map, part, ret, needs, early);
	for (size_t i = 0; i < n; i++) {
		make_early(&early[i], run->opts->need_ret, &sites[i]);
		/* Entry and exit cannot be one place. */
		if ((sites[i].object == entry->object && sites[i].offset == entry->offset) ||
		    (run->opts->avoid & SITE_KIND_BIT(sites[i].kind)))
			n = 0;
	}
	if (n)
		return n;
	make_site(&scan->parts[part], ret, &sites[0]);
	sites[0].has_ret_value = true;
	return 1;
}

static int collect_return(struct plan_run *run, const struct scan *scan, struct jump_map *map,
			  size_t part, size_t ret, uint8_t depth)
{
	struct plan_site sites[EARLY_EXITS_MAX];
	size_t n;
	int err = 0;

	if (scan->parts[part].insns[ret].cls == INSN_CLASS_NEVER) {
		snprintf(run->plan->reason, sizeof(run->plan->reason),
			 "it returns with authentication, which the kernel does not let be probed");
		return -ENOENT;
	}
	n = make_exits(run, scan, map, part, ret, sites);
	if (run->opts->avoid & SITE_KIND_BIT(sites[0].kind)) {
		snprintf(run->plan->reason, sizeof(run->plan->reason),
			 "no place for an exit: a probe at a %s fails the self-test on this kernel",
			 site_kind_name(sites[0].kind));
		return -EOPNOTSUPP;
	}
	for (size_t i = 0; i < n && !err; i++) {
		sites[i].tail = depth > 0;
		sites[i].tail_depth = depth;
		err = append_exit(run, &sites[i]);
	}
	return err;
}

static int collect_returns(struct plan_run *run, const struct scan *scan, uint8_t depth)
{
	struct jump_map *map = jump_map__new(&run->space, scan);
	int err = map ? 0 : -ENOMEM;

	for (size_t i = 0; i < scan->n_parts; i++)
		for (size_t j = 0; j < scan->parts[i].n && !err; j++)
			if (scan->parts[i].insns[j].flow == INSN_FLOW_RET)
				err = collect_return(run, scan, map, i, j, depth);
	jump_map__free(map);
	return err;
}

static bool visit(struct plan_run *run, const struct code_object *code, uint64_t vaddr)
{
	size_t i;

	for (i = 0; i < run->n_visited; i++)
		if (run->visited[i].code == code && run->visited[i].vaddr == vaddr)
			return false;
	if (run->n_visited < VISITED_MAX) {
		run->visited[run->n_visited].code = code;
		run->visited[run->n_visited++].vaddr = vaddr;
	}
	return true;
}

static int collect_tails(struct plan_run *run, struct code_object *code, const struct scan *scan,
			 uint8_t depth);

/* The exits of a tail jump's target. -ENOENT: they cannot all be known, plan->reason says why. */
static int collect_tail(struct plan_run *run, const struct tail_target *target, uint8_t depth)
{
	int deepest = run->opts->partial ? PLAN_TAIL_DEPTH_PARTIAL : PLAN_TAIL_DEPTH;
	char *reason = run->plan->reason, name[96];
	struct code_range range;
	struct scan *scan;
	int err;

	escape_name(ESCAPE_TEXT, name, sizeof(name), target->name);
	if (depth > deepest || run->n_visited == VISITED_MAX) {
		snprintf(reason, PLAN_REASON_MAX, "tail jumps more than %d deep (at '%s')", deepest,
			 name);
		return -ENOENT;
	}
	err = code_range_at(target->code, target->vaddr, &range);
	/* Returns that are not its own do no harm where the stack pointer tells whose they are. */
	if (err && run->opts->partial)
		err = code_range_by_flow(&run->space, target->code, target->vaddr, &range);
	if (err) {
		snprintf(reason, PLAN_REASON_MAX, "bounds of the tail jump's target '%s' unknown",
			 name);
		return -ENOENT;
	}
	/* The jumps that stand for its rets were found without this way into it. */
	if (range.start != target->vaddr && !run->rets_only)
		return -EAGAIN;
	/* A jump into its middle can end at a part of these returns: SP tells which it did. */
	scan = malloc(sizeof(*scan));
	if (!scan)
		return -ENOMEM;
	err = scan_function(&run->space, target->code, &range, scan);
	if (err == -EOPNOTSUPP) {
		snprintf(reason, PLAN_REASON_MAX, "tail jump to '%s': %s", name, scan->reason);
		err = -ENOENT;
	}
	if (!err)
		err = collect_returns(run, scan, depth);
	if (!err)
		err = collect_tails(run, target->code, scan, depth);
	scan_free(scan);
	free(scan);
	return err;
}

/* -ENOENT: where it leads to is not known, or must not be probed; plan->reason says why. */
static int follow_tail(struct plan_run *run, struct code_object *code, const struct tail_jump *jump,
		       uint8_t depth)
{
	struct func_plan *plan = run->plan;
	struct tail_target target;
	char name[96];
	int err =
		tail_resolve(&run->space, code, jump, &target, plan->reason, sizeof(plan->reason));

	if (err || target.never_returns)
		return err;
	if (target.busy) {
		if (run->opts->partial)
			return 0;
		escape_name(ESCAPE_TEXT, name, sizeof(name), target.name);
		snprintf(plan->reason, sizeof(plan->reason),
			 "it ends in a jump to '%s', too busy to probe its returns", name);
		return -ENOENT;
	}
	if (target.by_name)
		snprintf(plan->note, sizeof(plan->note),
			 "a tail jump's target was found by name (not bound yet)");
	if (!visit(run, target.code, target.vaddr))
		return 0;
	return collect_tail(run, &target, (uint8_t)(depth + 1));
}

static int collect_tails(struct plan_run *run, struct code_object *code, const struct scan *scan,
			 uint8_t depth)
{
	int err = 0;

	for (size_t i = 0; i < scan->n_tails && !err; i++) {
		err = follow_tail(run, code, &scan->tails[i], depth);
		if (err != -ENOENT || !run->opts->partial)
			continue;
		run->unknown = true;
		err = 0;
	}
	return err;
}

/* The returns of others are not needed, and cost, when the return site is learnt. */
static void drop_tail_exits(struct func_plan *plan)
{
	size_t i, kept = 0;

	for (i = 0; i < plan->n_exits; i++)
		if (!plan->exits[i].tail)
			plan->exits[kept++] = plan->exits[i];
	plan->n_exits = kept;
}

/* -EAGAIN: some function that is left to is entered in its middle, and jumps stood for rets. */
static int collect_exits(struct plan_run *run, struct code_object *code, const struct scan *scan)
{
	int err;

	run->plan->n_exits = 0;
	run->n_visited = 0;
	(void)visit(run, code, scan->parts[0].range.start);
	err = collect_returns(run, scan, 0);
	return err ?: collect_tails(run, code, scan, 0);
}

static int plan_exits(struct plan_run *run, struct code_object *code, const struct scan *scan)
{
	struct func_plan *plan = run->plan;
	int err;

	err = collect_exits(run, code, scan);
	/* Several jumps for a ret may be too many where the rets alone are not. */
	if (err == -EAGAIN || err == -E2BIG) {
		run->rets_only = true;
		err = collect_exits(run, code, scan);
	}
	if (err == -ENOENT || err == -E2BIG) {
		plan->learn_return = true;
		if (err == -E2BIG && !plan->exits[plan->n_exits - 1].tail)
			plan->n_exits = 0;
		drop_tail_exits(plan);
		return 0;
	}
	if (err)
		return err;
	if (run->unknown)
		plan->learn_return = true;
	else
		plan->reason[0] = '\0';
	plan->never_returns = plan->n_exits == 0 && !run->opts->partial;
	if (!plan->never_returns || run->opts->entry_only)
		return 0;
	snprintf(plan->reason, sizeof(plan->reason), "it never returns: only @entry can be probed");
	return -EOPNOTSUPP;
}

/* Start and end by .eh_frame where it agrees with the symbol on the start, else by the symbol. */
static int function_range(struct code_object *code, const struct match *match,
			  struct code_range *range)
{
	uint64_t vaddr;
	int err;

	if (!elf_file_offset_to_vaddr(&code->elf, match->offset, &vaddr))
		return -ENOENT;
	err = code_range_at(code, vaddr, range);
	if (!err && range->start == vaddr)
		return 0;
	if (match->size) {
		*range = (struct code_range){vaddr, vaddr + match->size, false};
		return 0;
	}
	if (err)
		return err;
	/* An entry without a size inside a described range: the rest of it. */
	range->start = vaddr;
	return 0;
}

static void note_probed(struct func_plan *plan, const struct scan *scan)
{
	size_t i;

	for (i = 0; i < scan->n_parts; i++)
		if (scan->parts[i].any_probed)
			snprintf(plan->note, sizeof(plan->note),
				 "another uprobe user has breakpoints in this function");
}

/*
 * A goroutine's stack is copied to another place when it grows, and the goroutine goes on in any
 * thread: neither the stack pointer nor the thread tells which call returns.  Go's linker describes
 * no function in .eh_frame; C code in the same file runs on the thread's own stack, and is
 * described.
 */
static bool is_go(const struct code_object *code, const struct code_range *range)
{
	return !range->by_unwind && (elf_file_section(&code->elf, ".gopclntab") ||
				     elf_file_section(&code->elf, ".data.rel.ro.gopclntab"));
}

static int plan_in_object(struct plan_run *run, const struct match *match)
{
	struct func_plan *plan = run->plan;
	struct code_object *code;
	struct code_range range;
	struct scan *scan;
	int err;

	code = code_space_object(&run->space, match->object);
	if (!code)
		return -errno;
	err = function_range(code, match, &range);
	if (err) {
		snprintf(plan->reason, sizeof(plan->reason),
			 "its size is unknown (no symbol size, no .eh_frame)");
		return -EOPNOTSUPP;
	}
	plan->size = range.end - range.start;
	if (run->opts->pairs && is_go(code, &range)) {
		snprintf(plan->reason, sizeof(plan->reason),
			 "a function of Go: its stack moves, and it goes on in other threads: only "
			 "@entry can be probed");
		return -EOPNOTSUPP;
	}
	scan = malloc(sizeof(*scan));
	if (!scan)
		return -ENOMEM;
	err = scan_function(&run->space, code, &range, scan);
	if (err == -EOPNOTSUPP)
		snprintf(plan->reason, sizeof(plan->reason), "%s", scan->reason);
	if (!err) {
		err = plan_entry(run, scan);
		note_probed(plan, scan);
		err = err ?: plan_exits(run, code, scan);
	}
	scan_free(scan);
	free(scan);
	return err;
}

int plan_function(const struct process *proc, struct object_table *table, const struct match *match,
		  const struct plan_opts *opts, struct func_plan *plan)
{
	struct plan_run *run;
	int err;

	memset(plan, 0, sizeof(*plan));
	plan->object = match->object;
	plan->offset = match->offset;
	plan->name = strdup(match->name);
	run = calloc(1, sizeof(*run));
	if (!run || !plan->name) {
		free(run);
		return -ENOMEM;
	}
	run->opts = opts;
	run->plan = plan;
	err = code_space_open(&run->space, proc, table);
	if (!err) {
		err = plan_in_object(run, match);
		code_space_close(&run->space);
	}
	free(run);
	return err;
}

void func_plan_free(struct func_plan *plan)
{
	free(plan->name);
	free(plan->exits);
	memset(plan, 0, sizeof(*plan));
}
