/* SPDX-License-Identifier: GPL-2.0-only */
#include "cmd/output.h"

#include <errno.h>
#include <unistd.h>

#include "cmd/options.h"
#include "log/log.h"
#include "sinks/sink.h"

struct sink_set *output_open(const struct options *o)
{
	struct sink_set *sinks = sink_set__new();
	int err;

	if (!sinks)
		return NULL;
	err = sink_set__add(sinks, o->output == OUTPUT_JSON
					   ? sink_json__new(STDOUT_FILENO)
					   : sink_text__new(STDOUT_FILENO,
							    sink_text__wants_color(STDOUT_FILENO)));
	if (!err && o->syslog)
		err = sink_set__add(sinks, sink_syslog__new(NULL, o->syslog_facility));
	if (err) {
		log_err("cannot open the output: %s", err_str(err));
		sink_set__free(sinks);
		return NULL;
	}
	return sinks;
}
