/* SPDX-License-Identifier: GPL-2.0-only */
#include "watch/bindings.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "target/probe_spec.h"
#include "target/process.h"

void bindings_init(struct bindings *b, const struct config *config)
{
	memset(b, 0, sizeof(*b));
	b->config = config;
	b->stages_n = config->stages_n;
	for (size_t i = 0; i < b->stages_n; i++)
		b->stages[i].conf = &config->stages[i];
}

void bindings_free(struct bindings *b)
{
	for (size_t i = 0; i < b->functions_n; i++)
		func_plan_free(&b->functions[i].plan);
	free(b->functions);
	memset(b, 0, sizeof(*b));
}

/* Adds a sentence to the stage's reason. */
static void __attribute__((format(printf, 2, 3)))
explain(struct bound_stage *stage, const char *fmt, ...)
{
	size_t used = strlen(stage->reason);
	va_list args;

	if (used && used + 2 < sizeof(stage->reason))
		used += (size_t)snprintf(stage->reason + used, sizeof(stage->reason) - used, "; ");
	if (used >= sizeof(stage->reason))
		return;
	va_start(args, fmt);
	vsnprintf(stage->reason + used, sizeof(stage->reason) - used, fmt, args);
	va_end(args);
}

/* What the probe's values read: which arguments in registers, the return value, memory. */
static void note_reads(const struct probe_config *c, struct plan_opts *opts)
{
	const struct wire_value *const values[] = {
		&c->key,	&c->handle, &c->where, &c->when, &c->error,  &c->work,
		&c->per_second, &c->cached, &c->size,  &c->text, &c->length, &c->name};

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		if (values[i]->base == WIRE_BASE_ARG && values[i]->arg < 8)
			opts->arg_mask |= (uint8_t)(1U << values[i]->arg);
		opts->need_ret |= values[i]->base == WIRE_BASE_RET;
		opts->need_memory |= values[i]->base != WIRE_BASE_NONE &&
				     (values[i]->derefs || values[i]->type == WIRE_TYPE_STR);
	}
	opts->need_memory |= c->text.base != WIRE_BASE_NONE || c->name.base != WIRE_BASE_NONE;
	opts->need_args = opts->arg_mask != 0;
}

static bool is_bound(const struct bindings *b, const struct object *obj, uint64_t offset,
		     const struct probe_config *conf)
{
	for (size_t i = 0; i < b->functions_n; i++) {
		const struct bound_function *f = &b->functions[i];

		if (!f->gone && f->conf == conf && f->plan.offset == offset &&
		    f->inode == obj->inode && f->dev_major == obj->dev_major &&
		    f->dev_minor == obj->dev_minor)
			return true;
	}
	return false;
}

static int grow(struct bindings *b)
{
	size_t cap = b->functions_cap ? b->functions_cap * 2 : 16;
	struct bound_function *functions;

	if (b->functions_n < b->functions_cap)
		return 0;
	functions = realloc(b->functions, cap * sizeof(*functions));
	if (!functions)
		return -ENOMEM;
	b->functions = functions;
	b->functions_cap = cap;
	return 0;
}

/* Which of a stage's lists a probe is in. */
struct list_role {
	uint16_t stage;
	uint8_t role;	/* enum wire_role */
	bool at_return; /* where the probe does not say */
};

static bool needs_return(uint8_t role)
{
	return role == WIRE_ROLE_CALL || role == WIRE_ROLE_FRAME || role == WIRE_ROLE_HIT ||
	       role == WIRE_ROLE_LOOKUP ||
	       (role >= WIRE_ROLE_EXECUTE && role != WIRE_ROLE_RESET && role != WIRE_ROLE_FREE);
}

