/* SPDX-License-Identifier: GPL-2.0-only */
#include <stdlib.h>
#include <string.h>

#include "memory/arena.h"
#include "log/strbuf.h"
#include "template/template.h"
#include "template/tree.h"

static struct value term_value(struct expansion *x, const struct term *term);

static void call(struct expansion *x, const struct term *term, struct value *out)
{
	const struct template_function *f = term->function;
	struct value args[CALL_ARGS_MAX];

	if (term->args_n < f->args_min || term->args_n > f->args_max) {
		expansion_fail(x, "wrong number of args for %s: want %zu got %zu", f->name,
			       f->args_min, term->args_n);
		return;
	}
	for (size_t i = 0; i < term->args_n && !x->error[0]; i++) {
		args[i] = term_value(x, term->arg[i]);
		if (!x->error[0] && !template_accepts(f, i, args[i].kind))
			expansion_fail(x, "error calling %s: it cannot take a %s", f->name,
				       value_type(&args[i]));
	}
	if (!x->error[0])
		f->call(x, args, term->args_n, out);
}

static struct value labels_value(const struct label *label, size_t n)
{
	return (struct value){.kind = VALUE_LABELS, .label = label, .labels_n = n};
}

static struct value term_value(struct expansion *x, const struct term *term)
{
	const struct template_data *data = x->data;
	struct value v = {.kind = VALUE_STRING, .text = ""};
	struct value labels = labels_value(data->labels, data->labels_n);
	struct value external = labels_value(data->external_labels, data->external_labels_n);

	switch (term->kind) {
	case TERM_CONSTANT:
		return term->constant;
	case TERM_DATA:
		return (struct value){.kind = VALUE_DOT, .data = data};
	case TERM_LABELS:
		return labels;
	case TERM_LABEL:
		v.text = value_label(&labels, term->name);
		break;
	case TERM_EXTERNAL_LABELS:
		return external;
	case TERM_EXTERNAL_LABEL:
		v.text = value_label(&external, term->name);
		break;
	case TERM_EXTERNAL_URL:
		v.text = data->external_url ? data->external_url : "";
		break;
	case TERM_VALUE:
		return (struct value){.kind = VALUE_FLOAT, .number = data->value};
	case TERM_NOWHERE:
		expansion_fail(x, "can't evaluate field %.60s", term->name + 1);
		break;
	case TERM_CALL:
		call(x, term, &v);
		break;
	}
	return v;
}

static void expand_list(struct expansion *x, const struct node *node, struct strbuf *out)
{
	struct value v;

	for (; node && !x->error[0]; node = node->next) {
		if (out->len > TEMPLATE_OUT_MAX) {
			expansion_fail(x, "the text is too long");
			return;
		}
		if (node->kind == NODE_TEXT) {
			strbuf_puts(out, node->text);
			continue;
		}
		v = term_value(x, node->term);
		if (x->error[0])
			return;
		if (node->kind == NODE_OUTPUT)
			value_print(&v, out);
		else
			expand_list(x, value_truth(&v) ? node->then : node->other, out);
	}
}

char *template_expand(const struct template *template, const struct template_data *data)
{
	struct expansion x = {.data = data};
	struct strbuf out = {0};
	char *text = NULL;

	x.arena = template->plain ? NULL : arena__new();
	if (!template->plain && !x.arena)
		return NULL;
	expand_list(&x, template->first, &out);
	arena__free(x.arena);
	if (x.error[0]) {
		strbuf_free(&out);
		strbuf_printf(&out, "<error expanding template: %s>", x.error);
	}
	if (!out.failed)
		text = strdup(out.len ? out.data : "");
	strbuf_free(&out);
	return text;
}
