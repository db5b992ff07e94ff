/* SPDX-License-Identifier: GPL-2.0-only */
#include "turn_log.h"

#include <stdio.h>
#include <string.h>

#include "log.h"
#include "session.h"
#include "turn.h"

static const char *const outcomes[] = {
	[TURN_COMPLETE] = "complete",	    [TURN_ABANDONED] = "abandoned",
	[TURN_INTERRUPTED] = "interrupted", [TURN_MISSED] = "missed",
	[TURN_UNFINISHED] = "unfinished",
};

typedef unsigned long long ull;

/* What only some stages have, as the tail of the span's line. */
static void stage_extras(const struct turn *turn, const struct span *sp, char *out, size_t size)
{
	int n = 0;

	out[0] = '\0';
	if (sp->engine_end_ns)
		n = snprintf(out, size, ",\"engine_start_ns\":%llu,\"engine_end_ns\":%llu",
			     (ull)sp->engine_start_ns, (ull)sp->engine_end_ns);
	if (sp->stage == SPAN_STT)
		snprintf(out + n, size - (size_t)n,
			 ",\"speech_ns\":%llu,\"feed_frames\":%llu,\"feed_ns\":%llu",
			 (ull)(sp->start_ns - turn->speech_start_ns), (ull)turn->feed_frames,
			 (ull)turn->feed_ns);
	else if (sp->stage == SPAN_TTS)
		snprintf(out + n, size - (size_t)n,
			 ",\"audio_samples\":%llu,\"rate\":%u,\"first_audio_ns\":%llu",
			 (ull)turn->speech.samples, turn->speech.rate,
			 (ull)turn->speech.first_audio_ns);
}

void span_log(const struct session *s, uint32_t turn_number, const struct span *sp,
	      const char *extras)
{
	log_line("{\"type\":\"span\",\"stage\":\"%s\",\"user\":%u,\"turn\":%u,\"tid\":%d,"
		 "\"start_ns\":%llu,\"end_ns\":%llu,\"cpu_ns\":%llu,\"process_cpu_ns\":%llu,"
		 "\"run_delay_ns\":%llu,\"ok\":%s%s}",
		 span_name(sp->stage), s->user, turn_number, (int)sp->tid, (ull)sp->start_ns,
		 (ull)sp->end_ns, (ull)sp->cpu_ns, (ull)sp->process_cpu_ns, (ull)sp->run_delay_ns,
		 sp->ok ? "true" : "false", extras);
}

/* All but the wake word's, which is logged when it hits. */
static void log_spans(const struct turn *turn)
{
	for (unsigned int i = SPAN_STT; i < SPAN_CNT; i++) {
		char extras[256];

		if (!turn->spans[i].done)
			continue;
		stage_extras(turn, &turn->spans[i], extras, sizeof(extras));
		span_log(turn->session, turn->number, &turn->spans[i], extras);
	}
}

/* When the turn was over: its last stage's end. */
static uint64_t turn_end_ns(const struct turn *turn)
{
	uint64_t end_ns = 0;

	for (unsigned int i = 0; i < SPAN_CNT; i++) {
		if (turn->spans[i].done && turn->spans[i].end_ns > end_ns)
			end_ns = turn->spans[i].end_ns;
	}
	return end_ns;
}

void turn_log(const struct turn *turn)
{
	const struct frame_summary *fr = &turn->frames;
	char expected[300], heard[600];

	log_spans(turn);
	log_line("{\"type\":\"turn\",\"user\":%u,\"turn\":%u,\"outcome\":\"%s\",\"start_ns\":%llu,"
		 "\"end_ns\":%llu,\"wake_ns\":%llu,\"expected\":\"%s\",\"heard\":\"%s\","
		 "\"matched\":%s,\"intent\":\"%s\",\"wake_frames\":%llu,\"wake_min_ns\":%llu,"
		 "\"wake_median_ns\":%llu,\"wake_max_ns\":%llu,\"wake_sum_ns\":%llu,\"kept_bytes\":"
		 "%llu}",
		 turn->session->user, turn->number, outcomes[turn->outcome],
		 (ull)turn->spans[SPAN_STT].start_ns, (ull)turn_end_ns(turn),
		 (ull)turn->spans[SPAN_WAKE_WORD].end_ns,
		 log_escape(expected, sizeof(expected), turn->utterance->text),
		 log_escape(heard, sizeof(heard), turn->heard),
		 strcmp(turn->heard, turn->utterance->text) == 0 ? "true" : "false",
		 turn->intent.name, (ull)fr->cnt, (ull)fr->min_ns, (ull)fr->median_ns,
		 (ull)fr->max_ns, (ull)fr->sum_ns, (ull)turn->kept_bytes);
	if (turn->session->opt->verbose)
		fprintf(stderr, "user %u: \"%s\" -> \"%s\"\n", turn->session->user, turn->heard,
			turn->answer);
}
