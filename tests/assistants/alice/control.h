/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Faults by hand: lines on standard input, each answered by one on standard output.
 *
 *	begin NAME[=VALUE]	done | refused: WHY
 *	end NAME		done | refused: WHY
 */
#ifndef ALICE_CONTROL_H
#define ALICE_CONTROL_H

/* Starts the thread that reads them, until the end of the input. 0 or negative errno. */
int control_start(void);

#endif
