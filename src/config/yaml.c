/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The only file that knows libfyaml.  It uses the event interface: documents of the library
 * resolve aliases and stop at the first duplicate key, and their depth is not ours to choose.
 */
#include "config/yaml.h"

#include <errno.h>
#include <libfyaml.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "memory/arena.h"
#include "config/config.h"
#include "config/errors.h"
#include "config/utf8.h"

struct builder {
	const char *file;
	struct arena *arena;
	struct config_errors *errors;
	const struct yaml_limits *limits;
	const char *source;
	struct yaml_node *root;
	struct yaml_node *open[YAML_DEPTH_MAX]; /* collections not closed yet */
	struct yaml_node *key[YAML_DEPTH_MAX];	/* key waiting for its value, per open mapping */
	int depth;
	int skip; /* depth inside of something refused; 0: not skipping */
	size_t nodes;
	int documents;
	bool stop;
};

static void __attribute__((format(printf, 4, 5)))
complain(struct builder *b, int line, int column, const char *fmt, ...)
{
	struct config_pos pos = {.file = b->file, .line = line, .column = column};
	va_list args;

	va_start(args, fmt);
	config_errors__vadd(b->errors, &pos, fmt, args);
	va_end(args);
}

/* Puts a finished node where the open collections want it. */
static void place(struct builder *b, struct yaml_node *node)
{
	struct yaml_node *parent, *dup;
	int d = b->depth - 1;
	size_t max;

	if (!b->depth) {
		b->root = node;
		return;
	}
	parent = b->open[d];
	if (parent->kind == YAML_MAP) {
		node->key = b->key[d];
		b->key[d] = NULL;
		dup = node->key->text ? yaml_get(parent, node->key->text) : NULL;
		if (dup) {
			complain(b, node->key->line, node->key->column,
				 "key '%s' is given twice, first in line %d", node->key->text,
				 dup->key->line);
			return;
		}
	}
	/* Keys are compared with each other: mappings stay small. */
	max = parent->kind == YAML_MAP && b->limits->children > YAML_CHILDREN_MAX
		      ? YAML_CHILDREN_MAX
		      : b->limits->children;
	if (++parent->children > max) {
		complain(b, node->line, node->column, "more than %zu entries here", max);
		b->stop = true;
		return;
	}
	if (parent->last)
		parent->last->next = node;
	else
		parent->first = node;
	parent->last = node;
}

static struct yaml_node *new_node(struct builder *b, struct fy_event *event, enum yaml_kind kind)
{
	const struct fy_mark *mark = fy_event_start_mark(event);
	struct yaml_node *node;

	if (++b->nodes > b->limits->nodes) {
		complain(b, mark ? mark->line + 1 : 1, mark ? mark->column + 1 : 1,
			 "more than %zu values in one file", b->limits->nodes);
		b->stop = true;
		return NULL;
	}
	node = arena__alloc(b->arena, sizeof(*node));
	if (!node) {
		b->stop = true;
		return NULL;
	}
	node->kind = kind;
	node->line = mark ? mark->line + 1 : 1;
	node->column = mark ? mark->column + 1 : 1;
	node->source = b->source + (mark ? mark->input_pos : 0);
	return node;
}

/* True when the node is the key of the mapping that is open. */
static bool is_key(const struct builder *b)
{
	return b->depth && b->open[b->depth - 1]->kind == YAML_MAP && !b->key[b->depth - 1];
}

static void refuse_decoration(struct builder *b, const struct yaml_node *node,
			      const struct fy_token *anchor, const struct fy_token *tag)
{
	if (anchor)
		complain(b, node->line, node->column, "anchors (&name) are not supported");
	if (tag)
		complain(b, node->line, node->column, "tags (!name) are not supported");
}

static char style_letter(enum fy_scalar_style style)
{
	switch (style) {
	case FYSS_SINGLE_QUOTED:
		return '\'';
	case FYSS_DOUBLE_QUOTED:
		return '"';
	case FYSS_LITERAL:
	case FYSS_FOLDED:
		return '|';
	default:
		return 'p';
	}
}

