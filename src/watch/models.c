/* SPDX-License-Identifier: GPL-2.0-only */
#include "watch/models.h"

#include <fnmatch.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "log/log.h"
#include "metrics/metrics.h"
#include "target/open_files.h"

#define FILES_MAX 512 /* different files; a process with more of them has others than models */

struct found {
	const struct config *config;
	size_t n;
	bool full;
	struct model_file {
		uint64_t inode, size_bytes;
		uint32_t dev_major, dev_minor;
		uint64_t stages; /* bit i: a model of stage i */
	} file[FILES_MAX];
};

/* A glob without a slash is about the last part of the path. */
static bool matches(const char *glob, const char *path)
{
	const char *slash = strrchr(path, '/');

	return !fnmatch(glob, strchr(glob, '/') || !slash ? path : slash + 1, 0);
}

static uint64_t stages_of(const struct config *config, const char *path)
{
	uint64_t stages = 0;

	for (size_t i = 0; i < config->stages_n && i < WIRE_STAGES_MAX; i++)
		for (size_t j = 0; j < config->stages[i].models_n; j++)
			if (matches(config->stages[i].models[j], path))
				stages |= 1ULL << i;
	return stages;
}

static bool wanted(void *ctx, const char *path)
{
	const struct found *found = ctx;

	return stages_of(found->config, path) != 0;
}

static struct model_file *place(struct found *found, const struct open_file *file)
{
	struct model_file *at;

	for (size_t i = 0; i < found->n; i++) {
		at = &found->file[i];
		if (at->inode == file->inode && at->dev_major == file->dev_major &&
		    at->dev_minor == file->dev_minor)
			return at;
	}
	if (found->n == FILES_MAX) {
		found->full = true;
		return NULL;
	}
	at = &found->file[found->n++];
	*at = (struct model_file){
		.inode = file->inode, .dev_major = file->dev_major, .dev_minor = file->dev_minor};
	return at;
}

static void on_file(void *ctx, const struct open_file *file)
{
	struct found *found = ctx;
	struct model_file *at = place(found, file);

	if (!at)
		return;
	at->stages |= stages_of(found->config, file->path);
	/* Where only its mappings tell, the one that reaches furthest. */
	if (file->size_bytes > at->size_bytes)
		at->size_bytes = file->size_bytes;
}

static void add_up(struct models *models, const struct found *found)
{
	memset(models, 0, sizeof(*models));
	for (size_t i = 0; i < found->n; i++)
		for (size_t stage = 0; stage < WIRE_STAGES_MAX; stage++) {
			uint64_t bytes = found->file[i].size_bytes;

			if (!(found->file[i].stages >> stage & 1))
				continue;
			models->stage[stage].files++;
			models->stage[stage].bytes += bytes;
			if (bytes > models->stage[stage].largest_bytes)
				models->stage[stage].largest_bytes = bytes;
		}
}

static bool any_models(const struct config *config)
{
	for (size_t i = 0; i < config->stages_n; i++)
		if (config->stages[i].models_n)
			return true;
	return false;
}

void models_look(struct models *models, const struct config *config, const struct process *proc)
{
	struct found *found;
	int err;

	if (!any_models(config))
		return;
	found = calloc(1, sizeof(*found));
	if (!found)
		return;
	found->config = config;
	err = open_files_each(proc, wanted, on_file, found);
	if (err)
		log_info("the target's model files cannot be looked at: %s", err_str(err));
	else
		add_up(models, found);
	if (found->full)
		log_info("more than %d model files: the globs of `models:` match too much",
			 FILES_MAX);
	free(found);
}

void models_feed(const struct models *models, const struct config *config, struct metrics *metrics,
		 uint64_t now_ns)
{
	for (size_t i = 0; i < config->stages_n && i < WIRE_STAGES_MAX; i++)
		if (config->stages[i].models_n)
			metrics__feed_models(metrics, i, models->stage[i].bytes,
					     models->stage[i].largest_bytes, models->stage[i].files,
					     now_ns);
}
