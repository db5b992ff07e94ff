/* SPDX-License-Identifier: GPL-2.0-only */
#include "stt.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include "clock.h"
#include "decoder.h"
#include "session.h"
#include "stage.h"

int stt_open(struct session *s)
{
	char model[PATH_MAX];

	snprintf(model, sizeof(model), "%s/commands.lm", s->opt->audio_dir);
	s->stt = decoder_open(s->opt);
	if (!s->stt)
		return -EIO;
	if (ps_set_lm_file(s->stt, "commands", model) != 0 ||
	    ps_set_search(s->stt, "commands") != 0) {
		fprintf(stderr, "alice: cannot use the language model %s\n", model);
		return -EIO;
	}
	return 0;
}

int begin_speech(struct session *s)
{
	return ps_start_utt(s->stt) == 0 ? 0 : -EIO;
}

int hear_speech(struct session *s, const int16_t *frame, size_t samples)
{
	return ps_process_raw(s->stt, frame, samples, FALSE, FALSE) < 0 ? -EIO : 0;
}

int transcribe(struct session *s, char *text, size_t size)
{
	const char *hyp;
	int err;

	s->engine_start_ns = now_ns();
	err = ps_end_utt(s->stt);
	stage_delays(FAULT_SLOW_STT, FAULT_HANG_STT);
	hyp = ps_get_hyp(s->stt, NULL);
	s->engine_end_ns = now_ns();
	if (err || fault_active(FAULT_STT_ERROR, NULL))
		return -EIO;
	if (!hyp || !*hyp)
		return -ENODATA;
	snprintf(text, size, "%s", hyp);
	return 0;
}
