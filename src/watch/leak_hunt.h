/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * leak_hunt.h - growth noticed, leak proven, line of code named: when a search for leaks is made,
 * and what it has found.  The loop's side; the search itself (leak_search.h) is the worker's.
 */
#ifndef CHESHIRE_WATCH_LEAK_HUNT_H
#define CHESHIRE_WATCH_LEAK_HUNT_H

#include <stdbool.h>
#include <stdint.h>

struct leak_hunt;
struct leak_report;
struct watching;

/* After the stages have been attached.  NULL and errno on failure. */
struct leak_hunt *leak_hunt__new(struct watching *w);
/* The worker must not be at it any more.  NULL is fine, here and below. */
void leak_hunt__free(struct leak_hunt *hunt);

/* Once a second: decides, begins a round, feeds memory.leaks. */
void leak_hunt__tick(struct leak_hunt *hunt, uint64_t now_ns);
/* The worker uses the table of objects just now. */
bool leak_hunt__busy(const struct leak_hunt *hunt);
/* The round that is under way ends soon. */
void leak_hunt__stop(struct leak_hunt *hunt);
/* The target runs another program: what was found is of one that is gone. */
void leak_hunt__forget(struct leak_hunt *hunt);

/* A place more is confirmed than when this was asked last. */
bool leak_hunt__news(struct leak_hunt *hunt);
/* What is known; NULL: nothing yet. */
const struct leak_report *leak_hunt__report(const struct leak_hunt *hunt);
/* What it has cost the target since the start, estimated. */
uint64_t leak_hunt__cost_ns(const struct leak_hunt *hunt);
/* When the search began (CLOCK_MONOTONIC; 0: it has not), and how far it has come. */
uint64_t leak_hunt__since_ns(const struct leak_hunt *hunt);
const char *leak_hunt__step(const struct leak_hunt *hunt);

#endif /* CHESHIRE_WATCH_LEAK_HUNT_H */
