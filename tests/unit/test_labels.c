/* SPDX-License-Identifier: GPL-2.0-only */
/* Sets of labels: one pointer for equal sets, smaller sets, order and text. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "promql/labels.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

static void test_equal_sets_are_one(void **state)
{
	static const struct label one[] = {{"b", "2"}, {"a", "1"}, {"__name__", "m"}};
	static const struct label other[] = {
		{"a", "0"}, {"__name__", "m"}, {"c", ""}, {"b", "2"}, {"a", "1"}};
	struct label_table *table = label_table__new();
	const struct labels *set = labels_make(table, one, N(one));

	(void)state;
	assert_non_null(set);
	assert_int_equal(set->n, 3);
	assert_string_equal(set->label[0].name, "__name__");
	assert_string_equal(set->label[2].name, "b");
	assert_ptr_equal(labels_make(table, other, N(other)), set);
	assert_int_equal(label_table__count(table), 1);
	assert_string_equal(labels_get(set, "b"), "2");
	assert_null(labels_get(set, "c"));
	/* An empty value after another takes the label away. */
	assert_int_equal(labels_make(table, (struct label[]){{"a", "1"}, {"a", ""}}, 2)->n, 0);
	assert_ptr_equal(labels_make(table, NULL, 0), labels_make(table, one, 0));
	label_table__free(table);
}

/* Concatenations that look alike are different sets. */
static void test_no_confusion(void **state)
{
	struct label_table *table = label_table__new();

	(void)state;
	assert_ptr_not_equal(labels_make(table, (struct label[]){{"ab", "c"}}, 1),
			     labels_make(table, (struct label[]){{"a", "bc"}}, 1));
	assert_ptr_not_equal(labels_make(table, (struct label[]){{"a", "b"}, {"c", "d"}}, 2),
			     labels_make(table, (struct label[]){{"a", "bcd"}}, 1));
	label_table__free(table);
}

static void test_bounds(void **state)
{
	struct label_table *table = label_table__new();
	struct label label[LABELS_MAX + 1];
	char name[LABELS_MAX + 1][8];

	(void)state;
	for (size_t i = 0; i <= LABELS_MAX; i++) {
		snprintf(name[i], sizeof(name[i]), "l%zu", i);
		label[i] = (struct label){name[i], "v"};
	}
	assert_non_null(labels_make(table, label, LABELS_MAX));
	errno = 0;
	assert_null(labels_make(table, label, LABELS_MAX + 1));
	assert_int_equal(errno, E2BIG);
	label_table__free(table);
}

static void test_smaller_sets(void **state)
{
	static const struct label all[] = {{"__name__", "m"}, {"a", "1"}, {"b", "2"}};
	static const char *const a[] = {"a"}, *const a_name[] = {"a", "__name__"};
	struct label_table *table = label_table__new();
	const struct labels *set = labels_make(table, all, 3);

	(void)state;
	assert_ptr_equal(labels_drop_name(table, set), labels_make(table, all + 1, 2));
	assert_ptr_equal(labels_keep(table, set, a, 1), labels_make(table, all + 1, 1));
	assert_ptr_equal(labels_keep(table, set, a, 0), labels_make(table, NULL, 0));
	assert_ptr_equal(labels_drop(table, set, a, 0), set);
	assert_ptr_equal(labels_drop(table, set, a_name, 2), labels_make(table, all + 2, 1));
	assert_ptr_equal(label_table__projection(table, PROJECTION_KEEP, a, 1),
			 label_table__projection(table, PROJECTION_KEEP, a, 1));
	assert_ptr_not_equal(label_table__projection(table, PROJECTION_KEEP, a, 1),
			     label_table__projection(table, PROJECTION_DROP, a, 1));
	label_table__free(table);
}

/* Many sets through one projection: what it remembers grows, and stays right. */
static void test_projection_of_many(void **state)
{
	struct label_table *table = label_table__new();
	struct projection *p;

	(void)state;
	p = label_table__projection(table, PROJECTION_DROP, (const char *const[]){"i"}, 1);
	for (int round = 0; round < 2; round++)
		for (int i = 0; i < 5000; i++) {
			char text[16], part[16];
			struct label label[] = {{"i", text}, {"part", part}};

			snprintf(text, sizeof(text), "%d", i);
			snprintf(part, sizeof(part), "%d", i % 7);
			assert_ptr_equal(projection__of(p, labels_make(table, label, 2)),
					 labels_make(table, label + 1, 1));
		}
	assert_int_equal(label_table__count(table), 5007);
	assert_true(label_table__bytes(table) > 5007 * sizeof(struct labels));
	label_table__free(table);
}

static void test_order(void **state)
{
	struct label_table *table = label_table__new();
	const struct labels *none = labels_make(table, NULL, 0);
	const struct labels *a = labels_make(table, (struct label[]){{"a", "1"}}, 1);
	const struct labels *ab = labels_make(table, (struct label[]){{"a", "1"}, {"b", "1"}}, 2);
	const struct labels *a2 = labels_make(table, (struct label[]){{"a", "2"}}, 1);

	(void)state;
	assert_true(labels_compare(none, a) < 0);
	assert_true(labels_compare(a, ab) < 0);
	assert_true(labels_compare(a2, ab) > 0);
	assert_int_equal(labels_compare(a, a), 0);
	label_table__free(table);
}

static void assert_printed(const struct labels *set, const char *expected)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	labels_print(set, out);
	fclose(out);
	assert_string_equal(text, expected);
	free(text);
}

static void test_text(void **state)
{
	static const struct label label[] = {
		{"__name__", "m:x"}, {"a", "say \"hi\"\\\n"}, {"b", "\x1b[31mgr\xc3\xbc\xc3\x9f"}};
	struct label_table *table = label_table__new();
	const struct labels *set = labels_make(table, label, 3);
	char text[200], small[8];

	(void)state;
	assert_printed(labels_make(table, label, 1), "m:x");
	assert_printed(labels_make(table, NULL, 0), "{}");
	assert_printed(set, "m:x{a=\"say \\\"hi\\\"\\\\\\n\", b=\"\\x1b[31mgr\xc3\xbc\xc3\x9f\"}");
	assert_printed(labels_make(table, (struct label[]){{"__name__", "a b"}}, 1),
		       "{__name__=\"a b\"}");
	assert_string_equal(labels_text(set, text, sizeof(text)),
			    "{__name__=\"m:x\", a=\"say \\\"hi\\\"\\\\\\n\", "
			    "b=\"\\x1b[31mgr\xc3\xbc\xc3\x9f\"}");
	assert_int_equal(strlen(labels_text(set, small, sizeof(small))), sizeof(small) - 1);
	label_table__free(table);
}

/* Values longer than the piece that is escaped at once, with characters across its edges. */
static void test_long_values(void **state)
{
	struct label_table *table = label_table__new();
	char value[601] = "", text[700], expected[700];

	(void)state;
	for (int i = 0; i < 300; i++)
		strcat(value, "\xc3\xbc");
	for (int shift = 0; shift < 2; shift++) {
		struct label label = {"a", value + 2 * shift};

		snprintf(expected, sizeof(expected), "{a=\"%s\"}", value + 2 * shift);
		assert_string_equal(labels_text(labels_make(table, &label, 1), text, sizeof(text)),
				    expected);
	}
	label_table__free(table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_equal_sets_are_one),
		cmocka_unit_test(test_no_confusion),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_smaller_sets),
		cmocka_unit_test(test_projection_of_many),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_long_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
