/* SPDX-License-Identifier: GPL-2.0-only */
/* names.c - the words that stand for enum values in output; part of the JSON interface. */
#include "sinks/sink.h"

#define NAME_OF(table, index)                                                                      \
	((size_t)(index) < sizeof(table) / sizeof((table)[0]) ? (table)[index] : "invalid")

const char *sink_quality_name(enum sink_quality quality)
{
	static const char *const names[] = {"exact", "sampled", "few", "partial", "unknown"};

	return NAME_OF(names, quality);
}

const char *sink_alert_state_name(enum sink_alert_state state)
{
	static const char *const names[] = {"inactive", "pending", "firing", "resolved", "unknown"};

	return NAME_OF(names, state);
}

const char *sink_severity_name(enum sink_severity severity)
{
	static const char *const names[] = {"none", "warning", "critical"};

	return NAME_OF(names, severity);
}

const char *sink_stage_state_name(enum sink_stage_state state)
{
	static const char *const names[] = {"armed", "refused", "unresolved", "shed"};

	return NAME_OF(names, state);
}

const char *sink_stage_kind_name(enum stage_kind kind)
{
	static const char *const names[] = {"invalid", "call",	"frame",
					    "stream",  "cache", "statement"};

	return NAME_OF(names, kind);
}

const char *sink_wait_name(enum wire_wait wait)
{
	static const char *const names[] = WIRE_WAIT_NAMES;

	return NAME_OF(names, wait);
}
