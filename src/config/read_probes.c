/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Probes: the functions of a stage, with what is read from them.
 *
 *	call: "assistant:parse_intent"
 *	call: { probe: "assistant:parse_intent", key: arg0, error: "ret < 0" }
 *	call: [ "libespeak-ng.so*:espeak_Synth", { probe: … } ]
 */
#include <string.h>

#include "memory/arena.h"
#include "config/expr.h"
#include "config/near.h"
#include "config/python_probe.h"
#include "config/read_parts.h"
#include "config/read_values.h"
#include "config/reader.h"
#include "config/yaml.h"

/* One probe while it is read. */
struct probe_read {
	struct probe_config probe;
	const struct probe_place *place;
	const struct yaml_node *node;
	unsigned int flags; /* enum expr_flags of its values */
	bool python;	    /* its arguments and its result are objects: nothing is read of them */
	const struct yaml_node *hit;
};

/* Refuses what is no probe at all; what the target can resolve is the target's business. */
static bool check_probe_text(struct reader *r, const struct yaml_node *node, const char *text)
{
	if (strlen(text) >= PROBE_TEXT_LIMIT) {
		read_error(r, node, "a probe has at most %d characters", PROBE_TEXT_LIMIT - 1);
		return false;
	}
	if (strchr(text, '\n')) {
		read_error(r, node, "a probe is one line");
		return false;
	}
	if (!strncmp(text, "usdt:", 5)) {
		read_error(r, node, "usdt probes are not supported");
		return false;
	}
	if (text[0] == ':' || (!strchr(text, ':') && !strstr(text, "+0x"))) {
		read_error(r, node,
			   "'%.100s' is no probe: expected OBJECT:SYMBOL or "
			   "OBJECT+0xOFFSET",
			   text);
		return false;
	}
	return true;
}

static bool check_python(struct reader *r, const struct yaml_node *node,
			 const struct probe_place *place, const char *text)
{
	struct python_probe_spec probe;
	char err[160];
	size_t at;

	if (!(place->values & PROBE_OF_PYTHON)) {
		read_error(r, node, "Python functions are for calls, not for %s", place->what);
		return false;
	}
	if (!python_probe_parse(text, &probe, &at, err, sizeof(err)))
		return true;
	read_error_at(r, node, at, "%s", err);
	return false;
}

static bool ends_in(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n >= m && !strcmp(text + n - m, end);
}

static void read_class(struct reader *r, const struct yaml_node *node, uint8_t *out)
{
	const char *text = read_text(r, node, "the name of a class");
	struct near near;

	if (!text)
		return;
	near_init(&near, text);
	for (size_t i = 0; i < r->config->classes_n; i++) {
		near_add(&near, r->config->classes[i]);
		if (!strcmp(r->config->classes[i], text)) {
			*out = (uint8_t)(i + 1);
			return;
		}
	}
	if (near_best(&near))
		read_error(r, node, "no class '%.60s' (did you mean '%s'?)", text,
			   near_best(&near));
	else
		read_error(r, node, "no class '%.60s': handle classes are defined under 'classes'",
			   text);
}

/* Where a handle is read, and what it is read into. */
struct handle_read {
	struct probe_config *probe;
	unsigned int flags; /* enum expr_flags */
};

/* "arg0" or { from: arg0, class: wake }. */
static void handle_value(struct reader *r, const struct yaml_node *node, void *ctx)
{
	static const struct read_key keys[] = {{"from", NULL}, {"type", NULL}, {"class", NULL}};
	const struct handle_read *h = ctx;
	struct probe_config unused = {.probe = NULL};
	struct handle_read elsewhere = {&unused, h->flags};
	const struct yaml_node *from, *class;

	if (read_per_arch(r, node, handle_value, ctx, &elsewhere))
		return;
	if (node->kind != YAML_MAP) {
		read_value_text(r, node, h->flags, -1, &h->probe->handle);
		return;
	}
	read_map(r, node, READ_KEYS(keys), NULL);
	from = yaml_get(node, "from");
	class = yaml_get(node, "class");
	if (from)
		read_value_text(r, from, h->flags, read_value_type(r, node), &h->probe->handle);
	else
		read_error(r, node, "'from' is missing: where the handle is, such as arg0");
	if (class)
		read_class(r, class, &h->probe->handle_class);
}

void read_shared_key(struct reader *r, const struct yaml_node *node, void *probe_config)
{
	read_value(r, node, 0, &((struct probe_config *)probe_config)->key);
}

void read_shared_handle(struct reader *r, const struct yaml_node *node, void *probe_config)
{
	handle_value(r, node, &(struct handle_read){probe_config, 0});
}

void read_shared_where(struct reader *r, const struct yaml_node *node, void *probe_config)
{
	read_value_text(r, node, EXPR_CONDITION, -1, &((struct probe_config *)probe_config)->where);
}

