/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * feed_statements.c - database statements by class.  The kernel counts those whose class it knows;
 * the others it sends, and they are counted here.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "metrics/state.h"

int statements_init(struct metrics *m)
{
	bool any = false;

	for (size_t i = 0; i < m->stages_n; i++)
		any |= m->config->stages[i].kind == STAGE_STATEMENT;
	if (!any)
		return 0;
	m->statements = statements__new();
	m->classes = calloc(1, sizeof(*m->classes));
	return m->statements && m->classes ? 0 : -ENOMEM;
}

bool statements_are(const struct metrics *m, const struct series *series)
{
	return series >= &m->target[TARGET_DB] && series <= &m->target[TARGET_DB_TIMEOUTS];
}

/* One that is not found is not there; one that is not watched executes what nobody sees. */
const char *statements_unknown(const struct metrics *m, const struct series *series)
{
	bool watched = false;

	if (!statements_are(m, series))
		return NULL;
	for (size_t i = 0; i < m->stages_n; i++) {
		if (m->stage[i].config->kind != STAGE_STATEMENT)
			continue;
		if (m->stage[i].state == METRICS_STAGE_REFUSED)
			return "a stage of statements was refused";
		if (m->stage[i].state == METRICS_STAGE_SHED)
			return "a stage of statements was shed";
		watched |= m->stage[i].state == METRICS_STAGE_ARMED;
	}
	return watched ? NULL : "no stage of statements was found in the target";
}

static struct series *of_class(struct metrics *m, enum wire_class cls)
{
	return &m->target[TARGET_DB + (cls - 1) * DB_SERIES];
}

static void mark(struct metrics *m, int end, uint64_t now_ns)
{
	for (int i = TARGET_DB; m->statements && i < end; i++)
		series_mark(&m->target[i], QUALITY_PARTIAL, NULL, now_ns);
}

void statements_lost(struct metrics *m, uint64_t now_ns)
{
	mark(m, TARGET_DB_TIMEOUTS + 1, now_ns);
}

void statements_unread(struct metrics *m, uint64_t now_ns)
{
	mark(m, TARGET_DB_TIMEOUTS, now_ns);
}

static uint64_t rise(uint64_t now, uint64_t before)
{
	return now > before ? now - before : 0;
}

static void add_sum(struct series *series, uint64_t n, uint64_t now_ns)
{
	if (n)
		series_add_ratio(series, (double)n, 0.0, n, now_ns);
}

static void feed_class(struct metrics *m, enum wire_class cls, const struct wire_class_stats *now,
		       uint64_t now_ns)
{
	const struct wire_class_stats *before = &m->classes->kernel[cls];
	double elapsed_s = (double)(now_ns - m->classes->ts_ns) / 1e9;
	struct series *s = of_class(m, cls);
	uint64_t ended = rise(now->count, before->count);
	struct hist delta = {0};

	hist_add_diff(&delta, &now->hist, &before->hist);
	if (delta.count) {
		delta.sum_ns = rise(now->sum_ns, before->sum_ns);
		if (now->max_ns > before->max_ns || delta.max_ns > now->max_ns)
			delta.max_ns = now->max_ns;
		m->losses.memory += series_add_hist(&s[DB_LATENCY], &delta, now_ns);
	}
	add_sum(&s[DB_COUNT], ended, now_ns);
	add_sum(&s[DB_ERRORS], rise(now->errors, before->errors), now_ns);
	add_sum(&m->target[TARGET_DB_TIMEOUTS], rise(now->timeouts, before->timeouts), now_ns);
	ended += m->classes->count[cls];
	m->classes->count[cls] = 0;
	if (elapsed_s > 0.0)
		series_add_ratio(&s[DB_RATE], (double)ended, elapsed_s, ended, now_ns);
}

void metrics__feed_classes(struct metrics *m, const struct wire_class_stats now[WIRE_CLASSES],
			   uint64_t now_ns)
{
	struct class_totals *last = m->classes;

	if (!last)
		return;
	m->now_ns = now_ns;
	for (int cls = WIRE_CLASS_SIMPLE; last->valid && cls < WIRE_CLASSES; cls++)
		feed_class(m, (enum wire_class)cls, &now[cls], now_ns);
	memcpy(last->kernel, now, sizeof(last->kernel));
	last->ts_ns = now_ns;
	last->valid = true;
}

/* An execution that the kernel could not count, for it did not know the class. */
static void count(struct metrics *m, enum wire_class cls, const struct wire_statement *r,
		  uint64_t now_ns)
{
	struct series *s = of_class(m, cls);

	m->losses.memory += series_add_duration(&s[DB_LATENCY], r->busy_ns, now_ns);
	add_sum(&s[DB_COUNT], 1, now_ns);
	add_sum(&s[DB_ERRORS], r->flags & WIRE_STMT_ERROR ? 1 : 0, now_ns);
	add_sum(&m->target[TARGET_DB_TIMEOUTS], r->flags & WIRE_STMT_TIMEOUT ? 1 : 0, now_ns);
	m->classes->count[cls]++;
}

static void explain(struct metrics *m, enum wire_class cls, const struct wire_statement *r,
		    uint64_t now_ns)
{
	struct evidence_item item = {
		.kind = EVIDENCE_SPAN,
		.stage = r->stage,
		.statement = statements__id(m->statements, r->hash),
		.flags = r->flags & WIRE_STMT_ERROR ? WIRE_SPAN_ERROR : 0,
		.start_ns = r->start_ns,
		.wall_ns = r->busy_ns,
		.tid = r->hdr.tid,
		.cpu_known = r->flags & WIRE_STMT_CPU,
		.cpu_ns = r->cpu_ns,
		.process_cpu_ns = r->process_cpu_ns,
	};

	memcpy(item.wait_ns, r->wait_ns, sizeof(item.wait_ns));
	m->losses.memory += series_add_evidence(&of_class(m, cls)[DB_LATENCY], &item, now_ns);
	m->losses.memory +=
		series_add_evidence(&m->stage[r->stage].series[STAGE_LATENCY], &item, now_ns);
}

enum wire_class metrics__feed_statement(struct metrics *m, const struct wire_statement *r,
					const char *text, uint64_t now_ns)
{
	enum wire_class cls;

	if (!m->statements || r->stage >= m->stages_n)
		return WIRE_CLASS_PENDING;
	m->now_ns = now_ns;
	if (r->flags & WIRE_STMT_TEXT)
		return statements__learn(m->statements, r->hash, text, r->text_bytes,
					 m->stage[r->stage].config->language);
	if (r->flags & WIRE_STMT_COUNTED) {
		explain(m, r->cls, r, now_ns);
		return WIRE_CLASS_PENDING;
	}
	cls = statements__class(m->statements, r->hash);
	if (cls == WIRE_CLASS_PENDING)
		m->losses.statements_unknown++;
	count(m, cls ? cls : WIRE_CLASS_UNCLASSIFIED, r, now_ns);
	explain(m, cls ? cls : WIRE_CLASS_UNCLASSIFIED, r, now_ns);
	return cls;
}

const char *metrics__statement(const struct metrics *m, uint32_t statement)
{
	return m->statements ? statements__text(m->statements, statement) : NULL;
}

uint32_t metrics__statement_of(const struct metrics *m, uint64_t hash)
{
	return m->statements ? statements__id(m->statements, hash) : 0;
}
