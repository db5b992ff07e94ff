/* SPDX-License-Identifier: GPL-2.0-only */
#include "target/unwind.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "target/bytes.h"
#include "target/cfa_program.h"
#include "target/elf_file.h"

#define ENTRY_MAX    65536	 /* bytes of one CIE or FDE */
#define EH_FRAME_MAX (64u << 20) /* walked when there is no sorted table */
#define INDEX_MAX    (1u << 20)	 /* ranges found by walking */

#define PE_OMIT		  0xff
#define PE_PCREL_SDATA4	  0x1b
#define PE_DATAREL_SDATA4 0x3b
#define PE_UDATA4	  0x03

struct unwind_table {
	const struct elf_file *elf;
	uint64_t hdr_vaddr;   /* of .eh_frame_hdr, base of its table */
	uint64_t table_vaddr; /* of the first pair; 0: no sorted table */
	uint64_t n_pairs;
	struct unwind_range *index; /* owned, sorted by start: when there is no table */
	size_t n_index, room_index;
};

/* What the CIE and FDE of a range say; the programs point into the buffers. */
struct frame_entry {
	uint8_t *cie, *fde; /* owned */
	struct cfa_program program;
	uint64_t start, end;
	bool signal_frame;
};

static void frame_entry_free(struct frame_entry *entry)
{
	free(entry->cie);
	free(entry->fde);
}

/* Reads one length-prefixed entry; b covers what follows the length. */
static int read_entry(const struct elf_file *elf, uint64_t vaddr, uint8_t **buf, struct bytes *b)
{
	uint32_t len;
	int err;

	*buf = NULL;
	err = elf_file_read_vaddr(elf, vaddr, &len, sizeof(len));
	if (err)
		return err;
	if (len == 0)
		return -ENOENT; /* terminator */
	if (len > ENTRY_MAX || len < 4)
		return -EPROTO;
	*buf = malloc(len);
	if (!*buf)
		return -ENOMEM;
	err = elf_file_read_vaddr(elf, vaddr + 4, *buf, len);
	if (err) {
		free(*buf);
		*buf = NULL;
		return err;
	}
	*b = (struct bytes){.p = *buf, .end = *buf + len, .vaddr = vaddr + 4};
	return 0;
}

/* A pointer in one of the encodings that x86-64 and arm64 tool chains write. */
static uint64_t read_encoded(struct bytes *b, uint8_t enc)
{
	uint64_t base = (enc & 0x70) == 0x10 ? b->vaddr : 0, v;

	if (enc == PE_OMIT)
		return 0;
	switch (enc & 0x0f) {
	case 0x00:
	case 0x04:
	case 0x0c:
		v = bytes_fixed(b, 8);
		break;
	case 0x02:
		v = bytes_fixed(b, 2);
		break;
	case 0x03:
		v = bytes_fixed(b, 4);
		break;
	case 0x0a:
		v = (uint64_t)(int16_t)bytes_fixed(b, 2);
		break;
	case 0x0b:
		v = (uint64_t)(int32_t)bytes_fixed(b, 4);
		break;
	default:
		b->bad = true;
		return 0;
	}
	if ((enc & 0x70) > 0x10)
		b->bad = true;
	return base + v;
}

/* The letters after 'z': which encodings the FDEs use. */
static void read_augmentation(struct bytes *b, const char *letters, struct frame_entry *entry,
			      uint8_t *pointer_enc)
{
	uint64_t len = bytes_uleb(b);
	struct bytes data = *b;

	bytes_skip(b, len);
	if (b->bad)
		return;
	data.end = b->p;
	for (; *letters && !data.bad; letters++) {
		if (*letters == 'R')
			*pointer_enc = (uint8_t)bytes_fixed(&data, 1);
		else if (*letters == 'L')
			bytes_fixed(&data, 1);
		else if (*letters == 'P')
			read_encoded(&data, (uint8_t)bytes_fixed(&data, 1) & 0x0f);
		else if (*letters == 'S')
			entry->signal_frame = true;
		else if (*letters != 'B') /* arm64: signed with the second key */
			break;
	}
	if (data.bad)
		b->bad = true;
}

