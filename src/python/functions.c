/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * functions.c - function objects are always tracked by the garbage collector, so its lists have all
 * of them: also methods, and what a decorator wrapped.  Code of nested functions, of which no
 * function object is made before the outer one runs, is among the constants of the outer code.
 */
#include "python/functions.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory/arena.h"
#include "python/address_set.h"
#include "python/gc_walk.h"
#include "python/memory.h"
#include "python/object.h"
#include "python/runtime_state.h"
#include "python/validate.h"

#define OBJECTS_MAX    5000000u
#define BYTES_MAX      (1ull << 30)
#define TIME_MAX_NS    2000000000ull
#define FUNCTIONS_MAX  200000u
#define CODES_MAX      400000u
#define NAME_BYTES     1024
#define NESTED_MAX     16
#define CONSTS_MAX     4096 /* of one function, looked at */
#define CODE_OPTIMIZED 0x1  /* of a function, not of a class body or a module */

/* What a torn or strange object gives, which is passed by. */
static bool is_misfit(int err)
{
	return err == -EPROTO || err == -EFAULT;
}

struct listing {
	struct python_runtime *runtime;
	struct python_functions *out;
	struct address_set codes; /* seen; value: index of its function + 1, 0: it is none */
	struct address_set texts; /* str objects; value: a pointer to their text */
	size_t room;
};

/* A code object on the way down. */
struct nesting {
	uint64_t code;
	uint64_t function;    /* 0: nested */
	const char *qualname; /* of the function object; NULL: not known */
	const char *outer;    /* qualified name of what it is nested in */
	bool outer_is_class;
	unsigned int depth;
};

/* The text of a str, once for each; NULL and errno-like *err. */
static const char *text_of(struct listing *l, uint64_t str, int *err)
{
	char text[NAME_BYTES];
	uint64_t *value;
	bool fresh;

	if (!str) {
		*err = -EPROTO;
		return NULL;
	}
	value = address_set_add(&l->texts, str, &fresh);
	if (!value) {
		*err = -ENOMEM;
		return NULL;
	}
	if (!fresh && *value)
		return (const char *)(uintptr_t)*value;
	*err = python_read_str(l->runtime->memory, &l->runtime->offsets, str, text, sizeof(text));
	if (*err)
		return NULL;
	*value = (uintptr_t)arena__strdup(l->out->arena, text);
	if (!*value)
		*err = -ENOMEM;
	return (const char *)(uintptr_t)*value;
}

static const char *last_part(const char *qualname)
{
	const char *dot = strrchr(qualname, '.');

	return dot ? dot + 1 : qualname;
}

/* To 3.10 no code has a qualified name: it is the function's, unless a wrapper took that over. */
static const char *make_qualname(struct listing *l, const struct nesting *nest, const char *name)
{
	char text[2 * NAME_BYTES];
	size_t own = strlen(name), all;

	if (nest->qualname) {
		all = strlen(nest->qualname);
		if (all >= own && !strcmp(nest->qualname + all - own, name) &&
		    (all == own || nest->qualname[all - own - 1] == '.'))
			return nest->qualname;
		/* functools.wraps: it has the name of what it wraps, and is nested in no one knows.
		 */
		return name;
	}
	if (!nest->outer)
		return name;
	snprintf(text, sizeof(text), "%s.%s%s", nest->outer,
		 nest->outer_is_class ? "" : "<locals>.", name);
	return arena__strdup(l->out->arena, text);
}

static struct python_function *append(struct listing *l)
{
	struct python_functions *out = l->out;

	if (out->n == l->room) {
		size_t room = l->room ? l->room * 2 : 1024;
		struct python_function *items = realloc(out->items, room * sizeof(*items));

		if (!items)
			return NULL;
		out->items = items;
		l->room = room;
	}
	memset(&out->items[out->n], 0, sizeof(out->items[0]));
	return &out->items[out->n++];
}

/* What has a name of its own: no lambda, comprehension, class body or module. */
static bool is_named(const struct python_code *code, const char *name)
{
	return (code->flags & CODE_OPTIMIZED) && name[0] && name[0] != '<';
}

