/* SPDX-License-Identifier: GPL-2.0-only */
#include "stacks/stack_modules.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stacks/debug_files.h"
#include "target/debug_file.h"
#include "target/elf_file.h"
#include "target/maps.h"
#include "target/process.h"

#define MODULES_MAX 4096
#define PAGE_BYTES  4096ULL

/* One object, as it is mapped. */
struct module {
	uint32_t object;
	uint64_t inode;
	uint64_t code;	     /* address of its first code */
	uint64_t start, end; /* addresses in the target; 0: it cannot be used */
	int fd;	      /* owned; elfutils reads when it needs to, the object may be closed by then */
	int debug_fd; /* owned; of its separate debug information, -1: none is known of */
	bool has_lines;
};

struct stack_modules {
	const struct debug_files *fetched; /* borrowed; NULL: none */
	Dwfl *dwfl;
	struct module *modules;
	size_t n;
	void **current; /* owned */
};

/* elfutils asks for the file of a module: by its descriptor, read and not mapped. */
static int find_elf(Dwfl_Module *mod, void **userdata, const char *name, Dwarf_Addr base,
		    char **file_name, Elf **elf)
{
	const struct module *module = *userdata;

	(void)mod;
	(void)name;
	(void)base;
	*file_name = NULL;
	*elf = module ? elf_begin(module->fd, ELF_C_READ, NULL) : NULL;
	return -1;
}

/*
 * Where the debug information is: it closes the descriptor itself.  It also asks so for the file
 * that several debug files share (dwz), by that file's name and without a checksum: there is none.
 */
static int find_debuginfo(Dwfl_Module *mod, void **userdata, const char *name, Dwarf_Addr base,
			  const char *file, const char *link, GElf_Word crc, char **debug_file)
{
	const struct module *module = *userdata;

	(void)mod;
	(void)name;
	(void)base;
	(void)file;
	*debug_file = NULL;
	if (link && !crc)
		return -1;
	return module && module->debug_fd >= 0 ? fcntl(module->debug_fd, F_DUPFD_CLOEXEC, 3) : -1;
}

static const Dwfl_Callbacks callbacks = {
	.find_elf = find_elf,
	.find_debuginfo = find_debuginfo,
};

struct stack_modules *stack_modules__new(const struct debug_files *fetched)
{
	struct stack_modules *modules = calloc(1, sizeof(*modules));

	if (!modules)
		return NULL;
	modules->current = calloc(1, sizeof(*modules->current));
	if (!modules->current) {
		free(modules);
		return NULL;
	}
	modules->fetched = fetched;
	elf_version(EV_CURRENT);
	return modules;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

static void forget(struct stack_modules *modules)
{
	size_t i;

	if (modules->dwfl)
		dwfl_end(modules->dwfl);
	for (i = 0; i < modules->n; i++) {
		close_fd(modules->modules[i].fd);
		close_fd(modules->modules[i].debug_fd);
	}
	free(modules->modules);
	modules->dwfl = NULL;
	modules->modules = NULL;
	modules->n = 0;
}

void stack_modules__free(struct stack_modules *modules)
{
	if (!modules)
		return;
	forget(modules);
	free(modules->current);
	free(modules);
}

/* From the lowest PT_LOAD to the end of the highest, as the object is mapped. */
static int place_of(const struct object *obj, const struct elf_file *elf, struct module *module)
{
	const struct segment *code = &obj->segments[0];
	uint64_t vaddr, low = UINT64_MAX, high = 0;
	size_t i;

	if (!elf_file_offset_to_vaddr(elf, code->offset, &vaddr))
		return -ENOEXEC;
	for (i = 0; i < elf->n_phdrs; i++) {
		const Elf64_Phdr *load = &elf->phdrs[i];

		if (load->p_type != PT_LOAD)
			continue;
		if (load->p_vaddr < low)
			low = load->p_vaddr;
		if (load->p_vaddr + load->p_memsz > high)
			high = load->p_vaddr + load->p_memsz;
	}
	if (low >= high || code->start < vaddr - (low & ~(PAGE_BYTES - 1)))
		return -ENOEXEC;
	module->start = code->start - vaddr + (low & ~(PAGE_BYTES - 1));
	module->end = code->start - vaddr + high;
	return module->end > module->start ? 0 : -ENOEXEC;
}

/* Of a section, as it is once it is in memory: compressed ones say that themselves. */
static uint64_t bytes_in_memory(const struct elf_file *elf, const Elf64_Shdr *section)
{
	Elf64_Chdr head;

	if (!(section->sh_flags & SHF_COMPRESSED))
		return section->sh_size;
	if (elf_file_read(elf, section->sh_offset, &head, sizeof(head)))
		return UINT64_MAX;
	return head.ch_size > section->sh_size ? head.ch_size : section->sh_size;
}

static bool debug_is_readable(const struct elf_file *elf)
{
	uint64_t bytes = 0;
	size_t i;

	if (!elf_file_section(elf, ".debug_info") || !elf_file_section(elf, ".debug_line"))
		return false;
	for (i = 0; i < elf->n_shdrs; i++) {
		uint64_t more;

		/* What belongs to no segment is, by and large, what debuggers read. */
		if (elf->shdrs[i].sh_type == SHT_NOBITS || (elf->shdrs[i].sh_flags & SHF_ALLOC))
			continue;
		more = bytes_in_memory(elf, &elf->shdrs[i]);
		if (more > STACK_DEBUG_BYTES_MAX - bytes)
			return false;
		bytes += more;
	}
	return true;
}

/* Its symbols are good to have as well, where there are no lines. */
static void look_for_debug_file(const struct debug_files *fetched, const struct elf_file *elf,
				struct module *module)
{
	uint8_t id[OBJECT_BUILD_ID_MAX];
	int fd = debug_file_open(elf);
	struct elf_file debug;

