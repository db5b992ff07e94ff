/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "log/escape.h"
#include "target/code.h"
#include "target/insn_arch.h"
#include "target/maps.h"
#include "target/plan.h"
#include "target/process.h"

#define CALL_MAX 8 /* bytes of the longest call instruction looked for */

int32_t plan_return_delta(void)
{
	return INSN_ARCH_HOST->return_sp;
}

int plan_site_verify(const struct process *proc, const struct object_table *table,
		     const struct plan_site *site)
{
	uint8_t memory[INSN_MAX_BYTES];
	const struct object *obj;
	bool mapped = false;
	size_t i;
	int err;

	if (site->object >= table->n_objects || site->len == 0 || site->len > INSN_MAX_BYTES)
		return -EINVAL;
	obj = table->objects[site->object];
	for (i = 0; i < obj->n_segments; i++) {
		const struct segment *seg = &obj->segments[i];

		if (site->offset < seg->offset ||
		    site->offset - seg->offset >= seg->end - seg->start)
			continue;
		err = process_read_memory(proc, seg->start + (site->offset - seg->offset), memory,
					  site->len);
		if (err)
			return err;
		if (memcmp(memory, site->bytes, site->len) != 0 &&
		    !INSN_ARCH_HOST->breakpoint(memory, site->bytes, site->len))
			return -ESTALE;
		mapped = true;
	}
	return mapped ? 0 : -ENOENT;
}

/* Is there a call that ends exactly at the end of these bytes? */
static bool ends_in_call(struct decoder *dec, const uint8_t *code, size_t len)
{
	struct insn insn;
	size_t back;

	for (back = 2; back <= len && back <= CALL_MAX; back++)
		if (decoder__decode(dec, code + len - back, back, 0, &insn) == 0 &&
		    insn.len == back &&
		    (insn.flow == INSN_FLOW_CALL || insn.flow == INSN_FLOW_CALL_INDIRECT))
			return true;
	return false;
}

static int describe_return_site(struct code_space *space, struct code_object *code, uint64_t offset,
				struct plan_site *site, char *reason, size_t size)
{
	uint8_t bytes[CALL_MAX + INSN_MAX_BYTES];
	size_t len = sizeof(bytes);
	struct insn insn;

	if (offset < CALL_MAX)
		return -ENOENT;
	if (offset - CALL_MAX + len > code->elf.size)
		len = code->elf.size - (offset - CALL_MAX);
	if (elf_file_read(&code->elf, offset - CALL_MAX, bytes, len) != 0 || len <= CALL_MAX)
		return -ENOENT;
	if (!ends_in_call(space->dec, bytes, CALL_MAX)) {
		snprintf(reason, size, "no call ends at the return address");
		return -EOPNOTSUPP;
	}
	if (decoder__decode(space->dec, bytes + CALL_MAX, len - CALL_MAX, offset, &insn) != 0) {
		snprintf(reason, size, "no instruction at the return address");
		return -EOPNOTSUPP;
	}
	if (insn.is_nop5 || insn.cls == INSN_CLASS_NEVER) {
		snprintf(reason, size, "the instruction at the return address is never probed");
		return -EOPNOTSUPP;
	}
	*site = (struct plan_site){
		.object = code->obj->index,
		.offset = offset,
		.function = offset,
		.sp_delta = plan_return_delta(),
		.len = insn.len,
		.cls = insn.cls,
		.kind = site_kind_of(&insn),
		.tail = true,
		.has_ret_value = true,
	};
	memcpy(site->bytes, insn.bytes, insn.len);
	return 0;
}

int plan_return_site(const struct process *proc, struct object_table *table, uint64_t addr,
		     struct plan_site *site, char *reason, size_t size)
{
	struct code_object *code;
	struct code_space space;
	struct object *obj;
	uint64_t offset;
	int err;

	reason[0] = '\0';
	obj = object_table_lookup(table, addr, &offset);
	if (!obj) {
		snprintf(reason, size, "the return address is in no mapped file");
		return -ENOENT;
	}
	err = code_space_open(&space, proc, table);
	if (err)
		return err;
	code = code_space_object(&space, obj->index);
	err = code ? describe_return_site(&space, code, offset, site, reason, size) : -errno;
	code_space_close(&space);
	if (err)
		return err;
	err = plan_site_verify(proc, table, site);
	if (err == -ESTALE) {
		snprintf(reason, size, "code in memory differs from the file");
		return -EOPNOTSUPP;
	}
	return err;
}

static void describe_site(const struct plan_site *site, const struct object_table *table,
			  const char *what, FILE *out)
{
	const char *object =
		site->object < table->n_objects ? table->objects[site->object]->basename : "?";
	char name[128];
	uint8_t i;

	escape_name(ESCAPE_TEXT, name, sizeof(name), object);
	fprintf(out, "  %-6s %s+0x%" PRIx64 " (function+0x%" PRIx64 ", sp%+d, %s)", what, name,
		site->offset, site->offset - site->function, site->sp_delta,
		insn_class_name(site->cls));
	for (i = 0; i < site->len; i++)
		fprintf(out, " %02x", site->bytes[i]);
	if (site->tail)
		fprintf(out, " tail depth %u", site->tail_depth);
	fprintf(out, "%s\n", site->probed ? " probed by another" : "");
}

void func_plan_describe(const struct func_plan *plan, const struct object_table *table, FILE *out)
{
	const char *object =
		plan->object < table->n_objects ? table->objects[plan->object]->basename : "?";
	char name[256], file[128];
	size_t i;

	escape_name(ESCAPE_TEXT, name, sizeof(name), plan->name ? plan->name : "?");
	escape_name(ESCAPE_TEXT, file, sizeof(file), object);
	fprintf(out, "%s:%s +0x%" PRIx64 " %" PRIu64 " bytes, %zu exits\n", file, name,
		plan->offset, plan->size, plan->n_exits);
	if (plan->entry.len)
		describe_site(&plan->entry, table, "entry", out);
	for (i = 0; i < plan->n_exits; i++)
		describe_site(&plan->exits[i], table, "exit", out);
	if (plan->learn_return)
		fprintf(out, "  return address learnt at entry: %s\n", plan->reason);
	else if (plan->reason[0])
		fprintf(out, "  refused: %s\n", plan->reason);
	if (plan->entry_loops)
		fprintf(out, "  jumps back to its own entry\n");
	if (plan->note[0])
		fprintf(out, "  note: %s\n", plan->note);
}
