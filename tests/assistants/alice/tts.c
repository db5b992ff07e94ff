/* SPDX-License-Identifier: GPL-2.0-only */
#include "tts.h"

#include <errno.h>
#include <espeak-ng/speak_lib.h>
#include <flite/flite.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "player.h"
#include "session.h"
#include "speech_cache.h"
#include "stage.h"

/* In libflite_cmu_us_slt, without a header. */
cst_voice *register_cmu_us_slt(const char *voxdir);

static struct {
	pthread_mutex_t lock;
	enum tts_engine engine;
	int rate;	  /* espeak-ng's, Hz */
	cst_voice *voice; /* flite's */
	struct speech_cache *cache;
	/* Of the sentence being spoken by espeak-ng: */
	struct session *session;
	uint64_t samples;
	bool stream;
	int16_t *sound; /* all of it, where it is played as a whole */
	size_t sound_cap;
} tts = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void keep_sound(const short *sound, size_t samples)
{
	size_t need = tts.samples + samples;

	if (need > tts.sound_cap) {
		int16_t *bigger = realloc(tts.sound, 2 * need * sizeof(*bigger));

		if (!bigger)
			return;
		tts.sound = bigger;
		tts.sound_cap = 2 * need;
	}
	memcpy(tts.sound + tts.samples, sound, samples * sizeof(*sound));
}

/* espeak-ng hands over a piece of sound; a slow consumer keeps the engine waiting. */
static int take_sound(short *sound, int samples, espeak_EVENT *events)
{
	uint64_t chunk_ns;

	(void)events;
	if (!sound || samples <= 0)
		return 0;
	if (tts.samples == 0)
		stage_delays(FAULT_SLOW_TTS, FAULT_HANG_TTS);
	if (fault_active(FAULT_SLOW_CHUNK, &chunk_ns))
		sleep_ns(chunk_ns);
	if (tts.stream)
		play_audio(tts.session, sound, (size_t)samples);
	else
		keep_sound(sound, (size_t)samples);
	tts.samples += (uint64_t)samples;
	return 0;
}

static int open_engine(enum tts_engine engine)
{
	tts.engine = engine;
	if (engine == TTS_FLITE) {
		flite_init();
		tts.voice = register_cmu_us_slt(NULL);
		return tts.voice ? 0 : -EIO;
	}
	tts.rate =
		espeak_Initialize(AUDIO_OUTPUT_SYNCHRONOUS, 200, NULL, espeakINITIALIZE_DONT_EXIT);
	if (tts.rate <= 0 || espeak_SetVoiceByName("en") != EE_OK) {
		fprintf(stderr, "alice: espeak-ng does not start\n");
		return -EIO;
	}
	espeak_SetSynthCallback(take_sound);
	return 0;
}

int tts_open(enum tts_engine engine, uint64_t cache_bytes)
{
	if (cache_bytes) {
		tts.cache = speech_cache_open(cache_bytes);
		if (!tts.cache)
			return -ENOMEM;
	}
	return open_engine(engine);
}

void tts_log(void)
{
	if (tts.cache)
		speech_cache_log(tts.cache);
}

void tts_close(void)
{
	speech_cache_close(tts.cache);
	if (tts.engine == TTS_ESPEAK)
		espeak_Terminate();
	free(tts.sound);
}

static int speak_espeak(struct session *s, const char *answer, struct speech *out)
{
	espeak_ERROR err;

	tts.session = s;
	tts.stream = s->opt->tts_stream && !fault_active(FAULT_TTS_WHOLE, NULL);
	tts.samples = 0;
	out->engine_start_ns = now_ns();
	err = espeak_Synth(answer, strlen(answer) + 1, 0, POS_CHARACTER, 0, espeakCHARS_UTF8, NULL,
			   NULL);
	if (err == EE_OK)
		err = espeak_Synchronize();
	out->engine_end_ns = now_ns();
	out->rate = (uint32_t)tts.rate;
	out->samples = tts.samples;
	if (tts.samples && !tts.stream)
		play_audio(s, tts.sound, tts.samples < tts.sound_cap ? tts.samples : tts.sound_cap);
	if (tts.cache && err == EE_OK && tts.samples && tts.samples <= tts.sound_cap)
		speech_cache_put(tts.cache, answer, tts.sound, tts.samples, out->rate);
	return err == EE_OK ? 0 : -EIO;
}

static int speak_flite(struct session *s, const char *answer, struct speech *out)
{
	cst_wave *wave;

	out->engine_start_ns = now_ns();
	wave = flite_text_to_wave(answer, tts.voice);
	out->engine_end_ns = now_ns();
	if (!wave)
		return -EIO;
	out->rate = (uint32_t)wave->sample_rate;
	out->samples = (uint64_t)wave->num_samples;
	stage_delays(FAULT_SLOW_TTS, FAULT_HANG_TTS);
	play_audio(s, wave->samples, (size_t)wave->num_samples);
	if (tts.cache)
		speech_cache_put(tts.cache, answer, wave->samples, out->samples, out->rate);
	delete_wave(wave);
	return 0;
}

/* True where the answer was spoken before. */
static bool speak_again(struct session *s, const char *answer, struct speech *out)
{
	struct spoken *spoken = tts.cache ? speech_cache_get(tts.cache, answer) : NULL;

	if (!spoken)
		return false;
	out->rate = spoken->rate;
	out->samples = spoken->samples;
	play_audio(s, spoken->sound, spoken->samples);
	speech_cache_done(tts.cache, spoken);
	return true;
}

static int speak_anew(struct session *s, const char *answer, struct speech *out)
{
	int err;

	pthread_mutex_lock(&tts.lock);
	err = tts.engine == TTS_FLITE ? speak_flite(s, answer, out) : speak_espeak(s, answer, out);
	pthread_mutex_unlock(&tts.lock);
	return err;
}

int synthesize(struct session *s, const char *answer, struct speech *out)
{
	int err = 0;

	s->played_samples = 0;
	memset(out, 0, sizeof(*out));
	if (!speak_again(s, answer, out))
		err = speak_anew(s, answer, out);
	if (s->played_samples)
		out->first_audio_ns = s->first_audio_ns;
	return err || fault_active(FAULT_TTS_ERROR, NULL) ? -EIO : 0;
}
