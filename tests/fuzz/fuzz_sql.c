/* SPDX-License-Identifier: GPL-2.0-only */
/* Texts of statements: what is shown is printable, of bounded length, and holds no literal. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sql/sql.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char out[SQL_REDACTED_MAX];
	enum wire_class cls;

	if (!size || size > WIRE_TEXT_MAX)
		return 0;
	cls = sql_read((const char *)data + 1, size - 1, data[0] % 3, out);
	if (cls <= WIRE_CLASS_PENDING || cls >= WIRE_CLASSES || strlen(out) >= sizeof(out))
		abort();
	for (const char *c = out; *c; c++)
		if (*c < ' ' || *c > '~' || *c == '\'')
			abort();
	return 0;
}
