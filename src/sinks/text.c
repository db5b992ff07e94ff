/* SPDX-License-Identifier: GPL-2.0-only */
/* text.c - text for people: the opening, notes, the end; and the sink that writes all of it. */
#include "sinks/text.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sinks/format.h"
#include "sinks/outq.h"

/* Where FUNCTIONS begins in the table of stages, beside the width of their names. */
#define FUNCTIONS_COLUMN 46

static void function_text(struct strbuf *out, const struct sink_function *f)
{
	text_name(out, f->object);
	if (f->symbol) {
		strbuf_puts(out, ":");
		text_name(out, f->demangled ? f->demangled : f->symbol);
	}
	if (f->offset || !f->symbol)
		strbuf_printf(out, "+0x%" PRIx64, f->offset);
	strbuf_printf(out, " (%s, %s)", f->emulated ? "emulated" : "stepped",
		      f->exits ? f->exits : "entry only");
}

static void stage_line(struct strbuf *out, bool color, const struct sink_stage *stage, size_t width)
{
	bool armed = stage->state == SINK_STAGE_ARMED;
	char cost[FORMAT_MAX] = "-", rate[FORMAT_MAX] = "-";
	size_t i, from = out->len, line;

	strbuf_puts(out, "  ");
	text_name(out, stage->name);
	strbuf_pad(out, from, width + 4);
	if (isfinite(stage->projected_cost_percent))
		unit_format(cost, sizeof(cost), stage->projected_cost_percent, UNIT_PERCENT);
	if (isfinite(stage->rate_per_s))
		unit_format(rate, sizeof(rate), stage->rate_per_s, UNIT_PER_S);
	strbuf_printf(out, "%-6s  %s%-10s%s  %9s  %9s", sink_stage_kind_name(stage->kind),
		      armed ? "" : text_color(color, TEXT_YELLOW),
		      sink_stage_state_name(stage->state),
		      armed ? "" : text_color(color, TEXT_PLAIN), rate, cost);
	for (i = 0; i < stage->functions_n; i++) {
		if (i) {
			strbuf_puts(out, "\n");
			line = out->len;
			strbuf_pad(out, line, width + FUNCTIONS_COLUMN - 2);
		}
		strbuf_puts(out, "  ");
		function_text(out, &stage->functions[i]);
	}
	strbuf_puts(out, "\n");
	if (stage->reason) {
		strbuf_printf(out, "  %-*s", (int)width + 2, "");
		text_sentence(out, stage->reason);
		strbuf_puts(out, "\n");
	}
}

static void stages_table(struct strbuf *out, bool color, const struct sink_hello *hello)
{
	size_t i, n, width = strlen("STAGE");

	if (!hello->stages_n)
		return;
	for (i = 0; i < hello->stages_n; i++) {
		n = strlen(hello->stages[i].name);
		if (n > width && n < 64)
			width = n;
	}
	strbuf_printf(out, "  %s%-*s%-6s  %-10s  %9s  %9s  %s%s\n", text_color(color, TEXT_DIM),
		      (int)width + 2, "STAGE", "KIND", "STATE", "CALLS", "COST", "FUNCTIONS",
		      text_color(color, TEXT_PLAIN));
	for (i = 0; i < hello->stages_n; i++)
		stage_line(out, color, &hello->stages[i], width);
}

static void names_line(struct strbuf *out, const char *label, const char *const *names, size_t n)
{
	size_t i;

	if (!n)
		return;
	strbuf_printf(out, "  %s: ", label);
	for (i = 0; i < n; i++) {
		if (i)
			strbuf_puts(out, ", ");
		text_name(out, names[i]);
	}
	strbuf_puts(out, "\n");
}

void text_hello(struct strbuf *out, bool color, const struct sink_hello *hello)
{
	char emulated[FORMAT_MAX], stepped[FORMAT_MAX], cost[FORMAT_MAX], ceiling[FORMAT_MAX];

	text_ts(out, &hello->head);
	strbuf_printf(out, "%swatching%s  ", text_color(color, TEXT_BOLD),
		      text_color(color, TEXT_PLAIN));
	text_process(out, &hello->head);
	strbuf_puts(out, "  ");
	text_sentence(out, hello->exe);
	strbuf_puts(out, "  (cheshire ");
	text_name(out, hello->version);
	strbuf_puts(out, ", kernel ");
	text_name(out, hello->kernel);
	strbuf_puts(out, ", ");
	text_name(out, hello->attach);
	strbuf_puts(out, ")\n");
	stages_table(out, color, hello);
	names_line(out, "engines", hello->engines, hello->engines_n);
	names_line(out, "not in the catalogue", hello->unrecognised, hello->unrecognised_n);
	strbuf_printf(
		out, "  probe cost: emulated %s, stepped %s; projected %s of one CPU, ceiling %s\n",
		unit_format(emulated, sizeof(emulated), hello->cost_emulated_ns / 1e9, UNIT_S),
		unit_format(stepped, sizeof(stepped), hello->cost_stepped_ns / 1e9, UNIT_S),
		unit_format(cost, sizeof(cost), hello->projected_cost_percent, UNIT_PERCENT),
		unit_format(ceiling, sizeof(ceiling), hello->ceiling_percent, UNIT_PERCENT));
	strbuf_printf(out, "  %zu budgets, %zu rules\n", hello->budgets_n, hello->rules_n);
}

