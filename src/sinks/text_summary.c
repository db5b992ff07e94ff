/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * text_summary.c - the live table: one row per stage (and one for turns), then a line per other
 * subject (cpu, memory, ...), then what it costs and what was lost.
 *
 * It knows no list of metrics: a subject with a `.latency.p50` is a row, the columns
 * are fixed ids under it, and everything else is printed by its own name, unless it goes
 * without saying (unremarkable()): all of it is in the JSON.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "sinks/format.h"
#include "sinks/text.h"

#define SUBJECT_MAX 64
/* A line of "name value" pairs is broken after so many columns. */
#define LINE_COLUMNS 96
/* Waits and gaps below this part of the latency explain nothing. */
#define TRIFLE 0.01

static const struct sink_metric *find(const struct sink_summary *s, const char *subject,
				      const char *measure)
{
	size_t i, n = strlen(subject);
	const char *id;

	for (i = 0; i < s->metrics_n; i++) {
		id = s->metrics[i].id;
		if (!strncmp(id, subject, n) && id[n] == '.' && !strcmp(id + n + 1, measure))
			return &s->metrics[i];
	}
	return NULL;
}

/* Copies the part of the id before the first dot. */
static void subject_of(const struct sink_metric *m, char subject[SUBJECT_MAX])
{
	size_t n = strcspn(m->id, ".");

	snprintf(subject, SUBJECT_MAX, "%.*s", n < SUBJECT_MAX ? (int)n : SUBJECT_MAX - 1, m->id);
}

static bool is_row(const struct sink_summary *s, const char *subject)
{
	return find(s, subject, "latency.p50") != NULL;
}

/* True when an earlier metric has the same subject: it was printed there. */
static bool seen_before(const struct sink_summary *s, size_t at, const char *subject)
{
	char other[SUBJECT_MAX];
	size_t i;

	for (i = 0; i < at; i++) {
		subject_of(&s->metrics[i], other);
		if (!strcmp(other, subject))
			return true;
	}
	return false;
}

static const char *cell(char *buf, size_t size, const struct sink_metric *m)
{
	if (!m)
		return "";
	if (m->quality == SINK_QUALITY_UNKNOWN)
		return "unknown";
	if (!isfinite(m->value))
		return "-"; /* idle */
	return unit_format(buf, size, m->value, m->unit);
}

/* The reason that a stage waits for most, "disk 30.1 ms"; "" when it does not wait. */
static void dominant_wait(const struct sink_summary *s, const char *subject, char *buf, size_t size)
{
	const struct sink_metric *m, *most = NULL;
	const char *name = "";
	char measure[32], value[FORMAT_MAX];
	const struct sink_metric *latency = find(s, subject, "latency.p50");
	unsigned int i;

	for (i = 0; i < WIRE_WAITS; i++) {
		snprintf(measure, sizeof(measure), "wait.%s", sink_wait_name((enum wire_wait)i));
		m = find(s, subject, measure);
		if (!m || !isfinite(m->value) || m->value <= 0 || (most && m->value <= most->value))
			continue;
		most = m;
		name = sink_wait_name((enum wire_wait)i);
	}
	buf[0] = '\0';
	if (most && latency && isfinite(latency->value) && most->value < latency->value * TRIFLE)
		return;
	if (most)
		snprintf(buf, size, "%s %s", name,
			 unit_format(value, sizeof(value), most->value, most->unit));
}

static const char *const latency_columns[] = {"latency.p50", "latency.p95", "latency.p99",
					      "latency.max"};

static void row(struct strbuf *out, const struct sink_summary *s, const char *subject, size_t width)
{
	enum sink_quality worst = SINK_QUALITY_EXACT;
	const struct sink_metric *m;
	char text[FORMAT_MAX], wait[FORMAT_MAX + 16];
	size_t i, from = out->len;

	strbuf_puts(out, "  ");
	text_name(out, subject);
	strbuf_pad(out, from, width + 4);
	m = find(s, subject, "count");
	strbuf_printf(out, "%8s", cell(text, sizeof(text), m));
	for (i = 0; i < 4; i++) {
		m = find(s, subject, latency_columns[i]);
		if (m && m->quality > worst)
			worst = m->quality;
		strbuf_printf(out, "  %9s", cell(text, sizeof(text), m));
	}
	strbuf_printf(out, "  %9s", cell(text, sizeof(text), find(s, subject, "cpu")));
	dominant_wait(s, subject, wait, sizeof(wait));
	if (worst != SINK_QUALITY_EXACT)
		strbuf_printf(out, "  %-20s  %s", wait, sink_quality_name(worst));
	else
		strbuf_printf(out, "  %s", wait);
	/* Empty cells at the end leave no blanks behind. */
	while (!out->failed && out->len > from && out->data[out->len - 1] == ' ')
		out->len--;
	strbuf_puts(out, "\n");
}