/* True when this place may have the value; else it is said. */
static bool allowed(struct reader *r, const struct yaml_node *node, const struct probe_read *p,
		    unsigned int value)
{
	if (p->python) {
		read_error(r, node->key,
			   "'%s' cannot be read of a Python function: its arguments and its result "
			   "are objects of the interpreter",
			   node->key->text);
		return false;
	}
	if (p->place->values & value)
		return true;
	read_error(r, node->key, "'%s' has no meaning for %s", node->key->text, p->place->what);
	return false;
}

static void read_key_value(struct reader *r, const struct yaml_node *node, void *ctx)
{
	struct probe_read *p = ctx;

	if (allowed(r, node, p, PROBE_KEY))
		read_value(r, node, p->flags, &p->probe.key);
}

static void read_handle(struct reader *r, const struct yaml_node *node, void *ctx)
{
	struct probe_read *p = ctx;

	if (allowed(r, node, p, PROBE_HANDLE))
		handle_value(r, node, &(struct handle_read){&p->probe, p->flags});
}

static void read_where(struct reader *r, const struct yaml_node *node, void *ctx)
{
	struct probe_read *p = ctx;

	if (allowed(r, node, p, PROBE_WHERE))
		read_value_text(r, node, p->flags | EXPR_CONDITION, -1, &p->probe.where);
}

static void read_when(struct reader *r, const struct yaml_node *node, void *ctx)
{
	struct probe_read *p = ctx;

	if (allowed(r, node, p, PROBE_WHEN))
		read_value_text(r, node, p->flags | EXPR_CONDITION, -1, &p->probe.when);
}

static void read_failure(struct reader *r, const struct yaml_node *node, void *ctx)
{
	struct probe_read *p = ctx;

	if (allowed(r, node, p, PROBE_ERROR))
		read_value_text(r, node, p->flags | EXPR_CONDITION, -1, &p->probe.error);
}

static void read_cached(struct reader *r, const struct yaml_node *node, void *ctx)
{
	struct probe_read *p = ctx;

	if (allowed(r, node, p, PROBE_CACHED))
		read_value_text(r, node, p->flags | EXPR_CONDITION, -1, &p->probe.cached);
}

static void read_text_value(struct reader *r, const struct yaml_node *node, void *ctx)
{
	struct probe_read *p = ctx;

	if (allowed(r, node, p, PROBE_TEXT))
		read_value(r, node, p->flags, &p->probe.text);
}

static void read_length(struct reader *r, const struct yaml_node *node, void *ctx)
{
	struct probe_read *p = ctx;

	if (allowed(r, node, p, PROBE_TEXT))
		read_value(r, node, p->flags, &p->probe.length);
}

static void read_name(struct reader *r, const struct yaml_node *node, void *ctx)
{
	struct probe_read *p = ctx;

	if (allowed(r, node, p, PROBE_NAMED))
		read_value(r, node, p->flags, &p->probe.name);
}

static void read_per_second(struct reader *r, const struct yaml_node *node, struct probe_read *p,
			    int type)
{
	read_value_text(r, node, p->flags | EXPR_CONSTANT, type, &p->probe.per_second);
	if (p->probe.per_second.base != WIRE_BASE_CONST)
		return;
	if (!p->probe.per_second.rhs)
		read_error(r, node, "'per_second' cannot be 0");
	else if (!p->probe.work.base)
		read_error(r, node, "a constant 'per_second' says nothing without 'value'");
}

/* { value, per_second, type }: the length of the audio, or per_second alone: its sample rate. */
static void work_value(struct reader *r, const struct yaml_node *node, void *ctx)
{
	static const struct read_key keys[] = {
		{"value", NULL}, {"type", NULL}, {"per_second", NULL}};
	struct probe_read *p = ctx, elsewhere = *p;
	const struct yaml_node *value, *per_second;
	int type;

	if (read_per_arch(r, node, work_value, ctx, &elsewhere) ||
	    !read_map(r, node, READ_KEYS(keys), NULL))
		return;
	value = yaml_get(node, "value");
	per_second = yaml_get(node, "per_second");
	type = read_value_type(r, node);
	if (value)
		read_value_text(r, value, p->flags, type, &p->probe.work);
	if (per_second)
		read_per_second(r, per_second, p, type);
	else
		read_error(r, node, "'per_second' is missing: how much of it is a second of audio");
}

static void read_work(struct reader *r, const struct yaml_node *node, void *ctx)
{
	if (allowed(r, node, ctx, PROBE_WORK))
		work_value(r, node, ctx);
}

static void read_exit(struct reader *r, const struct yaml_node *node, void *ctx)
{
	struct probe_read *p = ctx;
	const char *text;

	if (!allowed(r, node, p, PROBE_EXIT))
		return;
	text = read_text(r, node, "'uretprobe'");
	if (text && strcmp(text, "uretprobe"))
		read_error(r, node, "expected 'uretprobe', not '%.60s'", text);
	else if (text)
		p->probe.uretprobe = true;
}

