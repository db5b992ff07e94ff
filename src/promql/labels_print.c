/* SPDX-License-Identifier: GPL-2.0-only */
/* Sets of labels as text. */
#include <string.h>

#include "log/escape.h"
#include "promql/labels.h"

/* A value of a label inside quotes: whatever could deceive a reader or end the quotes is escaped.
 */
static void print_quoted(const char *value, FILE *out)
{
	char piece[256];
	size_t len;

	fputc('"', out);
	for (; *value; value += len) {
		len = strcspn(value, "\"");
		if (!len) {
			fputs("\\\"", out);
			len = 1;
			continue;
		}
		/* A piece ends between characters of UTF-8, never within one. */
		if (len > sizeof(piece) / ESCAPE_GROWTH - 4) {
			len = sizeof(piece) / ESCAPE_GROWTH - 4;
			while (len > 1 && ((unsigned char)value[len] & 0xc0) == 0x80)
				len--;
		}
		escape_bytes(ESCAPE_TEXT, piece, sizeof(piece), value, len, 0);
		fputs(piece, out);
	}
	fputc('"', out);
}

/* Whether it can stand before the braces: [a-zA-Z_:][a-zA-Z0-9_:]* */
static bool is_metric_name(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_:";
	size_t len = strspn(name, letters);

	if (!len)
		return false;
	for (; name[len]; len++)
		if (!strchr(letters, name[len]) && (name[len] < '0' || name[len] > '9'))
			return false;
	return true;
}

void labels_print(const struct labels *labels, FILE *out)
{
	const char *name = labels_get(labels, LABELS_NAME);
	const char *separator = "";

	if (name && !is_metric_name(name))
		name = NULL;
	if (name)
		fputs(name, out);
	if (name && labels->n == 1)
		return;
	fputc('{', out);
	for (size_t i = 0; i < labels->n; i++) {
		if (name && !strcmp(labels->label[i].name, LABELS_NAME))
			continue;
		fprintf(out, "%s%s=", separator, labels->label[i].name);
		print_quoted(labels->label[i].value, out);
		separator = ", ";
	}
	fputc('}', out);
}

const char *labels_text(const struct labels *labels, char *text, size_t size)
{
	FILE *out;

	if (!size)
		return "";
	text[0] = '\0';
	out = fmemopen(text, size, "w");
	if (!out)
		return text;
	fputc('{', out);
	for (size_t i = 0; i < labels->n; i++) {
		fprintf(out, "%s%s=", i ? ", " : "", labels->label[i].name);
		print_quoted(labels->label[i].value, out);
	}
	fputc('}', out);
	fclose(out);
	text[size - 1] = '\0';
	return text;
}
