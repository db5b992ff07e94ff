/* SPDX-License-Identifier: GPL-2.0-only */
/* The library of plugin_lost.c: a decoder that keeps what it has decoded of every frame. */
#include "program.h"

#include <stdlib.h>

#define COEFFICIENTS 120

struct features {
	float value[COEFFICIENTS];
};

static SITE struct features *features_new(unsigned int frame)
{
	struct features *features = LEAKS_AT(calloc(1, sizeof(*features)));

	touched(features, sizeof(*features));
	features->value[0] = (float)frame;
	return features;
}

static SITE float smooth(const struct features *features, unsigned int depth)
{
	float sum = 0;

	for (unsigned int i = 0; i < COEFFICIENTS; i++)
		sum += features->value[i] / (float)(depth + 1);
	return sum;
}

size_t plugin_decode(unsigned int frame);
size_t plugin_decode(unsigned int frame)
{
	const struct features *features = features_new(frame);

	return smooth(features, frame % 3) == 1.5F ? 0 : sizeof(*features);
}
