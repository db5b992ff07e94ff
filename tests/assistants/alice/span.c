/* SPDX-License-Identifier: GPL-2.0-only */
#include "span.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"

static const char *const names[SPAN_CNT] = {
	[SPAN_WAKE_WORD] = "wake_word", [SPAN_STT] = "stt", [SPAN_INTENT] = "intent",
	[SPAN_RESPONSE] = "response",	[SPAN_TTS] = "tts",
};

/* The second number of schedstat; 0 where the kernel does not count it. */
static uint64_t run_delay_ns(void)
{
	char text[96] = "";
	char *at = NULL;
	int fd = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return 0;
	if (read(fd, text, sizeof(text) - 1) > 0)
		at = strchr(text, ' ');
	close(fd);
	return at ? strtoull(at, NULL, 10) : 0;
}

void span_begin(struct span *span, enum span_stage stage)
{
	memset(span, 0, sizeof(*span));
	span->stage = stage;
	span->tid = gettid();
	/* Kept as the reading at the start until span_end() makes the difference. */
	span->run_delay_ns = run_delay_ns();
	span->process_cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	span->cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	span->start_ns = now_ns();
}

void span_end(struct span *span, bool ok)
{
	span->end_ns = now_ns();
	span->cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID) - span->cpu_ns;
	span->process_cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - span->process_cpu_ns;
	span->run_delay_ns = run_delay_ns() - span->run_delay_ns;
	span->ok = ok;
	span->done = true;
}

const char *span_name(enum span_stage stage)
{
	return names[stage];
}
