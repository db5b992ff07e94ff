/* SPDX-License-Identifier: GPL-2.0-only */
/* One user's conversation: decoders, data base and microphone of their own. */
#ifndef ALICE_SESSION_H
#define ALICE_SESSION_H

#include <pocketsphinx.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "backends.h"
#include "mic.h"
#include "options.h"
#include "speaker.h"

/* Durations of the wake word frames since the last turn was logged. */
struct frame_stats {
	uint32_t *wall_ns;
	size_t cnt, cap;
	uint64_t sum_ns;
};

struct session {
	unsigned int user;
	const struct options *opt;
	const struct corpus *corpus;
	struct mic mic;
	ps_decoder_t *wake;
	ps_decoder_t *stt;
	sqlite3 *db;
	sqlite3_stmt *find_intent;
	sqlite3_stmt *find_answer;
	sqlite3_stmt *find_fact;
	const struct backends *backends; /* NULL: none asked for */
	struct backend *backend;
	struct speaker speaker;
	struct frame_stats frames;
	uint64_t engine_start_ns; /* of the last transcribe(): ps_end_utt is called */
	uint64_t engine_end_ns;	  /* of the last transcribe(): ps_get_hyp has returned */
	uint64_t first_audio_ns;  /* of the answer: play_audio() is called */
	uint64_t played_samples;
	uint64_t total_frames, total_frames_ns;
	atomic_uint turns; /* begun; read by the main thread at the end */
	uint32_t wake_hits, missed;
};

/* 0 or negative errno, with a message on stderr. session_close() takes what was half opened. */
int session_open(struct session *s, unsigned int user, const struct options *opt,
		 const struct corpus *corpus);
void session_close(struct session *s);

#endif
