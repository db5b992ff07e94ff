/* SPDX-License-Identifier: GPL-2.0-only */
/* redis.h - Redis commands by name. */
#ifndef CHESHIRE_SQL_REDIS_H
#define CHESHIRE_SQL_REDIS_H

#include "sql/redacted.h"
#include "sql/sql.h"

/* The class of a command; its name is shown if it is known, and nothing else ever. */
enum wire_class redis_read(const char *text, size_t bytes, struct redacted *out);

#endif
