/* SPDX-License-Identifier: GPL-2.0-only */
/* runtime_state.h - what an opened runtime holds; for the files of this layer only. */
#ifndef CHESHIRE_PYTHON_RUNTIME_STATE_H
#define CHESHIRE_PYTHON_RUNTIME_STATE_H

#include "python/runtime.h"

struct python_memory;

struct python_runtime {
	struct python_symbols symbols;
	struct python_offsets offsets;
	struct python_reader reader;
	struct python_memory *memory;
	char version[24];
	char source[64];
};

#endif
