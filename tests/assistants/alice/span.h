/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The assistant's own timing of one stage. span_begin() and span_end() read the wall clock last
 * and first, so that nothing but the stage lies between the two readings.
 */
#ifndef ALICE_SPAN_H
#define ALICE_SPAN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum span_stage { SPAN_WAKE_WORD = 0, SPAN_STT, SPAN_INTENT, SPAN_RESPONSE, SPAN_TTS, SPAN_CNT };

struct span {
	enum span_stage stage;
	pid_t tid;
	uint64_t start_ns, end_ns; /* CLOCK_MONOTONIC */
	uint64_t cpu_ns;	   /* of the calling thread */
	uint64_t process_cpu_ns;   /* of all threads */
	uint64_t run_delay_ns; /* waiting of the calling thread for a CPU, the readings included */
	uint64_t engine_start_ns; /* of the library's own calls; 0: not timed apart */
	uint64_t engine_end_ns;
	bool done, ok;
};

void span_begin(struct span *span, enum span_stage stage);
void span_end(struct span *span, bool ok);
const char *span_name(enum span_stage stage);

#endif
