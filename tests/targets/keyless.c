/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Engines that do no work without what cannot be had: porcupine (an access key) and vosk (a model).
 * They are loaded, and called as far as they let one: --mode porcupine calls pv_porcupine_process
 * without an object, which it refuses; --mode vosk asks for a model that is not there. Logged as
 * "refused".
 */
#include "library.h"

static int (*pv_porcupine_process)(void *object, const int16_t *pcm, int32_t *index);
static void *(*vosk_model_new)(const char *path);
static void (*vosk_set_log_level)(int level);

/* What an add-on of Node.js calls while it is loaded. */
void napi_module_register(void *module);
void napi_module_register(void *module)
{
	(void)module;
}

int main(int argc, char **argv)
{
	static const int16_t pcm[512];
	struct truth_function *refused;
	struct truth_pace pace;
	struct truth_opts opts;
	struct library lib;
	bool porcupine;

	truth_init(&opts, argc, argv);
	lib = library_open(&opts);
	porcupine = !strcmp(opts.mode, "porcupine");
	if (porcupine) {
		LIBRARY_GET(&lib, pv_porcupine_process);
	} else {
		LIBRARY_GET(&lib, vosk_model_new);
		LIBRARY_GET(&lib, vosk_set_log_level);
		vosk_set_log_level(-1);
	}
	refused = truth_fn("refused");
	truth_ready(&opts);
	truth_pace_start(&pace);
	while (truth_pace_next(&pace, &opts)) {
		uint64_t start_ns = truth_now_ns();
		int32_t index = -1;

		if (porcupine)
			truth_check(pv_porcupine_process(NULL, pcm, &index) != 0, "refused");
		else
			truth_check(!vosk_model_new("/nonexistent"), "refused");
		truth_record(refused, start_ns, truth_now_ns(), TRUTH_NORMAL);
	}
	return truth_finish();
}
