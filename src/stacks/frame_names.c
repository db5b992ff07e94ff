/* SPDX-License-Identifier: GPL-2.0-only */
#include "stacks/frame_names.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stacks/stack_modules.h"
#include "target/symbols.h"

/* What is being filled: entries up to n, of which the last one's file and line are known. */
struct naming {
	struct frame_name *out;
	size_t n, max;
	const char *file;
	uint32_t line;
};

/* What is too long is cut. */
static void copy_text(char *to, size_t size, const char *from)
{
	size_t length = from ? strnlen(from, size - 1) : 0;

	if (length)
		memcpy(to, from, length);
	to[length] = '\0';
}

static void demangle_into(char *to, size_t size, const char *name)
{
	char demangled[SYMBOL_DEMANGLED_MAX];

	symbol_demangle(name, demangled, sizeof(demangled));
	copy_text(to, size, demangled);
}

/* "alice/stt.c" of "/home/who/src/alice/stt.c": the last two parts say it, and no more. */
static const char *short_path(const char *path)
{
	const char *at = path + strlen(path);
	int slashes = 0;

	while (at > path && slashes < 2)
		if (*--at == '/')
			slashes++;
	return slashes == 2 ? at + 1 : path;
}

/* What was written first of a function: its declaration, in the class or namespace that it is of.
 */
static void declaration_of(Dwarf_Die *die, Dwarf_Die *out)
{
	static const unsigned int links[] = {DW_AT_abstract_origin, DW_AT_specification};
	Dwarf_Attribute attr;
	Dwarf_Die next;

	*out = *die;
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++)
		if (dwarf_attr(out, links[i], &attr) && dwarf_formref_die(&attr, &next))
			*out = next;
}

/* "std::map::" or "(anonymous namespace)::"; arguments of templates would be longer than all else.
 */
static void append_scope(char *to, size_t size, Dwarf_Die *die)
{
	const char *name = dwarf_diename(die);
	int tag = dwarf_tag(die);
	size_t used = strlen(to);

	if (tag != DW_TAG_namespace && tag != DW_TAG_class_type && tag != DW_TAG_structure_type)
		return;
	if (!name)
		name = tag == DW_TAG_namespace ? "(anonymous namespace)" : "(anonymous)";
	snprintf(to + used, size - used, "%.*s::", (int)strcspn(name, "<"), name);
}

/* Functions whose types nobody else can name have no linkage name: what they lie in says whose. */
static void qualified_name_of(Dwarf_Die *die, const char *name, char *to, size_t size)
{
	Dwarf_Die declared, *scopes = NULL;
	size_t used;
	int n;

	to[0] = '\0';
	declaration_of(die, &declared);
	n = dwarf_getscopes_die(&declared, &scopes);
	/* The first is the function itself. */
	while (n > 1)
		append_scope(to, size, &scopes[--n]);
	free(scopes);
	used = strlen(to);
	copy_text(to + used, size - used, name);
}

/* The linkage name where there is one: it has the class and the arguments. */
static void function_of_die(Dwarf_Die *die, char *to, size_t size)
{
	Dwarf_Attribute attr;
	const char *name = NULL;

	if (dwarf_attr_integrate(die, DW_AT_linkage_name, &attr) ||
	    dwarf_attr_integrate(die, DW_AT_MIPS_linkage_name, &attr))
		name = dwarf_formstring(&attr);
	if (name) {
		demangle_into(to, size, name);
		return;
	}
	name = dwarf_diename(die);
	if (name)
		qualified_name_of(die, name, to, size);
}

static uint64_t number_of(Dwarf_Die *die, unsigned int which)
{
	Dwarf_Attribute attr;
	Dwarf_Word value;

	if (!dwarf_attr(die, which, &attr) || dwarf_formudata(&attr, &value))
		return 0;
	return value;
}

