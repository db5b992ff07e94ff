/* SPDX-License-Identifier: GPL-2.0-only */
/* alloc_site_plan.c - the two places of one call: the call itself, and what is behind it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "target/alloc_plan.h"
#include "target/code.h"
#include "target/insn_arch.h"
#include "target/maps.h"
#include "target/tail.h"

/* The slot of the GOT that the call goes through, of the PLT or directly. */
static bool slot_of_call(struct code_space *space, const struct code_object *code,
			 const struct insn *insn, uint64_t *slot)
{
	uint8_t stub[32];

	if (insn->flow == INSN_FLOW_CALL_INDIRECT) {
		*slot = insn->mem_addr;
		return insn->has_mem_addr && !insn->mem_indexed;
	}
	return elf_file_read_vaddr(&code->elf, insn->target, stub, sizeof(stub)) == 0 &&
	       INSN_ARCH_HOST->plt_slot(space->dec, stub, sizeof(stub), insn->target, slot);
}

/* What is called, if that has a name; else it stays as the caller believes. */
static void name_function(struct code_space *space, struct code_object *code,
			  const struct insn *insn, enum wire_alloc_function *function)
{
	struct tail_jump jump = {.kind = TAIL_DIRECT, .vaddr = insn->target, .from = insn->addr};
	struct tail_target target;
	char reason[PLAN_REASON_MAX];
	uint64_t slot;

	if (slot_of_call(space, code, insn, &slot))
		jump = (struct tail_jump){.kind = TAIL_SLOT, .vaddr = slot, .from = insn->addr};
	else if (insn->flow == INSN_FLOW_CALL_INDIRECT)
		return;
	/* Where it leads to is no matter: a slot that is not bound yet has a name all the same. */
	(void)tail_resolve(space, code, &jump, &target, reason, sizeof(reason));
	if (target.name[0])
		*function = alloc_function_named(target.name);
}

/* The call that ends at `end`, in the function that holds it. */
static int find_call(struct code_space *space, struct code_object *code, uint64_t end,
		     struct alloc_site_plan *plan)
{
	char *reason = plan->reason;
	size_t size = sizeof(plan->reason);
	struct code_range range;
	struct code_part part;
	int err = code_range_at(code, end - 1, &range);

	if (err) {
		snprintf(reason, size, "the bounds of the function are not known");
		return -EOPNOTSUPP;
	}
	err = code_part_load(space, code, &range, &part, reason, size);
	if (err)
		return err;
	err = -EOPNOTSUPP;
	snprintf(reason, size, "no call ends there");
	for (size_t i = 0; i < part.n; i++) {
		const struct insn *insn = &part.insns[i];

		if (insn->addr + insn->len != end ||
		    (insn->flow != INSN_FLOW_CALL && insn->flow != INSN_FLOW_CALL_INDIRECT))
			continue;
		plan->call.site = (struct plan_site){.object = code->obj->index,
						     .len = insn->len,
						     .cls = insn->cls,
						     .kind = site_kind_of(insn),
						     .probed = part.probed[i]};
		memcpy(plan->call.site.bytes, insn->bytes, insn->len);
		(void)elf_file_vaddr_to_offset(&code->elf, insn->addr, &plan->call.site.offset);
		plan->call.site.function = plan->call.site.offset;
		name_function(space, code, insn, &plan->function);
		reason[0] = '\0';
		err = insn->cls == INSN_CLASS_NEVER ? -EOPNOTSUPP : 0;
	}
	code_part_free(&part);
	return err;
}

static int plan_call(const struct process *proc, struct object_table *table, uint32_t object,
		     uint64_t offset, struct alloc_site_plan *plan)
{
	struct code_object *code;
	struct code_space space;
	uint64_t vaddr;
	int err = code_space_open(&space, proc, table);

	if (err)
		return err;
	code = code_space_object(&space, object);
	if (!code)
		err = -errno;
	else if (!elf_file_offset_to_vaddr(&code->elf, offset, &vaddr) || !vaddr)
		err = -ENOENT;
	else
		err = find_call(&space, code, vaddr, plan);
	code_space_close(&space);
	return err;
}

static uint64_t site_cookie(enum wire_alloc_role role, const struct plan_site *site,
			    enum wire_alloc_function function, uint32_t number)
{
	return wire_alloc_cookie(role, function, 0, !insn_class_emulated(site->cls),
				 (int32_t)number);
}

int alloc_site_plan_make(struct alloc_site_plan *plan, const struct process *proc,
			 struct object_table *table, uint32_t object, uint64_t offset,
			 enum wire_alloc_function function, uint32_t number, uint32_t avoid)
{
	struct plan_site *call = &plan->call.site, *behind = &plan->behind.site;
	uint64_t addr;
	int err;

	memset(plan, 0, sizeof(*plan));
	if (object >= table->n_objects || number >= WIRE_ALLOC_SITES_MAX)
		return -EINVAL;
	plan->function = function;
	err = plan_call(proc, table, object, offset, plan);
	if (err)
		return err;
	if (avoid & SITE_KIND_BIT(call->kind)) {
		snprintf(plan->reason, sizeof(plan->reason),
			 "a probe at a %s fails the self-test on this kernel",
			 site_kind_name(call->kind));
		return -EOPNOTSUPP;
	}
	plan->call.cookie = site_cookie(WIRE_ALLOC_SITE_CALL, call, plan->function, number);
	/* Without the place behind it there are no blocks, but calls and bytes all the same. */
	err = object_offset_to_addr(table->objects[object], offset, &addr);
	err = err
		      ?: plan_return_site(proc, table, addr, behind, plan->reason,
					  sizeof(plan->reason));
	if (!err && (avoid & SITE_KIND_BIT(behind->kind)))
		err = -EOPNOTSUPP;
	if (err)
		memset(behind, 0, sizeof(*behind));
	else
		plan->behind.cookie =
			site_cookie(WIRE_ALLOC_SITE_RETURN, behind, plan->function, number);
	return err == -ESRCH || err == -ENOMEM ? err : 0;
}
