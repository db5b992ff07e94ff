/* SPDX-License-Identifier: GPL-2.0-only */
/* reorder.h - span records into the order of their times, within a bounded buffer. */
#ifndef CHESHIRE_METRICS_REORDER_H
#define CHESHIRE_METRICS_REORDER_H

#include <stdbool.h>
#include <stdint.h>

#include "cheshire/wire.h"

#define REORDER_MAX 2048

struct reorder;

/* NULL and errno on failure. */
struct reorder *reorder__new(void);
void reorder__free(struct reorder *reorder);
/* False: full (or no memory): pop one first. */
bool reorder__push(struct reorder *reorder, const struct wire_span *span);
/* The oldest, if it is not after time_ns. */
bool reorder__pop(struct reorder *reorder, uint64_t time_ns, struct wire_span *out);

#endif /* CHESHIRE_METRICS_REORDER_H */