/* Already in the table, or a variant of what is there. */
static bool in_table(const char *measure)
{
	return !strncmp(measure, "latency", 7) || !strncmp(measure, "wait.", 5) ||
	       !strcmp(measure, "cpu") || !strncmp(measure, "cpu.", 4) ||
	       !strcmp(measure, "count") || !strcmp(measure, "rate") ||
	       !strncmp(measure, "process_cpu", 11);
}

/* Of several statistics of one measure, the p95 stands for all; the rest is in JSON. */
static bool is_variant(const char *measure)
{
	static const char *const stats[] = {"p50", "p99", "mean", "max", "sum", "min"};
	const char *dot = strrchr(measure, '.');
	size_t i;

	for (i = 0; dot && i < sizeof(stats) / sizeof(stats[0]); i++)
		if (!strcmp(dot + 1, stats[i]))
			return true;
	return false;
}

/* Of a stage only what happened, and what its row does not say: errors, gaps, outcomes. */
static bool extra(const struct sink_summary *s, const char *subject, const char *measure,
		  const struct sink_metric *m)
{
	const struct sink_metric *p95 = find(s, subject, "latency.p95");

	if (in_table(measure) || is_variant(measure) || !isfinite(m->value) || m->value == 0)
		return false;
	if (!p95 || !isfinite(p95->value))
		return true;
	if (!strncmp(measure, "gap.", 4))
		return m->value >= p95->value * TRIFLE;
	/* Streams: one of these two is the latency. */
	return m->value != p95->value ||
	       (strcmp(measure, "first.p95") && strcmp(measure, "total.p95"));
}

/* What is as it should be, or said by another measure. */
static bool unremarkable(const struct sink_metric *m)
{
	if (!strncmp(m->id, "cpu.time.", 9) || is_variant(m->id))
		return true;
	if (!strncmp(m->id, "turn.", 5)) /* turns without an end that is seen: no row */
		return m->quality != SINK_QUALITY_UNKNOWN && (isnan(m->value) || m->value == 0);
	if (!strncmp(m->id, "target.", 7))
		return m->value == 1;
	return m->value == 0 && (m->unit == UNIT_BYTES || !strcmp(m->id, "turns.open") ||
				 !strncmp(m->id, "users.", 6));
}

/* "  cpu   usage 12.3 %, peak 40.1 %": the measures of one subject, broken into lines. */
static void subject_line(struct strbuf *out, const struct sink_summary *s, size_t at,
			 const char *subject, bool row_extras, size_t width)
{
	size_t i, n = strlen(subject), from = out->len, line = out->len;
	const struct sink_metric *m;
	const char *measure, *text, *sep = "";
	char buf[FORMAT_MAX];

	for (i = at; i < s->metrics_n; i++) {
		m = &s->metrics[i];
		if (strncmp(m->id, subject, n) || (m->id[n] != '.' && m->id[n] != '\0'))
			continue;
		measure = m->id[n] ? m->id + n + 1 : "";
		if (row_extras ? !extra(s, subject, measure, m) : unremarkable(m))
			continue;
		text = cell(buf, sizeof(buf), m);
		if (out->len == from) {
			strbuf_puts(out, "  ");
			text_name(out, subject);
			strbuf_pad(out, from, width + 4);
		} else if (out->len - line > LINE_COLUMNS) {
			strbuf_puts(out, ",\n");
			line = out->len;
			strbuf_pad(out, line, width + 4);
			sep = "";
		}
		strbuf_puts(out, sep);
		text_name(out, measure);
		strbuf_printf(out, "%s%s", *measure ? " " : "", text);
		if (m->quality == SINK_QUALITY_FEW || m->quality == SINK_QUALITY_PARTIAL)
			strbuf_printf(out, " (%s)", sink_quality_name(m->quality));
		sep = ", ";
	}
	if (out->len > from)
		strbuf_puts(out, "\n");
}

static size_t subject_width(const struct sink_summary *s)
{
	size_t i, n, width = strlen("overhead");

	for (i = 0; i < s->metrics_n; i++) {
		n = strcspn(s->metrics[i].id, ".");
		if (n > width && n < SUBJECT_MAX)
			width = n;
	}
	return width;
}

static double percent_of(uint64_t part_ns, uint64_t whole_ns)
{
	return whole_ns ? (double)part_ns * 100 / (double)whole_ns : NAN;
}

static void overhead_line(struct strbuf *out, const struct sink_overhead *o, size_t width)
{
	char now[FORMAT_MAX], probes[FORMAT_MAX], tp[FORMAT_MAX], own[FORMAT_MAX], rss[FORMAT_MAX];

	strbuf_printf(out,
		      "  %-*s%s of one CPU now; since the start probes %s, tracepoints %s; "
		      "cheshire itself %s, %s\n",
		      (int)width + 2, "overhead",
		      unit_format(now, sizeof(now), o->percent_of_one_cpu, UNIT_PERCENT),
		      unit_format(probes, sizeof(probes), percent_of(o->probe_ns, o->elapsed_ns),
				  UNIT_PERCENT),
		      unit_format(tp, sizeof(tp), percent_of(o->tracepoint_ns, o->elapsed_ns),
				  UNIT_PERCENT),
		      unit_format(own, sizeof(own), percent_of(o->own_cpu_ns, o->elapsed_ns),
				  UNIT_PERCENT),
		      unit_format(rss, sizeof(rss), (double)o->own_rss_bytes, UNIT_BYTES));
}

