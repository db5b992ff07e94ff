/* SPDX-License-Identifier: GPL-2.0-only */
/* What all stages do when they are told to be slow or to hang. */
#ifndef ALICE_STAGE_H
#define ALICE_STAGE_H

#include "faults.h"

/* Sleeps if @slow is active, and once per scheduled @hang. */
void stage_delays(enum fault_kind slow, enum fault_kind hang);

/* Hangs once per scheduled @hang: a wait on something that nobody signals. */
void stage_hangs(enum fault_kind hang);

#endif
