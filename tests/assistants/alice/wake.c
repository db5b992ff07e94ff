/* SPDX-License-Identifier: GPL-2.0-only */
#include "wake.h"

#include <errno.h>
#include <stdio.h>

#include "decoder.h"
#include "session.h"
#include "stage.h"

int wake_open(struct session *s)
{
	s->wake = decoder_open(s->opt);
	if (!s->wake)
		return -EIO;
	if (ps_set_keyphrase(s->wake, "wake", "alice") != 0 ||
	    ps_set_search(s->wake, "wake") != 0 || ps_start_utt(s->wake) != 0) {
		fprintf(stderr, "alice: cannot spot the wake word\n");
		return -EIO;
	}
	return 0;
}

int detect_wake_word(struct session *s, const int16_t *frame, size_t samples)
{
	stage_delays(FAULT_SLOW_WAKE, FAULT_HANG_WAKE);
	if (ps_process_raw(s->wake, frame, samples, FALSE, FALSE) < 0)
		return -EIO;
	return ps_get_hyp(s->wake, NULL) != NULL;
}

int rearm_wake_word(struct session *s)
{
	if (ps_end_utt(s->wake) != 0 || ps_start_utt(s->wake) != 0)
		return -EIO;
	return 0;
}
