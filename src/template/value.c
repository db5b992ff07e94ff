/* SPDX-License-Identifier: GPL-2.0-only */
#include "template/value.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "promql/labels.h"
#include "log/strbuf.h"
#include "template/template.h"

const char *value_type(const struct value *v)
{
	switch (v->kind) {
	case VALUE_FLOAT:
		return "float64";
	case VALUE_INT:
		return "int";
	case VALUE_STRING:
		return "string";
	case VALUE_BOOL:
		return "bool";
	case VALUE_LABELS:
		return "map[string]string";
	case VALUE_DOT:
		break;
	}
	return "struct { Labels map[string]string; ExternalLabels map[string]string; "
	       "ExternalURL string; Value float64 }";
}

bool value_truth(const struct value *v)
{
	switch (v->kind) {
	case VALUE_FLOAT:
		return v->number != 0;
	case VALUE_INT:
		return v->integer != 0;
	case VALUE_STRING:
		return v->text[0] != '\0';
	case VALUE_BOOL:
		return v->truth;
	case VALUE_LABELS:
		return v->labels_n != 0;
	case VALUE_DOT:
		break;
	}
	return true;
}

/* The fewest digits that read back as v; like Go, with an exponent from the seventh digit on. */
void value_number(double v, char out[VALUE_NUMBER_MAX])
{
	int precision = 1, exponent;
	char digits[VALUE_NUMBER_MAX];

	if (isnan(v) || isinf(v)) {
		strcpy(out, isnan(v) ? "NaN" : v > 0 ? "+Inf" : "-Inf");
		return;
	}
	do
		snprintf(digits, sizeof(digits), "%.*e", precision - 1, v);
	while (strtod(digits, NULL) != v && ++precision <= 17);
	exponent = atoi(strchr(digits, 'e') + 1);
	if (exponent < -4 || exponent >= 6)
		strcpy(out, digits);
	else
		snprintf(out, VALUE_NUMBER_MAX, "%.*f",
			 precision - 1 > exponent ? precision - 1 - exponent : 0, v);
}

const char *value_label(const struct value *labels, const char *name)
{
	for (size_t i = 0; i < labels->labels_n; i++)
		if (!strcmp(labels->label[i].name, name))
			return labels->label[i].value;
	return "";
}

static void print_labels(const struct label *label, size_t n, struct strbuf *out)
{
	strbuf_puts(out, "map[");
	for (size_t i = 0; i < n; i++)
		strbuf_printf(out, "%s%s:%s", i ? " " : "", label[i].name, label[i].value);
	strbuf_puts(out, "]");
}

static void print_data(const struct template_data *data, struct strbuf *out)
{
	char number[VALUE_NUMBER_MAX];

	value_number(data->value, number);
	strbuf_puts(out, "{");
	print_labels(data->labels, data->labels_n, out);
	strbuf_puts(out, " ");
	print_labels(data->external_labels, data->external_labels_n, out);
	strbuf_printf(out, " %s %s}", data->external_url ? data->external_url : "", number);
}

void value_print(const struct value *v, struct strbuf *out)
{
	char number[VALUE_NUMBER_MAX];

	switch (v->kind) {
	case VALUE_FLOAT:
		value_number(v->number, number);
		strbuf_puts(out, number);
		break;
	case VALUE_INT:
		strbuf_printf(out, "%" PRId64, v->integer);
		break;
	case VALUE_STRING:
		strbuf_puts(out, v->text);
		break;
	case VALUE_BOOL:
		strbuf_puts(out, v->truth ? "true" : "false");
		break;
	case VALUE_LABELS:
		print_labels(v->label, v->labels_n, out);
		break;
	case VALUE_DOT:
		print_data(v->data, out);
		break;
	}
}
