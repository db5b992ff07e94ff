/* SPDX-License-Identifier: GPL-2.0-only */
/* python_probe.h - `python:FILE:QUALNAME`, a probe on a function of a Python program. */
#ifndef CHESHIRE_CONFIG_PYTHON_PROBE_H
#define CHESHIRE_CONFIG_PYTHON_PROBE_H

#include <stdbool.h>
#include <stddef.h>

#define PYTHON_PROBE_MAX 512 /* as a probe's text */

struct python_probe_spec {
	/* Glob on the file's name, or with a '/' in it on the end of its path. */
	char file[PYTHON_PROBE_MAX];
	/* Qualified name ("Session.reply") or a glob on it. */
	char qualname[PYTHON_PROBE_MAX];
};

/* Whether a probe's text is of this kind at all. */
bool python_probe_is(const char *text);

/* 0, or -EINVAL and what is wrong, for people; *at is the byte of the text that err is about. */
int python_probe_parse(const char *text, struct python_probe_spec *out, size_t *at, char *err,
		       size_t err_size);

#endif
