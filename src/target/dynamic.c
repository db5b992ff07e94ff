/* SPDX-License-Identifier: GPL-2.0-only */
#include "target/dynamic.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "target/elf_file.h"

#ifndef DT_RELR /* since glibc 2.36 */
#define DT_RELRSZ 35
#define DT_RELR	  36
#endif

#define DYN_MAX	      1024
#define RELOCS_MAX    (8u << 20)
#define CHUNK	      512
#define CHAIN_MAX     4096 /* a damaged chain must end */
#define VERSYM_HIDDEN 0x8000
#define SLOT_NAME_MAX 64 /* names of slots that are longer are passed over */

static void take_tag(struct dynamic *dyn, const Elf64_Dyn *d)
{
	switch (d->d_tag) {
	case DT_SYMTAB:
		dyn->symtab = d->d_un.d_ptr;
		break;
	case DT_STRTAB:
		dyn->strtab = d->d_un.d_ptr;
		break;
	case DT_STRSZ:
		dyn->strsz = d->d_un.d_val;
		break;
	case DT_GNU_HASH:
		dyn->gnu_hash = d->d_un.d_ptr;
		break;
	case DT_VERSYM:
		dyn->versym = d->d_un.d_ptr;
		break;
	case DT_JMPREL:
		dyn->jmprel = d->d_un.d_ptr;
		break;
	case DT_PLTRELSZ:
		dyn->jmprel_size = d->d_un.d_val;
		break;
	case DT_RELA:
		dyn->rela = d->d_un.d_ptr;
		break;
	case DT_RELASZ:
		dyn->rela_size = d->d_un.d_val;
		break;
	case DT_RELR:
		dyn->relr = d->d_un.d_ptr;
		break;
	case DT_RELRSZ:
		dyn->relr_size = d->d_un.d_val;
		break;
	default:
		break;
	}
}

int dynamic_read(const struct elf_file *elf, struct dynamic *dyn)
{
	const Elf64_Phdr *ph = NULL;
	Elf64_Dyn d;
	size_t i;

	memset(dyn, 0, sizeof(*dyn));
	for (i = 0; i < elf->n_phdrs && !ph; i++)
		if (elf->phdrs[i].p_type == PT_DYNAMIC)
			ph = &elf->phdrs[i];
	if (!ph)
		return -ENOENT;
	for (i = 0; i < DYN_MAX && i < ph->p_filesz / sizeof(d); i++) {
		if (elf_file_read(elf, ph->p_offset + i * sizeof(d), &d, sizeof(d)) != 0 ||
		    d.d_tag == DT_NULL)
			break;
		take_tag(dyn, &d);
	}
	return dyn->symtab && dyn->strtab ? 0 : -ENOENT;
}

static int read_symbol(const struct elf_file *elf, const struct dynamic *dyn, uint64_t index,
		       Elf64_Sym *sym)
{
	if (index > UINT32_MAX)
		return -EPROTO;
	return elf_file_read_vaddr(elf, dyn->symtab + index * sizeof(*sym), sym, sizeof(*sym));
}

/* Copies a string of the string table; -EPROTO if it does not end within size bytes. */
static int read_name(const struct elf_file *elf, const struct dynamic *dyn, uint32_t offset,
		     char *name, size_t size)
{
	size_t len = size;

	if (offset >= dyn->strsz)
		return -EPROTO;
	if (len > dyn->strsz - offset)
		len = dyn->strsz - offset;
	if (elf_file_read_vaddr(elf, dyn->strtab + offset, name, len) != 0)
		return -EPROTO;
	return memchr(name, '\0', len) ? 0 : -EPROTO;
}

/* The relocation of the slot. -ENOENT: not in this table. */
static int find_reloc(const struct elf_file *elf, uint64_t table, uint64_t size, uint64_t slot,
		      Elf64_Rela *reloc)
{
	uint64_t n = size / sizeof(Elf64_Rela), done, chunk, i;
	Elf64_Rela relocs[CHUNK];

	if (!table || n > RELOCS_MAX)
		return -ENOENT;
	for (done = 0; done < n; done += chunk) {
		chunk = n - done < CHUNK ? n - done : CHUNK;
		if (elf_file_read_vaddr(elf, table + done * sizeof(relocs[0]), relocs,
					chunk * sizeof(relocs[0])) != 0)
			return -ENOENT;
		for (i = 0; i < chunk; i++) {
			if (relocs[i].r_offset != slot)
				continue;
			*reloc = relocs[i];
			return 0;
		}
	}
	return -ENOENT;
}

