/* SPDX-License-Identifier: GPL-2.0-only */
/* line_table.h - from an instruction to its line, as CPython's versions write that down. */
#ifndef CHESHIRE_PYTHON_LINE_TABLE_H
#define CHESHIRE_PYTHON_LINE_TABLE_H

#include <stddef.h>
#include <stdint.h>

/*
 * The line of the instruction that lies so many bytes from the first; 0: it has none, or the table
 * does not tell.  A negative offset is before the first instruction: the first line.
 */
uint32_t line_of_lnotab(const uint8_t *table, size_t n, uint32_t first_line,
			int64_t offset_bytes); /* co_lnotab, to 3.9 */
uint32_t line_of_ranges(const uint8_t *table, size_t n, uint32_t first_line,
			int64_t offset_bytes); /* co_linetable of 3.10 */
uint32_t line_of_locations(const uint8_t *table, size_t n, uint32_t first_line,
			   int64_t offset_bytes); /* co_linetable from 3.11 on */

#endif
