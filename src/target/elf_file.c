/* SPDX-License-Identifier: GPL-2.0-only */
#include "target/elf_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PHDRS_MAX    512
#define SHSTRTAB_MAX (4u << 20)
#define NOTES_MAX    (64u << 10)

int elf_file_read(const struct elf_file *elf, uint64_t offset, void *buf, size_t len)
{
	size_t done = 0;
	ssize_t n;

	if (offset > elf->size || len > elf->size - offset)
		return -ENODATA;
	if (elf->image) {
		memcpy(buf, elf->image + offset, len);
		return 0;
	}
	while (done < len) {
		n = pread(elf->fd, (uint8_t *)buf + done, len - done, (off_t)(offset + done));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0) /* cut short since it was opened */
			return -ENODATA;
		done += (size_t)n;
	}
	return 0;
}

/* Reads a table of n entries, allocated. */
static int read_table(const struct elf_file *elf, uint64_t offset, size_t n, size_t entry,
		      void **table)
{
	int err;

	*table = NULL;
	if (offset > elf->size || n > (elf->size - offset) / entry)
		return -ENOEXEC;
	*table = malloc(n * entry);
	if (!*table)
		return -ENOMEM;
	err = elf_file_read(elf, offset, *table, n * entry);
	if (err) {
		free(*table);
		*table = NULL;
	}
	return err == -ENODATA ? -ENOEXEC : err;
}

/* A file without a usable section table is still a file: program headers suffice to run it. */
static int read_sections(struct elf_file *elf, const Elf64_Ehdr *eh)
{
	const Elf64_Shdr *names;
	uint8_t *data;
	size_t size;
	void *table;
	int err;

	if (eh->e_shoff == 0 || eh->e_shnum == 0 || eh->e_shentsize != sizeof(Elf64_Shdr))
		return 0;
	err = read_table(elf, eh->e_shoff, eh->e_shnum, sizeof(Elf64_Shdr), &table);
	if (err)
		return err == -ENOEXEC ? 0 : err;
	elf->shdrs = table;
	elf->n_shdrs = eh->e_shnum;
	if (eh->e_shstrndx >= elf->n_shdrs)
		return 0;
	names = &elf->shdrs[eh->e_shstrndx];
	err = elf_file_load(elf, names, SHSTRTAB_MAX, &data, &size);
	if (err)
		return err == -ENOMEM ? err : 0;
	elf->shstrtab = (char *)data;
	elf->shstrtab_size = size;
	return 0;
}

static int read_headers(struct elf_file *elf)
{
	Elf64_Ehdr eh;
	void *table;
	int err;

	err = elf_file_read(elf, 0, &eh, sizeof(eh));
	if (err)
		return err == -ENODATA ? -ENOEXEC : err;
	if (memcmp(eh.e_ident, ELFMAG, SELFMAG) != 0 || eh.e_ident[EI_CLASS] != ELFCLASS64 ||
	    eh.e_ident[EI_DATA] != ELFDATA2LSB)
		return -ENOEXEC;
	elf->type = eh.e_type;
	elf->machine = eh.e_machine;
	if (eh.e_phnum > PHDRS_MAX || (eh.e_phnum && eh.e_phentsize != sizeof(Elf64_Phdr)))
		return -ENOEXEC;
	if (eh.e_phnum) {
		err = read_table(elf, eh.e_phoff, eh.e_phnum, sizeof(Elf64_Phdr), &table);
		if (err)
			return err;
		elf->phdrs = table;
		elf->n_phdrs = eh.e_phnum;
	}
	return read_sections(elf, &eh);
}

int elf_file_open(struct elf_file *elf, int fd)
{
	struct stat st;
	int err;

	memset(elf, 0, sizeof(*elf));
	elf->fd = fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size < 0)
		return -ENOEXEC;
	elf->size = (uint64_t)st.st_size;
	err = read_headers(elf);
	if (err)
		elf_file_close(elf);
	return err;
}

int elf_file_open_image(struct elf_file *elf, const uint8_t *image, size_t size)
{
	int err;

	memset(elf, 0, sizeof(*elf));
	elf->fd = -1;
	elf->image = image;
	elf->size = size;
	err = read_headers(elf);
	if (err)
		elf_file_close(elf);
	return err;
}

void elf_file_close(struct elf_file *elf)
{
	free(elf->phdrs);
	free(elf->shdrs);
	free(elf->shstrtab);
	memset(elf, 0, sizeof(*elf));
	elf->fd = -1;
}

const Elf64_Shdr *elf_file_section(const struct elf_file *elf, const char *name)
{
	size_t i;

	if (!elf->shstrtab)
		return NULL;
	for (i = 0; i < elf->n_shdrs; i++)
		if (elf->shdrs[i].sh_name < elf->shstrtab_size &&
		    strcmp(elf->shstrtab + elf->shdrs[i].sh_name, name) == 0)
			return &elf->shdrs[i];
	return NULL;
}

