/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CHESHIRE_TARGET_ELF_FILE_H
#define CHESHIRE_TARGET_ELF_FILE_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Bounded reader of a 64-bit little-endian ELF file. The file is hostile: every offset, size and
 * count in it is checked against the file's size and a ceiling before it is used, and bytes are
 * read by pread, never mapped (a file cut short under a mapping is SIGBUS). Only headers are read
 * at open; sections when asked for.
 */
struct elf_file {
	int fd;		      /* borrowed; -1: image is used */
	const uint8_t *image; /* borrowed; a file held in memory */
	uint64_t size;
	uint16_t type; /* ET_DYN, ET_EXEC */
	uint16_t machine;
	Elf64_Phdr *phdrs; /* owned */
	size_t n_phdrs;
	Elf64_Shdr *shdrs; /* owned; NULL where there is no section table */
	size_t n_shdrs;
	char *shstrtab; /* owned, terminated; NULL: sections have no names */
	size_t shstrtab_size;
};

/* Reads the headers. -ENOEXEC: not such a file (or damaged), -ENOMEM, -EIO. */
int elf_file_open(struct elf_file *elf, int fd);
int elf_file_open_image(struct elf_file *elf, const uint8_t *image, size_t size);
void elf_file_close(struct elf_file *elf);

/* Exactly len bytes at the file offset. -ENODATA: beyond the end. */
int elf_file_read(const struct elf_file *elf, uint64_t offset, void *buf, size_t len);

/* Section by name or by type; NULL: none. */
const Elf64_Shdr *elf_file_section(const struct elf_file *elf, const char *name);
const Elf64_Shdr *elf_file_section_type(const struct elf_file *elf, uint32_t type);

/*
 * The bytes of a section, allocated, with a NUL after the last. -EFBIG: over the ceiling,
 * -ENODATA: SHT_NOBITS or not wholly in the file, -EOPNOTSUPP: compressed.
 */
int elf_file_load(const struct elf_file *elf, const Elf64_Shdr *section, size_t ceiling,
		  uint8_t **data, size_t *size);

/* Virtual address to file offset and back, by the PT_LOAD headers. False: in none of them. */
bool elf_file_vaddr_to_offset(const struct elf_file *elf, uint64_t vaddr, uint64_t *offset);
bool elf_file_offset_to_vaddr(const struct elf_file *elf, uint64_t offset, uint64_t *vaddr);

/* The PT_LOAD header that holds the virtual address (of file bytes). NULL: none. */
const Elf64_Phdr *elf_file_load_header(const struct elf_file *elf, uint64_t vaddr);

/* Reads by virtual address. -ENODATA: not file-backed. */
int elf_file_read_vaddr(const struct elf_file *elf, uint64_t vaddr, void *buf, size_t len);

/* GNU build-id into buf; returns its length, 0: none. */
size_t elf_file_build_id(const struct elf_file *elf, uint8_t *buf, size_t size);

#endif
