/* SPDX-License-Identifier: GPL-2.0-only */
/* publish_connections.h - the servers that an alert on connections to databases is about. */
#ifndef CHESHIRE_WATCH_PUBLISH_CONNECTIONS_H
#define CHESHIRE_WATCH_PUBLISH_CONNECTIONS_H

#include <stddef.h>

#include "metrics/connections.h"
#include "metrics/evidence.h"
#include "sinks/sink.h"

struct watching;

/* The texts that the evidence points to. */
struct connection_texts {
	char text[EVIDENCE_KEPT][CONNECTION_TEXT_MAX];
};

/* A sentence for each of the servers concerned; 0: the metric is not about connections. */
size_t publish_connections(const struct watching *w, const char *metric,
			   struct sink_evidence out[EVIDENCE_KEPT], struct connection_texts *texts);

#endif