const Elf64_Shdr *elf_file_section_type(const struct elf_file *elf, uint32_t type)
{
	size_t i;

	for (i = 0; i < elf->n_shdrs; i++)
		if (elf->shdrs[i].sh_type == type)
			return &elf->shdrs[i];
	return NULL;
}

int elf_file_load(const struct elf_file *elf, const Elf64_Shdr *section, size_t ceiling,
		  uint8_t **data, size_t *size)
{
	uint8_t *buf;
	int err;

	*data = NULL;
	*size = 0;
	if (section->sh_type == SHT_NOBITS)
		return -ENODATA;
	if (section->sh_flags & SHF_COMPRESSED)
		return -EOPNOTSUPP;
	if (section->sh_size > ceiling)
		return -EFBIG;
	if (section->sh_offset > elf->size || section->sh_size > elf->size - section->sh_offset)
		return -ENODATA;
	buf = malloc(section->sh_size + 1);
	if (!buf)
		return -ENOMEM;
	err = elf_file_read(elf, section->sh_offset, buf, section->sh_size);
	if (err) {
		free(buf);
		return err;
	}
	buf[section->sh_size] = '\0';
	*data = buf;
	*size = section->sh_size;
	return 0;
}

const Elf64_Phdr *elf_file_load_header(const struct elf_file *elf, uint64_t vaddr)
{
	size_t i;

	for (i = 0; i < elf->n_phdrs; i++) {
		const Elf64_Phdr *ph = &elf->phdrs[i];

		if (ph->p_type == PT_LOAD && vaddr >= ph->p_vaddr &&
		    vaddr - ph->p_vaddr < ph->p_filesz)
			return ph;
	}
	return NULL;
}

bool elf_file_vaddr_to_offset(const struct elf_file *elf, uint64_t vaddr, uint64_t *offset)
{
	const Elf64_Phdr *ph = elf_file_load_header(elf, vaddr);

	if (!ph)
		return false;
	*offset = vaddr - ph->p_vaddr + ph->p_offset;
	return true;
}

bool elf_file_offset_to_vaddr(const struct elf_file *elf, uint64_t offset, uint64_t *vaddr)
{
	const Elf64_Phdr *found = NULL;
	size_t i;

	/* Two segments may share a page of the file: the executable one is meant. */
	for (i = 0; i < elf->n_phdrs; i++) {
		const Elf64_Phdr *ph = &elf->phdrs[i];

		if (ph->p_type == PT_LOAD && offset >= ph->p_offset &&
		    offset - ph->p_offset < ph->p_filesz && (!found || (ph->p_flags & PF_X)))
			found = ph;
	}
	if (!found)
		return false;
	*vaddr = offset - found->p_offset + found->p_vaddr;
	return true;
}

int elf_file_read_vaddr(const struct elf_file *elf, uint64_t vaddr, void *buf, size_t len)
{
	const Elf64_Phdr *ph = elf_file_load_header(elf, vaddr);

	if (!ph || len > ph->p_filesz - (vaddr - ph->p_vaddr))
		return -ENODATA;
	return elf_file_read(elf, vaddr - ph->p_vaddr + ph->p_offset, buf, len);
}

/* Finds the GNU build-id in the bytes of a PT_NOTE. */
static size_t find_build_id(const uint8_t *notes, size_t size, uint8_t *buf, size_t room)
{
	size_t pos = 0, name, desc;
	Elf64_Nhdr nh;

	while (size - pos >= sizeof(nh)) {
		memcpy(&nh, notes + pos, sizeof(nh));
		pos += sizeof(nh);
		name = ((size_t)nh.n_namesz + 3) & ~(size_t)3;
		desc = ((size_t)nh.n_descsz + 3) & ~(size_t)3;
		if (name > size - pos || desc > size - pos - name)
			return 0;
		if (nh.n_type == NT_GNU_BUILD_ID && nh.n_namesz == 4 && nh.n_descsz > 0 &&
		    nh.n_descsz <= room && memcmp(notes + pos, "GNU", 4) == 0) {
			memcpy(buf, notes + pos + name, nh.n_descsz);
			return nh.n_descsz;
		}
		pos += name + desc;
	}
	return 0;
}

size_t elf_file_build_id(const struct elf_file *elf, uint8_t *buf, size_t size)
{
	uint8_t *notes;
	size_t i, len = 0;

	for (i = 0; i < elf->n_phdrs && len == 0; i++) {
		const Elf64_Phdr *ph = &elf->phdrs[i];

		if (ph->p_type != PT_NOTE || ph->p_filesz > NOTES_MAX)
			continue;
		notes = malloc(ph->p_filesz + 1);
		if (!notes)
			return 0;
		if (elf_file_read(elf, ph->p_offset, notes, ph->p_filesz) == 0)
			len = find_build_id(notes, ph->p_filesz, buf, size);
		free(notes);
	}
	return len;
}