static void add_scalar(struct builder *b, struct fy_event *event)
{
	struct yaml_node *node = new_node(b, event, YAML_SCALAR);
	struct fy_token *token = event->scalar.value;
	enum fy_scalar_style style = FYSS_PLAIN;
	const char *text = "";
	size_t len = 0;

	if (!node)
		return;
	refuse_decoration(b, node, event->scalar.anchor, event->scalar.tag);
	if (token) {
		text = fy_token_get_text(token, &len);
		style = fy_token_scalar_style(token);
	}
	if (!text)
		len = 0;
	node->quoted = style != FYSS_PLAIN;
	node->style = style_letter(style);
	node->text = arena__strndup(b->arena, text ? text : "", len);
	if (!node->text) {
		b->stop = true;
		return;
	}
	if (style == FYSS_PLAIN || style == FYSS_SINGLE_QUOTED || style == FYSS_DOUBLE_QUOTED)
		node->text_column = node->column + (style != FYSS_PLAIN);
	for (size_t i = 0, n; i < len; i += n) {
		n = utf8_printable(text + i, len - i);
		if (!n && (text[i] == '\n' || text[i] == '\t'))
			n = 1;
		if (!n) {
			complain(b, node->line, node->column, "control character in text");
			node->text = "";
			break;
		}
	}
	if (!is_key(b)) {
		place(b, node);
		return;
	}
	if (!node->quoted && !strcmp(node->text, "<<"))
		complain(b, node->line, node->column, "merge keys (<<) are not supported");
	b->key[b->depth - 1] = node;
}

static void open_collection(struct builder *b, struct fy_event *event, enum yaml_kind kind)
{
	struct yaml_node *node = new_node(b, event, kind);

	if (!node)
		return;
	if (kind == YAML_MAP)
		refuse_decoration(b, node, event->mapping_start.anchor, event->mapping_start.tag);
	else
		refuse_decoration(b, node, event->sequence_start.anchor, event->sequence_start.tag);
	if (is_key(b)) {
		complain(b, node->line, node->column, "a key must be a plain word");
		/* The key is remembered as an empty one, its own contents are passed over. */
		node->kind = YAML_SCALAR;
		node->text = NULL;
		b->key[b->depth - 1] = node;
		b->skip = 1;
		return;
	}
	if (b->depth == YAML_DEPTH_MAX) {
		complain(b, node->line, node->column, "nested deeper than %d levels",
			 YAML_DEPTH_MAX);
		b->stop = true;
		return;
	}
	b->open[b->depth] = node;
	b->key[b->depth] = NULL;
	b->depth++;
}

static void close_collection(struct builder *b)
{
	struct yaml_node *node = b->open[--b->depth];

	place(b, node);
}

/* An alias stands for a value (or key) that we do not have: an empty scalar takes its place. */
static void add_alias(struct builder *b, struct fy_event *event)
{
	struct yaml_node *node = new_node(b, event, YAML_SCALAR);

	if (!node)
		return;
	node->text = "";
	complain(b, node->line, node->column, "aliases (*name) are not supported");
	if (is_key(b))
		b->key[b->depth - 1] = node;
	else
		place(b, node);
}

/* Inside of a refused key: only count how deep. */
static void skip_event(struct builder *b, enum fy_event_type type)
{
	if (type == FYET_MAPPING_START || type == FYET_SEQUENCE_START)
		b->skip++;
	else if (type == FYET_MAPPING_END || type == FYET_SEQUENCE_END)
		b->skip--;
}

static void take_event(struct builder *b, struct fy_event *event)
{
	const struct fy_mark *mark;

	if (b->skip) {
		skip_event(b, event->type);
		return;
	}
	switch (event->type) {
	case FYET_SCALAR:
		add_scalar(b, event);
		break;
	case FYET_ALIAS:
		add_alias(b, event);
		break;
	case FYET_MAPPING_START:
		open_collection(b, event, YAML_MAP);
		break;
	case FYET_SEQUENCE_START:
		open_collection(b, event, YAML_LIST);
		break;
	case FYET_MAPPING_END:
	case FYET_SEQUENCE_END:
		close_collection(b);
		break;
	case FYET_DOCUMENT_START:
		if (++b->documents > 1) {
			mark = fy_event_start_mark(event);
			complain(b, mark ? mark->line + 1 : 1, mark ? mark->column + 1 : 1,
				 "only one document a file");
			b->stop = true;
		}
		break;
	case FYET_NONE:
	case FYET_STREAM_START:
	case FYET_STREAM_END:
	case FYET_DOCUMENT_END:
		break;
	}
}

