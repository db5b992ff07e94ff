/* SPDX-License-Identifier: GPL-2.0-only */
/* Timing of wake word frames: each is timed, only those that hit become spans. */
#ifndef ALICE_FRAMES_H
#define ALICE_FRAMES_H

#include <stdint.h>

struct frame_summary;
struct session;
struct span;

/* Times detect_wake_word() on one frame and returns what it does. Fills and logs @span if it hits.
 */
int frames_listen(struct session *s, const int16_t *frame, struct span *span);

/* Sums up the frames since the last call. */
void frames_summarise(struct session *s, struct frame_summary *out);

#endif