	if (fd < 0)
		fd = debug_files__open(fetched, id, elf_file_build_id(elf, id, sizeof(id)));
	if (fd < 0)
		return;
	if (elf_file_open(&debug, fd)) {
		close(fd);
		return;
	}
	module->debug_fd = fd;
	module->has_lines = debug_is_readable(&debug);
	elf_file_close(&debug);
}

static int look_into(const struct debug_files *fetched, const struct object *obj,
		     struct module *module)
{
	struct elf_file elf;
	int err;

	module->fd = fcntl(obj->fd, F_DUPFD_CLOEXEC, 3);
	if (module->fd < 0)
		return -errno;
	err = elf_file_open(&elf, module->fd);
	if (err)
		return err;
	err = place_of(obj, &elf, module);
	module->has_lines = debug_is_readable(&elf);
	if (!module->has_lines)
		look_for_debug_file(fetched, &elf, module);
	elf_file_close(&elf);
	return err;
}

/* Opened for this and closed again where nobody else has it open. What fails is not tried again. */
static void describe(const struct debug_files *fetched, struct object *obj,
		     const struct process *proc, struct module *module)
{
	bool was_open = obj->fd >= 0;

	*module = (struct module){
		.object = obj->index,
		.inode = obj->inode,
		.code = obj->segments[0].start,
		.fd = -1,
		.debug_fd = -1,
	};
	if (object_open(obj, proc))
		return;
	if (look_into(fetched, obj, module))
		module->start = module->end = 0;
	if (!was_open)
		object_close(obj);
}

static bool is_module(const struct module *module, const struct object *obj)
{
	return module->object == obj->index && module->inode == obj->inode && !obj->gone &&
	       obj->n_segments && module->code == obj->segments[0].start;
}

/* The modules are what the table has now, in its order. */
static bool up_to_date(const struct stack_modules *modules, const struct object_table *objects)
{
	size_t i, n = 0;

	if (!modules->dwfl)
		return false;
	for (i = 0; i < objects->n_objects; i++) {
		const struct object *obj = objects->objects[i];

		if (obj->gone || !obj->n_segments)
			continue;
		if (n == modules->n)
			return n == MODULES_MAX;
		if (!is_module(&modules->modules[n++], obj))
			return false;
	}
	return n == modules->n;
}

/* Takes over what is known already. */
static void take_or_describe(struct stack_modules *old, struct object *obj,
			     const struct process *proc, struct module *module)
{
	size_t i;

	for (i = 0; i < old->n; i++) {
		if (!is_module(&old->modules[i], obj))
			continue;
		*module = old->modules[i];
		old->modules[i].fd = old->modules[i].debug_fd = -1;
		return;
	}
	describe(old->fetched, obj, proc, module);
}

static bool overlaps(const struct module *modules, size_t n, const struct module *one)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (one->start < modules[i].end && modules[i].start < one->end)
			return true;
	return false;
}

static int report_all(struct stack_modules *modules, const struct object_table *objects)
{
	size_t i;

	modules->dwfl = dwfl_begin(&callbacks);
	if (!modules->dwfl)
		return -EIO;
	dwfl_report_begin(modules->dwfl);
	for (i = 0; i < modules->n; i++) {
		struct module *module = &modules->modules[i];
		const char *name = objects->objects[module->object]->basename;
		Dwfl_Module *mod;
		void **userdata;

		if (!module->end || overlaps(modules->modules, i, module))
			continue;
		mod = dwfl_report_module(modules->dwfl, name, module->start, module->end);
		if (!mod)
			continue;
		dwfl_module_info(mod, &userdata, NULL, NULL, NULL, NULL, NULL, NULL);
		*userdata = module;
	}
	return dwfl_report_end(modules->dwfl, NULL, NULL) ? -EIO : 0;
}

int stack_modules__refresh(struct stack_modules *modules, struct object_table *objects,
			   const struct process *proc)
{
	size_t max = objects->n_objects < MODULES_MAX ? objects->n_objects : MODULES_MAX;
	struct module *found;
	size_t i, n = 0;
	int err;

	if (up_to_date(modules, objects))
		return 0;
	found = calloc(max + 1, sizeof(*found));
	if (!found)
		return -ENOMEM;
	for (i = 0; i < objects->n_objects && n < max; i++)
		if (!objects->objects[i]->gone && objects->objects[i]->n_segments)
			take_or_describe(modules, objects->objects[i], proc, &found[n++]);
	forget(modules);
	modules->modules = found;
	modules->n = n;
	err = report_all(modules, objects);
	if (err)
		forget(modules);
	return err;
}

void stack_modules__let_go(struct stack_modules *modules)
{
	if (modules->dwfl)
		dwfl_end(modules->dwfl);
	modules->dwfl = NULL;
}

Dwfl *stack_modules__dwfl(const struct stack_modules *modules)
{
	return modules->dwfl;
}

void **stack_modules__current(const struct stack_modules *modules)
{
	return modules->current;
}

bool stack_modules__has_lines(const struct stack_modules *modules, uint64_t addr)
{
	size_t i;

	for (i = 0; i < modules->n; i++)
		if (addr >= modules->modules[i].start && addr < modules->modules[i].end)
			return modules->modules[i].has_lines;
	return false;
}
