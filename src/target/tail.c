/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where a tail jump leads. Through the PLT, the GOT slot in the target's memory says; while lazy
 * binding has not filled it, the symbol name in the relocation does, if exactly one object defines
 * it (the executable wins, as it does for the loader).
 */
#include "target/tail.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "log/escape.h"
#include "target/insn_arch.h"
#include "target/maps.h"
#include "target/names.h"
#include "target/process.h"
#include "target/symbols.h"

#define SYMBOLS_WORTH (16u << 20) /* file size up to which symbols are read for a name */

static bool in_list(const char *const *list, const char *name)
{
	for (; *list; list++)
		if (glob_match(*list, name))
			return true;
	return false;
}

static bool is_busy(const char *name)
{
	static const char *const list[] = {"malloc",
					   "free",
					   "cfree",
					   "calloc",
					   "realloc",
					   "aligned_alloc",
					   "memalign",
					   "posix_memalign",
					   "__libc_malloc",
					   "__libc_free",
					   "__libc_calloc",
					   "__libc_realloc",
					   "_Zn[wa]m*",
					   "_Zd[la]Pv*",
					   "g_free",
					   "g_malloc*",
					   "memcpy",
					   "memmove",
					   "mempcpy",
					   "memset",
					   "memcmp",
					   "memchr",
					   "memrchr",
					   "bcmp",
					   "__memcpy*",
					   "__memmove*",
					   "__mempcpy*",
					   "__memset*",
					   "__memcmp*",
					   "__memchr*",
					   "strlen",
					   "strnlen",
					   "str*cmp",
					   "str*cpy",
					   "str*chr",
					   "strcat",
					   "strstr",
					   "strspn",
					   "strcspn",
					   "__strlen*",
					   "__str*cmp_*",
					   "__str*cpy_*",
					   "__str*chr_*",
					   "pthread_mutex_lock",
					   "pthread_mutex_unlock",
					   "___pthread_mutex_*",
					   "pthread_getspecific",
					   "pthread_self",
					   "__tls_get_addr",
					   "__errno_location",
					   "clock_gettime",
					   "__clock_gettime",
					   "gettimeofday",
					   "time",
					   NULL};

	return in_list(list, name);
}

static bool never_returns(const char *name)
{
	static const char *const list[] = {"abort",
					   "exit",
					   "_exit",
					   "_Exit",
					   "quick_exit",
					   "__assert_fail",
					   "__stack_chk_fail",
					   "__fortify_fail",
					   "__chk_fail",
					   "__cxa_throw",
					   "__cxa_rethrow",
					   "__cxa_bad_cast",
					   "__cxa_throw_bad_array_new_length",
					   "__cxa_pure_virtual",
					   "_Unwind_Resume",
					   "_ZSt9terminatev",
					   "_ZSt*__throw_*",
					   "longjmp",
					   "siglongjmp",
					   "_longjmp",
					   "__longjmp_chk",
					   "pthread_exit",
					   NULL};

	return in_list(list, name);
}

/* Is this the stub of a slot that is not bound? */
static bool is_lazy_stub(struct code_space *space, const struct code_object *code, uint64_t vaddr)
{
	uint8_t bytes[24];

	return elf_file_read_vaddr(&code->elf, vaddr, bytes, sizeof(bytes)) == 0 &&
	       INSN_ARCH_HOST->plt_lazy(space->dec, bytes, sizeof(bytes), vaddr);
}

/* The object a loader would bind the name to. */
static int find_by_name(struct code_space *space, struct tail_target *target, char *reason,
			size_t size)
{
	struct code_object *code;
	uint64_t vaddr;
	size_t i, found = 0;
	bool ifunc;

	for (i = 0; i < space->table->n_objects; i++) {
		const struct object *obj = space->table->objects[i];

		if (obj->gone)
			continue;
		code = code_space_object(space, obj->index);
		if (!code || dynamic_find(&code->elf, &code->dyn, target->name, &vaddr, &ifunc))
			continue;
		if (ifunc) {
			snprintf(reason, size, "it is an IFUNC");
			return -ENOENT;
		}
		target->code = code;
		target->vaddr = vaddr;
		if (found++ == 0 && strcmp(obj->path, space->proc->exe) == 0)
			break;
	}
	target->by_name = true;
	if (found == 1)
		return 0;
	snprintf(reason, size, found ? "%zu objects define it" : "no object defines it", found);
	return -ENOENT;
}

static int resolve_slot(struct code_space *space, struct code_object *code, uint64_t slot,
			struct tail_target *target, char *reason, size_t size)
{
	uint64_t bias, addr = 0, offset;
	struct object *obj;

	/* An IFUNC's slot has a relocation without a name: a string function, as a rule. */
	if (dynamic_slot_name(&code->elf, &code->dyn, slot, target->name, sizeof(target->name)) !=
	    0) {
		target->name[0] = '\0';
		snprintf(reason, size, "it goes through an IFUNC or a pointer that may change");
		return -ENOENT;
	}
	target->busy = is_busy(target->name);
	target->never_returns = never_returns(target->name);
	if (target->busy || target->never_returns)
		return 0;
	if (code_bias(code, &bias) != 0 ||
	    process_read_memory(space->proc, slot + bias, &addr, sizeof(addr)) != 0) {
		snprintf(reason, size, "its GOT slot cannot be read");
		return -ENOENT;
	}
	obj = object_table_lookup(space->table, addr, &offset);
	if (!obj) {
		snprintf(reason, size, "its GOT slot leads to no mapped file");
		return -ENOENT;
	}
	target->code = code_space_object(space, obj->index);
	if (!target->code ||
	    !elf_file_offset_to_vaddr(&target->code->elf, offset, &target->vaddr)) {
		snprintf(reason, size, "its GOT slot leads to a file that cannot be read");
		return -ENOENT;
	}
	if (target->code == code && is_lazy_stub(space, code, target->vaddr))
		return find_by_name(space, target, reason, size);
	return 0;
}

/* Names a direct target, where symbols are cheap to read. */
static void name_direct(struct tail_target *target)
{
	const struct symbol_table *symbols;
	const struct symbol *sym;
	uint64_t offset;

	if (target->code->elf.size > SYMBOLS_WORTH ||
	    !elf_file_vaddr_to_offset(&target->code->elf, target->vaddr, &offset))
		return;
	symbols = code_symbols(target->code);
	sym = symbols ? symbol_table__by_offset(symbols, offset) : NULL;
	if (!sym || sym->offset != offset)
		return;
	snprintf(target->name, sizeof(target->name), "%s", sym->name);
	target->busy = is_busy(target->name);
	target->never_returns = never_returns(target->name);
}

int tail_resolve(struct code_space *space, struct code_object *code, const struct tail_jump *jump,
		 struct tail_target *target, char *reason, size_t size)
{
	char why[96], name[96];
	int err;

	memset(target, 0, sizeof(*target));
	if (jump->kind == TAIL_DIRECT) {
		target->code = code;
		target->vaddr = jump->vaddr;
		name_direct(target);
		return 0;
	}
	if (jump->kind == TAIL_UNKNOWN) {
		snprintf(reason, size, "the tail jump at 0x%" PRIx64 " is indirect", jump->from);
		return -ENOENT;
	}
	err = resolve_slot(space, code, jump->vaddr, target, why, sizeof(why));
	if (err) {
		escape_name(ESCAPE_TEXT, name, sizeof(name), target->name);
		snprintf(reason, size, "the tail jump at 0x%" PRIx64 "%s%s is not known: %s",
			 jump->from, name[0] ? " to " : "", name, why);
	}
	return err;
}