static void add_name(struct naming *naming, Dwarf_Die *die, bool inlined)
{
	struct frame_name *name = &naming->out[naming->n];

	if (naming->n == naming->max)
		return;
	function_of_die(die, name->function, sizeof(name->function));
	copy_text(name->file, sizeof(name->file), naming->file ? short_path(naming->file) : "");
	name->line = naming->line;
	name->inlined = inlined;
	naming->n++;
}

/* From the innermost scope outwards, up to the function that has an address of its own. */
static void add_scopes(struct naming *naming, Dwarf_Die *cu, Dwarf_Die *scopes, int n)
{
	Dwarf_Files *files = NULL;
	size_t n_files = 0;
	int i;

	if (dwarf_getsrcfiles(cu, &files, &n_files))
		files = NULL;
	for (i = 0; i < n; i++) {
		int tag = dwarf_tag(&scopes[i]);
		uint64_t file;

		if (tag == DW_TAG_subprogram) {
			add_name(naming, &scopes[i], false);
			return;
		}
		if (tag != DW_TAG_inlined_subroutine)
			continue;
		add_name(naming, &scopes[i], true);
		file = number_of(&scopes[i], DW_AT_call_file);
		naming->file = files && file < n_files ? dwarf_filesrc(files, file, NULL, NULL)
						       : NULL;
		naming->line = (uint32_t)number_of(&scopes[i], DW_AT_call_line);
	}
}

/* The scopes that hold the address, as they lie in each other where the code is. */
static void names_of_debug(struct naming *naming, Dwfl_Module *mod, uint64_t addr)
{
	Dwarf_Die *scopes = NULL, *around = NULL, innermost;
	Dwarf_Addr bias;
	Dwarf_Die *cu = dwfl_module_addrdie(mod, addr, &bias);
	Dwfl_Line *line = cu ? dwfl_module_getsrc(mod, addr) : NULL;
	int number = 0, n;

	if (!cu)
		return;
	naming->file = line ? dwfl_lineinfo(line, NULL, &number, NULL, NULL, NULL) : NULL;
	naming->line = number > 0 ? (uint32_t)number : 0;
	n = dwarf_getscopes(cu, addr - bias, &scopes);
	if (n > 0) {
		innermost = scopes[0];
		n = dwarf_getscopes_die(&innermost, &around);
		if (n > 0)
			add_scopes(naming, cu, around, n);
	}
	free(around);
	free(scopes);
}

static const char *name_of_symbol(Dwfl_Module *mod, uint64_t addr)
{
	GElf_Sym symbol;
	GElf_Off distance;

	return dwfl_module_addrinfo(mod, addr, &distance, &symbol, NULL, NULL, NULL);
}

size_t frame_names(const struct stack_modules *modules, uint64_t addr, bool returns,
		   struct frame_name *out, size_t max)
{
	struct naming naming = {.out = out, .max = max};
	uint64_t at = returns && addr ? addr - 1 : addr;
	Dwfl *dwfl = stack_modules__dwfl(modules);
	Dwfl_Module *mod = dwfl ? dwfl_addrmodule(dwfl, at) : NULL;
	Dwarf_Addr start = 0;
	const char *object, *symbol;
	size_t i;

	memset(out, 0, max * sizeof(*out));
	if (!mod) {
		out->offset = addr;
		return 1;
	}
	object = dwfl_module_info(mod, NULL, &start, NULL, NULL, NULL, NULL, NULL);
	symbol = name_of_symbol(mod, at);
	if (stack_modules__has_lines(modules, at))
		names_of_debug(&naming, mod, at);
	if (!naming.n)
		naming.n = 1;
	/* The outermost has a symbol; where debug information has no name for it, that is it. */
	if (symbol && !out[naming.n - 1].function[0])
		demangle_into(out[naming.n - 1].function, FRAME_FUNCTION_MAX, symbol);
	for (i = 0; i < naming.n; i++) {
		copy_text(out[i].object, sizeof(out[i].object), object);
		out[i].offset = addr - start;
	}
	return naming.n;
}
