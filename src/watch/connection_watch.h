/* SPDX-License-Identifier: GPL-2.0-only */
/* connection_watch.h - the target's connections to databases, looked at once a second. */
#ifndef CHESHIRE_WATCH_CONNECTION_WATCH_H
#define CHESHIRE_WATCH_CONNECTION_WATCH_H

#include <stdint.h>

struct config;
struct connection_watch;
struct connections;
struct loader;
struct watching;

/* Free it before the loader.  NULL and errno on failure. */
struct connection_watch *connection_watch__new(struct loader *loader, const struct config *config);
void connection_watch__free(struct connection_watch *cw);

/* Looks once and tells the metrics of `w`; NULL tells them that nothing can be known. */
void connection_watch__look(struct connection_watch *cw, struct watching *w, uint64_t now_ns);
/* Stages were armed, or taken off: what is open already is counted from here. */
void connection_watch__stages(struct connection_watch *cw, const struct watching *w);
/* What the last look found; NULL where there is none. */
const struct connections *connection_watch__found(const struct connection_watch *cw);

#endif /* CHESHIRE_WATCH_CONNECTION_WATCH_H */