static void report_syntax(struct builder *b, struct fy_diag *diag)
{
	struct fy_diag_error *error;
	void *iter = NULL;
	bool said = false;

	/* The first message is the cause, those after it are the parser's despair. */
	while ((error = fy_diag_errors_iterate(diag, &iter)) != NULL && !said) {
		if (!error->msg || error->type < FYET_ERROR)
			continue;
		complain(b, error->line > 0 ? error->line : 1,
			 error->column > 0 ? error->column : 1, "%s", error->msg);
		said = true;
	}
	if (!said)
		complain(b, 1, 1, "not readable as YAML");
}

/* Refuses what no configuration needs and no terminal should get; keeps it from the library. */
static int check_text(struct builder *b, const char *text, size_t len)
{
	int line = 1, column = 1;

	if (len > b->limits->bytes) {
		complain(b, 0, 0, "larger than %zu bytes", b->limits->bytes);
		return -EFBIG;
	}
	for (size_t i = 0, n; i < len; i += n, column++) {
		n = utf8_printable(text + i, len - i);
		if (!n && text[i] == '\n') {
			line++;
			column = 0;
			n = 1;
		} else if (!n && (text[i] == '\t' ||
				  (text[i] == '\r' && i + 1 < len && text[i + 1] == '\n'))) {
			n = 1;
		} else if (!n) {
			complain(b, line, column, "control character or bad UTF-8 (byte 0x%02x)",
				 (unsigned char)text[i]);
			return -EILSEQ;
		}
	}
	return 0;
}

static void run_parser(struct builder *b, struct fy_parser *parser, struct fy_diag *diag)
{
	struct fy_event *event;

	while (!b->stop && (event = fy_parser_parse(parser)) != NULL) {
		take_event(b, event);
		fy_parser_event_free(parser, event);
	}
	if (fy_parser_get_stream_error(parser)) {
		report_syntax(b, diag);
		b->stop = true;
	}
}

static void quiet(struct fy_diag *diag, void *user, const char *buf, size_t len)
{
	(void)diag;
	(void)user;
	(void)buf;
	(void)len;
}

struct yaml_node *yaml_parse_limited(const char *file, const char *text, size_t len,
				     const struct yaml_limits *limits, struct arena *arena,
				     struct config_errors *errors)
{
	struct builder b = {
		.file = file, .arena = arena, .errors = errors, .limits = limits, .source = text};
	struct fy_diag_cfg diag_cfg = {.output_fn = quiet, .level = FYET_ERROR, .module_mask = ~0u};
	struct fy_parse_cfg cfg = {.search_path = "",
				   .flags = FYPCF_DEFAULT_VERSION_1_2 | FYPCF_JSON_NONE};
	struct fy_parser *parser = NULL;

	if (check_text(&b, text, len) || !len)
		return NULL;
	cfg.diag = fy_diag_create(&diag_cfg);
	if (cfg.diag) {
		fy_diag_set_collect_errors(cfg.diag, true);
		parser = fy_parser_create(&cfg);
	}
	if (parser && !fy_parser_set_string(parser, text, len))
		run_parser(&b, parser, cfg.diag);
	else
		complain(&b, 0, 0, "cannot start the YAML parser");
	fy_parser_destroy(parser);
	fy_diag_destroy(cfg.diag);
	return b.stop ? NULL : b.root;
}

struct yaml_node *yaml_parse(const char *file, const char *text, size_t len, struct arena *arena,
			     struct config_errors *errors)
{
	const struct yaml_limits limits = {
		.bytes = YAML_BYTES_MAX, .nodes = YAML_NODES_MAX, .children = YAML_CHILDREN_MAX};

	return yaml_parse_limited(file, text, len, &limits, arena, errors);
}

struct yaml_node *yaml_get(const struct yaml_node *map, const char *key)
{
	if (!map || map->kind != YAML_MAP)
		return NULL;
	for (struct yaml_node *n = map->first; n; n = n->next)
		if (n->key->text && !strcmp(n->key->text, key))
			return n;
	return NULL;
}
