/* SPDX-License-Identifier: GPL-2.0-only */
/* value.h - what a pipeline of a template hands on, and how Go prints it. */
#ifndef CHESHIRE_TEMPLATE_VALUE_H
#define CHESHIRE_TEMPLATE_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct label;
struct strbuf;
struct template_data;

enum value_kind {
	VALUE_FLOAT = 1,
	VALUE_INT = 2,
	VALUE_STRING = 3,
	VALUE_BOOL = 4,
	VALUE_LABELS = 5, /* a map of strings */
	VALUE_DOT = 6,	  /* the data of the template, whole */
};

struct value {
	enum value_kind kind;
	double number;
	int64_t integer;
	bool truth;
	const char *text;
	const struct label *label;
	size_t labels_n;
	const struct template_data *data;
};

/* "float64", "map[string]string" ...: Go's name of its type. */
const char *value_type(const struct value *v);
/* Whether `if` takes it for true: not zero, not empty. */
bool value_truth(const struct value *v);
/* As Go's fmt.Print does it. */
void value_print(const struct value *v, struct strbuf *out);

/* A number as strconv.FormatFloat(v, 'g', -1, 64): the shortest that reads back as the same. */
#define VALUE_NUMBER_MAX 32
void value_number(double v, char out[VALUE_NUMBER_MAX]);
/* The value of a label or "". */
const char *value_label(const struct value *labels, const char *name);
/* fmt.Sprintf: what does not fit its verb is said as Go says it, `%!d(float64=1.5)`. */
void value_printf(const char *format, const struct value *args, size_t n, struct strbuf *out);

#endif /* CHESHIRE_TEMPLATE_VALUE_H */