/* "  firing    P1 critical  STT latency  since 2026-11-22T10:41:07.123Z" */
static void firing_line(struct strbuf *out, bool color, const struct sink_firing *f, size_t width)
{
	bool critical = f->severity == SINK_SEVERITY_CRITICAL;
	char since[FORMAT_MAX];

	strbuf_printf(out, "  %s%-*s%s", text_color(color, critical ? TEXT_RED : TEXT_YELLOW),
		      (int)width + 2, "firing", text_color(color, TEXT_PLAIN));
	if (f->priority >= 0 && f->priority <= 3)
		strbuf_printf(out, "P%d ", f->priority);
	strbuf_printf(out, "%-8s  ", sink_severity_name(f->severity));
	text_name(out, f->alert);
	strbuf_printf(out, "  since %s\n", timestamp_format(since, sizeof(since), f->since_ts_ns));
}

static void statement_line(struct strbuf *out, const struct sink_statement *s, size_t width)
{
	char sum[FORMAT_MAX], p95[FORMAT_MAX], max[FORMAT_MAX];

	strbuf_printf(out, "  %-*s%" PRIu64 " in %s, p95 %s, max %s: ", (int)width + 2, "statement",
		      s->count, unit_format(sum, sizeof(sum), s->sum_s, UNIT_S),
		      unit_format(p95, sizeof(p95), s->p95_s, UNIT_S),
		      unit_format(max, sizeof(max), s->max_s, UNIT_S));
	text_sentence(out, s->text);
	strbuf_puts(out, "\n");
}

static void tail_lines(struct strbuf *out, bool color, const struct sink_summary *s, size_t width)
{
	size_t i;

	overhead_line(out, &s->overhead, width);
	for (i = 0; i < s->statements_n; i++)
		statement_line(out, &s->statements[i], width);
	for (i = 0; i < s->drops_n; i++) {
		strbuf_printf(out, "  %s%-*s", text_color(color, TEXT_YELLOW), (int)width + 2,
			      "lost");
		text_name(out, s->drops[i].reason);
		strbuf_printf(out, " %" PRIu64 "%s\n", s->drops[i].count,
			      text_color(color, TEXT_PLAIN));
	}
	if (s->alerts_held)
		strbuf_printf(out, "  %-*s%" PRIu64 " changes of alerts not told one by one\n",
			      (int)width + 2, "held", s->alerts_held);
	for (i = 0; i < s->firing_n; i++)
		firing_line(out, color, &s->firing[i], width);
	for (i = 0; i < s->notices_n; i++) {
		strbuf_printf(out, "  %-*s", (int)width + 2, "notice");
		text_sentence(out, s->notices[i]);
		strbuf_puts(out, "\n");
	}
}

static void table(struct strbuf *out, bool color, const struct sink_summary *s, size_t width)
{
	char subject[SUBJECT_MAX];
	bool any = false;
	size_t i;

	for (i = 0; i < s->metrics_n; i++) {
		subject_of(&s->metrics[i], subject);
		if (!is_row(s, subject) || seen_before(s, i, subject))
			continue;
		if (!any)
			strbuf_printf(out, "  %s%-*s%8s  %9s  %9s  %9s  %9s  %9s  %s%s\n",
				      text_color(color, TEXT_DIM), (int)width + 2, "STAGE", "COUNT",
				      "P50", "P95", "P99", "MAX", "CPU/SPAN", "WAITS FOR",
				      text_color(color, TEXT_PLAIN));
		any = true;
		row(out, s, subject, width);
	}
}

void text_summary(struct strbuf *out, bool color, const struct sink_summary *s)
{
	size_t i, width = subject_width(s);
	char subject[SUBJECT_MAX], elapsed[FORMAT_MAX];

	text_ts(out, &s->head);
	strbuf_printf(out, "%ssummary%s  ", text_color(color, TEXT_BOLD),
		      text_color(color, TEXT_PLAIN));
	text_process(out, &s->head);
	strbuf_printf(out, "  after %s, %" PRIu32 " firing, %" PRIu64 " fired so far\n",
		      duration_format(elapsed, sizeof(elapsed),
				      s->overhead.elapsed_ns / 1000000000 * 1000000000),
		      s->alerts_firing, s->alerts_fired);
	table(out, color, s, width);
	for (int rows = 1; rows >= 0; rows--) {
		for (i = 0; i < s->metrics_n; i++) {
			subject_of(&s->metrics[i], subject);
			if (is_row(s, subject) == rows && !seen_before(s, i, subject))
				subject_line(out, s, i, subject, rows, width);
		}
	}
	tail_lines(out, color, s, width);
}
