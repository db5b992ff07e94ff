/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * responsive.c - does the target still do its work?
 *
 * Not when a span has been in flight for longer than its stage's hang limit, not when the audio
 * frames have stopped (a frame stage that had frames for 5 s on end has none any more), and not
 * when threads wait for locks that nobody gives back.
 *
 * Frames stop rightly with a hit, for the assistant hears the user out and answers, and while a
 * turn is in progress that began without one: then they are missed when no stage is in flight and
 * nothing has happened for a turn's idle time.  Known error: an assistant that closes its
 * microphone while it speaks looks hung if it speaks for longer than that.
 *
 * A stream is in flight until its first output; how long it goes on then is not looked at, since a
 * silence is its end.  One that was given up without any output hangs on until its stage begins
 * another.
 */
#include "metrics/state.h"

#include <stdio.h>

#define FLOW_NS (5ULL * 1000000000ULL)
/* Frames come in bursts and are read once a second: a pause shorter than this is none. */
#define PAUSE_NS (3ULL * 1000000000ULL)
/* Since the reading that had the last of them, which they were up to a second before. */
#define STOPPED_NS (3500ULL * 1000000ULL)

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

/* Until when a turn explains that there are no frames; 0: there is no such turn. */
static uint64_t answering_until(const struct metrics *m, const struct stage_state *frames)
{
	bool hit = frames->hit_ns && frames->frames_ns - frames->hit_ns < PAUSE_NS;
	uint64_t busy_ns = hit ? frames->frames_ns : 0;

	for (size_t i = 0; i < m->stages_n; i++) {
		const struct stage_state *stage = &m->stage[i];

		if (stage->config->kind == STAGE_FRAME || !stage->config->turn)
			continue;
		if (oldest_open(stage))
			return UINT64_MAX; /* for how long is a matter of its hang limit */
		/* One that ended before the last frames came was over before they stopped. */
		if (stage->ended_ns >= frames->frames_ns && stage->ended_ns > busy_ns)
			busy_ns = stage->ended_ns;
	}
	return busy_ns ? busy_ns + m->config->turn.idle_ns : 0;
}

/* When the frames have stopped for too long; UINT64_MAX: not as far as can be told now. */
static uint64_t frames_due(const struct metrics *m, const struct stage_state *stage)
{
	uint64_t due_ns = stage->frames_ns + STOPPED_NS;
	uint64_t until_ns;

	if (stage->config->kind != STAGE_FRAME || stage->state != METRICS_STAGE_ARMED ||
	    !stage->flowing_since_ns || stage->frames_ns - stage->flowing_since_ns < FLOW_NS)
		return UINT64_MAX;
	until_ns = answering_until(m, stage);
	return until_ns > due_ns ? until_ns : due_ns;
}

static uint64_t hang_due(const struct stage_state *stage)
{
	uint64_t open_ns = oldest_open(stage);

	if (!stage->config->hang_ns || stage->state != METRICS_STAGE_ARMED)
		return UINT64_MAX;
	if (stage->gave_up)
		return 0;
	return open_ns ? open_ns + stage->config->hang_ns : UINT64_MAX;
}

static const char *stage_trouble(struct metrics *m, const struct stage_state *stage,
				 uint64_t now_ns)
{
	uint64_t hang_ns = hang_due(stage), frames_ns = frames_due(m, stage);

	if (now_ns > hang_ns)
		return stage->sampled ? "in flight longer than its hang limit, or called again as "
					"soon as it had returned: sampled, that looks the same"
				      : "in flight longer than its hang limit";
	if (now_ns > frames_ns)
		return "audio frames stopped";
	if (hang_ns < m->due_ns)
		m->due_ns = hang_ns;
	if (frames_ns < m->due_ns)
		m->due_ns = frames_ns;
	return NULL;
}

/* A stage that hangs since its thread waits for a lock: both are told. */
static void explain(struct metrics *m)
{
	if (!m->unresponsive || !m->stuck[0])
		return;
	snprintf(m->why, sizeof(m->why), "%s; %s", m->unresponsive, m->stuck);
	m->unresponsive = m->why;
}

void responsive_check(struct metrics *m, uint64_t now_ns)
{
	m->unresponsive = NULL;
	m->due_ns = UINT64_MAX;
	for (size_t i = 0; i < m->stages_n && !m->unresponsive; i++) {
		m->unresponsive = stage_trouble(m, &m->stage[i], now_ns);
		m->unresponsive_stage = i;
	}
	explain(m);
	if (!m->unresponsive && m->stuck[0]) {
		m->unresponsive = m->stuck;
		m->unresponsive_stage = METRICS_NO_STAGE;
	}
	if (m->gone)
		return;
	series_add_gauge(&m->target[TARGET_RESPONSIVE], m->unresponsive ? 0.0 : 1.0, false, now_ns);
}

void metrics__feed_stuck(struct metrics *m, const char *why, uint64_t now_ns)
{
	m->now_ns = now_ns;
	snprintf(m->stuck, sizeof(m->stuck), "%s", why ? why : "");
}

uint64_t metrics__due_ns(const struct metrics *m)
{
	return m->due_ns;
}

const char *metrics__unresponsive(const struct metrics *m, size_t *stage)
{
	if (m->unresponsive)
		*stage = m->unresponsive_stage;
	return m->unresponsive;
}
