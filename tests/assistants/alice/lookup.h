/* SPDX-License-Identifier: GPL-2.0-only */
/* Look-ups that take their time: the faults of the intent stage. */
#ifndef ALICE_LOOKUP_H
#define ALICE_LOOKUP_H

#include <sqlite3.h>

struct options;
struct session;

/* Adds the SQL functions wait_for_remote(ns) and still_busy(ns). 0 or negative errno. */
int lookup_register(sqlite3 *db);

/* Once, before any session: what the scheduled faults need. 0 or negative errno. */
int lookup_prepare(const struct options *opt);

/* Carries out whichever of the intent's faults is active. */
void lookup_delays(struct session *s);

#endif
