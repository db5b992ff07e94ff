/* SPDX-License-Identifier: GPL-2.0-only */
#include "corpus.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_UTTERANCES 256
#define MAX_SAMPLES    (60 * SAMPLE_RATE)

static int load_sound(struct sound *sound, const char *dir, const char *file)
{
	char path[PATH_MAX];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	f = fopen(path, "rbe");
	if (!f) {
		int err = -errno;

		fprintf(stderr, "alice: %s: %s\n", path, strerror(-err));
		return err;
	}
	sound->samples = calloc(MAX_SAMPLES, sizeof(*sound->samples));
	if (sound->samples)
		sound->cnt = fread(sound->samples, sizeof(*sound->samples), MAX_SAMPLES, f);
	fclose(f);
	if (sound->cnt < FRAME_SAMPLES_MAX) {
		fprintf(stderr, "alice: %s: no sound in it\n", path);
		return -EINVAL;
	}
	/* Shrinking cannot fail in a way that matters: the old block would still do. */
	sound->samples = realloc(sound->samples, sound->cnt * sizeof(*sound->samples));
	return sound->samples ? 0 : -ENOMEM;
}

/* NAME <tab> command_at <tab> TEXT */
static int load_utterance(struct utterance *utt, const char *dir, const char *line)
{
	if (sscanf(line, "%63[^\t]\t%zu\t%127[^\n]", utt->name, &utt->command_at, utt->text) != 3) {
		fprintf(stderr, "alice: %s/manifest.tsv: bad line: %s", dir, line);
		return -EINVAL;
	}
	return load_sound(&utt->sound, dir, utt->name);
}

static int load_manifest(struct corpus *corpus, FILE *f, const char *dir)
{
	char line[512];
	int err = 0;

	while (!err && corpus->cnt < MAX_UTTERANCES && fgets(line, sizeof(line), f))
		err = load_utterance(&corpus->utterances[corpus->cnt++], dir, line);
	if (!err && corpus->cnt == 0) {
		fprintf(stderr, "alice: %s/manifest.tsv is empty\n", dir);
		err = -EINVAL;
	}
	return err;
}

int corpus_load(struct corpus *corpus, const char *dir)
{
	char path[PATH_MAX];
	FILE *f;
	int err;

	memset(corpus, 0, sizeof(*corpus));
	corpus->utterances = calloc(MAX_UTTERANCES, sizeof(*corpus->utterances));
	if (!corpus->utterances)
		return -ENOMEM;
	snprintf(path, sizeof(path), "%s/manifest.tsv", dir);
	f = fopen(path, "re");
	if (!f) {
		err = -errno;
		fprintf(stderr, "alice: %s: %s\n", path, strerror(-err));
		return err;
	}
	err = load_manifest(corpus, f, dir);
	fclose(f);
	if (!err)
		err = load_sound(&corpus->room, dir, "room.raw");
	return err;
}

void corpus_free(struct corpus *corpus)
{
	for (size_t i = 0; i < corpus->cnt; i++)
		free(corpus->utterances[i].sound.samples);
	free(corpus->utterances);
	free(corpus->room.samples);
	memset(corpus, 0, sizeof(*corpus));
}
