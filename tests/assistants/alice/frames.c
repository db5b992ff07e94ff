/* SPDX-License-Identifier: GPL-2.0-only */
#include "frames.h"

#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "session.h"
#include "span.h"
#include "turn.h"
#include "turn_log.h"
#include "wake.h"

/* A pause of an hour is 180,000 frames; past the bound only the sums go on. */
#define MAX_FRAMES (1 << 20)

static void remember(struct session *s, uint64_t wall_ns)
{
	struct frame_stats *st = &s->frames;

	s->total_frames++;
	s->total_frames_ns += wall_ns;
	st->sum_ns += wall_ns;
	if (st->cnt == st->cap && st->cap < MAX_FRAMES) {
		size_t cap = st->cap ? st->cap * 2 : 1024;
		uint32_t *wall = realloc(st->wall_ns, cap * sizeof(*wall));

		if (!wall)
			return;
		st->wall_ns = wall;
		st->cap = cap;
	}
	if (st->cnt < st->cap)
		st->wall_ns[st->cnt++] = wall_ns < UINT32_MAX ? (uint32_t)wall_ns : UINT32_MAX;
}

int frames_listen(struct session *s, const int16_t *frame, struct span *span)
{
	struct span timing;
	int hit;

	span_begin(&timing, SPAN_WAKE_WORD);
	hit = detect_wake_word(s, frame, s->mic.samples);
	span_end(&timing, hit >= 0);
	remember(s, timing.end_ns - timing.start_ns);
	if (s->opt->log_frames)
		log_line("{\"type\":\"frame\",\"user\":%u,\"start_ns\":%llu,\"end_ns\":%llu,"
			 "\"hit\":%s}",
			 s->user, (unsigned long long)timing.start_ns,
			 (unsigned long long)timing.end_ns, hit > 0 ? "true" : "false");
	if (hit > 0) {
		s->wake_hits++;
		span_log(s, s->turns, &timing, "");
		*span = timing;
	}
	return hit;
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

void frames_summarise(struct session *s, struct frame_summary *out)
{
	struct frame_stats *st = &s->frames;

	memset(out, 0, sizeof(*out));
	if (st->cnt == 0)
		return;
	qsort(st->wall_ns, st->cnt, sizeof(*st->wall_ns), compare);
	out->cnt = st->cnt;
	out->min_ns = st->wall_ns[0];
	out->median_ns = st->wall_ns[(st->cnt - 1) / 2];
	out->max_ns = st->wall_ns[st->cnt - 1];
	out->sum_ns = st->sum_ns;
	st->cnt = 0;
	st->sum_ns = 0;
}
