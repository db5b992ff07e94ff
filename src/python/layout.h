/* SPDX-License-Identifier: GPL-2.0-only */
/* layout.h - what is known of the layouts of CPython's versions, before a process is looked at. */
#ifndef CHESHIRE_PYTHON_LAYOUT_H
#define CHESHIRE_PYTHON_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

#include "cheshire/python_offsets.h"

#define PYTHON_MINOR_MIN 9
#define PYTHON_MINOR_MAX 14

struct python_layout {
	const char *name; /* "3.11" */
	uint32_t minor;
	int32_t runtime_gil;	       /* _PyRuntimeState: the GIL itself; to 3.11 */
	int32_t interpreter_gil;       /* PyInterpreterState: a pointer to it; from 3.12 */
	struct python_offsets offsets; /* no addresses */
};

/* The layout of 3.MINOR, from its headers.  NULL: not known. */
const struct python_layout *python_layout_of(uint32_t minor);

#define PYTHON_DEBUG_COOKIE "xdebugpy"
#define PYTHON_DEBUG_WORDS  96

/* The start of _PyRuntime from 3.13 on: _Py_DebugOffsets. */
struct python_debug_words {
	uint64_t word[PYTHON_DEBUG_WORDS];
};

/*
 * Takes over what the process says itself.  -ENOENT: this is no such table; -EOPNOTSUPP: of a
 * version whose table is laid out in a way not known, or of a free-threaded build; -EPROTO: offsets
 * that cannot be.  *version is set whenever the cookie is there.
 */
int python_layout_from_debug(const struct python_debug_words *debug, struct python_layout *layout,
			     uint32_t *version, const char **why);

#endif
