/* SPDX-License-Identifier: GPL-2.0-only */
/* publish_python.h - where in Python the time of slow calls went, as evidence of an alert. */
#ifndef CHESHIRE_WATCH_PUBLISH_PYTHON_H
#define CHESHIRE_WATCH_PUBLISH_PYTHON_H

#include <stddef.h>

#include "python/seen_stacks.h"
#include "rules/alert.h"
#include "sinks/sink.h"

struct watching;

#define PYTHON_NOTES_MAX 3

struct python_texts {
	char text[PYTHON_NOTES_MAX][SEEN_STACK_TEXT_MAX + 64];
};

/*
 * The most frequent stacks of the stage that the alert's cause names, where that is one of Python
 * and the alert is about time or a hang.  Returns how many; they point into `texts`.
 */
size_t publish_python(const struct watching *w, const struct alert_event *event,
		      struct sink_evidence out[PYTHON_NOTES_MAX], struct python_texts *texts);

#endif
