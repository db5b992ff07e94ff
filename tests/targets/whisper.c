/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * whisper.cpp by its C interface: speech to text in one call.  --mode full, state (a state of its
 * own), or parallel (--threads: the library's own threads call whisper_full_with_state).
 * Logged as "stt".
 */
#include "library.h"

#define RATE	16000
#define SECONDS 2
#define SAMPLES (RATE * SECONDS)

struct whisper_context;
struct whisper_state;

static struct whisper_context *(*whisper_init_from_file)(const char *path);
static struct whisper_state *(*whisper_init_state)(struct whisper_context *);
static struct library_params *(*whisper_full_default_params_by_ref)(int strategy);
static int (*whisper_full)(struct whisper_context *, struct library_params, const float *, int);
static int (*whisper_full_with_state)(struct whisper_context *, struct whisper_state *,
				      struct library_params, const float *, int);
static int (*whisper_full_parallel)(struct whisper_context *, struct library_params, const float *,
				    int, int);
static void (*whisper_log_set)(void (*)(int, const char *, void *), void *);

static void quiet(int level, const char *text, void *data)
{
	(void)level;
	(void)text;
	(void)data;
}

static void bind(const struct library *lib)
{
	LIBRARY_GET(lib, whisper_init_from_file);
	LIBRARY_GET(lib, whisper_init_state);
	LIBRARY_GET(lib, whisper_full_default_params_by_ref);
	LIBRARY_GET(lib, whisper_full);
	LIBRARY_GET(lib, whisper_full_with_state);
	LIBRARY_GET(lib, whisper_full_parallel);
	LIBRARY_GET(lib, whisper_log_set);
}

static struct library_params defaults(void)
{
	struct library_params *theirs = whisper_full_default_params_by_ref(0), params = {{0}};
	size_t bytes = malloc_usable_size(theirs);
	const int one = 1;

	memcpy(&params, theirs, bytes < sizeof(params) ? bytes : sizeof(params));
	/* Behind the strategy, since ever: the number of threads, which spin for each other. */
	memcpy(params.bytes + sizeof(int), &one, sizeof(one));
	return params;
}

int main(int argc, char **argv)
{
	static float samples[4 * SAMPLES];
	struct whisper_state *state = NULL;
	struct whisper_context *context;
	struct library_params params;
	struct truth_function *stt;
	struct truth_pace pace;
	struct truth_opts opts;
	struct library lib;
	int result;

	truth_init(&opts, argc, argv);
	lib = library_open(&opts);
	bind(&lib);
	whisper_log_set(quiet, NULL);
	stt = truth_fn("stt");
	context = whisper_init_from_file(lib.model);
	truth_check(context, "the model");
	if (!context)
		return truth_finish();
	for (int i = 0; i < 4 * SAMPLES; i++)
		samples[i] = 0.1f * (float)((i * 37) % 200 - 100) / 100;
	params = defaults();
	if (!strcmp(opts.mode, "state"))
		state = whisper_init_state(context);
	truth_ready(&opts);
	truth_pace_start(&pace);
	while (truth_pace_next(&pace, &opts)) {
		uint64_t start_ns = truth_now_ns();

		if (state)
			result = whisper_full_with_state(context, state, params, samples, SAMPLES);
		else if (!strcmp(opts.mode, "parallel"))
			result = whisper_full_parallel(context, params, samples, 4 * SAMPLES,
						       opts.threads);
		else
			result = whisper_full(context, params, samples, SAMPLES);
		truth_record(stt, start_ns, truth_now_ns(), TRUTH_NORMAL);
		truth_check(result == 0, "the result of whisper_full");
	}
	return truth_finish();
}
