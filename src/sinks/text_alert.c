/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * text_alert.c - an alert for people:
 *
 * 2026-11-22T10:41:07.123Z  FIRING   P1 critical  STT latency  p95 1.43 s > 1.00 s (target ...
 *     action   Optimize STT pipeline
 *     slowest  stt 1.52 s = cpu 0.10 s + runqueue 0.01 s + disk 1.41 s  alice-stt[1240]
 */
#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "sinks/format.h"
#include "sinks/text.h"

/* A value below this part of its limit's unit is shown in a unit of its own. */
#define TOO_SMALL 0.1

const char *text_color(bool color, enum text_color which)
{
	static const char *const codes[] = {"\033[0m",	"\033[1m",  "\033[2m", "\033[31m",
					    "\033[33m", "\033[32m", "\033[35m"};

	return color ? codes[which] : "";
}

void text_name(struct strbuf *out, const char *name)
{
	strbuf_escaped(out, ESCAPE_TEXT, name, ESCAPE_NAME_MAX);
}

void text_sentence(struct strbuf *out, const char *text)
{
	strbuf_escaped(out, ESCAPE_TEXT, text, TEXT_SENTENCE_MAX);
}

void text_ts(struct strbuf *out, const struct sink_head *head)
{
	char ts[FORMAT_MAX];

	strbuf_printf(out, "%s  ", timestamp_format(ts, sizeof(ts), head->ts_ns));
}

void text_process(struct strbuf *out, const struct sink_head *head)
{
	text_name(out, head->process ? head->process : head->target_name);
	if (head->pid)
		strbuf_printf(out, "[%d]", (int)head->pid);
}

static uint64_t ns_of(double s)
{
	return isfinite(s) && s > 0 ? (uint64_t)(s * 1e9 + 0.5) : 0;
}

void text_alert_value(struct strbuf *out, const struct sink_alert *alert)
{
	/* One scale for all numbers of the line, so that they compare at a glance. */
	double model = isfinite(alert->limit) && alert->limit != 0 ? alert->limit : alert->value;
	struct unit_scale scale = unit_scale_for(model, alert->unit), own = scale;
	bool window = alert->window_s > 0 && !(alert->stat && !strcmp(alert->stat, "now"));
	char text[FORMAT_MAX];
	const char *comma = "";

	/* But 11.0 us of 2.00 s is no "1.1e-05 s". */
	if (fabs(alert->value) < TOO_SMALL * scale.divisor)
		own = unit_scale_for(alert->value, alert->unit);

	if (alert->stat) {
		text_name(out, alert->stat);
		strbuf_puts(out, " ");
	}
	strbuf_puts(out, unit_format_scaled(text, sizeof(text), alert->value, &own));
	if (isfinite(alert->limit)) {
		const char *sign = alert->value > alert->limit	  ? " >"
				   : alert->value < alert->limit  ? " <"
				   : alert->value == alert->limit ? " ="
								  : ", limit";

		strbuf_printf(out, "%s %s", sign,
			      unit_format_scaled(text, sizeof(text), alert->limit, &scale));
	}
	if (!isfinite(alert->target) && !window)
		return;
	strbuf_puts(out, " (");
	if (isfinite(alert->target)) {
		strbuf_printf(out, "target %s",
			      unit_format_scaled(text, sizeof(text), alert->target, &scale));
		comma = ", ";
	}
	if (window)
		strbuf_printf(out, "%s%s", comma,
			      duration_format(text, sizeof(text), ns_of(alert->window_s)));
	strbuf_puts(out, ")");
}

/* One term of a sum; times too short to matter are left out. */
static void add_term(struct strbuf *out, const char **sep, const char *name, double s, double wall)
{
	char text[FORMAT_MAX];

	if (!isfinite(s) || s <= 0 || s < wall / 1000)
		return;
	strbuf_printf(out, "%s%s %s", *sep, name, unit_format(text, sizeof(text), s, UNIT_S));
	*sep = " + ";
}

static void span_terms(struct strbuf *out, const struct sink_evidence *e)
{
	const char *sep = " = ";
	unsigned int i;

	if (!e->breakdown)
		return;
	add_term(out, &sep, "cpu", e->cpu_s, e->wall_s);
	for (i = 0; i < WIRE_WAITS; i++)
		add_term(out, &sep, sink_wait_name((enum wire_wait)i), e->wait_s[i], e->wall_s);
}

/* The gap between two spans that follow each other; NAN where there is none. */
static double gap_between(const struct sink_evidence *turn, const char *from, const char *to)
{
	size_t i;

	for (i = 0; i < turn->gaps_n; i++)
		if (!strcmp(turn->gaps[i].from, from) && !strcmp(turn->gaps[i].to, to))
			return turn->gaps[i].s;
	return NAN;
}

/* The parts of a turn in order: a span, the gap after it, the next span. */
static void turn_terms(struct strbuf *out, const struct sink_evidence *e)
{
	const char *sep = " = ", *name;
	char text[FORMAT_MAX];
	size_t i;

	for (i = 0; i < e->spans_n; i++) {
		name = e->spans[i].stage;
		strbuf_puts(out, sep);
		text_name(out, name);
		strbuf_printf(out, " %s",
			      unit_format(text, sizeof(text), e->spans[i].wall_s, UNIT_S));
		sep = " + ";
		if (i + 1 < e->spans_n)
			add_term(out, &sep, "gap", gap_between(e, name, e->spans[i + 1].stage),
				 e->wall_s);
	}
}

void text_evidence(struct strbuf *out, const struct sink_evidence *e)
{
	char text[FORMAT_MAX];

	if (e->kind >= SINK_EVIDENCE_NOTE) {
		text_sentence(out, e->text);
		return;
	}
	if (e->kind == SINK_EVIDENCE_TURN)
		strbuf_puts(out, "turn");
	else
		text_name(out, e->stage);
	strbuf_printf(out, " %s", unit_format(text, sizeof(text), e->wall_s, UNIT_S));
	if (e->kind == SINK_EVIDENCE_TURN)
		turn_terms(out, e);
	else
		span_terms(out, e);
	if (e->outcome) {
		strbuf_puts(out, ", ");
		text_name(out, e->outcome);
	}
	if (e->quality != SINK_QUALITY_EXACT)
		strbuf_printf(out, ", %s", sink_quality_name(e->quality));
	if (e->statement) {
		strbuf_puts(out, ": ");
		text_sentence(out, e->statement);
	}
	if (e->tid) {
		strbuf_puts(out, "  ");
		text_name(out, e->thread);
		strbuf_printf(out, "[%d]", (int)e->tid);
	}
}

static enum text_color color_of(const struct sink_alert *alert)
{
	switch (alert->state) {
	case SINK_ALERT_FIRING:
		return alert->severity == SINK_SEVERITY_CRITICAL ? TEXT_RED : TEXT_YELLOW;
	case SINK_ALERT_RESOLVED:
		return TEXT_GREEN;
	case SINK_ALERT_UNKNOWN:
		return TEXT_MAGENTA;
	default:
		return TEXT_DIM;
	}
}

static void state_word(struct strbuf *out, bool color, const struct sink_alert *alert)
{
	const char *name = sink_alert_state_name(alert->state);
	char word[16];
	size_t i;

	for (i = 0; i < sizeof(word) - 1 && name[i]; i++)
		word[i] = (char)toupper((unsigned char)name[i]);
	word[i] = '\0';
	strbuf_printf(out, "%s%-8s%s ", text_color(color, color_of(alert)), word,
		      text_color(color, TEXT_PLAIN));
	if (alert->priority >= 0 && alert->priority <= 3)
		strbuf_printf(out, "P%d ", alert->priority);
	else
		strbuf_puts(out, "-  ");
	strbuf_printf(out, "%-8s  ",
		      alert->severity == SINK_SEVERITY_NONE ? "-"
							    : sink_severity_name(alert->severity));
}

static void detail(struct strbuf *out, const char *label, const char *text)
{
	if (!text || !*text)
		return;
	strbuf_printf(out, "    %-8s ", label);
	text_sentence(out, text);
	strbuf_puts(out, "\n");
}

void text_group(struct strbuf *out, const struct sink_alert *alert)
{
	char cause[ESCAPE_NAME_MAX];

	if (!alert->group || !alert->cause)
		return;
	snprintf(cause, sizeof(cause), "%s", alert->cause);
	for (char *p = cause; *p; p++)
		if (*p == ':')
			*p = ' ';
	strbuf_printf(out, " [group %" PRIu64 ": %s", alert->group, alert->also ? "also " : "");
	text_name(out, cause);
	strbuf_puts(out, "]");
}

/* "since 2026-11-22T10:41:07.123Z"; nothing for what has just begun to fire. */
static void since_line(struct strbuf *out, const struct sink_alert *alert)
{
	char ts[FORMAT_MAX];

	if (alert->reminder && alert->since_ts_ns)
		strbuf_printf(out, "    %-8s %s\n", "since",
			      timestamp_format(ts, sizeof(ts), alert->since_ts_ns));
}

static void respond_line(struct strbuf *out, const struct sink_alert *alert)
{
	bool said = alert->response && *alert->response;
	char within[FORMAT_MAX];

	if (!(alert->respond_within_s > 0))
		return;
	strbuf_printf(out, "    %-8s within %s%s", "respond",
		      duration_format(within, sizeof(within), ns_of(alert->respond_within_s)),
		      said ? ": " : "");
	if (said)
		text_sentence(out, alert->response);
	strbuf_puts(out, "\n");
}

static void first_line(struct strbuf *out, bool color, const struct sink_alert *alert)
{
	text_ts(out, &alert->head);
	state_word(out, color, alert);
	strbuf_puts(out, text_color(color, TEXT_BOLD));
	text_name(out, alert->alert);
	strbuf_printf(out, "%s  ", text_color(color, TEXT_PLAIN));
	text_alert_value(out, alert);
	strbuf_puts(out, "  ");
	text_process(out, &alert->head);
	if (alert->reminder)
		strbuf_puts(out, "  [reminder]");
	strbuf_puts(out, alert->group ? " " : "");
	text_group(out, alert);
	if (alert->quality != SINK_QUALITY_EXACT)
		strbuf_printf(out, "  [%s, %" PRIu64 " samples]", sink_quality_name(alert->quality),
			      alert->n);
	strbuf_puts(out, "\n");
}

/* What was gained, where something was: the value of an alert that is over beside its worst. */
static void gain(struct strbuf *out, const struct sink_alert *alert)
{
	struct unit_scale scale = unit_scale_for(alert->worst, alert->unit);
	char text[FORMAT_MAX];

	if (alert->state != SINK_ALERT_RESOLVED || !(alert->improvement_percent > 0))
		return;
	strbuf_printf(out, "    %-8s %s at its worst, now %.0f %% better\n", "gain",
		      unit_format_scaled(text, sizeof(text), alert->worst, &scale),
		      alert->improvement_percent);
}

/* An alert of a rule file explains itself by its annotations. */
static void rule_lines(struct strbuf *out, const struct sink_alert *alert)
{
	detail(out, "rule", alert->rule);
	if (alert->state != SINK_ALERT_FIRING)
		return;
	for (size_t i = 0; i < alert->annotations_n; i++) {
		strbuf_puts(out, "    ");
		text_name(out, alert->annotations[i].name);
		strbuf_puts(out, "  ");
		text_sentence(out, alert->annotations[i].value);
		strbuf_puts(out, "\n");
	}
}

/* What is left in the window of an alert that is over explains nothing: then and now do. */
static void evidence_lines(struct strbuf *out, const struct sink_alert *alert)
{
	static const char *const labels[] = {
		[SINK_EVIDENCE_SPAN] = "slowest",
		[SINK_EVIDENCE_TURN] = "slowest",
		[SINK_EVIDENCE_NOTE] = "cause",
		[SINK_EVIDENCE_COMPARISON] = "compared",
	};
	bool over = alert->state == SINK_ALERT_RESOLVED;
	const char *last = "";

	for (size_t i = 0; i < alert->evidence_n; i++) {
		const struct sink_evidence *e = &alert->evidence[i];
		const char *label = labels[e->kind <= SINK_EVIDENCE_COMPARISON ? e->kind : 0];

		if (!label || over != (e->kind == SINK_EVIDENCE_COMPARISON))
			continue;
		strbuf_printf(out, "    %-8s ", label == last ? "" : label);
		text_evidence(out, e);
		strbuf_puts(out, "\n");
		last = label;
	}
}

void text_alert(struct strbuf *out, bool color, const struct sink_alert *alert)
{
	first_line(out, color, alert);
	strbuf_puts(out, text_color(color, TEXT_DIM));
	detail(out, "why", alert->reason);
	gain(out, alert);
	since_line(out, alert);
	rule_lines(out, alert);
	if (alert->state == SINK_ALERT_FIRING) {
		detail(out, "action", alert->action);
		detail(out, "impact", alert->impact);
		respond_line(out, alert);
	}
	evidence_lines(out, alert);
	strbuf_puts(out, text_color(color, TEXT_PLAIN));
}
