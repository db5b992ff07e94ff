/* SPDX-License-Identifier: GPL-2.0-only */
#include "turn.h"

#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "faults.h"
#include "frames.h"
#include "response.h"
#include "session.h"
#include "stop.h"
#include "stt.h"
#include "turn_log.h"
#include "wake.h"

/* To wait after the last word: the spotter reports some 100 ms late. */
#define WAKE_GRACE_NS (500 * NSEC_PER_MSEC)

/* Listens until the wake word, or until the utterance is over without it. */
static bool wait_for_wake_word(struct session *s, struct turn *turn)
{
	int16_t frame[FRAME_SAMPLES_MAX];
	uint64_t grace = (WAKE_GRACE_NS + s->mic.frame_ns - 1) / s->mic.frame_ns;
	struct span *span = &turn->spans[SPAN_WAKE_WORD];
	int hit = 0;

	mic_say(&s->mic, turn->utterance, 0);
	while (hit <= 0 && grace > 0) {
		if (!mic_read(&s->mic, frame))
			return false;
		hit = frames_listen(s, frame, span);
		if (mic_quiet(&s->mic))
			grace--;
	}
	frames_summarise(s, &turn->frames);
	if (hit <= 0)
		turn->outcome = TURN_MISSED;
	else
		rearm_wake_word(s);
	return true;
}

/* Feeds speech-to-text until the user is silent. */
static bool listen(struct session *s, struct turn *turn)
{
	int16_t frame[FRAME_SAMPLES_MAX];

	turn->speech_start_ns = now_ns();
	if (begin_speech(s) != 0)
		return false;
	do {
		uint64_t start_ns;

		if (!mic_read(&s->mic, frame))
			return false;
		recording_add(&turn->recording, frame, s->mic.samples);
		start_ns = now_ns();
		hear_speech(s, frame, s->mic.samples);
		turn->feed_ns += now_ns() - start_ns;
		turn->feed_frames++;
	} while (!mic_quiet(&s->mic));
	return true;
}

static void understand(struct session *s, struct turn *turn)
{
	struct span *stt = &turn->spans[SPAN_STT];
	struct span *intent = &turn->spans[SPAN_INTENT];
	uint64_t gap_ns;
	int err;

	span_begin(stt, SPAN_STT);
	err = transcribe(s, turn->heard, sizeof(turn->heard));
	span_end(stt, err == 0);
	stt->engine_start_ns = s->engine_start_ns;
	stt->engine_end_ns = s->engine_end_ns;
	if (err)
		return;
	if (fault_active(FAULT_GAP, &gap_ns))
		sleep_ns(gap_ns);
	span_begin(intent, SPAN_INTENT);
	err = parse_intent(s, turn->heard, &turn->intent);
	span_end(intent, err == 0);
	turn->understood = err == 0;
}

void turn_answer(struct turn *turn)
{
	struct session *s = turn->session;
	struct span *response = &turn->spans[SPAN_RESPONSE];
	struct span *tts = &turn->spans[SPAN_TTS];
	int err;

	span_begin(response, SPAN_RESPONSE);
	err = generate_response(s, turn->understood ? &turn->intent : NULL, turn->answer,
				sizeof(turn->answer));
	span_end(response, err == 0);
	if (fault_active(FAULT_NO_TTS, NULL)) {
		turn->outcome = TURN_ABANDONED;
	} else {
		span_begin(tts, SPAN_TTS);
		err = synthesize(s, turn->answer, &turn->speech);
		span_end(tts, err == 0);
		tts->engine_start_ns = turn->speech.engine_start_ns;
		tts->engine_end_ns = turn->speech.engine_end_ns;
	}
	turn_log(turn);
	free(turn);
}

/* Second half, here or on the speaker's thread. */
static void answer(struct session *s, struct turn *turn)
{
	if (!s->opt->handoff) {
		turn_answer(turn);
		return;
	}
	speaker_give(&s->speaker, turn);
	if (!fault_active(FAULT_OVERLAP, NULL))
		speaker_wait(&s->speaker);
}

static struct turn *turn_new(struct session *s)
{
	struct turn *turn = calloc(1, sizeof(*turn));

	if (!turn)
		return NULL;
	turn->session = s;
	turn->number = s->turns;
	/* Users go through the same utterances, each from another one on. */
	turn->utterance = &s->corpus->utterances[(s->turns + s->user * 5) % s->corpus->cnt];
	return turn;
}

bool turn_run(struct session *s, bool follow_up, enum turn_outcome *outcome)
{
	struct turn *turn = turn_new(s);
	bool going_on;

	if (!turn)
		return false;
	if (follow_up) {
		mic_say(&s->mic, turn->utterance, turn->utterance->command_at);
		going_on = true;
	} else {
		going_on = wait_for_wake_word(s, turn);
	}
	if (going_on && turn->outcome != TURN_MISSED)
		going_on = listen(s, turn);
	if (!going_on) {
		turn->outcome = TURN_UNFINISHED;
		recording_end(&turn->recording, turn->number);
		turn_log(turn);
		free(turn);
		return false;
	}
	s->turns++;
	*outcome = turn->outcome;
	if (turn->outcome != TURN_MISSED)
		understand(s, turn);
	turn->kept_bytes = recording_end(&turn->recording, turn->number);
	if (turn->outcome != TURN_MISSED && fault_active(FAULT_BARGE_IN, NULL))
		*outcome = turn->outcome = TURN_INTERRUPTED;
	if (turn->outcome == TURN_COMPLETE) {
		answer(s, turn);
	} else {
		turn_log(turn);
		free(turn);
	}
	return !stop_requested();
}
