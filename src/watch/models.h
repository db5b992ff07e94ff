/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * models.h - how large the model files are that the target maps or has open, by stage.
 *
 * Files are told apart by device and inode, so hard links and several mappings count once; deleted
 * files still count.
 */
#ifndef CHESHIRE_WATCH_MODELS_H
#define CHESHIRE_WATCH_MODELS_H

#include <stdint.h>

#include "cheshire/wire.h"

struct config;
struct metrics;
struct process;

struct models {
	struct {
		uint64_t bytes, largest_bytes;
		uint32_t files;
	} stage[WIRE_STAGES_MAX];
};

/* Looks again; what cannot be read is left as it was.  Does nothing where no stage has `models`. */
void models_look(struct models *models, const struct config *config, const struct process *proc);
/* Tells the metrics what was found last. */
void models_feed(const struct models *models, const struct config *config, struct metrics *metrics,
		 uint64_t now_ns);

#endif /* CHESHIRE_WATCH_MODELS_H */