static int bind_match(struct bindings *b, const struct process *proc, struct object_table *objects,
		      const struct match *match, const struct probe_spec *spec,
		      const struct probe_config *conf, const struct list_role *lr)
{
	const struct object *obj = objects->objects[match->object];
	struct bound_stage *stage = &b->stages[lr->stage];
	struct bound_function f = {.stage = lr->stage, .role = lr->role, .conf = conf};
	struct plan_opts opts = {};
	int err;

	if (is_bound(b, obj, match->offset, conf))
		return 0;
	if (b->functions_n >= WIRE_BINDS_MAX || grow(b)) {
		explain(stage, "%s: more functions than fit", conf->probe);
		return 0;
	}
	note_reads(conf, &opts);
	f.at_return = spec->point == PROBE_BOTH ? lr->at_return : spec->point == PROBE_RETURN;
	if (!f.at_return && needs_return(lr->role)) {
		explain(stage, "%s: a %s needs the return, not @entry alone", conf->probe,
			lr->role == WIRE_ROLE_HIT      ? "hit"
			: lr->role == WIRE_ROLE_LOOKUP ? "look-up"
						       : "span");
		return 0;
	}
	if (f.at_return && (lr->role == WIRE_ROLE_RESET || lr->role == WIRE_ROLE_FREE)) {
		explain(stage, "%s: a statement is over at the entry, not @return", conf->probe);
		return 0;
	}
	f.uretprobe = conf->uretprobe && f.at_return;
	if (f.uretprobe && b->no_uretprobe[0]) {
		explain(stage, "%s: exit: uretprobe: %s", conf->probe, b->no_uretprobe);
		return 0;
	}
	opts.entry_only = !f.at_return || f.uretprobe;
	opts.avoid = b->avoid;
	opts.pairs = f.at_return;
	err = plan_function(proc, objects, match, &opts, &f.plan);
	if (err) {
		explain(stage, "%s refused: %s", match->name,
			f.plan.reason[0] ? f.plan.reason : strerror(-err));
		func_plan_free(&f.plan);
		return err == -ESRCH ? err : 0;
	}
	f.inode = obj->inode;
	f.dev_major = obj->dev_major;
	f.dev_minor = obj->dev_minor;
	b->functions[b->functions_n++] = f;
	return 0;
}

static int bind_probe(struct bindings *b, const struct process *proc, struct object_table *objects,
		      const struct probe_config *conf, const struct list_role *lr)
{
	struct bound_stage classes = {}; /* a class nobody can learn is no fault of a stage */
	struct bound_stage *stage = lr->role == WIRE_ROLE_CLASS ? &classes : &b->stages[lr->stage];
	struct match *matches = NULL;
	char err_text[BINDING_REASON_MAX];
	struct probe_spec spec;
	size_t n = 0;
	int err;

	err = probe_spec_parse(conf->probe, &spec, err_text, sizeof(err_text));
	if (err) {
		explain(stage, "%s: %s", conf->probe, err_text);
		return 0;
	}
	/* No code of an object: they are bound by other ways, src/watch/python_*. */
	if (spec.kind == PROBE_PYTHON)
		return 0;
	err = probe_spec_match(&spec, objects, proc, BINDING_MATCHES_MAX, &matches, &n, err_text,
			       sizeof(err_text));
	if (err) {
		explain(stage, "%s: %s", conf->probe, err_text);
		return err == -ESRCH ? err : 0;
	}
	for (size_t i = 0; i < n && !err; i++)
		err = bind_match(b, proc, objects, &matches[i], &spec, conf, lr);
	match_list_free(matches, n);
	return err;
}

static int bind_list(struct bindings *b, const struct process *proc, struct object_table *objects,
		     const struct probe_list *list, const struct list_role *lr)
{
	int err = 0;

	for (size_t i = 0; i < list->n && !err; i++)
		err = bind_probe(b, proc, objects, &list->item[i], lr);
	return err;
}

static uint8_t role_of_calls(enum stage_kind kind)
{
	if (kind == STAGE_CACHE)
		return WIRE_ROLE_LOOKUP;
	return kind == STAGE_FRAME ? WIRE_ROLE_FRAME : WIRE_ROLE_CALL;
}

/* Last roles first: results before what is sent, so that nothing opens that nobody would close. */
static int bind_statement(struct bindings *b, const struct process *proc,
			  struct object_table *objects, uint16_t i)
{
	const struct stage_config *conf = b->stages[i].conf;
	int err = 0;

	for (int role = WIRE_ROLE_END; role >= WIRE_ROLE_EXECUTE && !err; role--)
		err = bind_list(b, proc, objects, &conf->statement[role - WIRE_ROLE_EXECUTE],
				&(struct list_role){i, (uint8_t)role, needs_return((uint8_t)role)});
	return err;
}

