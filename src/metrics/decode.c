/* SPDX-License-Identifier: GPL-2.0-only */
#include "metrics/decode.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define SPAN_FLAGS_KNOWN      ((WIRE_SPAN_RATE << 1) - 1)
#define PYTHON_FLAGS_KNOWN    ((WIRE_PYTHON_FIRST << 1) - 1)
#define STATEMENT_FLAGS_KNOWN ((WIRE_STMT_TIMEOUT << 1) - 1)

/* 0: a kind we do not know. */
static size_t record_size(uint16_t kind)
{
	switch (kind) {
	case WIRE_KIND_SPAN:
		return sizeof(struct wire_span);
	case WIRE_KIND_LIFE:
		return sizeof(struct wire_life);
	case WIRE_KIND_LEARN:
		return sizeof(struct wire_learn);
	case WIRE_KIND_STATEMENT:
		return sizeof(struct wire_statement);
	case WIRE_KIND_PYTHON_SAMPLE:
		return sizeof(struct wire_python_sample);
	case WIRE_KIND_PYTHON_CODE:
		return sizeof(struct wire_python_question);
	case WIRE_KIND_PYTHON_GENERATOR:
		return sizeof(struct wire_python_generator);
	default:
		return 0;
	}
}

static bool span_ok(const struct wire_span *span, size_t stages_n)
{
	if (span->stage >= stages_n || span->bind >= WIRE_BINDS_MAX)
		return false;
	if (span->flags & ~(uint32_t)SPAN_FLAGS_KNOWN)
		return false;
	if (span->end_ns < span->start_ns)
		return false;
	if (span->first_ns && (span->first_ns < span->start_ns || span->first_ns > span->end_ns))
		return false;
	return true;
}

static bool life_ok(const struct wire_life *life)
{
	return life->event > WIRE_LIFE_INVALID && life->event <= WIRE_LIFE_OBJECTS;
}

static bool learn_ok(const struct wire_learn *learn, size_t stages_n)
{
	return learn->stage < stages_n && learn->bind < WIRE_BINDS_MAX && learn->return_address;
}

/* Either a text or an execution. */
static bool statement_ok(const struct wire_statement *s, size_t stages_n)
{
	bool text = s->flags & WIRE_STMT_TEXT, ran = s->flags & WIRE_STMT_RAN;

	if (s->stage >= stages_n || s->bind >= WIRE_BINDS_MAX || text == ran ||
	    s->flags & ~(uint32_t)STATEMENT_FLAGS_KNOWN)
		return false;
	if (s->cls >= WIRE_CLASSES || (s->flags & WIRE_STMT_COUNTED && !s->cls))
		return false;
	if (s->end_ns < s->start_ns || (text ? !s->text_bytes || !s->hash : s->text_bytes))
		return false;
	return s->text_bytes <= WIRE_TEXT_MAX && s->hdr.len_bytes >= sizeof(*s) + s->text_bytes;
}

static bool python_sample_ok(const struct wire_python_sample *s, size_t stages_n)
{
	if (s->flags & ~(uint32_t)PYTHON_FLAGS_KNOWN || s->frames_n > WIRE_PYTHON_SET ||
	    s->before_ns > s->hdr.ts_ns)
		return false;
	for (uint32_t i = 0; i < s->frames_n; i++)
		if (s->frames[i].cls != WIRE_PYTHON_ASKED &&
		    (!s->frames[i].cls || s->frames[i].cls > stages_n))
			return false;
	return true;
}

static bool python_generator_ok(const struct wire_python_generator *g, size_t stages_n)
{
	return g->frame && g->cls && g->cls <= stages_n && g->over <= 1 &&
	       g->before_ns <= g->hdr.ts_ns;
}

static bool record_ok(const union record *record, size_t stages_n)
{
	switch (record->hdr.kind) {
	case WIRE_KIND_SPAN:
		return span_ok(&record->span, stages_n);
	case WIRE_KIND_LIFE:
		return life_ok(&record->life);
	case WIRE_KIND_LEARN:
		return learn_ok(&record->learn, stages_n);
	case WIRE_KIND_STATEMENT:
		return statement_ok(&record->statement, stages_n);
	case WIRE_KIND_PYTHON_SAMPLE:
		return python_sample_ok(&record->python_sample, stages_n);
	case WIRE_KIND_PYTHON_CODE:
		return record->python_question.code != 0;
	case WIRE_KIND_PYTHON_GENERATOR:
		return python_generator_ok(&record->python_generator, stages_n);
	default:
		return false;
	}
}

int decode_record(const void *data, size_t len_bytes, size_t stages_n, union record *out)
{
	struct wire_hdr hdr;
	size_t size;

	memset(out, 0, sizeof(*out));
	if (len_bytes < sizeof(hdr))
		return -EMSGSIZE;
	memcpy(&hdr, data, sizeof(hdr));
	if (hdr.len_bytes != len_bytes)
		return -EMSGSIZE;
	size = record_size(hdr.kind);
	if (!size)
		return -ENOMSG;
	/* Longer is a newer writer that appended members: the part we know is where it was. */
	if (len_bytes < size)
		return -EMSGSIZE;
	memcpy(out, data, size);
	if (stages_n > WIRE_STAGES_MAX)
		stages_n = WIRE_STAGES_MAX;
	if (!record_ok(out, stages_n)) {
		memset(out, 0, sizeof(*out));
		return -EBADMSG;
	}
	return 0;
}
