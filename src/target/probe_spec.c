/* SPDX-License-Identifier: GPL-2.0-only */
#include "target/probe_spec.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/python_probe.h"

static int unsupported(const char *text, char *err, size_t err_size)
{
	if (strncmp(text, "usdt:", 5) == 0) {
		snprintf(err, err_size, "usdt: probes are not supported yet");
		return -EOPNOTSUPP;
	}
	return 0;
}

/* Cuts "@entry" or "@return" off the end; another word behind a last '@' is an error. */
static int take_point(char *text, struct probe_spec *spec, char *err, size_t err_size)
{
	char *at = strrchr(text, '@');

	spec->point = PROBE_BOTH;
	if (!at)
		return 0;
	if (strcmp(at, "@entry") == 0) {
		spec->point = PROBE_ENTRY;
	} else if (strcmp(at, "@return") == 0) {
		spec->point = PROBE_RETURN;
	} else {
		snprintf(err, err_size, "'%.60s' is not a point: '@entry' or '@return' is", at);
		return -EINVAL;
	}
	*at = '\0';
	return 0;
}

/* "OBJECT+0xOFFSET": the digits must reach the end. */
static int take_offset(const char *plus, struct probe_spec *spec, char *err, size_t err_size)
{
	char *end;

	errno = 0;
	spec->offset = strtoull(plus + 3, &end, 16);
	/* strtoull also takes signs, blanks and a second 0x. */
	if (errno || end == plus + 3 || *end || strpbrk(plus + 3, "+- \t\nxX")) {
		snprintf(err, err_size, "'%.60s' is not a hexadecimal offset", plus + 1);
		return -EINVAL;
	}
	spec->kind = PROBE_OFFSET;
	return 0;
}

/*
 * Cuts "()[0]()[9]" off the end of a symbol.  Names hold "()" as well, and globs brackets: only
 * what is of that form up to the end is taken.
 */
static int take_table(struct probe_spec *spec, char *err, size_t err_size)
{
	char *at = spec->symbol, *end;
	unsigned long slot;

	while ((at = strstr(at, "()["))) {
		struct table_path path = {.n = 0};
		char *p = at;

		while (path.n < TABLE_STEPS_MAX && !strncmp(p, "()[", 3) && isdigit(p[3])) {
			slot = strtoul(p + 3, &end, 10);
			if (*end != ']')
				break;
			if (slot > TABLE_SLOT_MAX) {
				snprintf(err, err_size, "a table has slots 0 to %d",
					 TABLE_SLOT_MAX);
				return -EINVAL;
			}
			path.slot[path.n++] = (uint16_t)slot;
			p = end + 1;
		}
		if (path.n && !*p) {
			spec->table = path;
			*at = '\0';
			return 0;
		}
		if (path.n == TABLE_STEPS_MAX) {
			snprintf(err, err_size, "more than %d tables behind each other",
				 TABLE_STEPS_MAX);
			return -EINVAL;
		}
		at += 3;
	}
	return 0;
}

static int parse_python(const char *text, struct probe_spec *spec, char *err, size_t err_size)
{
	struct python_probe_spec probe;
	size_t at;
	int ret = python_probe_parse(text, &probe, &at, err, err_size);

	if (ret)
		return ret;
	spec->kind = PROBE_PYTHON;
	strcpy(spec->object, probe.file);
	strcpy(spec->symbol, probe.qualname);
	return 0;
}

int probe_spec_parse(const char *text, struct probe_spec *spec, char *err, size_t err_size)
{
	char copy[PROBE_TEXT_MAX], *colon, *plus;
	int ret;

	memset(spec, 0, sizeof(*spec));
	err[0] = '\0';
	ret = unsupported(text, err, err_size);
	if (ret)
		return ret;
	if (python_probe_is(text))
		return parse_python(text, spec, err, err_size);
	if (strlen(text) >= sizeof(copy)) {
		snprintf(err, err_size, "longer than %zu characters", sizeof(copy) - 1);
		return -EINVAL;
	}
	strcpy(copy, text);
	ret = take_point(copy, spec, err, err_size);
	if (ret)
		return ret;
	/* The first ':' ends the object: C++ names hold more of them. */
	colon = strchr(copy, ':');
	plus = strstr(copy, "+0x");
	if (colon && (!plus || colon < plus)) {
		spec->kind = PROBE_SYMBOL;
		*colon = '\0';
		snprintf(spec->symbol, sizeof(spec->symbol), "%s", colon + 1);
		ret = take_table(spec, err, err_size);
		if (ret)
			return ret;
	} else if (plus) {
		/* The last one: an object's name may hold "+0x" itself. */
		while (strstr(plus + 1, "+0x"))
			plus = strstr(plus + 1, "+0x");
		ret = take_offset(plus, spec, err, err_size);
		if (ret)
			return ret;
		*plus = '\0';
	} else {
		snprintf(err, err_size, "neither OBJECT:SYMBOL nor OBJECT+0xOFFSET");
		return -EINVAL;
	}
	snprintf(spec->object, sizeof(spec->object), "%s", copy);
	if (!spec->object[0] || (spec->kind == PROBE_SYMBOL && !spec->symbol[0])) {
		snprintf(err, err_size, "the %s is missing", spec->object[0] ? "symbol" : "object");
		return -EINVAL;
	}
	return 0;
}
