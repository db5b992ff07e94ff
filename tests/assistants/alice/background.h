/* SPDX-License-Identifier: GPL-2.0-only */
/* Faults of the whole process: each runs on a thread of its own until stopped. Main thread only. */
#ifndef ALICE_BACKGROUND_H
#define ALICE_BACKGROUND_H

#include <stdint.h>

#include "faults.h"

/* Does nothing for a fault that a stage or a turn carries out itself. */
void background_start(enum fault_kind kind, uint64_t value);

/* Stops it and waits for its thread. What was leaked stays leaked. */
void background_stop(enum fault_kind kind);

#endif
