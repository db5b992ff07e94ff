/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * text_leaks.c - places that leak, for people: a row a line of code, with what is behind it below,
 * for each way that leads there.
 *
 *   #  VERDICT    RATE       95 % INTERVAL           SURE    BLOCKS            WHERE
 *   1  confirmed  50.0 MB/h  46.1 MB/h to 54.0 MB/h  99.9 %  lost              keep_audio at
 * voice.c:41 because  12 of its blocks are still allocated ...
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "sinks/format.h"
#include "sinks/text.h"

#define INDENT 7
/* Frames that are shown; JSON has all. */
#define FRAMES_SHOWN 12
#define TYPES_SHOWN  8

static bool is_known(const char *name)
{
	return name && name[0];
}

/* "46.1 MB/h to 54.0 MB/h" */
static void interval_text(char *text, size_t size, const struct sink_rate *rate)
{
	char low[FORMAT_MAX], high[FORMAT_MAX];

	if (!isfinite(rate->low) || !isfinite(rate->high))
		snprintf(text, size, "-");
	else
		snprintf(text, size, "%s to %s",
			 unit_format(low, sizeof(low), rate->low, UNIT_BYTES_PER_H),
			 unit_format(high, sizeof(high), rate->high, UNIT_BYTES_PER_H));
}

/* "keep_audio at voice.c:41", "keep_audio in libvoice.so+0x1139", "libvoice.so+0x1139" */
static void frame_text(struct strbuf *out, const struct sink_frame *frame)
{
	bool named = is_known(frame->function);

	if (named)
		text_name(out, frame->function);
	if (is_known(frame->file)) {
		strbuf_puts(out, named ? " at " : "");
		text_name(out, frame->file);
		if (frame->line)
			strbuf_printf(out, ":%" PRIu32, frame->line);
		return;
	}
	strbuf_puts(out, named ? " in " : "");
	text_name(out, is_known(frame->object) ? frame->object : "?");
	strbuf_printf(out, "+0x%" PRIx64, frame->offset);
}

static void label(struct strbuf *out, const char *name)
{
	strbuf_printf(out, "%*s%-9s", INDENT, "", name);
}

static bool has_ways(const struct sink_leak_site *site)
{
	return site->ways > 1;
}

static void site_row(struct strbuf *out, bool color, const struct sink_leak_site *site, size_t row)
{
	char rate[FORMAT_MAX], interval[2 * FORMAT_MAX + 8], sure[FORMAT_MAX] = "-";
	const struct sink_rate *all = has_ways(site) ? &site->place_rate : &site->rate;

	if (site->confidence > 0)
		/* Never more than can be claimed: 99.99 % is not 100 %. */
		snprintf(sure, sizeof(sure), "%.1f %%", fmin(site->confidence * 100, 99.9));
	interval_text(interval, sizeof(interval), all);
	strbuf_printf(out, "  %2zu  %s%-9s%s  %-10s  %-24s  %-6s  ", row,
		      site->leaks ? text_color(color, TEXT_RED) : "", site->verdict,
		      site->leaks ? text_color(color, TEXT_PLAIN) : "",
		      unit_format(rate, sizeof(rate), all->value, UNIT_BYTES_PER_H), interval,
		      sure);
	strbuf_printf(out, "%-10s  ", site->reference ? site->reference : "unknown");
	if (site->blamed < site->frames_n)
		frame_text(out, &site->frames[site->blamed]);
	else
		strbuf_puts(out, "unknown: its stack could not be read");
	if (has_ways(site))
		strbuf_printf(out, ", %zu ways", site->ways);
	strbuf_puts(out, "\n");
}

