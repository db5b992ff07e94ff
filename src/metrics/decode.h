/* SPDX-License-Identifier: GPL-2.0-only */
/* decode.h - ring buffer bytes to checked records. */
#ifndef CHESHIRE_METRICS_DECODE_H
#define CHESHIRE_METRICS_DECODE_H

#include <stddef.h>
#include <stdint.h>

#include "cheshire/wire.h"
#include "cheshire/wire_python.h"
#include "cheshire/wire_statement.h"

union record {
	struct wire_hdr hdr;
	struct wire_span span;
	struct wire_life life;
	struct wire_learn learn;
	struct wire_python_sample python_sample;
	struct wire_python_question python_question;
	struct wire_python_generator python_generator;
	struct wire_statement statement; /* its text stays where it is: behind, in `data` */
};

/*
 * Copies the record of `len_bytes` bytes at `data` (no alignment assumed) to *out, with
 * everything after its known part zero, and checks every field that is later used as an index,
 * a flag or a difference.  `stages_n` is the number of stages configured.
 * Returns 0, -EMSGSIZE (length wrong), -ENOMSG (a kind we do not know: skip it, count it) or
 * -EBADMSG (a field out of range).  On failure *out is all zero.
 */
int decode_record(const void *data, size_t len_bytes, size_t stages_n, union record *out);

#endif /* CHESHIRE_METRICS_DECODE_H */
