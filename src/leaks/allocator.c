/* SPDX-License-Identifier: GPL-2.0-only */
#include "leaks/allocator.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "leaks/allocator_kind.h"
#include "target/code.h"
#include "target/maps.h"
#include "target/process.h"
#include "target/symbols.h"

#define SLOTS_MAX   64u /* of one object, that matter */
#define CHOICES_MAX 8u

static const char *const entry_names[ALLOCATOR_ENTRIES] = {
	[ALLOCATOR_MALLOC] = "malloc",
	[ALLOCATOR_CALLOC] = "calloc",
	[ALLOCATOR_REALLOC] = "realloc",
	[ALLOCATOR_REALLOCARRAY] = "reallocarray",
	[ALLOCATOR_MEMALIGN] = "memalign",
	[ALLOCATOR_ALIGNED_ALLOC] = "aligned_alloc",
	[ALLOCATOR_POSIX_MEMALIGN] = "posix_memalign",
	[ALLOCATOR_NEW] = "_Znwm",
	[ALLOCATOR_NEW_ARRAY] = "_Znam",
	[ALLOCATOR_NEW_ALIGNED] = "_ZnwmSt11align_val_t",
	[ALLOCATOR_NEW_NOTHROW] = "_ZnwmRKSt9nothrow_t",
	[ALLOCATOR_FREE] = "free",
};

/* An object that the GOTs of others lead to for malloc. */
struct choice {
	uint32_t object;
	uint32_t users_n;
};

struct search {
	struct code_space space;
	const struct target_memory *memory;
	struct choice choices[CHOICES_MAX];
	size_t choices_n;
	uint32_t elsewhere_n; /* slots that lead to something that is not called malloc */
};

struct slots {
	uint64_t vaddrs[SLOTS_MAX];
	size_t n;
};

static void take_slot(void *ctx, const char *name, uint64_t slot)
{
	struct slots *slots = ctx;

	if (slots->n < SLOTS_MAX && !strcmp(name, entry_names[ALLOCATOR_MALLOC]))
		slots->vaddrs[slots->n++] = slot;
}

static int take_symbol(const struct symbol *sym, void *ctx)
{
	if (sym->ifunc)
		return 0;
	*(uint64_t *)ctx = sym->vaddr;
	return 1;
}

/* The object's own function of that name, as a virtual address.  False: it has none. */
static bool own_function(struct code_object *code, const char *name, uint64_t *vaddr)
{
	const struct symbol_table *symbols;
	bool ifunc;

	if (code->dyn.symtab && code->dyn.gnu_hash)
		return dynamic_find(&code->elf, &code->dyn, name, vaddr, &ifunc) == 0 && !ifunc;
	symbols = code_symbols(code);
	return symbols && symbol_table__match(symbols, name, take_symbol, vaddr) == 1;
}

static void vote(struct search *s, uint32_t object)
{
	size_t i = 0;

	while (i < s->choices_n && s->choices[i].object != object)
		i++;
	if (i == CHOICES_MAX)
		return;
	if (i == s->choices_n)
		s->choices[s->choices_n++] = (struct choice){.object = object};
	s->choices[i].users_n++;
}

/* Where the slot leads to: only what is that object's malloc counts. */
static void count_slot(struct search *s, const struct code_object *from, uint64_t addr)
{
	const struct object *obj = object_table_lookup(s->space.table, addr, NULL);
	struct code_object *code = obj ? code_space_object(&s->space, obj->index) : NULL;
	uint64_t bias, vaddr;

	if (code && code_bias(code, &bias) == 0 &&
	    own_function(code, entry_names[ALLOCATOR_MALLOC], &vaddr) && vaddr + bias == addr)
		vote(s, obj->index);
	/* A slot that was not used yet leads to the object's own stub. */
	else if (!obj || obj != from->obj)
		s->elsewhere_n++;
}

static int count_object(struct search *s, uint32_t index)
{
	struct code_object *code = code_space_object(&s->space, index);
	struct slots slots = {.n = 0};
	uint64_t bias, addr;

	if (!code || !code->dyn.symtab || code_bias(code, &bias) != 0)
		return 0;
	dynamic_each_slot(&code->elf, &code->dyn, take_slot, &slots);
	for (size_t i = 0; i < slots.n; i++) {
		int err =
			target_memory_read(s->memory, slots.vaddrs[i] + bias, &addr, sizeof(addr));

		if (err == -EFAULT || (!err && !addr))
			continue;
		if (err)
			return err;
		count_slot(s, code, addr);
	}
	return 0;
}

