/* SPDX-License-Identifier: GPL-2.0-only */
/* Ring buffer bytes, as hostile as they come, through the decoder and the whole metrics engine. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "metrics/decode.h"
#include "metrics/metrics.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct stage_config stages[] = {
	{.name = (char *)"wake_word", .kind = STAGE_FRAME},
	{.name = (char *)"stt", .kind = STAGE_STREAM, .turn = true, .gap_ns = 2000000000ULL},
	{.name = (char *)"intent", .kind = STAGE_CALL, .turn = true},
	{.name = (char *)"tts", .kind = STAGE_CALL, .turn = true},
};

static const struct config config = {
	.stages = stages,
	.stages_n = sizeof(stages) / sizeof(stages[0]),
	.turn = {.key = TURN_KEY_VALUE, .idle_ns = 10000000000ULL},
};

/* Accepted records must be safe to use: indexes below their limits, no negative durations. */
static void check(const union record *record)
{
	if (record->hdr.kind != WIRE_KIND_SPAN)
		return;
	if (record->span.stage >= config.stages_n || record->span.end_ns < record->span.start_ns)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct metrics *m = metrics__new(&config, 1);
	uint64_t now_ns = 1000000000ULL;

	if (!m)
		abort();
	/* The first byte of each piece is its length, in steps that reach every record. */
	while (size > 1) {
		size_t len = (size_t)data[0] * 2;
		union record record;

		data++;
		size--;
		if (len > size)
			len = size;
		if (decode_record(data, len, config.stages_n, &record) == 0) {
			check(&record);
			if (record.hdr.kind == WIRE_KIND_SPAN)
				metrics__feed_span(m, &record.span, now_ns);
		}
		metrics__tick(m, now_ns);
		now_ns += 500000000ULL;
		data += len;
		size -= len;
	}
	metrics__flush(m, now_ns);
	metrics__free(m);
	return 0;
}
