/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CHESHIRE_WATCH_CLOCK_H
#define CHESHIRE_WATCH_CLOCK_H

#include <stdint.h>
#include <time.h>

/* CLOCK_MONOTONIC (what the kernel's records carry) or CLOCK_REALTIME, nanoseconds. */
uint64_t clock_ns(clockid_t clock);

#endif
