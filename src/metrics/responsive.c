/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * responsive.c - does the target still do its work?
 *
 * Not when a span has been in flight for longer than its stage's hang limit, and not when the
 * audio frames have stopped: a frame stage that had frames for 5 s on end has had none for 5 s.
 * Frames that stop with a hit stop rightly, for the assistant hears the user out and answers: then
 * they are missed when no stage is in flight and nothing has happened for a turn's idle time.
 * Known error: an assistant that closes its microphone while it speaks looks hung if it speaks for
 * longer than that.
 */
#include "metrics/state.h"

#define FLOW_NS (5ULL * 1000000000ULL)
/* Frames come in bursts and are read once a second: a pause shorter than this is none. */
#define PAUSE_NS (3ULL * 1000000000ULL)

void responsive_frames(struct stage_state *stage, uint64_t frames, uint64_t hits, uint64_t now_ns)
{
	if (hits)
		stage->hit_ns = now_ns;
	if (!frames)
		return;
	if (!stage->flowing_since_ns || now_ns - stage->frames_ns > PAUSE_NS)
		stage->flowing_since_ns = now_ns;
	stage->frames_ns = now_ns;
}

static uint64_t oldest_open(const struct stage_state *stage)
{
	uint64_t oldest = 0;

	if (!stage->last || !stage->last->valid || stage->state != METRICS_STAGE_ARMED)
		return 0;
	for (size_t i = 0; i < WIRE_OPEN_SLOTS; i++) {
		uint64_t start_ns = stage->last->stats.open[i].start_ns;

		if (start_ns && (!oldest || start_ns < oldest))
			oldest = start_ns;
	}
	return oldest;
}

uint64_t responsive_turn_in_flight(const struct metrics *m)
{
	uint64_t oldest = 0;

	for (size_t i = 0; i < m->stages_n; i++) {
		const struct stage_state *stage = &m->stage[i];
		uint64_t open = 0;

		if (stage->config->turn && stage->config->kind == STAGE_CALL)
			open = oldest_open(stage);
		if (open && (!oldest || open < oldest))
			oldest = open;
	}
	return oldest;
}

/* Whether a turn explains that there have been no frames since the last hit. */
static bool answering(const struct metrics *m, const struct stage_state *frames, uint64_t now_ns)
{
	uint64_t busy_ns = frames->frames_ns;

	if (!frames->hit_ns || frames->frames_ns - frames->hit_ns >= PAUSE_NS)
		return false;
	for (size_t i = 0; i < m->stages_n; i++) {
		const struct stage_state *stage = &m->stage[i];

		if (stage->config->kind == STAGE_FRAME || !stage->config->turn)
			continue;
		if (oldest_open(stage))
			return true; /* for how long is a matter of its hang limit */
		if (stage->ended_ns > busy_ns)
			busy_ns = stage->ended_ns;
	}
	return now_ns <= busy_ns + m->config->turn.idle_ns;
}

static bool frames_stopped(const struct metrics *m, const struct stage_state *stage,
			   uint64_t now_ns)
{
	return stage->config->kind == STAGE_FRAME && stage->state == METRICS_STAGE_ARMED &&
	       stage->flowing_since_ns && stage->frames_ns - stage->flowing_since_ns >= FLOW_NS &&
	       now_ns > stage->frames_ns + FLOW_NS && !answering(m, stage, now_ns);
}

static const char *stage_trouble(const struct metrics *m, const struct stage_state *stage,
				 uint64_t now_ns)
{
	uint64_t open = oldest_open(stage);

	if (open && stage->config->hang_ns && now_ns > open + stage->config->hang_ns)
		return "in flight longer than its hang limit";
	return frames_stopped(m, stage, now_ns) ? "audio frames stopped" : NULL;
}

void responsive_check(struct metrics *m, uint64_t now_ns)
{
	m->unresponsive = NULL;
	for (size_t i = 0; i < m->stages_n && !m->unresponsive; i++) {
		m->unresponsive = stage_trouble(m, &m->stage[i], now_ns);
		m->unresponsive_stage = i;
	}
	if (m->gone)
		return;
	series_add_gauge(&m->target[TARGET_RESPONSIVE], m->unresponsive ? 0.0 : 1.0, false, now_ns);
}
