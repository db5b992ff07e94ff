/* SPDX-License-Identifier: GPL-2.0-only */
#include "target/alloc_plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "target/maps.h"
#include "target/probe_spec.h"
#include "target/scan.h"
#include "target/symbols.h"
#include "target/tail.h"

/* Aliases of one function have one place: the first name that is met is taken. */
static const struct {
	const char *name;
	enum wire_alloc_function function;
} known[] = {
	{"malloc", WIRE_ALLOC_MALLOC},
	{"calloc", WIRE_ALLOC_CALLOC},
	{"realloc", WIRE_ALLOC_REALLOC},
	{"reallocarray", WIRE_ALLOC_REALLOCARRAY},
	{"memalign", WIRE_ALLOC_ALIGNED},
	{"aligned_alloc", WIRE_ALLOC_ALIGNED},
	{"posix_memalign", WIRE_ALLOC_POSIX},
	{"valloc", WIRE_ALLOC_MALLOC},
	{"pvalloc", WIRE_ALLOC_MALLOC},
	{"_Znwm", WIRE_ALLOC_NEW},
	{"_Znam", WIRE_ALLOC_NEW},
	{"_ZnwmRKSt9nothrow_t", WIRE_ALLOC_NEW},
	{"_ZnamRKSt9nothrow_t", WIRE_ALLOC_NEW},
	{"_ZnwmSt11align_val_t", WIRE_ALLOC_NEW},
	{"_ZnamSt11align_val_t", WIRE_ALLOC_NEW},
	{"_ZnwmSt11align_val_tRKSt9nothrow_t", WIRE_ALLOC_NEW},
	{"_ZnamSt11align_val_tRKSt9nothrow_t", WIRE_ALLOC_NEW},
	{"mmap", WIRE_ALLOC_MMAP},
	{"mmap64", WIRE_ALLOC_MMAP},
	{"mremap", WIRE_ALLOC_MREMAP},
};

enum wire_alloc_function alloc_function_named(const char *symbol)
{
	static const char own[] = "__libc_"; /* glibc's other names for its own */

	if (!strncmp(symbol, own, strlen(own)))
		symbol += strlen(own);
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (!strcmp(known[i].name, symbol))
			return known[i].function;
	return WIRE_ALLOC_OTHER;
}

struct search {
	struct alloc_plan *plan;
	const struct process *proc;
	struct object_table *table;
	struct object *obj;
	uint32_t functions, avoid;
};

static bool is_there(const struct alloc_plan *plan, uint32_t object, uint64_t offset)
{
	for (size_t i = 0; i < plan->functions_n; i++)
		if (plan->functions[i].object == object && plan->functions[i].offset == offset)
			return true;
	return false;
}

/*
 * A return that several functions share is one place: whose call it is, the stack pointer tells.
 * -EEXIST: there is another kind of place.
 */
static int add_place(struct alloc_plan *plan, const struct alloc_place *place)
{
	struct alloc_place *bigger;

	for (size_t i = 0; i < plan->places_n; i++) {
		struct alloc_place *p = &plan->places[i];

		if (p->site.object != place->site.object || p->site.offset != place->site.offset)
			continue;
		/* The number of the function is the entry's only. */
		if (p->cookie != place->cookie)
			return -EEXIST;
		p->functions |= place->functions;
		return 0;
	}
	bigger = realloc(plan->places, (plan->places_n + 1) * sizeof(*bigger));
	if (!bigger)
		return -ENOMEM;
	plan->places = bigger;
	plan->places[plan->places_n++] = *place;
	return 0;
}

static int add_site(struct alloc_plan *plan, const struct alloc_function *f,
		    const struct plan_site *site, enum wire_alloc_role role, __u8 unless)
{

	__u8 stepped = !insn_class_emulated(site->cls);
	/* Which function's call ends is known from its entry. */
	enum wire_alloc_function function = role == WIRE_ALLOC_ENTER ? f->function
								     : WIRE_ALLOC_MALLOC;
	const struct alloc_place place = {
		.site = *site,
		.cookie = wire_alloc_cookie(role, function, unless, stepped, site->sp_delta),
		.functions = ALLOC_FUNCTION_BIT(f->function)};

	return add_place(plan, &place);
}

static int add_exit(struct alloc_plan *plan, const struct alloc_function *f,
		    const struct plan_site *site)
{
	return add_site(plan, f, site, WIRE_ALLOC_EXIT,
			site->conditional ? (__u8)(site->condition + 1) : 0);
}

/* The jump that leaves from there, with the stack as at entry. */
static int jump_site(const struct scan *scan, uint64_t vaddr, uint32_t avoid,
		     struct plan_site *site)
{
	const struct code_part *part = scan_part_of(scan, vaddr);
	const struct insn *insn;
	uint64_t offset;
	size_t i;

	if (!part || code_part_index(part, vaddr, &i) ||
	    !elf_file_vaddr_to_offset(&part->code->elf, vaddr, &offset))
		return -ENOENT;
	insn = &part->insns[i];
	if (insn->flow != INSN_FLOW_JUMP || (avoid & SITE_KIND_BIT(site_kind_of(insn))))
		return -ENOENT;
	*site = (struct plan_site){.object = part->code->obj->index,
				   .offset = offset,
				   .function = offset,
				   .len = insn->len,
				   .cls = insn->cls,
				   .kind = site_kind_of(insn)};
	memcpy(site->bytes, insn->bytes, insn->len);
	return 0;
}

