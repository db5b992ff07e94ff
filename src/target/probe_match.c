/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log/escape.h"
#include "target/code.h"
#include "target/maps.h"
#include "target/names.h"
#include "target/probe_spec.h"
#include "target/process.h"
#include "target/symbols.h"
#include "target/table_slot.h"

#define NEAR_SHOWN 5

struct match_run {
	const struct probe_spec *spec;
	struct object *obj;
	struct match *list;
	size_t n, max;
	size_t n_ifuncs, n_objects;
	char ifunc[128];
	int open_err;	    /* first object that could not be read */
	bool table_refused; /* err says why */
	char *err;
	size_t err_size;
};

static int append(struct match_run *run, uint64_t offset, uint64_t size, const char *name)
{
	struct match *bigger;

	if (run->n == run->max)
		return -E2BIG;
	bigger = realloc(run->list, (run->n + 1) * sizeof(*bigger));
	if (!bigger)
		return -ENOMEM;
	run->list = bigger;
	bigger[run->n].name = strdup(name);
	if (!bigger[run->n].name)
		return -ENOMEM;
	bigger[run->n].object = run->obj->index;
	bigger[run->n].offset = offset;
	bigger[run->n].size = size;
	run->n++;
	return 0;
}

static int take_symbol(const struct symbol *sym, void *ctx)
{
	struct match_run *run = ctx;

	if (sym->ifunc) {
		if (run->n_ifuncs++ == 0)
			escape_name(ESCAPE_TEXT, run->ifunc, sizeof(run->ifunc), sym->name);
		return 0;
	}
	return append(run, sym->offset, sym->size, sym->name);
}

/*
 * A name that is an IFUNC in its default version may also be an old version's plain function:
 * nobody calls that one, and probing it instead would be silently wrong.
 */
static int drop_shadowed(const struct symbol *sym, void *ctx)
{
	struct match_run *run = ctx;
	size_t i, kept = 0;

	if (!sym->ifunc)
		return 0;
	for (i = 0; i < run->n; i++) {
		if (run->list[i].object == run->obj->index &&
		    strcmp(run->list[i].name, sym->name) == 0)
			free(run->list[i].name);
		else
			run->list[kept++] = run->list[i];
	}
	run->n = kept;
	return 0;
}

static int match_symbols(struct match_run *run)
{
	struct symbol_table *symbols = symbol_table__open(run->obj);
	int err;

	if (!symbols)
		return -errno;
	err = symbol_table__match(symbols, run->spec->symbol, take_symbol, run);
	if (!err && run->n_ifuncs)
		err = symbol_table__match(symbols, run->spec->symbol, drop_shadowed, run);
	symbol_table__free(symbols);
	return err;
}

/* "getter()[0]()[9]" */
static char *table_name(const char *symbol, const struct table_path *path)
{
	char name[PROBE_TEXT_MAX + 64];
	int len = snprintf(name, sizeof(name), "%.*s", PROBE_TEXT_MAX, symbol);

	for (size_t i = 0; i < path->n; i++)
		len += snprintf(name + len, sizeof(name) - (size_t)len, "()[%u]", path->slot[i]);
	return strdup(name);
}

/* From a getter to the function meant. 1: it is there, 0: refused, in run->err. */
static int resolve_table(struct match_run *run, struct code_space *space, struct code_object *code,
			 struct match *match)
{
	char symbol[PROBE_TEXT_MAX], why[192] = "", *name;
	struct code_range range;
	uint64_t vaddr;
	int err;

	if (!elf_file_offset_to_vaddr(&code->elf, match->offset, &vaddr))
		return 0;
	err = table_slot_resolve(space, code, &run->spec->table, &vaddr, why, sizeof(why));
	if (err == -EOPNOTSUPP) {
		escape_name(ESCAPE_TEXT, symbol, sizeof(symbol), match->name);
		snprintf(run->err, run->err_size, "%s(): %s", symbol, why);
		run->table_refused = true;
		return 0;
	}
	if (err || !elf_file_vaddr_to_offset(&code->elf, vaddr, &match->offset))
		return err;
	name = table_name(match->name, &run->spec->table);
	if (!name)
		return -ENOMEM;
	free(match->name);
	match->name = name;
	match->size = code_range_at(code, vaddr, &range) ? 0 : range.end - range.start;
	return 1;
}

/* The matches from `first` on are getters of tables: what is in their slots is meant. */
static int match_tables(struct match_run *run, size_t first, struct code_space *space)
{
	struct code_object *code = code_space_object(space, run->obj->index);
	size_t kept = first;
	int ret = 0;

	if (!code)
		return -errno;
	for (size_t i = first; i < run->n; i++) {
		if (ret >= 0)
			ret = resolve_table(run, space, code, &run->list[i]);
		if (ret == 1)
			run->list[kept++] = run->list[i];
		else
			free(run->list[i].name);
	}
	run->n = kept;
	return ret < 0 ? ret : 0;
}

/* An offset must be a function's first byte: the stack pointer at another place means nothing. */
static int match_offset(struct match_run *run, struct code_space *space)
{
	struct code_object *code = code_space_object(space, run->obj->index);
	char name[PROBE_TEXT_MAX + 32], file[PROBE_TEXT_MAX];
	struct code_range range;
	uint64_t vaddr, offset = run->spec->offset;

	if (!code)
		return -errno;
	snprintf(file, sizeof(file), "%s", run->obj->basename);
	if (!elf_file_offset_to_vaddr(&code->elf, offset, &vaddr) ||
	    code_range_at(code, vaddr, &range) != 0) {
		snprintf(run->err, run->err_size, "no function at file offset 0x%" PRIx64, offset);
		return 0;
	}
	if (range.start != vaddr) {
		snprintf(run->err, run->err_size,
			 "file offset 0x%" PRIx64 " is 0x%" PRIx64
			 " bytes into the function at 0x%" PRIx64,
			 offset, vaddr - range.start, offset - (vaddr - range.start));
		return 0;
	}
	snprintf(name, sizeof(name), "%s+0x%" PRIx64, file, offset);
	return append(run, offset, range.end - range.start, name);
}