void text_note(struct strbuf *out, bool color, const struct sink_note *note)
{
	static const char *const words[] = {"note", "WARNING", "CRITICAL"};
	static const enum text_color colors[] = {TEXT_PLAIN, TEXT_YELLOW, TEXT_RED};

	text_ts(out, &note->head);
	strbuf_printf(out, "%s%-8s%s ", text_color(color, colors[note->severity]),
		      words[note->severity], text_color(color, TEXT_PLAIN));
	if (note->stage) {
		text_name(out, note->stage);
		strbuf_puts(out, ": ");
	}
	text_sentence(out, note->text);
	strbuf_puts(out, "  ");
	text_process(out, &note->head);
	strbuf_puts(out, "\n");
}

static void target_end(struct strbuf *out, const struct sink_bye *bye)
{
	const char *name;

	switch (bye->target_state) {
	case SINK_TARGET_RUNNING:
		strbuf_puts(out, "target runs on");
		break;
	case SINK_TARGET_EXITED:
		strbuf_printf(out, "target exited with status %d", bye->target_exit_code);
		break;
	case SINK_TARGET_KILLED:
		name = sigabbrev_np(bye->target_signal);
		strbuf_printf(out, "target was killed by signal %d", bye->target_signal);
		if (name)
			strbuf_printf(out, " (SIG%s)", name);
		if (bye->target_core_dumped)
			strbuf_puts(out, ", core dumped");
		break;
	case SINK_TARGET_UNKNOWN:
		strbuf_puts(out, "target is gone, how is not known");
		break;
	}
}

void text_bye(struct strbuf *out, bool color, const struct sink_bye *bye)
{
	char detach[FORMAT_MAX];

	text_ts(out, &bye->head);
	strbuf_printf(out, "%sdone%s      ", text_color(color, TEXT_BOLD),
		      text_color(color, TEXT_PLAIN));
	text_process(out, &bye->head);
	strbuf_puts(out, "  ");
	target_end(out, bye);
	if (isfinite(bye->detach_s))
		strbuf_printf(out, "; detached in %s",
			      unit_format(detach, sizeof(detach), bye->detach_s, UNIT_S));
	strbuf_printf(out, "; %" PRIu64 " alert%s fired; exit code %d (", bye->alerts_fired,
		      bye->alerts_fired == 1 ? "" : "s", bye->exit_code);
	text_name(out, bye->reason);
	strbuf_puts(out, ")");
	if (bye->output_dropped)
		strbuf_printf(out, "; %" PRIu64 " lines of output were not delivered",
			      bye->output_dropped);
	strbuf_puts(out, "\n");
}

/* --- the sink --- */

struct sink_text {
	struct sink base;
	struct outq *out;
	bool color;
};

static struct sink_text *text_of(const struct sink *sink)
{
	return (struct sink_text *)sink;
}

static void send_text(struct sink *sink, struct strbuf *buf, bool important)
{
	if (buf->failed)
		outq__lost(text_of(sink)->out);
	else
		outq__put(text_of(sink)->out, buf->data, buf->len, important);
	strbuf_free(buf);
}

#define TEXT_SINK(what, important)                                                                 \
	static void sink_text_##what(struct sink *sink, const struct sink_##what *what)            \
	{                                                                                          \
		struct strbuf buf = {0};                                                           \
                                                                                                   \
		text_##what(&buf, text_of(sink)->color, what);                                     \
		send_text(sink, &buf, important);                                                  \
	}

TEXT_SINK(hello, true)
TEXT_SINK(alert, true)
TEXT_SINK(summary, summary->reason == SINK_SUMMARY_EXIT)
TEXT_SINK(note, false)
TEXT_SINK(leaks, true)
TEXT_SINK(bye, true)

static void sink_text_flush(struct sink *sink)
{
	outq__flush(text_of(sink)->out);
}

static int sink_text_wait_fd(const struct sink *sink)
{
	return outq__wait_fd(text_of(sink)->out);
}

static void sink_text_stats(const struct sink *sink, struct sink_stats *stats)
{
	outq__stats(text_of(sink)->out, stats);
}

static void sink_text_free(struct sink *sink)
{
	outq__free(text_of(sink)->out);
	free(sink);
}

static const struct sink_ops text_ops = {
	.name = "text",
	.hello = sink_text_hello,
	.alert = sink_text_alert,
	.summary = sink_text_summary,
	.note = sink_text_note,
	.leaks = sink_text_leaks,
	.bye = sink_text_bye,
	.flush = sink_text_flush,
	.wait_fd = sink_text_wait_fd,
	.stats = sink_text_stats,
	.free = sink_text_free,
};

bool sink_text__wants_color(int fd)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(fd) && !(no_color && *no_color) && !(term && !strcmp(term, "dumb"));
}

struct sink *sink_text__new(int fd, bool color)
{
	struct sink_text *text = calloc(1, sizeof(*text));
	int err;

	if (!text)
		return NULL;
	text->base.ops = &text_ops;
	text->base.watched_fd = -1;
	text->color = color;
	text->out = outq__new(fd, OUTQ_DEFAULT_BYTES);
	if (!text->out) {
		err = errno;
		free(text);
		errno = err;
		return NULL;
	}
	return &text->base;
}
