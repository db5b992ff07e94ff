/* SPDX-License-Identifier: GPL-2.0-only */
/* json_leaks.h - the keys of a `leaks` object, behind those that every object has. */
#ifndef CHESHIRE_SINKS_JSON_LEAKS_H
#define CHESHIRE_SINKS_JSON_LEAKS_H

#include "sinks/json_writer.h"
#include "sinks/sink.h"

void json_leaks_keys(struct json_writer *w, const struct sink_leaks *leaks);

#endif /* CHESHIRE_SINKS_JSON_LEAKS_H */