static int match_object(struct match_run *run, const struct process *proc,
			struct object_table *table)
{
	size_t first = run->n;
	struct code_space space;
	int err;

	run->n_objects++;
	err = object_open(run->obj, proc);
	if (!err && run->spec->kind == PROBE_SYMBOL)
		err = match_symbols(run);
	if (!err && (run->spec->kind == PROBE_OFFSET || run->spec->table.n)) {
		err = code_space_open(&space, proc, table);
		if (!err) {
			err = run->spec->table.n ? match_tables(run, first, &space)
						 : match_offset(run, &space);
			code_space_close(&space);
		}
	}
	/* One unreadable file (not ELF, not permitted) must not hide the others. */
	if (err && err != -E2BIG && err != -ENOMEM) {
		if (!run->open_err)
			run->open_err = err;
		err = 0;
	}
	return err;
}

static void append_text(char *buf, size_t size, const char *text)
{
	size_t len = strlen(buf);

	snprintf(buf + len, size - len, "%s", text);
}

/* "no such symbol; near: a, b" over the objects that matched. */
static void explain_symbol(struct match_run *run, struct object_table *table)
{
	const struct symbol *near[NEAR_SHOWN];
	struct symbol_table *symbols;
	size_t i, j, n, shown = 0;
	char name[128];

	snprintf(run->err, run->err_size,
		 "no function '%.100s' in the %zu mapped object%s '%.100s'", run->spec->symbol,
		 run->n_objects, run->n_objects == 1 ? "" : "s matching", run->spec->object);
	for (i = 0; i < table->n_objects && shown < NEAR_SHOWN; i++) {
		struct object *obj = table->objects[i];

		if (obj->gone || obj->fd < 0 || !glob_match(run->spec->object, obj->basename))
			continue;
		symbols = symbol_table__open(obj);
		if (!symbols)
			continue;
		n = symbol_table__near(symbols, run->spec->symbol, near, NEAR_SHOWN - shown);
		for (j = 0; j < n; j++, shown++) {
			escape_name(ESCAPE_TEXT, name, sizeof(name), near[j]->name);
			append_text(run->err, run->err_size, shown ? ", " : "; near: ");
			append_text(run->err, run->err_size, name);
		}
		symbol_table__free(symbols);
	}
}

/* "no such object; near: …" by basename. */
static void explain_object(struct match_run *run, const struct object_table *table)
{
	size_t i, shown = 0, limit = strlen(run->spec->object) / 3 + 1;
	char name[128];

	snprintf(run->err, run->err_size, "no mapped object matches '%.100s'", run->spec->object);
	for (i = 0; i < table->n_objects && shown < NEAR_SHOWN; i++) {
		const struct object *obj = table->objects[i];

		if (obj->gone || (!strcasestr(obj->basename, run->spec->object) &&
				  name_distance(run->spec->object, obj->basename, limit) > limit))
			continue;
		escape_name(ESCAPE_TEXT, name, sizeof(name), obj->basename);
		append_text(run->err, run->err_size, shown++ ? ", " : "; near: ");
		append_text(run->err, run->err_size, name);
	}
}

/* Why nothing matched. */
static int explain(struct match_run *run, struct object_table *table)
{
	if (run->n_ifuncs) {
		snprintf(run->err, run->err_size,
			 "'%s' is an IFUNC: its symbol is the resolver, not the function",
			 run->ifunc);
		return -EOPNOTSUPP;
	}
	if (run->n_objects == 0) {
		explain_object(run, table);
		return -ENOENT;
	}
	if (run->open_err) {
		snprintf(run->err, run->err_size, "'%.100s' cannot be read: %s", run->spec->object,
			 strerror(-run->open_err));
		return run->open_err;
	}
	if (run->table_refused)
		return -EOPNOTSUPP;
	if (run->spec->kind == PROBE_SYMBOL)
		explain_symbol(run, table);
	return -ENOENT;
}

int probe_spec_match(const struct probe_spec *spec, struct object_table *table,
		     const struct process *proc, size_t max, struct match **matches, size_t *n,
		     char *err, size_t err_size)
{
	struct match_run run = {.spec = spec, .max = max, .err = err, .err_size = err_size};
	size_t i;
	int ret = 0;

	*matches = NULL;
	*n = 0;
	err[0] = '\0';
	if (spec->kind == PROBE_PYTHON)
		return -EOPNOTSUPP;
	for (i = 0; i < table->n_objects && !ret; i++) {
		run.obj = table->objects[i];
		if (!run.obj->gone && glob_match(spec->object, run.obj->basename))
			ret = match_object(&run, proc, table);
	}
	if (ret == -E2BIG)
		snprintf(err, err_size, "more than %zu functions match", max);
	if (!ret && run.n == 0)
		ret = explain(&run, table);
	if (ret) {
		match_list_free(run.list, run.n);
		return ret;
	}
	if (run.n_ifuncs)
		snprintf(err, err_size, "left out: '%s' is an IFUNC", run.ifunc);
	*matches = run.list;
	*n = run.n;
	return 0;
}

void match_list_free(struct match *matches, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		free(matches[i].name);
	free(matches);
}
