/* SPDX-License-Identifier: GPL-2.0-only */
#include "decoder.h"

#include <limits.h>
#include <stdio.h>

#include <sphinxbase/err.h>

void decoder_quiet(void)
{
	err_set_logfp(NULL);
}

ps_decoder_t *decoder_open(const struct options *opt)
{
	char dict[PATH_MAX];
	cmd_ln_t *config;
	ps_decoder_t *ps;

	snprintf(dict, sizeof(dict), "%s/commands.dic", opt->audio_dir);
	config = cmd_ln_init(NULL, ps_args(), TRUE, "-hmm", opt->model_dir, "-dict", dict,
			     "-kws_threshold", "1e-20", NULL);
	if (!config) {
		fprintf(stderr, "alice: pocketsphinx refuses its configuration\n");
		return NULL;
	}
	ps = ps_init(config);
	if (!ps)
		fprintf(stderr, "alice: cannot load the model %s with %s\n", opt->model_dir, dict);
	cmd_ln_free_r(config);
	return ps;
}
