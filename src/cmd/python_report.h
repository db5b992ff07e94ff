/* SPDX-License-Identifier: GPL-2.0-only */
/* python_report.h - the configured Python functions as a process has them, for `cheshire check`. */
#ifndef CHESHIRE_CMD_PYTHON_REPORT_H
#define CHESHIRE_CMD_PYTHON_REPORT_H

#include <stddef.h>

struct json_writer;
struct python_target;

/* Which interpreter there is; nothing where no stage asks for one. */
void python_report_print(const struct python_target *python);
void python_report_json(const struct python_target *python, struct json_writer *w);

/*
 * How many functions of the process are the stage's.  `reason`: why there are none, or how they
 * would be measured and why not exactly.  Stages are asked for in the configuration's order:
 * *watched are the functions with a watchpoint so far, 0 before the first.
 */
size_t python_report_stage(const struct python_target *python, size_t stage, size_t *watched,
			   char *reason, size_t size);

/* The stage's functions, one a line. */
void python_report_functions(const struct python_target *python, size_t stage);

#endif