/*
 * calloc may end by a jump to memset, which gives back the block that it is given, and whose
 * returns must not be probed: the jump itself is the exit.  Which of the jumps that lead to nobody
 * knows where is it?  The programs look at what is handed over.
 */
static int add_memset_jumps(struct search *s, struct code_space *space,
			    const struct alloc_function *f)
{
	struct code_object *code = code_space_object(space, f->object);
	struct scan *scan = calloc(1, sizeof(*scan));
	struct code_range range;
	uint64_t vaddr;
	int err = code && scan ? 0 : -ENOMEM;

	if (!err && !elf_file_offset_to_vaddr(&code->elf, f->offset, &vaddr))
		err = -ENOENT;
	err = err ?: code_range_at(code, vaddr, &range);
	err = err ?: scan_function(space, code, &range, scan);
	for (size_t i = 0; !err && i < scan->n_tails; i++) {
		struct tail_target target;
		struct plan_site site;
		char why[PLAN_REASON_MAX];

		if (!tail_resolve(space, code, &scan->tails[i], &target, why, sizeof(why)))
			continue;
		if (!jump_site(scan, scan->tails[i].from, s->avoid, &site))
			err = add_site(s->plan, f, &site, WIRE_ALLOC_MEMSET, 0);
	}
	if (scan)
		scan_free(scan);
	free(scan);
	return err;
}

static int add_tails(struct search *s, struct alloc_function *f)
{
	struct code_space space;
	int err = code_space_open(&space, s->proc, s->table);

	if (err)
		return err;
	err = add_memset_jumps(s, &space, f);
	code_space_close(&space);
	return err;
}

static int add_places(struct search *s, struct alloc_function *f, const struct func_plan *fp)
{
	int err = add_site(s->plan, f, &fp->entry, WIRE_ALLOC_ENTER, fp->learn_return);

	for (size_t i = 0; i < fp->n_exits && !err; i++)
		err = add_exit(s->plan, f, &fp->exits[i]);
	if (!err && f->function == WIRE_ALLOC_CALLOC && fp->learn_return)
		err = add_tails(s, f);
	return err;
}

/* All of its places, or none.  -ENOMEM and the like only: what cannot be planned says why. */
static int plan_one(struct search *s, const struct symbol *sym, struct alloc_function *f)
{
	const struct plan_opts opts = {.need_args = true,
				       .need_ret = true,
				       .need_memory = f->function == WIRE_ALLOC_POSIX,
				       .pairs = true,
				       .partial = true,
				       .avoid = s->avoid};
	struct match match = {.object = s->obj->index, .offset = sym->offset, .size = sym->size};
	size_t before = s->plan->places_n;
	struct func_plan fp = {};
	int err;

	match.name = strdup(f->name);
	if (!match.name)
		return -ENOMEM;
	err = plan_function(s->proc, s->table, &match, &opts, &fp);
	if (!err)
		err = add_places(s, f, &fp);
	if (err == -EEXIST)
		strcpy(fp.reason, "it shares an exit with another one that uses it otherwise");
	if (err)
		s->plan->places_n = before;
	f->planned = !err;
	f->stepped = !err && !insn_class_emulated(fp.entry.cls);
	memcpy(f->reason, fp.reason, sizeof(f->reason));
	func_plan_free(&fp);
	free(match.name);
	return err == -ENOMEM || err == -ESRCH ? err : 0;
}

static int take_symbol(struct search *s, const struct symbol *sym)
{
	struct alloc_function *f;

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strcmp(known[i].name, sym->name) != 0 ||
		    !(s->functions & ALLOC_FUNCTION_BIT(known[i].function)))
			continue;
		if (s->plan->functions_n == ALLOC_PLAN_FUNCTIONS_MAX)
			return 0;
		f = &s->plan->functions[s->plan->functions_n++];
		*f = (struct alloc_function){.name = known[i].name,
					     .function = known[i].function,
					     .object = s->obj->index,
					     .offset = sym->offset};
		return plan_one(s, sym, f);
	}
	return 0;
}

int alloc_plan_add(struct alloc_plan *plan, const struct process *proc, struct object_table *table,
		   uint32_t object, uint32_t functions, uint32_t avoid)
{
	struct search s = {
		.plan = plan, .proc = proc, .table = table, .functions = functions, .avoid = avoid};
	struct symbol_table *symbols;
	int err;

	if (object >= table->n_objects)
		return -ENOENT;
	s.obj = table->objects[object];
	err = object_open(s.obj, proc);
	if (err)
		return err;
	symbols = symbol_table__open(s.obj);
	if (!symbols)
		return -errno;
	for (size_t i = 0; i < symbol_table__count(symbols) && !err; i++) {
		const struct symbol *sym = symbol_table__at(symbols, i);

		if (!sym->ifunc && !sym->cold && sym->global &&
		    !is_there(plan, object, sym->offset))
			err = take_symbol(&s, sym);
	}
	symbol_table__free(symbols);
	return err;
}

void alloc_plan_free(struct alloc_plan *plan)
{
	free(plan->places);
	memset(plan, 0, sizeof(*plan));
}