static void sizes_line(struct strbuf *out, const struct sink_leak_site *site)
{
	char low[FORMAT_MAX], high[FORMAT_MAX];

	if (!site->sizes_n)
		return;
	label(out, "sizes");
	for (size_t i = 0; i < site->sizes_n; i++) {
		const struct sink_size_class *c = &site->sizes[i];

		strbuf_printf(out, "%s%" PRIu64 " of %s to %s", i ? ", " : "", c->n,
			      unit_format(low, sizeof(low), (double)c->from_bytes, UNIT_BYTES),
			      unit_format(high, sizeof(high), (double)c->below_bytes, UNIT_BYTES));
	}
	strbuf_puts(out, "\n");
}

static void blocks_line(struct strbuf *out, const struct sink_leak_site *site)
{
	char bytes[FORMAT_MAX], oldest[FORMAT_MAX], ts[FORMAT_MAX];

	label(out, "blocks");
	strbuf_printf(out,
		      "%" PRIu64 " sampled, %" PRIu64 " freed soon, %" PRIu64 " late; %" PRIu64
		      " left (%s, oldest %s)",
		      site->sampled, site->freed_early, site->freed_late, site->survivors,
		      unit_format(bytes, sizeof(bytes), (double)site->survivors_bytes, UNIT_BYTES),
		      unit_format(oldest, sizeof(oldest), site->oldest_s, UNIT_S));
	if (site->counted)
		strbuf_puts(out, "; every call counted");
	if (site->referenced_from) {
		strbuf_puts(out, "; pointers in ");
		text_sentence(out, site->referenced_from);
	}
	if (site->first_seen_ts_ns)
		strbuf_printf(out, "; first seen %s",
			      timestamp_format(ts, sizeof(ts), site->first_seen_ts_ns));
	strbuf_puts(out, "\n");
}

static void classes_line(struct strbuf *out, const struct sink_leak_site *site)
{
	if (!site->classes_n)
		return;
	label(out, "types");
	for (size_t i = 0; i < site->classes_n; i++) {
		if (i)
			strbuf_printf(out, ", %" PRIu64 " are ", site->classes[i].blocks);
		else
			strbuf_printf(out, "of %" PRIu64 " blocks %" PRIu64 " are ",
				      site->classes_of, site->classes[i].blocks);
		text_name(out, site->classes[i].name);
	}
	strbuf_puts(out, "\n");
}

static void stack_lines(struct strbuf *out, const struct sink_leak_site *site)
{
	size_t shown = site->frames_n < FRAMES_SHOWN ? site->frames_n : FRAMES_SHOWN;

	for (size_t i = 0; i < shown; i++) {
		label(out, i ? "" : "stack");
		frame_text(out, &site->frames[i]);
		if (site->frames[i].inlined)
			strbuf_puts(out, " (inlined)");
		strbuf_puts(out, "\n");
	}
	if (shown < site->frames_n) {
		label(out, "");
		strbuf_printf(out, "... %zu more\n", site->frames_n - shown);
	}
}

/* One of several ways to a line. */
static void way_line(struct strbuf *out, const struct sink_leak_site *site, size_t way)
{
	char rate[FORMAT_MAX], interval[2 * FORMAT_MAX + 8], name[24];

	interval_text(interval, sizeof(interval), &site->rate);
	snprintf(name, sizeof(name), "way %zu", way);
	label(out, name);
	strbuf_printf(out, "%s, %s (%s)\n", site->verdict,
		      unit_format(rate, sizeof(rate), site->rate.value, UNIT_BYTES_PER_H),
		      interval);
}

static void site_lines(struct strbuf *out, const struct sink_leak_site *site)
{
	if (site->reason) {
		label(out, "because");
		text_sentence(out, site->reason);
		strbuf_puts(out, "\n");
	}
	blocks_line(out, site);
	sizes_line(out, site);
	classes_line(out, site);
	stack_lines(out, site);
}

static void place_lines(struct strbuf *out, bool color, const struct sink_leaks *leaks,
			size_t first, size_t row)
{
	size_t way = 0;

	site_row(out, color, &leaks->sites[first], row);
	for (size_t i = first; i < leaks->sites_n; i++) {
		if (leaks->sites[i].place != first)
			continue;
		if (has_ways(&leaks->sites[first]))
			way_line(out, &leaks->sites[i], ++way);
		site_lines(out, &leaks->sites[i]);
	}
}