/* Nobody's slot says it: the only object that has a malloc, if it is the only one. */
static void find_only_one(struct search *s, struct allocator *out)
{
	uint32_t found = 0;

	for (uint32_t i = 0; i < s->space.table->n_objects; i++) {
		struct code_object *code =
			s->space.table->objects[i]->gone ? NULL : code_space_object(&s->space, i);
		uint64_t vaddr;

		if (!code || !own_function(code, entry_names[ALLOCATOR_MALLOC], &vaddr))
			continue;
		/* The loader has one for itself, until libc is there. */
		if (!strncmp(code->obj->basename, "ld-linux", 8) ||
		    !strncmp(code->obj->basename, "ld.so", 5))
			continue;
		out->object = i;
		found++;
	}
	if (found == 1)
		return;
	out->object = OBJECT_NONE;
	snprintf(out->why, sizeof(out->why), "%s",
		 found ? "several objects have a malloc, and none that calls it says which is used"
		       : "no function malloc was found: its symbol is not there, or it has another "
			 "name");
}

static void choose(struct search *s, struct allocator *out)
{
	const struct choice *best = NULL;

	out->object = OBJECT_NONE;
	for (size_t i = 0; i < s->choices_n; i++) {
		out->others_n += s->choices[i].users_n;
		if (!best || s->choices[i].users_n > best->users_n)
			best = &s->choices[i];
	}
	out->others_n += s->elsewhere_n;
	if (!best) {
		if (s->elsewhere_n)
			snprintf(out->why, sizeof(out->why),
				 "malloc is called by pointers that lead to functions of another "
				 "name");
		else
			find_only_one(s, out);
		return;
	}
	out->object = best->object;
	out->users_n = best->users_n;
	out->others_n -= best->users_n;
	if (out->others_n)
		snprintf(out->why, sizeof(out->why),
			 "%u callers of malloc have another one: their blocks are not seen",
			 out->others_n);
}

/* Of operator new only what does not come by malloc, else a block would be seen twice. */
static bool wanted(const struct allocator *a, enum allocator_entry entry)
{
	if (entry < ALLOCATOR_NEW || entry > ALLOCATOR_NEW_NOTHROW)
		return true;
	return (a->kind == ALLOCATOR_JEMALLOC || a->kind == ALLOCATOR_TCMALLOC ||
		a->kind == ALLOCATOR_MIMALLOC || a->kind == ALLOCATOR_OTHER) &&
	       !a->is_static;
}

static void fill_functions(struct code_object *code, struct allocator *a)
{
	uint64_t bias;

	if (code_bias(code, &bias) != 0)
		return;
	for (unsigned int i = 0; i < ALLOCATOR_ENTRIES; i++) {
		struct allocator_function *f = &a->functions[i];

		if (!wanted(a, i) || !own_function(code, entry_names[i], &f->vaddr) ||
		    !elf_file_vaddr_to_offset(&code->elf, f->vaddr, &f->offset))
			continue;
		f->object = a->object;
		f->addr = f->vaddr + bias;
		f->found = true;
	}
	if (a->is_static && !a->why[0] && a->kind != ALLOCATOR_GLIBC && a->kind != ALLOCATOR_MUSL)
		snprintf(a->why, sizeof(a->why),
			 "operator new of a program that holds its allocator is seen only where it "
			 "calls malloc");
}

static bool is_executable(const struct process *proc, const struct object *obj)
{
	const char *base = strrchr(proc->exe, '/');

	return base && !strcmp(base + 1, obj->basename);
}

static void describe(struct search *s, const struct process *proc, struct allocator *out)
{
	struct code_object *code = code_space_object(&s->space, out->object);

	if (!code) {
		out->object = OBJECT_NONE;
		snprintf(out->why, sizeof(out->why), "the object of malloc cannot be read");
		return;
	}
	snprintf(out->name, sizeof(out->name), "%.63s", code->obj->basename);
	out->kind = allocator_kind_of(code);
	out->is_static = is_executable(proc, code->obj);
	out->interposed = out->kind != ALLOCATOR_GLIBC && out->kind != ALLOCATOR_MUSL;
	fill_functions(code, out);
}

int allocator_find(struct allocator *out, const struct process *proc, struct object_table *objects,
		   const struct target_memory *memory)
{
	struct search s = {.memory = memory};
	int err;

	memset(out, 0, sizeof(*out));
	out->object = OBJECT_NONE;
	err = code_space_open(&s.space, proc, objects);
	for (uint32_t i = 0; !err && i < objects->n_objects; i++)
		if (!objects->objects[i]->gone)
			err = count_object(&s, i);
	if (!err)
		choose(&s, out);
	if (!err && out->object != OBJECT_NONE)
		describe(&s, proc, out);
	code_space_close(&s.space);
	return err;
}

const char *allocator_entry_name(enum allocator_entry entry)
{
	return entry < ALLOCATOR_ENTRIES ? entry_names[entry] : "?";
}
