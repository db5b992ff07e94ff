/* SPDX-License-Identifier: GPL-2.0-only */
/* kernel_report.h - what `cheshire check` says of this kernel and of what we may do here. */
#ifndef CHESHIRE_CMD_KERNEL_REPORT_H
#define CHESHIRE_CMD_KERNEL_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/utsname.h>

#include "kernel/calibrate.h"
#include "kernel/features.h"
#include "kernel/selftest.h"
#include "watch/proof.h"

struct json_writer;

struct kernel_report {
	struct utsname host;
	struct feature features[FEATURES_MAX];
	size_t features_n;
	bool multi;	      /* the links that would be used */
	struct proof proof;   /* of these */
	struct selftest perf; /* of perf events, where they are not used; rows_n 0: not tested */
	struct calibration calibration;
	uint32_t watch_cost_ns;	     /* of a hit of a watchpoint on data; 0: there is none */
	uint32_t watch_copy_percent; /* watchpoint_copy_percent() */
};

/*
 * Fills it.  With `everything` the self-test is run with perf events too, for two seconds.  0, or a
 * negative errno with the reason in `why`: a session could not begin here; what was found by then
 * is in the report.
 */
int kernel_report_make(struct kernel_report *r, const char *btf_path, bool everything, char *why,
		       size_t why_size);

void kernel_report_text(const struct kernel_report *r, FILE *out);
/* Adds its keys to an open object. */
void kernel_report_json(const struct kernel_report *r, struct json_writer *w);

#endif