static void types_lines(struct strbuf *out, const struct sink_leaks *leaks)
{
	size_t shown = leaks->types_n < TYPES_SHOWN ? leaks->types_n : TYPES_SHOWN;
	char rate[FORMAT_MAX];

	for (size_t i = 0; i < shown; i++) {
		const struct sink_leak_type *t = &leaks->types[i];

		strbuf_puts(out, i ? "                " : "  python types  ");
		text_name(out, t->name);
		strbuf_printf(out, "  %s in objects, %.0f more an hour, %" PRIu64 " now\n",
			      unit_format(rate, sizeof(rate), t->rate.value, UNIT_BYTES_PER_H),
			      t->objects_per_h, t->objects);
	}
}

static void growth_text(struct strbuf *out, const struct sink_leaks *leaks)
{
	char rate[FORMAT_MAX], interval[2 * FORMAT_MAX + 8];

	if (!isfinite(leaks->growth.value)) {
		strbuf_puts(out, "how fast memory grows is not known yet");
		return;
	}
	interval_text(interval, sizeof(interval), &leaks->growth);
	strbuf_printf(out, "memory grows by %s (%s)",
		      unit_format(rate, sizeof(rate), leaks->growth.value, UNIT_BYTES_PER_H),
		      interval);
}

static void cost_line(struct strbuf *out, const struct sink_leaks *leaks)
{
	double percent = (double)leaks->probe_ns / 1e7 / leaks->duration_s;
	char cost[FORMAT_MAX];

	strbuf_printf(out,
		      "  looked at  %" PRIu64 " windows, %" PRIu64 " calls of %s, %" PRIu64
		      " blocks followed, %" PRIu64 " of them freed",
		      leaks->windows, leaks->calls,
		      leaks->allocator ? leaks->allocator : "the allocator", leaks->sampled,
		      leaks->freed);
	if (isfinite(percent))
		strbuf_printf(out, "; probes cost %s of one CPU",
			      unit_format(cost, sizeof(cost), percent, UNIT_PERCENT));
	strbuf_puts(out, "\n");
	for (size_t i = 0; i < leaks->limits_n; i++) {
		strbuf_puts(out, "  not seen   ");
		text_sentence(out, leaks->limits[i]);
		strbuf_puts(out, "\n");
	}
}

void text_leaks(struct strbuf *out, bool color, const struct sink_leaks *leaks)
{
	char after[FORMAT_MAX];
	size_t rows = 0;

	text_ts(out, &leaks->head);
	strbuf_printf(out, "%sleaks%s     ", text_color(color, TEXT_BOLD),
		      text_color(color, TEXT_PLAIN));
	text_process(out, &leaks->head);
	strbuf_puts(out, "  ");
	if (isfinite(leaks->duration_s) && leaks->duration_s >= 0)
		strbuf_printf(out, "after %s: ",
			      duration_format(after, sizeof(after),
					      (uint64_t)(leaks->duration_s + 0.5) * 1000000000u));
	growth_text(out, leaks);
	strbuf_puts(out, "\n");
	if (leaks->sites_n)
		strbuf_printf(out, "   %s#  %-9s  %-10s  %-24s  %-6s  %-10s  %s%s\n",
			      text_color(color, TEXT_DIM), "VERDICT", "RATE", "95 % INTERVAL",
			      "SURE", "BLOCKS", "WHERE", text_color(color, TEXT_PLAIN));
	else
		strbuf_puts(out, "  no place is known to leak\n");
	for (size_t i = 0; i < leaks->sites_n; i++)
		if (leaks->sites[i].place == i)
			place_lines(out, color, leaks, i, ++rows);
	if (leaks->sites_quiet)
		strbuf_printf(out,
			      "  %" PRIu64 " other places are innocent, or too little is known\n",
			      leaks->sites_quiet);
	types_lines(out, leaks);
	cost_line(out, leaks);
}
