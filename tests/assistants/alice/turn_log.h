/* SPDX-License-Identifier: GPL-2.0-only */
/* Spans and turns as log lines. */
#ifndef ALICE_TURN_LOG_H
#define ALICE_TURN_LOG_H

#include <stdint.h>

struct session;
struct span;
struct turn;

/* One span; @extras is more of the JSON object, from a comma on, or "". */
void span_log(const struct session *s, uint32_t turn_number, const struct span *span,
	      const char *extras);

/* The turn's spans but the wake word's, then the turn itself. */
void turn_log(const struct turn *turn);

#endif
