/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * stream_memory.h - how much memory does one more concurrent stream take?
 *
 * Samples are pairs (open spans, anonymous memory of the process).  The newest 128 at each number
 * of open spans are kept.  The estimate compares the medians at every two numbers i < j, slope
 * (m_j - m_i) / (j - i), and takes the median of these slopes (Theil-Sen over the numbers): neither
 * single odd samples nor one odd number move it.  Its interval comes from the 99 % interval of each
 * median, by the order statistics of the sign test.
 *
 * Known error: what an allocator keeps after a stream has ended is taken for base, so an engine
 * that reuses its buffers shows its first stream's memory only until that has ended; a base that
 * grows (memory.growth) during the window is added by as much.
 */
#ifndef CHESHIRE_METRICS_STREAM_MEMORY_H
#define CHESHIRE_METRICS_STREAM_MEMORY_H

#include <stdint.h>

#include "metrics/sample.h"

#define STREAM_MEMORY_COUNTS                                                                       \
	16 /* numbers of open spans told apart: 0 .. 15; more are not taken                        \
	    */
#define STREAM_MEMORY_KEPT 128
#define STREAM_MEMORY_FEW  5 /* samples at each of two numbers, else the quality is few */

struct stream_memory;

/* NULL and errno on failure. */
struct stream_memory *stream_memory__new(void);
void stream_memory__free(struct stream_memory *sm);
void stream_memory__add(struct stream_memory *sm, uint32_t open_spans, uint64_t bytes,
			uint64_t now_ns);
/*
 * Bytes per open span over the window (0: all that is kept), quality sampled or few; idle when
 * nothing was in flight.  `sm` may be NULL: nobody has asked.  n: samples with something in flight.
 */
struct sample stream_memory__read(const struct stream_memory *sm, uint64_t window_ns,
				  uint64_t now_ns);

#endif /* CHESHIRE_METRICS_STREAM_MEMORY_H */