static int bind_stage(struct bindings *b, const struct process *proc, struct object_table *objects,
		      uint16_t i)
{
	const struct stage_config *conf = b->stages[i].conf;
	const uint8_t role = role_of_calls(conf->kind);
	int err;

	if (conf->kind == STAGE_STATEMENT)
		return bind_statement(b, proc, objects, i);
	err = bind_list(b, proc, objects, &conf->call, &(struct list_role){i, role, true});
	err = err
		      ?: bind_list(b, proc, objects, &conf->hit,
				   &(struct list_role){i, WIRE_ROLE_HIT, true});
	/* Outputs before the opening, so that no stream opens that nobody would close. */
	err = err
		      ?: bind_list(b, proc, objects, &conf->to,
				   &(struct list_role){i, WIRE_ROLE_TO, true});
	err = err
		      ?: bind_list(b, proc, objects, &conf->from,
				   &(struct list_role){i, WIRE_ROLE_FROM, false});
	err = err
		      ?: bind_list(b, proc, objects, &conf->insert,
				   &(struct list_role){i, WIRE_ROLE_INSERT, false});
	return err
		       ?: bind_list(b, proc, objects, &conf->evict,
				    &(struct list_role){i, WIRE_ROLE_EVICT, false});
}

static size_t count_role(const struct bindings *b, uint16_t stage, uint8_t role)
{
	size_t n = 0;

	for (size_t i = 0; i < b->functions_n; i++)
		n += !b->functions[i].gone && b->functions[i].stage == stage &&
		     b->functions[i].role == role;
	return n;
}

static void judge_statement(struct bindings *b, uint16_t i)
{
	struct bound_stage *stage = &b->stages[i];

	for (int role = WIRE_ROLE_EXECUTE; role <= WIRE_ROLE_END; role++)
		stage->functions_n += count_role(b, i, (uint8_t)role);
	stage->complete = count_role(b, i, WIRE_ROLE_EXECUTE) || count_role(b, i, WIRE_ROLE_STEP) ||
			  (count_role(b, i, WIRE_ROLE_BEGIN) && count_role(b, i, WIRE_ROLE_END));
}

static void judge_stage(struct bindings *b, uint16_t i)
{
	struct bound_stage *stage = &b->stages[i];
	size_t from = count_role(b, i, WIRE_ROLE_FROM), to = count_role(b, i, WIRE_ROLE_TO);
	size_t call = count_role(b, i, WIRE_ROLE_CALL) + count_role(b, i, WIRE_ROLE_FRAME);

	size_t lookup = count_role(b, i, WIRE_ROLE_LOOKUP);
	size_t insert = count_role(b, i, WIRE_ROLE_INSERT);
	size_t evict = count_role(b, i, WIRE_ROLE_EVICT);

	stage->functions_n =
		from + to + call + lookup + insert + evict + count_role(b, i, WIRE_ROLE_HIT);
	if (stage->conf->kind == STAGE_STATEMENT) {
		judge_statement(b, i);
		return;
	}
	if (stage->conf->kind == STAGE_STREAM)
		stage->complete = from && to;
	else if (stage->conf->kind == STAGE_CACHE)
		/* Evictions that nobody counts are not none. */
		stage->complete = lookup && (insert || !stage->conf->insert.n) &&
				  (evict || !stage->conf->evict.n);
	else
		stage->complete = call > 0;
}

/* `handle_class` 0: any. */
static bool list_uses_class(const struct probe_list *list, uint8_t handle_class)
{
	for (size_t i = 0; i < list->n; i++)
		if (handle_class ? list->item[i].handle_class == handle_class
				 : list->item[i].handle_class != 0)
			return true;
	return false;
}

static bool uses_class(const struct stage_config *conf, uint8_t handle_class)
{
	return list_uses_class(&conf->call, handle_class) ||
	       list_uses_class(&conf->hit, handle_class) ||
	       list_uses_class(&conf->from, handle_class) ||
	       list_uses_class(&conf->to, handle_class);
}

/* The first stage that can be watched and asks for the class; stages_n: none. */
static size_t stage_of_class(const struct bindings *b, uint8_t handle_class)
{
	size_t i = 0;

	while (i < b->stages_n &&
	       !(b->stages[i].complete && uses_class(b->stages[i].conf, handle_class)))
		i++;
	return i;
}

/*
 * Handle classes belong to no stage; their probes come and go with the first stage that can be
 * watched and asks for the class.  A class that nobody asks for tells others what is not theirs.
 */
static int bind_class(struct bindings *b, const struct process *proc, struct object_table *objects,
		      const struct probe_config *conf)
{
	size_t stage = stage_of_class(b, conf->handle_class);

	if (stage == b->stages_n)
		stage = stage_of_class(b, 0);
	if (stage == b->stages_n)
		return 0;
	return bind_probe(b, proc, objects, conf,
			  &(struct list_role){(uint16_t)stage, WIRE_ROLE_CLASS, false});
}

