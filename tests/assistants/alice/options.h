/* SPDX-License-Identifier: GPL-2.0-only */
/* The command line. */
#ifndef ALICE_OPTIONS_H
#define ALICE_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "faults.h"

#define MAX_USERS  8
#define MAX_FAULTS 256 /* those of the control included */
#define UNLIMITED  UINT32_MAX

enum tts_engine { TTS_ESPEAK = 0, TTS_FLITE };

struct options {
	const char *audio_dir; /* the corpus */
	const char *model_dir; /* acoustic model of pocketsphinx */
	const char *log_path;  /* NULL: no log */
	uint32_t users;
	uint32_t turns;	      /* per user; UNLIMITED: until the duration is over */
	uint64_t duration_ns; /* 0: until the turns are done */
	uint64_t pause_ns;    /* between a user's turns */
	uint64_t frame_ns;    /* of sound that the microphone hands over at once */
	enum tts_engine tts;
	bool tts_stream;		    /* sound is played while the rest is being made */
	bool fast;			    /* do not wait for the microphone's clock */
	bool push_to_talk;		    /* no wake word */
	bool handoff;			    /* response and speech on a thread of their own */
	bool control;			    /* faults come and go by lines on standard input */
	uint32_t postgres_port, redis_port; /* on 127.0.0.1; 0: without */
	uint64_t speech_cache_bytes;	    /* 0: every answer is made anew */
	bool log_frames;		    /* one log line per wake word frame */
	bool verbose;			    /* show the dialogue */
	struct fault faults[MAX_FAULTS];
	unsigned int fault_cnt;
};

/* Fills @opt from the command line. Prints what is wrong and exits with 2 if it cannot. */
void options_parse(struct options *opt, int argc, char **argv);

#endif
