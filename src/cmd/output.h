/* SPDX-License-Identifier: GPL-2.0-only */
/* output.h - the sinks that the command line asks for. */
#ifndef CHESHIRE_CMD_OUTPUT_H
#define CHESHIRE_CMD_OUTPUT_H

struct options;
struct sink_set;

/* NULL: it is said on stderr why. */
struct sink_set *output_open(const struct options *options);

#endif
