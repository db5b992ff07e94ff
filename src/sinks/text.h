/* SPDX-License-Identifier: GPL-2.0-only */
/* text.h - what the text and syslog sinks share: the wording of each object, without any I/O. */
#ifndef CHESHIRE_SINKS_TEXT_H
#define CHESHIRE_SINKS_TEXT_H

#include <stdbool.h>

#include "sinks/sink.h"
#include "log/strbuf.h"

/* A sentence may be longer than a name. */
#define TEXT_SENTENCE_MAX 2048

/* Each adds whole lines, newline included, with colour where asked. */
void text_hello(struct strbuf *out, bool color, const struct sink_hello *hello);
void text_alert(struct strbuf *out, bool color, const struct sink_alert *alert);
void text_summary(struct strbuf *out, bool color, const struct sink_summary *summary);
void text_note(struct strbuf *out, bool color, const struct sink_note *note);
void text_leaks(struct strbuf *out, bool color, const struct sink_leaks *leaks);
void text_bye(struct strbuf *out, bool color, const struct sink_bye *bye);

/* "p95 1.43 s > 1.00 s (target 0.30 s, 5m)" */
void text_alert_value(struct strbuf *out, const struct sink_alert *alert);
/* "stt 1.52 s = cpu 0.10 s + disk 1.42 s", one evidence without indentation or newline. */
void text_evidence(struct strbuf *out, const struct sink_evidence *evidence);
/* "alice[1234]" */
void text_process(struct strbuf *out, const struct sink_head *head);
/* " [group 3: stage stt]", " [group 3: also stage stt]" for those that follow the first. */
void text_group(struct strbuf *out, const struct sink_alert *alert);
void text_name(struct strbuf *out, const char *name);
void text_sentence(struct strbuf *out, const char *text);
/* "2026-11-22T10:41:07.123Z  " */
void text_ts(struct strbuf *out, const struct sink_head *head);

enum text_color {
	TEXT_PLAIN = 0,
	TEXT_BOLD = 1,
	TEXT_DIM = 2,
	TEXT_RED = 3,
	TEXT_YELLOW = 4,
	TEXT_GREEN = 5,
	TEXT_MAGENTA = 6,
};

/* The escape sequence that begins a colour (TEXT_PLAIN ends it); "" without colour. */
const char *text_color(bool color, enum text_color which);

#endif /* CHESHIRE_SINKS_TEXT_H */
