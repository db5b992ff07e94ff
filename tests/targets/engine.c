/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Calls libengine.so as assistants call their engines, by commands on stdin, each answered by a
 * line that begins with "done". Three handles: two that listen for a keyword, one that decodes.
 *   configure          sets the three handles' searches
 *   frames N           N frames on each handle; every tenth hits, after which get_hit() is asked;
 *                      after every other it is asked for the neighbour: a hit, but not of this
 * frame streams N C how    N streams of C chunks: on one handle (same), on a new one each (fresh),
 * or on a new one each with parse_text() on that handle after the last chunk (stage) parse N N
 * calls, every seventh of which fails slow N             N calls, every fifth of which takes 12 ms
 * instead of 1 ms answer N           N answers with audio eight N            N rounds of four
 * sessions, all of which hear before any speaks The function lines of the log are named by function
 * and, where one has several, what it served: process_frame.kws, .ngram, .kws.hit (the frames that
 * hit); begin_stream.first, .total (begin to the return of the first, the last chunk). Audio is
 * logged as
 *   {"type":"audio","name":"make_answer","spans":9,"wall_ns":…,"audio_ns":…}
 */
#include "engine.h"
#include "truth.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HANDLES	      3
#define FRESH_MAX     512
#define SESSIONS      4
#define FRAME_SAMPLES 320
#define FRAME_RATE    16000

struct audio_truth {
	const char *name;
	unsigned long long spans;
	unsigned long long wall_ns;
	double audio_ns;
};

static struct truth_opts options;
static struct engine handles[HANDLES];
static struct engine fresh[FRESH_MAX];
static int fresh_used;
static struct audio_truth frame_audio = {.name = "process_frame.kws"};
static struct audio_truth answer_audio = {.name = "make_answer"};

static long draw(void)
{
	static unsigned int random;

	if (!random)
		random = options.seed;
	return truth_draw_us(&options, &random);
}

static void add_audio(struct audio_truth *audio, uint64_t wall_ns, double audio_ns)
{
	audio->spans++;
	audio->wall_ns += wall_ns;
	audio->audio_ns += audio_ns;
}

static void log_audio(const struct audio_truth *audio)
{
	if (audio->spans)
		truth_log("{\"type\":\"audio\",\"name\":\"%s\",\"spans\":%llu,\"wall_ns\":%llu,"
			  "\"audio_ns\":%.0f}",
			  audio->name, audio->spans, audio->wall_ns, audio->audio_ns);
}

/* What a span was asked to take: a quarter of it computing, the rest asleep; see spend(). */
static void record_asked(const char *name, uint64_t start_ns, long us)
{
	truth_record(truth_fn(name), start_ns, start_ns + (uint64_t)us * 1000, TRUTH_NORMAL);
}

static void configure(void)
{
	set_keyword(&handles[0]);
	set_keyword(&handles[1]);
	set_grammar(&handles[2]);
}

static void one_frame(int which, bool hit)
{
	int16_t samples[FRAME_SAMPLES] = {hit ? -1 : 1};
	struct engine *engine = &handles[which];
	const char *name = which < 2 ? "process_frame.kws" : "process_frame.ngram";
	long us = draw();
	uint64_t start_ns = truth_now_ns();
	int got = process_frame(engine, samples, FRAME_SAMPLES, us);
	uint64_t end_ns = truth_now_ns();

	truth_check(got == hit, "the frame hits as it is told to");
	truth_record(truth_fn(name), start_ns, end_ns, TRUTH_NORMAL);
	if (which < 2) {
		record_asked("process_frame.kws.asked", start_ns, us);
		add_audio(&frame_audio, end_ns - start_ns, FRAME_SAMPLES * 1e9 / FRAME_RATE);
	}
	if (!hit) {
		get_hit(&handles[(which + 1) % HANDLES]);
		return;
	}
	truth_check(!strcmp(get_hit(engine), which < 2 ? "kws" : "ngram"), "the hit's name");
	truth_record(truth_fn(which < 2 ? "process_frame.kws.hit" : "process_frame.ngram.hit"),
		     start_ns, end_ns, TRUTH_NORMAL);
}

static void frames(long count)
{
	long i;
	int which;

	for (i = 0; i < count; i++)
		for (which = 0; which < HANDLES; which++)
			one_frame(which, i % 10 == which);
}

static void one_stream(struct engine *engine, int chunks, bool stage)
{
	uint64_t first_ns = 0;
	uint64_t last_ns = 0;
	long us = draw();
	uint64_t start_ns = truth_now_ns();
	int got = 0;

	begin_stream(engine, chunks, us);
	while (next_chunk(engine) > 0) {
		last_ns = truth_now_ns();
		if (!first_ns)
			first_ns = last_ns;
		got++;
	}
	truth_check(got == chunks, "chunks of the stream");
	if (!chunks)
		return;
	truth_record(truth_fn("begin_stream.first"), start_ns, first_ns, TRUTH_NORMAL);
	truth_record(truth_fn("begin_stream.total"), start_ns, last_ns, TRUTH_NORMAL);
	record_asked("begin_stream.total.asked", start_ns, us * (1 + chunks));
	if (stage)
		truth_check(parse_text(engine, 5, 1000) == 5, "parse after the stream");
}

