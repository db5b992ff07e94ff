/* SPDX-License-Identifier: GPL-2.0-only */
#include "config/python_probe.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char prefix[] = "python:";

bool python_probe_is(const char *text)
{
	return !strncmp(text, prefix, sizeof(prefix) - 1);
}

/* "<lambda>", "<genexpr>", "<listcomp>", "<module>": many share such a name. */
static bool is_nameless(const char *qualname)
{
	const char *dot = strrchr(qualname, '.');

	return (dot ? dot + 1 : qualname)[0] == '<';
}

static int check_qualname(const char *qualname, char *err, size_t err_size)
{
	size_t len = strlen(qualname);

	if (!len)
		snprintf(err, err_size, "the function is missing: python:FILE:QUALNAME");
	else if (strchr(qualname, '@'))
		snprintf(err, err_size,
			 "a Python function is timed as a whole call: '%.20s' does "
			 "not apply",
			 strchr(qualname, '@'));
	else if (strpbrk(qualname, "()"))
		snprintf(err, err_size, "a function is named without its parentheses");
	else if (is_nameless(qualname))
		snprintf(err, err_size,
			 "'%.60s' is no name of its own, many share it: give the "
			 "function a name (def) to watch it",
			 qualname);
	else if (qualname[0] == '.' || qualname[len - 1] == '.')
		snprintf(err, err_size, "'%.60s' is no qualified name", qualname);
	else
		return 0;
	return -EINVAL;
}

int python_probe_parse(const char *text, struct python_probe_spec *out, size_t *at, char *err,
		       size_t err_size)
{
	const char *file = text + sizeof(prefix) - 1, *colon;

	memset(out, 0, sizeof(*out));
	err[0] = '\0';
	*at = 0;
	if (!python_probe_is(text) || strlen(text) >= PYTHON_PROBE_MAX) {
		snprintf(err, err_size, "not python:FILE:QUALNAME, or longer than %d characters",
			 PYTHON_PROBE_MAX - 1);
		return -EINVAL;
	}
	*at = sizeof(prefix) - 1;
	/* The last one: a file's name may have more. */
	colon = strrchr(file, ':');
	if (!colon || colon == file) {
		snprintf(err, err_size,
			 "expected python:FILE:QUALNAME, such as "
			 "python:app.py:Session.reply");
		return -EINVAL;
	}
	snprintf(out->file, sizeof(out->file), "%.*s", (int)(colon - file), file);
	snprintf(out->qualname, sizeof(out->qualname), "%s", colon + 1);
	if (out->file[strlen(out->file) - 1] == '/') {
		snprintf(err, err_size, "'%.60s' is a folder, not a file", out->file);
		return -EINVAL;
	}
	*at = (size_t)(colon + 1 - text);
	return check_qualname(out->qualname, err, err_size);
}