int dynamic_slot_name(const struct elf_file *elf, const struct dynamic *dyn, uint64_t slot,
		      char *name, size_t size)
{
	Elf64_Rela reloc;
	Elf64_Sym sym;
	int err;

	err = find_reloc(elf, dyn->jmprel, dyn->jmprel_size, slot, &reloc);
	if (err)
		err = find_reloc(elf, dyn->rela, dyn->rela_size, slot, &reloc);
	if (err)
		return err;
	if (!ELF64_R_SYM(reloc.r_info))
		return -ENOENT;
	err = read_symbol(elf, dyn, ELF64_R_SYM(reloc.r_info), &sym);
	return err ? err : read_name(elf, dyn, sym.st_name, name, size);
}

static bool is_slot(const struct elf_file *elf, uint64_t info)
{
	uint32_t type = (uint32_t)ELF64_R_TYPE(info);

	if (elf->machine == EM_X86_64)
		return type == R_X86_64_JUMP_SLOT || type == R_X86_64_GLOB_DAT;
	return type == R_AARCH64_JUMP_SLOT || type == R_AARCH64_GLOB_DAT;
}

static void each_slot(const struct elf_file *elf, const struct dynamic *dyn, uint64_t table,
		      uint64_t size, dynamic_slot_fn fn, void *ctx)
{
	uint64_t n = size / sizeof(Elf64_Rela), chunk;
	Elf64_Rela relocs[CHUNK];
	char name[SLOT_NAME_MAX];
	Elf64_Sym sym;

	if (!table || n > RELOCS_MAX)
		return;
	for (uint64_t done = 0; done < n; done += chunk) {
		chunk = n - done < CHUNK ? n - done : CHUNK;
		if (elf_file_read_vaddr(elf, table + done * sizeof(relocs[0]), relocs,
					chunk * sizeof(relocs[0])) != 0)
			return;
		for (uint64_t i = 0; i < chunk; i++)
			if (is_slot(elf, relocs[i].r_info) &&
			    read_symbol(elf, dyn, ELF64_R_SYM(relocs[i].r_info), &sym) == 0 &&
			    read_name(elf, dyn, sym.st_name, name, sizeof(name)) == 0)
				fn(ctx, name, relocs[i].r_offset);
	}
}

void dynamic_each_slot(const struct elf_file *elf, const struct dynamic *dyn, dynamic_slot_fn fn,
		       void *ctx)
{
	each_slot(elf, dyn, dyn->jmprel, dyn->jmprel_size, fn, ctx);
	each_slot(elf, dyn, dyn->rela, dyn->rela_size, fn, ctx);
}

/*
 * Is the word one that DT_RELR moves?  An even entry is the address of a word and where the next
 * bitmaps begin; an odd one is a bitmap of the 63 words from there on.
 */
static bool is_packed(const struct elf_file *elf, const struct dynamic *dyn, uint64_t at)
{
	uint64_t n = dyn->relr_size / 8, done, chunk, base = 0, words[CHUNK];

	if (!dyn->relr || n > RELOCS_MAX)
		return false;
	for (done = 0; done < n; done += chunk) {
		chunk = n - done < CHUNK ? n - done : CHUNK;
		if (elf_file_read_vaddr(elf, dyn->relr + done * 8, words, chunk * 8) != 0)
			return false;
		for (uint64_t i = 0; i < chunk; i++) {
			if (!(words[i] & 1)) {
				if (words[i] == at)
					return true;
				base = words[i] + 8;
				continue;
			}
			if (at >= base && (at - base) / 8 < 63 && (at - base) % 8 == 0 &&
			    (words[i] >> ((at - base) / 8 + 1) & 1))
				return true;
			base += 63 * 8;
		}
	}
	return false;
}

/* The relocation types that put an address of a symbol, or of the file itself, into 64 bits. */
static bool is_relative(const struct elf_file *elf, uint64_t info)
{
	return elf->machine == EM_X86_64 ? ELF64_R_TYPE(info) == R_X86_64_RELATIVE
					 : ELF64_R_TYPE(info) == R_AARCH64_RELATIVE;
}

static bool is_absolute(const struct elf_file *elf, uint64_t info)
{
	return elf->machine == EM_X86_64 ? ELF64_R_TYPE(info) == R_X86_64_64
					 : ELF64_R_TYPE(info) == R_AARCH64_ABS64;
}

