/* SPDX-License-Identifier: GPL-2.0-only */
/* A C frame (built with -fexceptions) through which the exceptions of throw.cc pass. */
#include "truth.h"

uint64_t stage_c_frame(uint64_t (*step)(long us, uint64_t value), long us, uint64_t value);

STAGE uint64_t stage_c_frame(uint64_t (*step)(long us, uint64_t value), long us, uint64_t value)
{
	uint64_t got = step(us, value);

	TRUTH_BARRIER();
	return got + 1;
}
