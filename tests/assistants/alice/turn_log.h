/* SPDX-License-Identifier: GPL-2.0-only */
/* A finished turn as log lines: its spans, then the turn itself. */
#ifndef ALICE_TURN_LOG_H
#define ALICE_TURN_LOG_H

struct turn;

void turn_log(const struct turn *turn);

#endif
