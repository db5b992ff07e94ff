/* SPDX-License-Identifier: GPL-2.0-only */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "config/units.h"

static double good(const char *text, enum unit unit)
{
	double v = -1;
	char err[256] = "";
	size_t at;

	if (units_parse(text, unit, &v, err, sizeof(err), &at))
		fail_msg("'%s': %s", text, err);
	return v;
}

static void bad(const char *text, enum unit unit, const char *part)
{
	double v = -1;
	char err[256] = "";
	size_t at = 9999;

	if (!units_parse(text, unit, &v, err, sizeof(err), &at))
		fail_msg("'%s' was taken as %g", text, v);
	if (!strstr(err, part))
		fail_msg("'%s': '%s' lacks '%s'", text, err, part);
	assert_true(v == -1);
	assert_true(at <= strlen(text));
}

#define same(text, unit, want) assert_true(good(text, unit) == (want))

static void durations(void **state)
{
	(void)state;
	same("300ms", UNIT_S, 0.3);
	same("1.5s", UNIT_S, 1.5);
	same("1m", UNIT_S, 60);
	same("2min", UNIT_S, 120);
	same("1h", UNIT_S, 3600);
	same("7d", UNIT_S, 7 * 86400);
	same("250us", UNIT_S, 250e-6);
	same("10 ns", UNIT_S, 10e-9);
	same("0s", UNIT_S, 0);
}

static void sizes_and_rates(void **state)
{
	(void)state;
	same("512MB", UNIT_BYTES, 512.0 * 1048576);
	same("1.5GB", UNIT_BYTES, 1.5 * 1073741824);
	same("1TB", UNIT_BYTES, 1099511627776.0);
	same("3KB", UNIT_BYTES, 3072);
	same("17B", UNIT_BYTES, 17);
	same("5MB/h", UNIT_BYTES_PER_H, 5242880);
	same("5MB/hour", UNIT_BYTES_PER_H, 5242880);
	same("10Mbit/s", UNIT_BIT_PER_S, 1e7);
	same("10Mbps", UNIT_BIT_PER_S, 1e7);
	same("200/s", UNIT_PER_S, 200);
	same("200 1/s", UNIT_PER_S, 200);
	same("60/min", UNIT_PER_S, 1);
	same("1/h", UNIT_PER_H, 1);
	same("2/s", UNIT_PER_H, 7200);
	same("20%", UNIT_PERCENT, 20);
	same("5%", UNIT_RATIO, 0.05);
	same("0.005", UNIT_RATIO, 0.005);
	same("100", UNIT_COUNT, 100);
}

static void no_bare_numbers(void **state)
{
	(void)state;
	bad("300", UNIT_S, "has no unit");
	bad("300 ", UNIT_S, "has no unit");
	bad("0", UNIT_BYTES, "has no unit");
	bad("20", UNIT_PERCENT, "has no unit");
	bad("5", UNIT_BYTES_PER_H, "has no unit");
	bad("200", UNIT_PER_S, "has no unit");
}

static void wrong_units(void **state)
{
	(void)state;
	bad("5MB", UNIT_S, "does not fit");
	bad("300ms", UNIT_BYTES, "does not fit");
	bad("5MB", UNIT_BYTES_PER_H, "does not fit");
	bad("5m", UNIT_COUNT, "does not fit");
	bad("5s", UNIT_RATIO, "does not fit");
	bad("5/h", UNIT_BYTES_PER_H, "does not fit");
	bad("5Ms", UNIT_S, "did you mean 'ms'");
	bad("5mb", UNIT_BYTES, "did you mean 'MB'");
	bad("5MB/hr", UNIT_BYTES_PER_H, "did you mean 'MB/h'");
	bad("5fortnights", UNIT_S, "unknown unit");
}

static void hostile(void **state)
{
	static const char *const texts[] = {
		"",
		" ",
		"-1s",
		"+1s",
		"nan",
		"inf",
		"NaNs",
		"infs",
		"0x10s",
		"1e9s",
		".5s",
		"5.s",
		"1.2.3s",
		"1,5s",
		"s",
		"%",
		"9999999999999999s",
		"1s s",
		"1ss",
		"1s\n",
		"1s;rm",
		"1\ts",
		"\xff",
		"１s",
		"1s 2s",
		"--",
		"1-s",
		"5 % x",
		"1 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		for (int unit = UNIT_S; unit <= UNIT_PER_H; unit++)
			bad(texts[i], (enum unit)unit, "");
}

static void nanoseconds(void **state)
{
	char err[256];
	uint64_t ns = 7;
	size_t at;

	(void)state;
	assert_int_equal(units_parse_ns("1.5us", &ns, err, sizeof(err), &at), 0);
	assert_int_equal(ns, 1500);
	assert_int_equal(units_parse_ns("0.3s", &ns, err, sizeof(err), &at), 0);
	assert_int_equal(ns, 300000000);
	ns = 7;
	assert_int_not_equal(units_parse_ns("5000d", &ns, err, sizeof(err), &at), 0);
	assert_non_null(strstr(err, "ten years"));
	assert_int_equal(ns, 7);
}

static void place_of_mistake(void **state)
{
	char err[256];
	double v;
	size_t at;

	(void)state;
	assert_int_not_equal(units_parse("300 xs", UNIT_S, &v, err, sizeof(err), &at), 0);
	assert_int_equal(at, 4);
}

static void names(void **state)
{
	(void)state;
	assert_string_equal(unit_name(UNIT_BYTES_PER_H), "bytes/h");
	assert_string_equal(unit_name(UNIT_PER_S), "1/s");
	assert_string_equal(unit_name((enum unit)99), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(durations),	    cmocka_unit_test(sizes_and_rates),
		cmocka_unit_test(no_bare_numbers),  cmocka_unit_test(wrong_units),
		cmocka_unit_test(hostile),	    cmocka_unit_test(nanoseconds),
		cmocka_unit_test(place_of_mistake), cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
