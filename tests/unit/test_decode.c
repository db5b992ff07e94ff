/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "metrics/decode.h"

#define STAGES 4

static struct wire_span good_span(void)
{
	return (struct wire_span){
		.hdr = {.kind = WIRE_KIND_SPAN, .len_bytes = sizeof(struct wire_span)},
		.stage = 3,
		.bind = WIRE_BINDS_MAX - 1,
		.flags = WIRE_SPAN_CPU,
		.start_ns = 100,
		.first_ns = 150,
		.end_ns = 200,
	};
}

static int decode_span(const struct wire_span *span)
{
	union record out;

	return decode_record(span, sizeof(*span), STAGES, &out);
}

static void test_span(void **state)
{
	struct wire_span span = good_span();
	char bytes[sizeof(span) + 1];
	union record out;

	(void)state;
	/* Unaligned on purpose. */
	memcpy(bytes + 1, &span, sizeof(span));
	assert_int_equal(decode_record(bytes + 1, sizeof(span), STAGES, &out), 0);
	assert_memory_equal(&out.span, &span, sizeof(span));
}

static void test_span_fields_out_of_range(void **state)
{
	struct wire_span span;

	(void)state;
#define BAD(field, value)                                                                          \
	do {                                                                                       \
		span = good_span();                                                                \
		span.field = (value);                                                              \
		assert_int_equal(decode_span(&span), -EBADMSG);                                    \
	} while (0)
	BAD(stage, STAGES);
	BAD(bind, WIRE_BINDS_MAX);
	BAD(flags, WIRE_SPAN_RATE << 1);
	BAD(end_ns, 99);
	BAD(first_ns, 99);
	BAD(first_ns, 201);
#undef BAD
	span = good_span();
	span.first_ns = 0;
	assert_int_equal(decode_span(&span), 0);
}

static void test_lengths(void **state)
{
	struct wire_span span = good_span();
	union record out;

	(void)state;
	for (size_t len = 0; len < sizeof(span); len++) {
		assert_int_equal(decode_record(&span, len, STAGES, &out), -EMSGSIZE);
		if (len >= sizeof(span.hdr)) {
			span.hdr.len_bytes = (uint16_t)len;
			assert_int_equal(decode_record(&span, len, STAGES, &out), -EMSGSIZE);
			span.hdr.len_bytes = sizeof(span);
		}
	}
}

static void test_longer_and_unknown_kinds(void **state)
{
	struct wire_span span = good_span();
	char bytes[sizeof(span) + 8] = {0};
	union record out;

	(void)state;
	span.hdr.len_bytes = sizeof(bytes);
	memcpy(bytes, &span, sizeof(span));
	assert_int_equal(decode_record(bytes, sizeof(bytes), STAGES, &out), 0);
	assert_int_equal(out.span.end_ns, 200);
	span.hdr.kind = 77;
	memcpy(bytes, &span, sizeof(span));
	assert_int_equal(decode_record(bytes, sizeof(bytes), STAGES, &out), -ENOMSG);
	assert_int_equal(out.hdr.kind, 0);
}

static void test_python_generator(void **state)
{
	const struct wire_python_generator good = {
		.hdr = {.kind = WIRE_KIND_PYTHON_GENERATOR,
			.len_bytes = sizeof(struct wire_python_generator),
			.ts_ns = 200},
		.before_ns = 100,
		.frame = 0x1000,
		.code = 0x2000,
		.cls = STAGES,
		.over = 1};
	struct wire_python_generator g = good;
	union record out;

	(void)state;
	assert_int_equal(decode_record(&g, sizeof(g), STAGES, &out), 0);
	assert_memory_equal(&out.python_generator, &g, sizeof(g));
#define BAD(field, value)                                                                          \
	do {                                                                                       \
		g = good;                                                                          \
		g.field = (value);                                                                 \
		assert_int_equal(decode_record(&g, sizeof(g), STAGES, &out), -EBADMSG);            \
	} while (0)
	BAD(before_ns, 201);
	BAD(frame, 0);
	BAD(cls, 0);
	BAD(cls, STAGES + 1);
	BAD(over, 2);
#undef BAD
}

static void test_life_and_learn(void **state)
{
	struct wire_life life = {.hdr = {.kind = WIRE_KIND_LIFE, .len_bytes = sizeof(life)},
				 .event = WIRE_LIFE_OBJECTS};
	struct wire_learn learn = {.hdr = {.kind = WIRE_KIND_LEARN, .len_bytes = sizeof(learn)},
				   .return_address = 0x1000};
	union record out;

	(void)state;
	assert_int_equal(decode_record(&life, sizeof(life), STAGES, &out), 0);
	life.event = WIRE_LIFE_OBJECTS + 1;
	assert_int_equal(decode_record(&life, sizeof(life), STAGES, &out), -EBADMSG);
	life.event = WIRE_LIFE_INVALID;
	assert_int_equal(decode_record(&life, sizeof(life), STAGES, &out), -EBADMSG);
	assert_int_equal(decode_record(&learn, sizeof(learn), STAGES, &out), 0);
	learn.return_address = 0;
	assert_int_equal(decode_record(&learn, sizeof(learn), STAGES, &out), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_span),
		cmocka_unit_test(test_span_fields_out_of_range),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_longer_and_unknown_kinds),
		cmocka_unit_test(test_life_and_learn),
		cmocka_unit_test(test_python_generator),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