int dynamic_pointer_at(const struct elf_file *elf, const struct dynamic *dyn, uint64_t at,
		       uint64_t *vaddr)
{
	Elf64_Rela reloc;
	Elf64_Sym sym;

	if (find_reloc(elf, dyn->rela, dyn->rela_size, at, &reloc) == 0) {
		if (is_relative(elf, reloc.r_info)) {
			*vaddr = (uint64_t)reloc.r_addend;
			return 0;
		}
		if (!is_absolute(elf, reloc.r_info) ||
		    read_symbol(elf, dyn, ELF64_R_SYM(reloc.r_info), &sym) != 0 ||
		    sym.st_shndx == SHN_UNDEF || ELF64_ST_TYPE(sym.st_info) != STT_FUNC)
			return -ENOENT;
		*vaddr = sym.st_value + (uint64_t)reloc.r_addend;
		return 0;
	}
	if (elf->type != ET_EXEC && !is_packed(elf, dyn, at))
		return -ENOENT;
	return elf_file_read_vaddr(elf, at, vaddr, sizeof(*vaddr)) == 0 ? 0 : -ENOENT;
}

static uint32_t gnu_hash(const char *name)
{
	uint32_t h = 5381;

	for (; *name; name++)
		h = h * 33 + (unsigned char)*name;
	return h;
}

/* Which types of symbols are asked for, as bits. */
#define TYPES_CODE (1u << STT_FUNC | 1u << STT_GNU_IFUNC)
#define TYPES_DATA (1u << STT_OBJECT)

/* Is symbol index the wanted definition, in its default version? */
static bool is_definition(const struct elf_file *elf, const struct dynamic *dyn, uint64_t index,
			  const char *name, unsigned int types, Elf64_Sym *sym)
{
	size_t len = strlen(name) + 1;
	uint16_t version = 0;
	char found[512];

	if (read_symbol(elf, dyn, index, sym) != 0 || sym->st_shndx == SHN_UNDEF)
		return false;
	if (!(types >> ELF64_ST_TYPE(sym->st_info) & 1))
		return false;
	if (dyn->versym && elf_file_read_vaddr(elf, dyn->versym + index * 2, &version, 2) == 0 &&
	    (version & VERSYM_HIDDEN))
		return false;
	if (len > sizeof(found) || sym->st_name >= dyn->strsz || len > dyn->strsz - sym->st_name)
		return false;
	return elf_file_read_vaddr(elf, dyn->strtab + sym->st_name, found, len) == 0 &&
	       memcmp(found, name, len) == 0;
}

static int find_symbol(const struct elf_file *elf, const struct dynamic *dyn, const char *name,
		       unsigned int types, Elf64_Sym *sym)
{
	uint32_t head[4], hash = gnu_hash(name), value, index, steps;
	uint64_t buckets, chain, bloom_word;

	if (!dyn->gnu_hash || elf_file_read_vaddr(elf, dyn->gnu_hash, head, sizeof(head)) != 0)
		return -ENOENT;
	/* head: buckets, first hashed symbol, bloom words, bloom shift */
	if (head[0] == 0 || head[2] == 0 || head[3] > 31)
		return -ENOENT;
	if (elf_file_read_vaddr(elf, dyn->gnu_hash + 16 + (uint64_t)(hash / 64 % head[2]) * 8,
				&bloom_word, 8) != 0)
		return -ENOENT;
	if (!(bloom_word >> (hash % 64) & 1) || !(bloom_word >> ((hash >> head[3]) % 64) & 1))
		return -ENOENT;
	buckets = dyn->gnu_hash + 16 + (uint64_t)head[2] * 8;
	chain = buckets + (uint64_t)head[0] * 4;
	if (elf_file_read_vaddr(elf, buckets + (uint64_t)(hash % head[0]) * 4, &index, 4) != 0 ||
	    index < head[1])
		return -ENOENT;
	for (steps = 0; steps < CHAIN_MAX; steps++, index++) {
		if (elf_file_read_vaddr(elf, chain + (uint64_t)(index - head[1]) * 4, &value, 4) !=
		    0)
			return -ENOENT;
		if ((value | 1) == (hash | 1) && is_definition(elf, dyn, index, name, types, sym))
			return 0;
		if (value & 1)
			return -ENOENT;
	}
	return -ENOENT;
}

int dynamic_find(const struct elf_file *elf, const struct dynamic *dyn, const char *name,
		 uint64_t *vaddr, bool *ifunc)
{
	Elf64_Sym sym;
	int err = find_symbol(elf, dyn, name, TYPES_CODE, &sym);

	if (err)
		return err;
	*vaddr = sym.st_value;
	*ifunc = ELF64_ST_TYPE(sym.st_info) == STT_GNU_IFUNC;
	return 0;
}

int dynamic_find_data(const struct elf_file *elf, const struct dynamic *dyn, const char *name,
		      uint64_t *vaddr, uint64_t *bytes)
{
	Elf64_Sym sym;
	int err = find_symbol(elf, dyn, name, TYPES_DATA, &sym);

	if (err)
		return err;
	*vaddr = sym.st_value;
	*bytes = sym.st_size;
	return 0;
}