static int parse_cie(struct bytes *b, struct frame_entry *entry, uint8_t *pointer_enc,
		     bool *augmented)
{
	const char *letters;
	uint64_t version;

	if (bytes_fixed(b, 4) != 0)
		return -EPROTO;
	version = bytes_fixed(b, 1);
	letters = (const char *)b->p;
	if (b->bad || (version != 1 && version != 3) || !memchr(b->p, 0, (size_t)(b->end - b->p)))
		return -EPROTO;
	bytes_skip(b, strlen(letters) + 1);
	entry->program.code_align = bytes_uleb(b);
	entry->program.data_align = bytes_sleb(b);
	if (version == 1)
		bytes_fixed(b, 1); /* return address register */
	else
		bytes_uleb(b);
	*pointer_enc = 0;
	*augmented = letters[0] == 'z';
	if (*augmented)
		read_augmentation(b, letters + 1, entry, pointer_enc);
	else if (letters[0] != '\0')
		return -EPROTO;
	entry->program.cie = b->p;
	entry->program.cie_len = (size_t)(b->end - b->p);
	return b->bad ? -EPROTO : 0;
}

/* Reads the FDE at vaddr with its CIE. -EAGAIN: it is a CIE, not an FDE. */
static int read_frame(const struct elf_file *elf, uint64_t vaddr, struct frame_entry *entry,
		      uint64_t *next)
{
	uint64_t id, id_vaddr, range;
	struct bytes fde, cie;
	uint8_t enc = 0;
	bool augmented;
	int err;

	memset(entry, 0, sizeof(*entry));
	err = read_entry(elf, vaddr, &entry->fde, &fde);
	if (err)
		return err;
	*next = fde.vaddr + (uint64_t)(fde.end - fde.p);
	id_vaddr = fde.vaddr;
	id = bytes_fixed(&fde, 4);
	err = id == 0 ? -EAGAIN : read_entry(elf, id_vaddr - id, &entry->cie, &cie);
	if (!err)
		err = parse_cie(&cie, entry, &enc, &augmented);
	if (err) {
		frame_entry_free(entry);
		return err == -ENOENT ? -EPROTO : err;
	}
	entry->start = read_encoded(&fde, enc);
	range = read_encoded(&fde, enc & 0x0f);
	entry->end = entry->start + range;
	if (augmented)
		bytes_skip(&fde, bytes_uleb(&fde));
	if (fde.bad || entry->end < entry->start) {
		frame_entry_free(entry);
		return -EPROTO;
	}
	entry->program.fde = fde.p;
	entry->program.fde_len = (size_t)(fde.end - fde.p);
	return 0;
}

static int index_append(struct unwind_table *table, const struct frame_entry *entry, uint64_t fde)
{
	struct unwind_range *bigger;
	size_t room;

	if (table->n_index == table->room_index) {
		room = table->room_index ? table->room_index * 2 : 256;
		if (room > INDEX_MAX)
			return -EFBIG;
		bigger = realloc(table->index, room * sizeof(*bigger));
		if (!bigger)
			return -ENOMEM;
		table->index = bigger;
		table->room_index = room;
	}
	table->index[table->n_index++] = (struct unwind_range){
		.start = entry->start,
		.end = entry->end,
		.fde = fde,
		.signal_frame = entry->signal_frame,
	};
	return 0;
}

