/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * symbols.c - which mapped file is a CPython: the one that exports _PyRuntime, whatever its name
 * is. An embedding program may be the interpreter itself, or load it as a library at any time.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "python/runtime.h"
#include "target/dynamic.h"
#include "target/elf_file.h"
#include "target/maps.h"
#include "target/names.h"

#define RODATA_MAX  (32u << 20)
#define OBJECTS_MAX 1024 /* files that are looked into */
#define VERSION_MAX 20	 /* minor versions; strings of other libraries stand beside */

struct lookup {
	const struct elf_file *elf;
	struct dynamic dyn;
	uint64_t bias; /* from a virtual address in the file to one in the process */
};

static uint64_t find(const struct lookup *l, const char *name, uint64_t *bytes)
{
	uint64_t vaddr, size;

	if (dynamic_find_data(l->elf, &l->dyn, name, &vaddr, &size))
		return 0;
	if (bytes)
		*bytes = size;
	return vaddr + l->bias;
}

/* "3.9.2" and a zero byte: PY_VERSION.  Returns its length, 0: none begins here. */
static size_t version_length(const char *text, size_t left)
{
	size_t n = 2, minor = 0;

	if (left < 6 || text[0] != '3' || text[1] != '.' || !isdigit(text[2]))
		return 0;
	for (; n < left && isdigit(text[n]) && n < 5; n++)
		minor = minor * 10 + (size_t)(text[n] - '0');
	if (minor > VERSION_MAX || n + 1 >= left || text[n] != '.' || !isdigit(text[n + 1]))
		return 0;
	for (n++; n < left && n < 12 && text[n]; n++)
		if (!isalnum(text[n]) && text[n] != '+')
			return 0;
	return n < left && !text[n] ? n : 0;
}

/* Versions before 3.11 export none: it is in the text that sys.version is made of. */
static void find_version(const struct elf_file *elf, char *version, size_t size)
{
	const Elf64_Shdr *section = elf_file_section(elf, ".rodata");
	uint8_t *data;
	size_t n;

	version[0] = '\0';
	if (!section || elf_file_load(elf, section, RODATA_MAX, &data, &n))
		return;
	for (size_t at = 1; at < n; at++) {
		size_t len = 0;

		/* It may be the end of a longer text. */
		if (data[at] == '3' && !isalnum(data[at - 1]) && data[at - 1] != '.')
			len = version_length((char *)data + at, n - at);

		if (!len)
			continue;
		snprintf(version, size, "%.*s", (int)len, (char *)data + at);
		break;
	}
	free(data);
}

static int bias_of(const struct object *obj, const struct elf_file *elf, uint64_t *bias)
{
	uint64_t vaddr;

	if (!obj->n_segments || !elf_file_offset_to_vaddr(elf, obj->segments[0].offset, &vaddr))
		return -ENOENT;
	*bias = obj->segments[0].start - vaddr;
	return 0;
}

static void find_all(const struct lookup *l, struct python_symbols *s)
{
	const struct {
		const char *name;
		uint64_t *address;
	} wanted[] = {
		{"Py_Version", &s->version_hex},
		{"PyCode_Type", &s->code_type},
		{"PyFunction_Type", &s->function_type},
		{"PyUnicode_Type", &s->unicode_type},
		{"PyTuple_Type", &s->tuple_type},
		{"PyDict_Type", &s->dict_type},
		{"PyBytes_Type", &s->bytes_type},
		{"PyGen_Type", &s->generator_type},
		{"PyCoro_Type", &s->coroutine_type},
		{"PyAsyncGen_Type", &s->async_generator_type},
	};

	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		*wanted[i].address = find(l, wanted[i].name, NULL);
	if (!s->version_hex)
		find_version(l->elf, s->version, sizeof(s->version));
}

static int look_into(const struct object *obj, struct python_symbols *out)
{
	struct elf_file elf;
	struct lookup l = {.elf = &elf};
	int err = elf_file_open(&elf, obj->fd);

	if (err)
		return err;
	err = dynamic_read(&elf, &l.dyn);
	err = err ?: bias_of(obj, &elf, &l.bias);
	if (!err) {
		memset(out, 0, sizeof(*out));
		out->object = obj->index;
		out->runtime = find(&l, "_PyRuntime", &out->runtime_bytes);
		err = out->runtime ? 0 : -ENOENT;
	}
	if (!err)
		find_all(&l, out);
	elf_file_close(&elf);
	return err;
}

static int look_at(const struct process *proc, struct object *obj, struct python_symbols *out)
{
	const int was_open = obj->fd >= 0;
	int err = object_open(obj, proc);

	if (err)
		return err;
	err = look_into(obj, out);
	if (!was_open)
		object_close(obj);
	return err;
}

/* Names say where to look first, and no more. */
static int sounds_like_one(const struct object *obj)
{
	return glob_match("python*", obj->basename) || glob_match("libpython*", obj->basename);
}

int python_symbols_find(const struct process *proc, struct object_table *objects,
			struct python_symbols *out)
{
	size_t looked = 0;

	for (int first = 1; first >= 0; first--)
		for (size_t i = 0; i < objects->n_objects && looked < OBJECTS_MAX; i++) {
			struct object *obj = objects->objects[i];
			int err;

			if (obj->gone || sounds_like_one(obj) != first)
				continue;
			looked++;
			err = look_at(proc, obj, out);
			if (!err || err == -ESRCH || err == -ENOMEM || err == -EPIPE)
				return err;
		}
	return -ENOENT;
}
