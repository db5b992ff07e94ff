/* SPDX-License-Identifier: GPL-2.0-only */
#include "metrics/stream_memory.h"

#include <math.h>
#include <stdlib.h>

/* Two-sided 99 %: samples 100 ms apart are not independent. */
#define Z	  2.576
#define PAIRS_MAX (STREAM_MEMORY_COUNTS * (STREAM_MEMORY_COUNTS - 1) / 2)

struct point {
	uint64_t ts_ns; /* 0: none */
	uint64_t bytes;
};

/* The newest samples at one number of open spans. */
struct ring {
	uint64_t added;
	struct point point[STREAM_MEMORY_KEPT];
};

struct stream_memory {
	struct ring ring[STREAM_MEMORY_COUNTS];
};

/* Of the samples at one number of open spans. */
struct middle {
	size_t n;
	double value, low, high;
};

struct stream_memory *stream_memory__new(void)
{
	return calloc(1, sizeof(struct stream_memory));
}

void stream_memory__free(struct stream_memory *sm)
{
	free(sm);
}

void stream_memory__add(struct stream_memory *sm, uint32_t open_spans, uint64_t bytes,
			uint64_t now_ns)
{
	struct ring *ring;

	if (open_spans >= STREAM_MEMORY_COUNTS)
		return;
	ring = &sm->ring[open_spans];
	ring->point[ring->added++ % STREAM_MEMORY_KEPT] = (struct point){now_ns, bytes};
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values, size_t n)
{
	qsort(values, n, sizeof(values[0]), compare_doubles);
	return n & 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2.0;
}

static struct middle middle_of(const struct ring *ring, uint64_t since_ns)
{
	double values[STREAM_MEMORY_KEPT];
	struct middle m = {0};
	double half, at;

	for (size_t i = 0; i < STREAM_MEMORY_KEPT && i < ring->added; i++)
		if (ring->point[i].ts_ns >= since_ns)
			values[m.n++] = (double)ring->point[i].bytes;
	if (!m.n)
		return m;
	m.value = median(values, m.n);
	half = Z * sqrt((double)m.n) / 2.0;
	at = (double)(m.n - 1) / 2.0;
	m.low = values[(size_t)fmax(floor(at - half), 0.0)];
	m.high = values[(size_t)fmin(ceil(at + half), (double)(m.n - 1))];
	return m;
}

/* Slopes between all numbers with at least `few` samples; false when there are no two. */
static bool slopes_of(const struct middle *m, size_t few, struct sample *out)
{
	double value[PAIRS_MAX], low[PAIRS_MAX], high[PAIRS_MAX];
	size_t n = 0;

	for (size_t i = 0; i < STREAM_MEMORY_COUNTS; i++) {
		for (size_t j = i + 1; j < STREAM_MEMORY_COUNTS; j++) {
			double distance = (double)(j - i);

			if (m[i].n < few || m[j].n < few)
				continue;
			value[n] = (m[j].value - m[i].value) / distance;
			low[n] = (m[j].low - m[i].high) / distance;
			high[n] = (m[j].high - m[i].low) / distance;
			n++;
		}
	}
	if (!n)
		return false;
	out->value = median(value, n);
	out->low = median(low, n);
	out->high = median(high, n);
	return true;
}

struct sample stream_memory__read(const struct stream_memory *sm, uint64_t window_ns,
				  uint64_t now_ns)
{
	struct sample sample = {
		.value = NAN, .low = NAN, .high = NAN, .quality = QUALITY_SAMPLED, .idle = true};
	uint64_t since_ns = window_ns && now_ns > window_ns ? now_ns - window_ns : 0;
	struct middle middle[STREAM_MEMORY_COUNTS];

	if (!sm)
		return sample;
	for (size_t i = 0; i < STREAM_MEMORY_COUNTS; i++) {
		middle[i] = middle_of(&sm->ring[i], since_ns);
		sample.n += i ? middle[i].n : 0;
	}
	if (!sample.n)
		return sample;
	if (!slopes_of(middle, STREAM_MEMORY_FEW, &sample)) {
		sample.quality = QUALITY_FEW;
		if (!slopes_of(middle, 1, &sample))
			return sample;
	}
	sample.idle = false;
	return sample;
}