static int add_function(struct listing *l, const struct nesting *nest,
			const struct python_code *code, const char *qualname)
{
	const uint64_t immortal = l->runtime->offsets.refcount_immortal;
	struct python_function *f;
	int err = 0;

	if (l->out->n >= FUNCTIONS_MAX)
		return -EFBIG;
	f = append(l);
	if (!f)
		return -ENOMEM;
	f->code = nest->code;
	f->function = nest->function;
	f->qualname = qualname;
	f->first_line = code->first_line;
	f->flags = code->flags;
	f->immortal = immortal && code->refcount >= immortal;
	f->file = text_of(l, code->filename, &err);
	if (err)
		l->out->n--;
	return err;
}

static int add_code(struct listing *l, const struct nesting *nest);

/* The code objects among the constants. */
static int add_nested(struct listing *l, const struct nesting *nest, const struct python_code *code,
		      const char *qualname)
{
	struct python_memory *m = l->runtime->memory;
	const struct python_offsets *o = &l->runtime->offsets;
	struct nesting inner = {.outer = qualname,
				.outer_is_class = !(code->flags & CODE_OPTIMIZED),
				.depth = nest->depth + 1};
	uint64_t items, n;
	int err = 0;

	if (inner.depth > NESTED_MAX)
		return 0;
	err = python_read_tuple(m, o, code->consts, &items, &n);
	if (err)
		return is_misfit(err) ? 0 : err;
	for (uint64_t i = 0; i < n && i < CONSTS_MAX && !err; i++) {
		struct python_head head;

		err = python_memory__read_u64(m, items + i * 8, &inner.code);
		err = err ?: python_read_head(m, o, inner.code, &head);
		if (!err && head.type == o->code_type)
			err = add_code(l, &inner);
		if (is_misfit(err))
			err = 0;
	}
	return err;
}

/* Of a function that was come by before, from its other side. */
static int add_knowledge(struct listing *l, const struct nesting *nest, struct python_function *f)
{
	const struct python_offsets *o = &l->runtime->offsets;

	if (nest->function)
		f->function = nest->function;
	/* Many functions may be made of it, each with another name: it is called by its place. */
	if (o->code_qualname == PYTHON_NONE && nest->outer)
		f->qualname = make_qualname(l, nest, last_part(f->qualname));
	return f->qualname ? 0 : -ENOMEM;
}

/* A code object that is torn or none is passed by. */
static int add_code(struct listing *l, const struct nesting *nest)
{
	const struct python_offsets *o = &l->runtime->offsets;
	const char *name, *qualname = NULL;
	struct python_code code;
	uint64_t *index;
	bool fresh;
	int err;

	if (!nest->code || l->codes.n >= CODES_MAX)
		return nest->code ? -EFBIG : 0;
	index = address_set_add(&l->codes, nest->code, &fresh);
	if (!index)
		return -ENOMEM;
	if (!fresh)
		return *index ? add_knowledge(l, nest, &l->out->items[*index - 1]) : 0;
	err = python_read_code(l->runtime->memory, o, nest->code, &code);
	name = err ? NULL : text_of(l, code.name, &err);
	if (name && o->code_qualname != PYTHON_NONE)
		qualname = text_of(l, code.qualname, &err);
	else if (name)
		qualname = make_qualname(l, nest, name);
	if (err || !qualname)
		return err;
	if (is_named(&code, name)) {
		err = add_function(l, nest, &code, qualname);
		if (err)
			return err;
		*index = l->out->n;
	}
	return add_nested(l, nest, &code, qualname);
}

static bool is_generator(const struct python_offsets *o, uint64_t type)
{
	return type && (type == o->generator_type || type == o->coroutine_type ||
			type == o->async_generator_type);
}

/* Further ones are passed by. */
static int add_generator(struct listing *l, uint64_t object)
{
	const struct python_offsets *o = &l->runtime->offsets;
	struct python_functions *out = l->out;
	struct python_generator g = {.frame = object + (uint64_t)o->generator_frame};
	int err = 0;

	if (out->generators_n >= PYTHON_GENERATORS_MAX)
		return 0;
	if (!out->generators)
		out->generators = calloc(PYTHON_GENERATORS_MAX, sizeof(g));
	if (!out->generators)
		return -ENOMEM;
	if (o->frame_kind == PYTHON_FRAMES_OBJECTS)
		err = python_memory__read_u64(l->runtime->memory, g.frame, &g.frame);
	if (!err && g.frame)
		err = python_memory__read_u64(l->runtime->memory, g.frame + (uint64_t)o->frame_code,
					      &g.code);
	g.code &= ~o->tag_mask;
	if (!err && g.code)
		out->generators[out->generators_n++] = g;
	return err;
}

