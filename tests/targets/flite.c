/* SPDX-License-Identifier: GPL-2.0-only */
/* Speech by the real flite library; equal texts must give equal numbers of samples. */
#include "truth.h"

#include <flite/flite.h>
#include <stdio.h>

cst_voice *register_cmu_us_kal(const char *voxdir);

static const char *const texts[] = {
	"Yes.",
	"The light in the kitchen is on.",
	"It is seven thirty in the morning, and the first appointment is at nine.",
};

#define TEXT_CNT ((int)(sizeof(texts) / sizeof(texts[0])))

int main(int argc, char **argv)
{
	int samples[TEXT_CNT] = {0};
	struct truth_opts opts;
	struct truth_pace pace;
	struct truth_function *fn = truth_fn("flite_text_to_wave");
	cst_voice *voice;

	truth_init(&opts, argc, argv);
	flite_init();
	voice = register_cmu_us_kal(NULL);
	truth_ready(&opts);
	truth_pace_start(&pace);
	while (truth_pace_next(&pace, &opts)) {
		int which = (int)(pace.done % TEXT_CNT);
		uint64_t start_ns = truth_now_ns();
		cst_wave *wave = flite_text_to_wave(texts[which], voice);

		truth_record(fn, start_ns, truth_now_ns(), TRUTH_NORMAL);
		truth_check(wave->num_samples > 0 &&
				    (!samples[which] || samples[which] == wave->num_samples),
			    "flite_text_to_wave");
		samples[which] = wave->num_samples;
		delete_wave(wave);
	}
	return truth_finish();
}
