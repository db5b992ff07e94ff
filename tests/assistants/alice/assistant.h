/* SPDX-License-Identifier: GPL-2.0-only */
/* The whole assistant: opens everything, runs the users, ends in order. */
#ifndef ALICE_ASSISTANT_H
#define ALICE_ASSISTANT_H

#include "options.h"

/* Returns the exit status. SIGTERM, SIGINT and SIGUSR1 are to be blocked in all threads. */
int assistant_run(struct options *opt);

#endif