static int on_object(void *ctx, uint64_t object, uint64_t type)
{
	struct listing *l = ctx;
	const struct python_offsets *o = &l->runtime->offsets;
	struct nesting nest = {.function = object};
	uint64_t qualname;
	int err;

	if (is_generator(o, type)) {
		err = add_generator(l, object);
		return is_misfit(err) ? 0 : err;
	}
	if (type != o->function_type)
		return 0;
	err = python_memory__read_u64(l->runtime->memory, object + (uint64_t)o->function_code,
				      &nest.code);
	if (!err && o->code_qualname == PYTHON_NONE) {
		err = python_memory__read_u64(l->runtime->memory,
					      object + (uint64_t)o->function_qualname, &qualname);
		nest.qualname = err ? NULL : text_of(l, qualname, &err);
	}
	err = err ?: add_code(l, &nest);
	return is_misfit(err) ? 0 : err;
}

static int walk_all(struct listing *l, struct gc_walk *walk)
{
	const struct python_offsets *o = &l->runtime->offsets;
	uint64_t at;
	int err = python_memory__read_u64(l->runtime->memory,
					  o->runtime + (uint64_t)o->runtime_interpreters, &at);
	bool any = false;

	for (int i = 0; !err && at && i < PYTHON_INTERPRETERS_MAX; i++) {
		err = gc_walk_interpreter(walk, at);
		any |= !err;
		if (at == o->interpreter)
			gc_walk_generations(walk, l->out->gc_lists);
		if (err == -ENOENT && any)
			err = 0; /* one that is just made */
		if (walk->partial)
			break;
		err = err
			      ?: python_memory__read_u64(l->runtime->memory,
							 at + (uint64_t)o->interpreter_next, &at);
	}
	return err;
}

static int by_place(const void *a, const void *b)
{
	const struct python_function *x = a, *y = b;
	int order = strcmp(x->file, y->file);

	if (order)
		return order;
	if (x->first_line != y->first_line)
		return x->first_line < y->first_line ? -1 : 1;
	return x->code < y->code ? -1 : x->code > y->code;
}

static void say_partial(struct python_functions *out, const char *why)
{
	out->partial = true;
	snprintf(out->why, sizeof(out->why), "%s", why);
}

static int list(struct listing *l, const struct python_limits *limits)
{
	struct python_memory *m = l->runtime->memory;
	const uint64_t time_ns = limits && limits->time_ns ? limits->time_ns : TIME_MAX_NS;
	const uint64_t start_ns = python_memory__now_ns(m);
	struct gc_walk walk = {.memory = m,
			       .offsets = &l->runtime->offsets,
			       .fn = on_object,
			       .ctx = l,
			       .objects_max = limits && limits->objects ? limits->objects
									: OBJECTS_MAX,
			       .until_ns = start_ns + time_ns};
	int err;

	python_memory__forget_all(m);
	python_memory__limit(m, limits && limits->bytes ? limits->bytes : BYTES_MAX);
	err = walk_all(l, &walk);
	if (walk.partial)
		say_partial(l->out, walk.partial);
	if (err == -EFBIG || err == -ENOENT || is_misfit(err)) {
		say_partial(l->out, err == -EFBIG ? "more functions or bytes than are looked at"
						  : "its lists of objects cannot be read");
		err = 0;
	}
	l->out->objects_n = walk.objects_n;
	l->out->bytes_n = python_memory__bytes(m);
	l->out->time_ns = python_memory__now_ns(m) - start_ns;
	python_memory__limit(m, 0);
	python_memory__release(m);
	return err;
}

int python_functions_list(struct python_runtime *runtime, const struct python_limits *limits,
			  struct python_functions *out)
{
	struct listing l = {.runtime = runtime, .out = out};
	int err;

	memset(out, 0, sizeof(*out));
	out->arena = arena__new();
	err = out->arena ? list(&l, limits) : -ENOMEM;
	address_set_free(&l.codes);
	address_set_free(&l.texts);
	if (!err && arena__failed(out->arena))
		err = -ENOMEM;
	if (err)
		python_functions_free(out);
	else if (out->n)
		qsort(out->items, out->n, sizeof(out->items[0]), by_place);
	return err;
}

void python_functions_free(struct python_functions *functions)
{
	free(functions->items);
	free(functions->generators);
	arena__free(functions->arena);
	memset(functions, 0, sizeof(*functions));
}
