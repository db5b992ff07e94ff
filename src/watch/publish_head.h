/* SPDX-License-Identifier: GPL-2.0-only */
/* publish_head.h - what every published object carries, and time for people. */
#ifndef CHESHIRE_WATCH_PUBLISH_HEAD_H
#define CHESHIRE_WATCH_PUBLISH_HEAD_H

#include <stdint.h>

#include "sinks/sink.h"

struct watching;

struct sink_head publish_head(const struct watching *w);
/* CLOCK_REALTIME of a CLOCK_MONOTONIC instant, by today's difference of the two. */
uint64_t publish_realtime_ns(uint64_t monotonic_ns);

#endif