static void read_hit(struct reader *r, const struct yaml_node *node, void *ctx)
{
	struct probe_read *p = ctx;

	if (p->place->values & PROBE_FOUND)
		read_value_text(r, node, p->flags | EXPR_CONDITION, -1, &p->probe.when);
	else if (allowed(r, node, p, PROBE_HIT))
		p->hit = node;
}

static void read_bytes(struct reader *r, const struct yaml_node *node, void *ctx)
{
	struct probe_read *p = ctx;

	if (allowed(r, node, p, PROBE_BYTES))
		read_value(r, node, p->flags | EXPR_CONSTANT, &p->probe.work);
}

static void read_size(struct reader *r, const struct yaml_node *node, void *ctx)
{
	struct probe_read *p = ctx;

	if (allowed(r, node, p, PROBE_SIZE))
		read_value(r, node, p->flags, &p->probe.size);
}

static const struct read_key probe_keys[] = {
	{"probe", NULL},	   {"key", read_key_value}, {"handle", read_handle},
	{"where", read_where},	   {"when", read_when},	    {"error", read_failure},
	{"work", read_work},	   {"exit", read_exit},	    {"hit", read_hit},
	{"cached", read_cached},   {"bytes", read_bytes},   {"size", read_size},
	{"text", read_text_value}, {"length", read_length}, {"name", read_name},
};

static void share(struct probe_config *probe, const struct probe_config *shared)
{
	if (!shared)
		return;
	if (!probe->key.base)
		probe->key = shared->key;
	if (!probe->handle.base) {
		probe->handle = shared->handle;
		if (!probe->handle_class)
			probe->handle_class = shared->handle_class;
	}
	if (!probe->where.base)
		probe->where = shared->where;
}

/*
 * `hit: { when: … }` is about the frame function itself; with a probe it is another function,
 * on the same handle unless it says otherwise.
 */
static void add_hits(struct reader *r, const struct probe_read *frame, struct probe_config *own)
{
	static const struct read_key when_only[] = {{"when", read_when}};
	struct probe_config shared = {.handle = frame->probe.handle,
				      .handle_class = frame->probe.handle_class};
	struct probe_place place = {.what = "a hit",
				    .values = PROBE_HANDLE | PROBE_WHERE | PROBE_WHEN | PROBE_EXIT};
	const struct yaml_node *hit = frame->hit;

	if (hit->kind == YAML_MAP && !yaml_get(hit, "probe")) {
		struct probe_read self = *frame;

		read_map(r, hit, READ_KEYS(when_only), &self);
		if (!yaml_get(hit, "when"))
			read_error(r, hit, "a hit needs 'probe' or 'when'");
		own->when = self.probe.when;
		return;
	}
	if (!expr_uses_ret(&shared.handle))
		place.shared = &shared;
	read_probes(r, hit, &place, frame->place->hits);
}

static void add_probe(struct reader *r, struct probe_read *p, struct probe_list *list)
{
	struct probe_config *item;

	item = arena__append(r->arena, list->item, list->n, sizeof(*item));
	if (!item)
		return;
	share(&p->probe, p->place->shared);
	list->item = item;
	item += list->n++;
	*item = p->probe;
	if (p->hit)
		add_hits(r, p, item);
}

static void read_probe(struct reader *r, const struct yaml_node *node,
		       const struct probe_place *place, struct probe_list *list)
{
	struct probe_read p = {.place = place, .node = node};
	const struct yaml_node *name = node;
	const char *text;

	if (node->kind == YAML_MAP) {
		name = yaml_get(node, "probe");
		if (!name)
			read_error(r, node,
				   "'probe' is missing: the function, such as "
				   "\"libfoo.so*:bar\"");
	}
	text = name ? read_text(r, name, "a probe (OBJECT:SYMBOL)") : NULL;
	p.python = text && python_probe_is(text);
	if (text && check_probe_text(r, name, text) &&
	    (!p.python || check_python(r, name, place, text))) {
		p.probe.probe = arena__strdup(r->arena, text);
		p.probe.pos = read_pos(r, name);
		if (ends_in(text, "@entry") || (place->entry && !ends_in(text, "@return")))
			p.flags |= EXPR_NO_RET;
	}
	if (node->kind == YAML_MAP)
		read_map(r, node, READ_KEYS(probe_keys), &p);
	add_probe(r, &p, list);
}

void read_probes(struct reader *r, const struct yaml_node *node, const struct probe_place *place,
		 struct probe_list *list)
{
	if (node->kind != YAML_LIST) {
		read_probe(r, node, place, list);
		return;
	}
	if (!node->first)
		read_error(r, node, "the list of probes is empty");
	for (const struct yaml_node *n = node->first; n; n = n->next) {
		if (n->kind == YAML_LIST)
			read_error(r, n, "expected a probe, not a list");
		else
			read_probe(r, n, place, list);
	}
}
