/* SPDX-License-Identifier: GPL-2.0-only */
/* statement_watch.h - database statements between the kernel and the metrics. */
#ifndef CHESHIRE_WATCH_STATEMENT_WATCH_H
#define CHESHIRE_WATCH_STATEMENT_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "cheshire/wire_statement.h"

struct config;
struct watching;

/* Some stage is of statements. */
bool statement_watch_wanted(const struct config *config);
/* Tells the kernel which statements are slow enough to be evidence: those over a budget. */
void statement_watch_configure(struct watching *w);
/* What was counted since; once a second. */
void statement_watch_feed(struct watching *w, uint64_t now_ns);
/* A record with its text, as it lies in the ring. */
void statement_watch_record(struct watching *w, const struct wire_statement *record,
			    const char *text, uint64_t now_ns);

#endif
