/* SPDX-License-Identifier: GPL-2.0-only */
#include "stacks/vtable_names.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "stacks/stack_modules.h"
#include "target/symbols.h"

/* The offset to the top and the type_info stand before what an object points to. */
#define HEAD_BYTES (2 * sizeof(uint64_t))

#define VTABLE	      "_ZTV"
#define OF_TYPE_INFO  "_ZTVN10__cxxabiv1"
#define DEMANGLED     "vtable for "
#define NAME_MANGLED  "_ZTS"
#define NAME_OF_TYPE  "typeinfo name for "
#define TYPE_NAME_MAX 1000

/* The symbol of a vtable that an object points into; NULL: it is something else. */
static const char *vtable_symbol(const struct stack_modules *modules, uint64_t addr)
{
	Dwfl *dwfl = stack_modules__dwfl(modules);
	Dwfl_Module *mod = dwfl && addr % sizeof(uint64_t) == 0 ? dwfl_addrmodule(dwfl, addr)
								: NULL;
	GElf_Off distance;
	GElf_Sym symbol;
	const char *name;

	if (!mod)
		return NULL;
	name = dwfl_module_addrinfo(mod, addr, &distance, &symbol, NULL, NULL, NULL);
	if (!name || strncmp(name, VTABLE, strlen(VTABLE)) || distance < HEAD_BYTES ||
	    distance >= symbol.st_size)
		return NULL;
	return name;
}

/* The rest of what a name is demangled to, behind what it is. */
static bool demangled_rest(const char *mangled, const char *kind, char *name, size_t size)
{
	char text[SYMBOL_DEMANGLED_MAX];

	if (!symbol_demangle(mangled, text, sizeof(text)) || strncmp(text, kind, strlen(kind)))
		return false;
	snprintf(name, size, "%s", text + strlen(kind));
	return name[0] != '\0';
}

bool vtable_class(const struct stack_modules *modules, uint64_t addr, char *name, size_t size)
{
	const char *symbol = vtable_symbol(modules, addr);

	return symbol && demangled_rest(symbol, DEMANGLED, name, size);
}

bool vtable_in_file(const struct stack_modules *modules, uint64_t addr)
{
	Dwfl *dwfl = stack_modules__dwfl(modules);

	return dwfl && dwfl_addrmodule(dwfl, addr);
}

bool vtable_of_type_info(const struct stack_modules *modules, uint64_t addr)
{
	const char *symbol = vtable_symbol(modules, addr);

	return symbol && !strncmp(symbol, OF_TYPE_INFO, strlen(OF_TYPE_INFO));
}

bool vtable_type_name(const char *mangled, char *name, size_t size)
{
	char whole[TYPE_NAME_MAX + sizeof(NAME_MANGLED)];
	size_t len;

	/* Of a class that is in no header of others: its name is compared by address. */
	if (*mangled == '*')
		mangled++;
	for (len = 0; mangled[len]; len++)
		if (!isalnum((unsigned char)mangled[len]) && !strchr("_.$", mangled[len]))
			return false;
	if (!len || len > TYPE_NAME_MAX)
		return false;
	snprintf(whole, sizeof(whole), NAME_MANGLED "%s", mangled);
	return demangled_rest(whole, NAME_OF_TYPE, name, size);
}
