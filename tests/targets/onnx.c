/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * onnxruntime by its C interface, which is a table of functions: a session and its runs, logged as
 * "run".  The slots of the table never change their meaning, so no header is needed.
 */
#include "library.h"

#define SIDE	     128
#define API_VERSION  10 /* of 2021: newer libraries have all of it */
#define FLOAT	     1
#define ARENA	     1
#define DEFAULT_TYPE 0
#define LOG_FATAL    4

enum slot {
	GET_ERROR_MESSAGE = 2,
	CREATE_ENV = 3,
	CREATE_SESSION = 7,
	RUN = 9,
	CREATE_SESSION_OPTIONS = 10,
	SET_INTRA_OP_NUM_THREADS = 24,
	CREATE_TENSOR_WITH_DATA = 49,
	CREATE_CPU_MEMORY_INFO = 69,
};

struct ort_base {
	void *const *(*get_api)(uint32_t version);
};

static void *const *api;

/* A status is NULL, or what went wrong. */
static void good(void *status)
{
	const char *(*message)(void *) = (const char *(*)(void *))api[GET_ERROR_MESSAGE];

	if (!status)
		return;
	fprintf(stderr, "%s\n", message(status));
	exit(1);
}

#define CALL(slot, types, ...) good(((void *(*)types)api[slot])(__VA_ARGS__))

static void *open_session(const char *model)
{
	void *env, *options, *session;

	CALL(CREATE_ENV, (int, const char *, void **), LOG_FATAL, "test", &env);
	CALL(CREATE_SESSION_OPTIONS, (void **), &options);
	CALL(SET_INTRA_OP_NUM_THREADS, (void *, int), options, 1);
	CALL(CREATE_SESSION, (void *, const char *, void *, void **), env, model, options,
	     &session);
	return session;
}

static void *tensor(float *data)
{
	int64_t shape[2] = {1, SIDE};
	void *memory, *value;

	CALL(CREATE_CPU_MEMORY_INFO, (int, int, void **), ARENA, DEFAULT_TYPE, &memory);
	CALL(CREATE_TENSOR_WITH_DATA,
	     (void *, void *, size_t, const int64_t *, size_t, int, void **), memory, data,
	     SIDE * sizeof(*data), shape, 2, FLOAT, &value);
	return value;
}

static void run(void *session, void *const *in, void **out)
{
	static const char *const in_names[] = {"x"}, *const out_names[] = {"y"};

	CALL(RUN,
	     (void *, void *, const char *const *, void *const *, size_t, const char *const *,
	      size_t, void **),
	     session, NULL, in_names, in, 1, out_names, 1, out);
}

int main(int argc, char **argv)
{
	const struct ort_base *(*OrtGetApiBase)(void);
	static float x[SIDE], y[SIDE];
	struct truth_function *run_fn;
	struct truth_pace pace;
	struct truth_opts opts;
	struct library lib;
	void *session, *in, *out;

	truth_init(&opts, argc, argv);
	lib = library_open(&opts);
	LIBRARY_GET(&lib, OrtGetApiBase);
	api = OrtGetApiBase()->get_api(API_VERSION);
	run_fn = truth_fn("run");
	session = open_session(lib.model);
	for (int i = 0; i < SIDE; i++)
		x[i] = (float)i / SIDE;
	in = tensor(x);
	out = tensor(y);
	truth_ready(&opts);
	truth_pace_start(&pace);
	while (truth_pace_next(&pace, &opts)) {
		uint64_t start_ns = truth_now_ns();

		run(session, &in, &out);
		truth_record(run_fn, start_ns, truth_now_ns(), TRUTH_NORMAL);
		truth_check(y[1] != 0, "the result of the run");
	}
	return truth_finish();
}