int bindings_resolve(struct bindings *b, const struct process *proc, struct object_table *objects)
{
	int err = 0;

	for (size_t i = 0; i < b->stages_n; i++)
		b->stages[i].reason[0] = '\0';
	for (size_t i = 0; i < b->stages_n && !err; i++)
		err = bind_stage(b, proc, objects, (uint16_t)i);
	for (size_t i = 0; i < b->stages_n; i++)
		judge_stage(b, (uint16_t)i);
	for (size_t i = 0; i < b->config->class_probes.n && !err; i++)
		err = bind_class(b, proc, objects, &b->config->class_probes.item[i]);
	return err;
}

static bool is_mapped(const struct bound_function *f, const struct object_table *objects)
{
	for (size_t i = 0; i < objects->n_objects; i++) {
		const struct object *obj = objects->objects[i];

		if (!obj->gone && obj->inode == f->inode && obj->dev_major == f->dev_major &&
		    obj->dev_minor == f->dev_minor)
			return true;
	}
	return false;
}

uint64_t bindings_expire(struct bindings *b, const struct object_table *objects)
{
	uint64_t expired = 0;

	for (size_t i = 0; i < b->functions_n; i++)
		if (!b->functions[i].gone && !is_mapped(&b->functions[i], objects))
			expired |= 1ULL << b->functions[i].stage;
	for (size_t i = 0; i < b->functions_n; i++)
		if (expired >> b->functions[i].stage & 1)
			b->functions[i].gone = true;
	for (size_t i = 0; i < b->stages_n; i++)
		judge_stage(b, (uint16_t)i);
	return expired;
}

static bool reads_ret(const struct wire_value *v)
{
	return v->base == WIRE_BASE_RET;
}

static bool same_code(const struct bound_function *a, const struct bound_function *b)
{
	return a->plan.offset == b->plan.offset && a->inode == b->inode &&
	       a->dev_major == b->dev_major && a->dev_minor == b->dev_minor;
}

/*
 * True when each execution of an exit has passed the entry before, and that was looked at: an old
 * frame at the same SP is replaced there, and the return address need not tell them apart.  It
 * saves a read of user memory at both ends, which is half of what the programs cost.  Not where
 * the function serves two stages: at its entry there is the other's frame with the same SP.
 */
static bool owns_exits(const struct bindings *b, const struct bound_function *f)
{
	const struct probe_config *c = f->conf;

	for (size_t i = 0; i < b->functions_n; i++)
		if (&b->functions[i] != f && !b->functions[i].gone &&
		    same_code(&b->functions[i], f))
			return false;

	if (f->plan.learn_return || f->plan.entry_loops || c->handle_class ||
	    c->where.base != WIRE_BASE_NONE)
		return false;
	for (size_t i = 0; i < f->plan.n_exits; i++)
		if (f->plan.exits[i].tail)
			return false;
	return true;
}

void bindings_wire(const struct bindings *b, size_t i, struct wire_bind *out)
{
	const struct bound_function *f = &b->functions[i];
	const struct probe_config *c = f->conf;

	memset(out, 0, sizeof(*out));
	out->stage = f->stage;
	out->role = f->role;
	out->cls = c->handle_class;
	if (f->at_return)
		out->flags |= WIRE_BIND_AT_RETURN;
	if (reads_ret(&c->where))
		out->flags |= WIRE_BIND_WHERE_AT_RETURN;
	if (f->plan.learn_return && f->at_return && !f->uretprobe)
		out->flags |= WIRE_BIND_LEARN;
	if (f->on_trial)
		out->flags |= WIRE_BIND_TRIAL;
	if (f->plan.entry_loops)
		out->flags |= WIRE_BIND_ENTRY_LOOPS;
	if (c->inside)
		out->flags |= WIRE_BIND_INSIDE;
	if (c->encloses)
		out->flags |= WIRE_BIND_ENCLOSES;
	if (owns_exits(b, f))
		out->flags |= WIRE_BIND_OWN_EXITS;
	out->key = c->key;
	out->handle = c->handle;
	out->where = c->where;
	out->when = c->when;
	out->error = c->error;
	out->work = c->work;
	out->per_second = c->per_second;
	out->cached = c->cached;
	out->size = c->size;
	if (b->stages[f->stage].conf->language == LANGUAGE_REDIS)
		out->flags |= WIRE_BIND_WORD;
	out->text = c->text;
	out->length = c->length;
	out->name = c->name;
}
