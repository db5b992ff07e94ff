/* SPDX-License-Identifier: GPL-2.0-only */
#include "options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "units.h"

static const char usage[] =
	"Usage: alice [OPTION]...\n"
	"A small voice assistant that listens to recordings.\n"
	"\n"
	"  --users N          users at once, 1 to 8 (1)\n"
	"  --turns N          turns of each user; 0: stay idle (10, without limit if --duration)\n"
	"  --duration T       end after this time, such as 90s\n"
	"  --pause T          quiet between turns (2s, 0 with --fast)\n"
	"  --frame T          sound of one frame, 10ms to 500ms (20ms)\n"
	"  --fast             do not wait for the clock of the microphone\n"
	"  --tts ENGINE       espeak (default) or flite\n"
	"  --tts-mode MODE    whole (default): all is made, then played; stream: at once\n"
	"  --push-to-talk     turns without a wake word\n"
	"  --handoff          answer on a second thread of each user\n"
	"  --postgres PORT    what was asked is kept in a PostgreSQL on 127.0.0.1\n"
	"  --redis PORT       answers of a remote service are kept in a Redis on 127.0.0.1\n"
	"  --speech-cache N   so many bytes of speech are kept, such as 2MB\n"
	"  --audio DIR        corpus (build/corpus)\n"
	"  --model DIR        acoustic model\n"
	"  --log FILE         write a log of JSON lines\n"
	"  --log-frames       log every wake word frame too\n"
	"  --verbose          show the dialogue on standard error\n"
	"  --fault NAME[=VALUE][@FROM[-TO]]   misbehave; may be repeated\n"
	"  --control          faults begin and end by lines on standard input:\n"
	"                     begin NAME[=VALUE], end NAME\n"
	"  --help\n"
	"\n"
	"Faults:";

enum {
	OPT_USERS = 1000,
	OPT_TURNS,
	OPT_DURATION,
	OPT_PAUSE,
	OPT_FRAME,
	OPT_FAST,
	OPT_TTS,
	OPT_TTS_MODE,
	OPT_PUSH_TO_TALK,
	OPT_HANDOFF,
	OPT_POSTGRES,
	OPT_REDIS,
	OPT_SPEECH_CACHE,
	OPT_AUDIO,
	OPT_MODEL,
	OPT_LOG,
	OPT_LOG_FRAMES,
	OPT_VERBOSE,
	OPT_FAULT,
	OPT_CONTROL,
	OPT_HELP,
};

static const struct option long_options[] = {
	{"users", required_argument, NULL, OPT_USERS},
	{"turns", required_argument, NULL, OPT_TURNS},
	{"duration", required_argument, NULL, OPT_DURATION},
	{"pause", required_argument, NULL, OPT_PAUSE},
	{"frame", required_argument, NULL, OPT_FRAME},
	{"fast", no_argument, NULL, OPT_FAST},
	{"tts", required_argument, NULL, OPT_TTS},
	{"tts-mode", required_argument, NULL, OPT_TTS_MODE},
	{"push-to-talk", no_argument, NULL, OPT_PUSH_TO_TALK},
	{"handoff", no_argument, NULL, OPT_HANDOFF},
	{"postgres", required_argument, NULL, OPT_POSTGRES},
	{"redis", required_argument, NULL, OPT_REDIS},
	{"speech-cache", required_argument, NULL, OPT_SPEECH_CACHE},
	{"audio", required_argument, NULL, OPT_AUDIO},
	{"model", required_argument, NULL, OPT_MODEL},
	{"log", required_argument, NULL, OPT_LOG},
	{"log-frames", no_argument, NULL, OPT_LOG_FRAMES},
	{"verbose", no_argument, NULL, OPT_VERBOSE},
	{"fault", required_argument, NULL, OPT_FAULT},
	{"control", no_argument, NULL, OPT_CONTROL},
	{"help", no_argument, NULL, OPT_HELP},
	{NULL, 0, NULL, 0},
};

static void __attribute__((noreturn)) refuse(const char *what, const char *arg, const char *why)
{
	fprintf(stderr, "alice: %s '%s': %s\n", what, arg, why);
	exit(2);
}

static void __attribute__((noreturn)) help(void)
{
	fputs(usage, stdout);
	for (unsigned int i = 0; i < FAULT_CNT; i++)
		printf("%s %s", i % 7 == 0 ? "\n " : "", fault_name((enum fault_kind)i));
	putchar('\n');
	exit(0);
}

static uint32_t count_between(const char *name, const char *arg, uint64_t lo, uint64_t hi)
{
	uint64_t value;

	if (parse_count(arg, &value) != 0 || value < lo || value > hi)
		refuse(name, arg, "not a number that will do");
	return (uint32_t)value;
}

static uint64_t duration(const char *name, const char *arg)
{
	uint64_t value;

	if (parse_duration(arg, &value) != 0)
		refuse(name, arg, "not a time such as 600ms or 20s");
	return value;
}

