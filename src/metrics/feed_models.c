/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * feed_models.c - the model files of a stage.
 *
 * None at all is no number: the models may have been read into memory and closed.  None any more
 * is 0.
 */
#include "metrics/state.h"

void metrics__feed_models(struct metrics *m, size_t stage_index, uint64_t bytes,
			  uint64_t largest_bytes, uint32_t files, uint64_t now_ns)
{
	struct stage_state *stage;

	if (stage_index >= m->stages_n)
		return;
	stage = &m->stage[stage_index];
	stage->models_seen = stage->models_seen || files;
	if (!stage->models_seen || !stage->config->models_n)
		return;
	m->now_ns = now_ns;
	series_add_gauge(&stage->series[STAGE_MODEL_SIZE], (double)bytes, false, now_ns);
	series_add_gauge(&stage->series[STAGE_MODEL_MAX], (double)largest_bytes, false, now_ns);
}
