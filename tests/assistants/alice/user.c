/* SPDX-License-Identifier: GPL-2.0-only */
#include "user.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "clock.h"
#include "frames.h"
#include "log.h"
#include "session.h"
#include "stop.h"
#include "turn.h"
#include "wake.h"

/*
 * Nobody speaks for @ns. In real time the wake word is listened for all the while; a fast run just
 * waits. False if the assistant is to end.
 */
static bool quiet(struct session *s, uint64_t ns)
{
	int16_t frame[FRAME_SAMPLES_MAX];
	uint64_t until_ns = now_ns() + ns;
	struct span unused;

	while (now_ns() < until_ns && !stop_requested()) {
		if (s->mic.fast) {
			sleep_ns(10 * NSEC_PER_MSEC);
			continue;
		}
		if (!mic_read(&s->mic, frame))
			return false;
		if (frames_listen(s, frame, &unused) > 0)
			rearm_wake_word(s);
	}
	return !stop_requested();
}

/* Without turns the room stays quiet, and the microphone keeps its pace even in a fast run. */
static void idle(struct session *s)
{
	s->mic.fast = false;
	while (quiet(s, NSEC_PER_SEC))
		;
}

static void log_backend(const struct session *s)
{
	const struct backend_counts *counts = s->backends->counts(s->backend);

	log_line("{\"type\":\"backend\",\"user\":%u,\"simple\":%llu,\"complex\":%llu,"
		 "\"failed\":%llu,\"gets\":%llu,\"hits\":%llu,\"sets\":%llu}",
		 s->user, (unsigned long long)counts->simple, (unsigned long long)counts->complex,
		 (unsigned long long)counts->failed, (unsigned long long)counts->gets,
		 (unsigned long long)counts->hits, (unsigned long long)counts->sets);
}

static void log_user(const struct session *s)
{
	log_line("{\"type\":\"user\",\"user\":%u,\"turns\":%u,\"missed\":%u,\"wake_hits\":%u,"
		 "\"wake_frames\":%llu,\"wake_sum_ns\":%llu,\"dropped_frames\":%llu}",
		 s->user, s->turns, s->missed, s->wake_hits, (unsigned long long)s->total_frames,
		 (unsigned long long)s->total_frames_ns, (unsigned long long)s->mic.dropped);
	if (s->backend)
		log_backend(s);
}

void *user_run(void *arg)
{
	struct session *s = arg;
	enum turn_outcome outcome = TURN_COMPLETE;
	bool going_on = true;

	mic_open(&s->mic, s->corpus, s->opt);
	/* Not all at the same moment. */
	if (s->opt->turns > 0 && !s->opt->fast)
		going_on = quiet(s, s->user * 370 * NSEC_PER_MSEC);
	while (going_on && s->turns < s->opt->turns) {
		/* Who interrupts goes on speaking: no pause, no wake word. */
		bool interrupted = outcome == TURN_INTERRUPTED;

		if (s->turns > 0 && !interrupted && !quiet(s, s->opt->pause_ns))
			break;
		going_on = turn_run(s, s->opt->push_to_talk || interrupted, &outcome);
		if (outcome == TURN_MISSED)
			s->missed++;
	}
	if (s->opt->turns == 0)
		idle(s);
	speaker_stop(&s->speaker);
	log_user(s);
	/* The main thread waits for signals; this one says that a user has left. */
	kill(getpid(), SIGUSR1);
	return NULL;
}
