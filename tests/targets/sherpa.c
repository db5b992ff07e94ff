/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sherpa-onnx by its C interface: voice activity detection on windows of 32 ms, logged as "vad".
 * Its model is silero's; the speech is a tone that comes and goes.
 */
#include "library.h"

#include <math.h>

#define RATE   16000
#define WINDOW 512

/* The first fields of SherpaOnnxVadModelConfig; what came later is zero. */
struct vad_config {
	struct {
		const char *model;
		float threshold, min_silence_s, min_speech_s;
		int32_t window;
		float max_speech_s;
	} silero;
	int32_t sample_rate, threads;
	const char *provider;
	char later[1024];
};

struct vad;

static struct vad *(*SherpaOnnxCreateVoiceActivityDetector)(const struct vad_config *, float);
static void (*SherpaOnnxVoiceActivityDetectorAcceptWaveform)(struct vad *, const float *, int32_t);

int main(int argc, char **argv)
{
	static float samples[WINDOW];
	struct truth_function *vad_fn;
	struct vad_config config = {.silero = {.threshold = 0.5f,
					       .min_silence_s = 0.25f,
					       .min_speech_s = 0.25f,
					       .window = WINDOW,
					       .max_speech_s = 20},
				    .sample_rate = RATE,
				    .threads = 1,
				    .provider = "cpu"};
	struct truth_pace pace;
	struct truth_opts opts;
	struct library lib;
	struct vad *vad;
	long at = 0;

	truth_init(&opts, argc, argv);
	lib = library_open(&opts);
	LIBRARY_GET(&lib, SherpaOnnxCreateVoiceActivityDetector);
	LIBRARY_GET(&lib, SherpaOnnxVoiceActivityDetectorAcceptWaveform);
	vad_fn = truth_fn("vad");
	config.silero.model = lib.model;
	vad = SherpaOnnxCreateVoiceActivityDetector(&config, 30);
	truth_check(vad, "the detector");
	if (!vad)
		return truth_finish();
	truth_ready(&opts);
	truth_pace_start(&pace);
	while (truth_pace_next(&pace, &opts)) {
		uint64_t start_ns;

		for (int i = 0; i < WINDOW; i++, at++)
			samples[i] = at / RATE % 2 ? 0.3f * sinf((float)(at % RATE) * 0.1f) : 0;
		start_ns = truth_now_ns();
		SherpaOnnxVoiceActivityDetectorAcceptWaveform(vad, samples, WINDOW);
		truth_record(vad_fn, start_ns, truth_now_ns(), TRUTH_NORMAL);
	}
	return truth_finish();
}
