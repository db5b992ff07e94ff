/* SPDX-License-Identifier: GPL-2.0-only */
/* publish_statements.h - the statements that took most of a database's time, for summaries. */
#ifndef CHESHIRE_WATCH_PUBLISH_STATEMENTS_H
#define CHESHIRE_WATCH_PUBLISH_STATEMENTS_H

#include <stddef.h>

#include "sinks/sink.h"

#define PUBLISH_STATEMENTS_MAX 5

struct watching;

/* Fills `out`, dearest first; the texts are the metrics'.  Returns how many. */
size_t publish_statements(const struct watching *w,
			  struct sink_statement out[PUBLISH_STATEMENTS_MAX]);

#endif