static int by_start(const void *a, const void *b)
{
	const struct unwind_range *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

/* Walks .eh_frame from its first entry. */
static int build_index(struct unwind_table *table, uint64_t vaddr, uint64_t end)
{
	struct frame_entry entry;
	uint64_t next = vaddr;
	int err = 0;

	while (!err && vaddr + 4 < end) {
		err = read_frame(table->elf, vaddr, &entry, &next);
		if (!err) {
			if (entry.end > entry.start)
				err = index_append(table, &entry, vaddr);
			frame_entry_free(&entry);
		} else if (err == -EAGAIN) {
			err = 0;
		}
		if (next <= vaddr)
			break;
		vaddr = next;
	}
	if (table->n_index)
		qsort(table->index, table->n_index, sizeof(*table->index), by_start);
	return err == -ENOENT ? 0 : err; /* terminator */
}

/* Takes the sorted table of .eh_frame_hdr if it is of the one kind that linkers write. */
static int use_header(struct unwind_table *table, const Elf64_Phdr *ph)
{
	uint8_t head[12];
	uint32_t count;

	if (elf_file_read_vaddr(table->elf, ph->p_vaddr, head, sizeof(head)) != 0 || head[0] != 1)
		return -EPROTO;
	if (head[1] != PE_PCREL_SDATA4 || head[2] != PE_UDATA4 || head[3] != PE_DATAREL_SDATA4)
		return -ENOENT;
	memcpy(&count, head + 8, sizeof(count));
	if (ph->p_filesz < sizeof(head) || count > (ph->p_filesz - sizeof(head)) / 8 || !count)
		return -EPROTO;
	table->hdr_vaddr = ph->p_vaddr;
	table->table_vaddr = ph->p_vaddr + sizeof(head);
	table->n_pairs = count;
	return 0;
}

struct unwind_table *unwind_table__open(const struct elf_file *elf)
{
	struct unwind_table *table = calloc(1, sizeof(*table));
	const Elf64_Shdr *section;
	int err = -ENOENT;
	size_t i;

	if (!table) {
		errno = ENOMEM;
		return NULL;
	}
	table->elf = elf;
	for (i = 0; i < elf->n_phdrs && err; i++)
		if (elf->phdrs[i].p_type == PT_GNU_EH_FRAME)
			err = use_header(table, &elf->phdrs[i]);
	section = elf_file_section(elf, ".eh_frame");
	if (err && section && section->sh_size <= EH_FRAME_MAX &&
	    section->sh_addr + section->sh_size > section->sh_addr) {
		err = build_index(table, section->sh_addr, section->sh_addr + section->sh_size);
		if (!err && table->n_index == 0)
			err = -ENOENT;
	}
	if (err) {
		unwind_table__free(table);
		errno = -err;
		return NULL;
	}
	return table;
}

void unwind_table__free(struct unwind_table *table)
{
	if (!table)
		return;
	free(table->index);
	free(table);
}

/* Address of the FDE whose start is the last at or before vaddr, by the sorted table. */
static int search_header(const struct unwind_table *table, uint64_t vaddr, uint64_t *fde)
{
	uint64_t lo = 0, hi = table->n_pairs, mid;
	int32_t pair[2];
	int err;

	*fde = 0;
	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		err = elf_file_read_vaddr(table->elf, table->table_vaddr + mid * 8, pair,
					  sizeof(pair));
		if (err)
			return -EPROTO;
		if (table->hdr_vaddr + (uint64_t)(int64_t)pair[0] <= vaddr) {
			*fde = table->hdr_vaddr + (uint64_t)(int64_t)pair[1];
			lo = mid + 1;
		} else {
			hi = mid;
		}
	}
	return *fde ? 0 : -ENOENT;
}

static int search_index(const struct unwind_table *table, uint64_t vaddr, uint64_t *fde)
{
	size_t lo = 0, hi = table->n_index, mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (table->index[mid].start <= vaddr)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == 0)
		return -ENOENT;
	*fde = table->index[lo - 1].fde;
	return 0;
}

int unwind_table__find(const struct unwind_table *table, uint64_t vaddr, struct unwind_range *range)
{
	struct frame_entry entry;
	uint64_t fde, next;
	int err;

	err = table->table_vaddr ? search_header(table, vaddr, &fde)
				 : search_index(table, vaddr, &fde);
	if (err)
		return err;
	err = read_frame(table->elf, fde, &entry, &next);
	if (err)
		return err == -ENOMEM ? err : -EPROTO;
	*range = (struct unwind_range){.start = entry.start,
				       .end = entry.end,
				       .fde = fde,
				       .signal_frame = entry.signal_frame};
	frame_entry_free(&entry);
	return vaddr >= range->start && vaddr < range->end ? 0 : -ENOENT;
}

int unwind_table__cfa(const struct unwind_table *table, const struct unwind_range *range,
		      uint64_t vaddr, struct unwind_cfa *cfa)
{
	struct frame_entry entry;
	uint64_t next;
	int err;

	memset(cfa, 0, sizeof(*cfa));
	err = read_frame(table->elf, range->fde, &entry, &next);
	if (err)
		return err == -ENOMEM ? err : -EPROTO;
	err = cfa_program_run(&entry.program, vaddr - range->start, cfa);
	frame_entry_free(&entry);
	return err;
}