static uint64_t bytes(const char *name, const char *arg)
{
	uint64_t value;

	if (parse_bytes(arg, &value) != 0 || !value)
		refuse(name, arg, "not a number of bytes such as 2MB");
	return value;
}

static uint64_t frame_length(const char *arg)
{
	uint64_t ns = duration("--frame", arg);

	if (ns < 10 * NSEC_PER_MSEC || ns > 500 * NSEC_PER_MSEC)
		refuse("--frame", arg, "not between 10ms and 500ms");
	return ns;
}

static bool streams(const char *arg)
{
	if (strcmp(arg, "stream") == 0)
		return true;
	if (strcmp(arg, "whole") != 0)
		refuse("--tts-mode", arg, "neither whole nor stream");
	return false;
}

static enum tts_engine engine(const char *arg)
{
	if (strcmp(arg, "flite") == 0)
		return TTS_FLITE;
	if (strcmp(arg, "espeak") != 0)
		refuse("--tts", arg, "neither espeak nor flite");
	return TTS_ESPEAK;
}

static void add_fault(struct options *opt, const char *arg)
{
	const char *why = "too many faults";

	if (opt->fault_cnt == MAX_FAULTS ||
	    fault_parse(arg, &opt->faults[opt->fault_cnt], &why) != 0)
		refuse("--fault", arg, why);
	opt->fault_cnt++;
}

static void take_option(struct options *opt, int key, const char *arg)
{
	switch (key) {
	case OPT_USERS:
		opt->users = count_between("--users", arg, 1, MAX_USERS);
		break;
	case OPT_TURNS:
		opt->turns = count_between("--turns", arg, 0, 1000000);
		break;
	case OPT_DURATION:
		opt->duration_ns = duration("--duration", arg);
		break;
	case OPT_PAUSE:
		opt->pause_ns = duration("--pause", arg);
		break;
	case OPT_FRAME:
		opt->frame_ns = frame_length(arg);
		break;
	case OPT_FAST:
		opt->fast = true;
		break;
	case OPT_TTS:
		opt->tts = engine(arg);
		break;
	case OPT_TTS_MODE:
		opt->tts_stream = streams(arg);
		break;
	case OPT_PUSH_TO_TALK:
		opt->push_to_talk = true;
		break;
	case OPT_HANDOFF:
		opt->handoff = true;
		break;
	case OPT_POSTGRES:
		opt->postgres_port = count_between("--postgres", arg, 1, UINT16_MAX);
		break;
	case OPT_REDIS:
		opt->redis_port = count_between("--redis", arg, 1, UINT16_MAX);
		break;
	case OPT_SPEECH_CACHE:
		opt->speech_cache_bytes = bytes("--speech-cache", arg);
		break;
	case OPT_AUDIO:
		opt->audio_dir = arg;
		break;
	case OPT_MODEL:
		opt->model_dir = arg;
		break;
	case OPT_LOG:
		opt->log_path = arg;
		break;
	case OPT_LOG_FRAMES:
		opt->log_frames = true;
		break;
	case OPT_VERBOSE:
		opt->verbose = true;
		break;
	case OPT_FAULT:
		add_fault(opt, arg);
		break;
	case OPT_CONTROL:
		opt->control = true;
		break;
	case OPT_HELP:
		help();
	default:
		exit(2);
	}
}

void options_parse(struct options *opt, int argc, char **argv)
{
	const uint64_t unset = UINT64_MAX;
	const uint32_t unset_turns = UNLIMITED - 1;
	int key;

	memset(opt, 0, sizeof(*opt));
	opt->audio_dir = "build/corpus";
	opt->model_dir = "/usr/share/pocketsphinx/model/en-us/en-us";
	opt->users = 1;
	opt->frame_ns = 20 * NSEC_PER_MSEC;
	opt->turns = unset_turns;
	opt->pause_ns = unset;
	while ((key = getopt_long(argc, argv, "", long_options, NULL)) != -1)
		take_option(opt, key, optarg);
	if (optind < argc)
		refuse("argument", argv[optind], "not expected");
	if (opt->turns == unset_turns)
		opt->turns = opt->duration_ns ? UNLIMITED : 10;
	if (opt->pause_ns == unset)
		opt->pause_ns = opt->fast ? 0 : 2 * NSEC_PER_SEC;
	if (opt->tts_stream && opt->tts != TTS_ESPEAK)
		refuse("--tts-mode", "stream", "only espeak hands over pieces");
	if (opt->tts_stream && opt->speech_cache_bytes)
		refuse("--speech-cache", "stream", "what is played in pieces is not kept");
	for (unsigned int i = 0; i < opt->fault_cnt; i++) {
		if (opt->faults[i].kind == FAULT_OVERLAP && !opt->handoff)
			refuse("--fault", "overlap", "needs --handoff");
	}
}
