/* SPDX-License-Identifier: GPL-2.0-only */
/* duration.h - writing durations; ast.h has promql_duration, which reads them. */
#ifndef CHESHIRE_PROMQL_DURATION_H
#define CHESHIRE_PROMQL_DURATION_H

#include <stdint.h>
#include <stdio.h>

/* 1h30m, -5m, 0s: as Prometheus prints it. */
void promql_duration_print(int64_t ms, FILE *out);

#endif /* CHESHIRE_PROMQL_DURATION_H */