static void streams(long count, int chunks, const char *how)
{
	long i;

	for (i = 0; i < count; i++) {
		bool same = !strcmp(how, "same");
		struct engine *engine = same ? &handles[0] : &fresh[fresh_used++ % FRESH_MAX];

		engine->magic = 1;
		one_stream(engine, chunks, !strcmp(how, "stage"));
	}
}

static void parse(long count, bool slow)
{
	struct truth_function *fn = truth_fn("parse_text");
	struct truth_function *failed = truth_fn("parse_text.error");
	long i;

	for (i = 0; i < count; i++) {
		int wanted = !slow && i % 7 == 3 ? -(int)i - 1 : (int)i;
		long us = !slow ? draw() : i % 5 == 2 ? 12000 : 1000;
		uint64_t start_ns = truth_now_ns();
		int got = parse_text(&handles[0], wanted, us);
		uint64_t end_ns = truth_now_ns();

		truth_check(got == wanted, "the result of the call");
		truth_record(fn, start_ns, end_ns, TRUTH_NORMAL);
		record_asked("parse_text.asked", start_ns, us);
		if (got < 0)
			truth_record(failed, start_ns, end_ns, TRUTH_NORMAL);
	}
}

static void answer(long count)
{
	struct engine_audio audio = {0};
	struct engine_answer made = {.magic = 1, .audio = &audio};
	long i;

	for (i = 0; i < count; i++) {
		long us = draw();
		uint64_t start_ns = truth_now_ns();
		struct engine_answer *got = make_answer(&made, us);
		uint64_t end_ns = truth_now_ns();

		truth_check(got == &made && audio.samples_cnt == us * 5, "the answer's audio");
		truth_record(truth_fn("make_answer"), start_ns, end_ns, TRUTH_NORMAL);
		add_audio(&answer_audio, end_ns - start_ns, audio.samples_cnt * 1e9 / audio.rate);
	}
}

/* The session is the first argument and the seventh; all other arguments are the same in all. */
static void eight_round(void)
{
	uint64_t heard_ns[SESSIONS];
	uint64_t start_ns;
	uint64_t end_ns;
	uint64_t s;

	for (s = 1; s <= SESSIONS; s++) {
		heard_ns[s - 1] = start_ns = truth_now_ns();
		truth_check(hear_eight(s, 2, 3, 4, 5, 6, s, draw()) == s + 20, "eight arguments");
		end_ns = truth_now_ns();
		truth_record(truth_fn("hear_eight"), start_ns, end_ns, TRUTH_NORMAL);
		if (s == 3)
			truth_record(truth_fn("hear_eight.3"), start_ns, end_ns, TRUTH_NORMAL);
	}
	for (s = SESSIONS; s >= 1; s--) {
		start_ns = truth_now_ns();
		truth_check(speak_eight(s, 2, 3, 4, 5, 6, s, draw()) == s + 20, "eight arguments");
		end_ns = truth_now_ns();
		truth_record(truth_fn("speak_eight"), start_ns, end_ns, TRUTH_NORMAL);
		truth_record(truth_fn("turn"), heard_ns[s - 1], end_ns, TRUTH_NORMAL);
	}
}

static void obey(const char *line)
{
	char how[16] = "";
	long count = 0;
	int chunks = 0;
	long i;

	if (!strncmp(line, "configure", 9))
		configure();
	else if (sscanf(line, "frames %ld", &count) == 1)
		frames(count);
	else if (sscanf(line, "streams %ld %d %15s", &count, &chunks, how) == 3)
		streams(count, chunks, how);
	else if (sscanf(line, "parse %ld", &count) == 1)
		parse(count, false);
	else if (sscanf(line, "slow %ld", &count) == 1)
		parse(count, true);
	else if (sscanf(line, "answer %ld", &count) == 1)
		answer(count);
	else if (sscanf(line, "eight %ld", &count) == 1)
		for (i = 0; i < count; i++)
			eight_round();
	else
		truth_check(false, "a command that it knows");
	puts("done");
	fflush(stdout);
}

/* Every function once, on a handle of its own: its address is looked up here, not in a span. */
static void warm_up(void)
{
	struct engine_audio audio = {0};
	struct engine_answer made = {.audio = &audio};
	struct engine engine = {.magic = 1};
	int16_t samples[1] = {0};

	set_grammar(&engine);
	set_keyword(&engine);
	process_frame(&engine, samples, 1, 0);
	get_hit(&engine);
	begin_stream(&engine, 0, 0);
	next_chunk(&engine);
	parse_text(&engine, 0, 0);
	make_answer(&made, 0);
	hear_eight(1, 2, 3, 4, 5, 6, 1, 0);
	speak_eight(1, 2, 3, 4, 5, 6, 1, 0);
}

int main(int argc, char **argv)
{
	char line[128];
	int i;

	truth_init(&options, argc, argv);
	for (i = 0; i < HANDLES; i++)
		handles[i].magic = 1;
	warm_up();
	if (!strcmp(options.mode, "configured"))
		configure();
	truth_ready(&options);
	while (fgets(line, sizeof(line), stdin) && strcmp(line, "quit\n"))
		obey(line);
	log_audio(&frame_audio);
	log_audio(&answer_audio);
	return truth_finish();
}
