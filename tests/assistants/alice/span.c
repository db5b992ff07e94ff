/* SPDX-License-Identifier: GPL-2.0-only */
#include "span.h"

#include <string.h>
#include <unistd.h>

#include "clock.h"

static const char *const names[SPAN_CNT] = {
	[SPAN_WAKE_WORD] = "wake_word", [SPAN_STT] = "stt", [SPAN_INTENT] = "intent",
	[SPAN_RESPONSE] = "response",	[SPAN_TTS] = "tts",
};

void span_begin(struct span *span, enum span_stage stage)
{
	memset(span, 0, sizeof(*span));
	span->stage = stage;
	span->tid = gettid();
	/* Kept as the reading at the start until span_end() makes the difference. */
	span->process_cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	span->cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	span->start_ns = now_ns();
}

void span_end(struct span *span, bool ok)
{
	span->end_ns = now_ns();
	span->cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID) - span->cpu_ns;
	span->process_cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - span->process_cpu_ns;
	span->ok = ok;
	span->done = true;
}

const char *span_name(enum span_stage stage)
{
	return names[stage];
}
