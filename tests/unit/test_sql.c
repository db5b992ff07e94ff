/* SPDX-License-Identifier: GPL-2.0-only */
/* Classes of statements, and what of their texts may be shown. */
#include "sql/sql.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Read from a copy of exactly so many bytes: the sanitizer sees a byte too many. */
static enum wire_class read_text(const char *text, enum language language,
				 char out[SQL_REDACTED_MAX])
{
	size_t bytes = strlen(text);
	char *copy = malloc(bytes + 1);
	enum wire_class cls;

	assert_non_null(copy);
	memcpy(copy, text, bytes);
	cls = sql_read(copy, bytes, language, out);
	free(copy);
	return cls;
}

struct row {
	enum language language;
	const char *text;
	enum wire_class cls;
	const char *shown;
};

#define SQL   LANGUAGE_SQL
#define PG    LANGUAGE_POSTGRESQL
#define REDIS LANGUAGE_REDIS

static void check(const struct row *rows, size_t n)
{
	char out[SQL_REDACTED_MAX];

	for (size_t i = 0; i < n; i++) {
		enum wire_class cls = read_text(rows[i].text, rows[i].language, out);

		if (cls != rows[i].cls || strcmp(out, rows[i].shown) != 0)
			fail_msg("%s\n  class %d, not %d\n  %s\n  not %s", rows[i].text, cls,
				 rows[i].cls, out, rows[i].shown);
	}
}

#define CHECK(rows) check(rows, sizeof(rows) / sizeof((rows)[0]))

static void simple(void **state)
{
	static const struct row rows[] = {
		{SQL, "select name from users where id = 17", WIRE_CLASS_SIMPLE,
		 "SELECT name FROM users WHERE id = ?"},
		{SQL, "INSERT INTO log(a, b) VALUES (1, 'x'), (2, 'y')", WIRE_CLASS_SIMPLE,
		 "INSERT INTO log(a, b) VALUES (?, ...), (?, ...)"},
		{SQL, "UPDATE t SET a = ?1 WHERE b = :b AND c = @c", WIRE_CLASS_SIMPLE,
		 "UPDATE t SET a = ? WHERE b = ? AND c = ?"},
		{PG, "DELETE FROM t WHERE a IS NOT DISTINCT FROM $1", WIRE_CLASS_SIMPLE,
		 "DELETE FROM t WHERE a IS NOT DISTINCT FROM ?"},
		{PG, "SELECT substring(a from 1 for 2), extract(day from b) FROM t",
		 WIRE_CLASS_SIMPLE,
		 "SELECT substring(a FROM ? FOR ?), EXTRACT (DAY FROM b) FROM t"},
		{SQL, "SELECT 'x' AS a, \"b\".c FROM \"t\" WHERE d = 'e' AND f = 'g' ORDER BY h",
		 WIRE_CLASS_SIMPLE,
		 "SELECT ? AS a, \"b\".c FROM \"t\" WHERE d = ? AND f = ? ORDER BY h"},
		{SQL, "SELECT a FROM t WHERE b = 'what's new, please'", WIRE_CLASS_SIMPLE,
		 "SELECT ..."},
		{PG, "BEGIN", WIRE_CLASS_SIMPLE, "BEGIN"},
		{PG, "commit; select secret", WIRE_CLASS_SIMPLE, "COMMIT"},
		{PG, "SET application_name TO secret", WIRE_CLASS_SIMPLE, "SET ..."},
		{REDIS, "set %s %s", WIRE_CLASS_SIMPLE, "SET"},
	};

	(void)state;
	CHECK(rows);
}

static void complex(void **state)
{
	static const struct row rows[] = {
		{SQL, "SELECT a.x FROM a JOIN b ON a.id = b.id WHERE b.n IN (1, 2, 3)",
		 WIRE_CLASS_COMPLEX,
		 "SELECT a.x FROM a JOIN b ON a.id = b.id WHERE b.n IN (?, ...)"},
		{SQL, "SELECT * FROM a, b", WIRE_CLASS_COMPLEX, "SELECT * FROM a, b"},
		{SQL, "SELECT count(*) FROM t", WIRE_CLASS_COMPLEX, "SELECT count(*) FROM t"},
		{SQL, "SELECT a FROM t GROUP BY a", WIRE_CLASS_COMPLEX,
		 "SELECT a FROM t GROUP BY a"},
		{SQL, "SELECT DISTINCT a FROM t", WIRE_CLASS_COMPLEX, "SELECT DISTINCT a FROM t"},
		{SQL, "SELECT 1 FROM t HAVING a > 1", WIRE_CLASS_COMPLEX,
		 "SELECT ? FROM t HAVING a > ?"},
		{SQL, "SELECT a FROM t WHERE b IN (SELECT c FROM u)", WIRE_CLASS_COMPLEX,
		 "SELECT a FROM t WHERE b IN (SELECT c FROM u)"},
		{SQL, "(SELECT a FROM t) UNION (SELECT b FROM u)", WIRE_CLASS_COMPLEX,
		 "(SELECT a FROM t) UNION (SELECT b FROM u)"},
		{SQL, "INSERT INTO t SELECT a FROM u", WIRE_CLASS_COMPLEX,
		 "INSERT INTO t SELECT a FROM u"},
		{SQL, "WITH q AS (SELECT 1) SELECT a FROM q", WIRE_CLASS_COMPLEX,
		 "WITH q AS (SELECT ?) SELECT a FROM q"},
		{REDIS, "ZUNIONSTORE out 2 a b", WIRE_CLASS_COMPLEX, "ZUNIONSTORE"},
	};

	(void)state;
	CHECK(rows);
}

static void fulltext(void **state)
{
	static const struct row rows[] = {
		{SQL, "SELECT * FROM docs WHERE docs MATCH 'secret'", WIRE_CLASS_FULLTEXT,
		 "SELECT * FROM docs WHERE docs MATCH ?"},
		{PG, "SELECT id FROM docs JOIN x USING (id) WHERE v @@ plainto_tsquery('secret')",
		 WIRE_CLASS_FULLTEXT,
		 "SELECT id FROM docs JOIN x USING (id) WHERE v @@ plainto_tsquery(?)"},
		{REDIS, "FT.SEARCH idx secret", WIRE_CLASS_FULLTEXT, "FT.SEARCH"},
	};

	(void)state;
	CHECK(rows);
}

static void analytics(void **state)
{
	static const struct row rows[] = {
		{PG, "SELECT a, rank() OVER (PARTITION BY b ORDER BY c) FROM t",
		 WIRE_CLASS_ANALYTICS, "SELECT a, rank() OVER (PARTITION BY b ORDER BY c) FROM t"},
		{PG, "SELECT a, sum(b) OVER w FROM t WINDOW w AS (ORDER BY c)",
		 WIRE_CLASS_ANALYTICS, "SELECT a, sum(b) OVER w FROM t WINDOW w AS (ORDER BY c)"},
		{PG, "SELECT a, sum(b) FROM t GROUP BY ROLLUP (a)", WIRE_CLASS_ANALYTICS,
		 "SELECT a, sum(b) FROM t GROUP BY ROLLUP (a)"},
		{PG, "SELECT a, count(*), avg(b), max(b) FROM t GROUP BY a", WIRE_CLASS_ANALYTICS,
		 "SELECT a, count(*), avg(b), max(b) FROM t GROUP BY a"},
		{PG, "WITH q AS (SELECT 1) SELECT a, sum(b) FROM q GROUP BY a",
		 WIRE_CLASS_ANALYTICS, "WITH q AS (SELECT ?) SELECT a, sum(b) FROM q GROUP BY a"},
		{PG, "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY a) FROM t",
		 WIRE_CLASS_ANALYTICS,
		 "SELECT percentile_cont(?) WITHIN GROUP (ORDER BY a) FROM t"},
		{REDIS, "FT.AGGREGATE", WIRE_CLASS_ANALYTICS, "FT.AGGREGATE"},
	};

	(void)state;
	CHECK(rows);
}

static void unclassified(void **state)
{
	static const struct row rows[] = {
		{PG, "", WIRE_CLASS_UNCLASSIFIED, ""},
		{PG, "-- secret", WIRE_CLASS_UNCLASSIFIED, ""},
		{PG, "hello secret", WIRE_CLASS_UNCLASSIFIED, "? ..."},
		{PG, "VACUUM secret", WIRE_CLASS_UNCLASSIFIED, "VACUUM ..."},
		{PG, "EXECUTE plan('secret')", WIRE_CLASS_UNCLASSIFIED, "EXECUTE ..."},
		{SQL, "PRAGMA key = secret", WIRE_CLASS_UNCLASSIFIED, "PRAGMA ..."},
		{REDIS, "BLPOP secret 0", WIRE_CLASS_UNCLASSIFIED, "BLPOP"},
		{REDIS, "%s secret", WIRE_CLASS_UNCLASSIFIED, "?"},
		{REDIS, "", WIRE_CLASS_UNCLASSIFIED, "?"},
	};

	(void)state;
	CHECK(rows);
}

/* Wherever a program may have put it, and wherever the text was cut. */
static void no_literal_is_shown(void **state)
{
	static const char *const texts[] = {
		"SELECT a FROM t WHERE b = 'SECRET'",
		"SELECT a FROM t WHERE b = 'it''s SECRET'",
		"SELECT a FROM t WHERE b = 'it\\'s SECRET' AND c = 'SECRET'",
		"SELECT a FROM t WHERE b = E'it\\'s SECRET'",
		"SELECT a FROM t WHERE b LIKE'%SECRET%'",
		"SELECT a FROM t WHERE b IN('SECRET', N'SECRET', _utf8'SECRET')",
		"SELECT a FROM t WHERE b = \"SECRET\"",
		"SELECT a FROM t WHERE b = `SECRET`",
		"SELECT a FROM t WHERE b = $$ SECRET $$ AND c = $x$ $$SECRET $x$",
		"SELECT a /* SECRET /* SECRET */ SECRET */ FROM t -- SECRET",
		"SELECT a FROM t WHERE b = SECRET",
		"SELECT a FROM t WHERE b = Mr SECRET@example.SECRET AND c = 1",
		"INSERT INTO t (a) VALUES (SECRET, 'x' , SECRET SECRET)",
		"INSERT INTO t VALUES ('a', \"SECRET\")",
		"UPDATE t SET a = SECRET, b = SECRET",
		"SELECT a FROM t WHERE b = x'5EC4E7' OR b = 5ECRET",
		"SELECT a FROM t WHERE b = :SECRET OR b = @SECRET OR b = $SECRET OR b = #SECRET",
		"SELECT a FROM t WHERE b = 'a' 'SECRET'",
		"SELECT a FROM t WHERE b = 'what's SECRET, SECRET'",
		"SELECT a FROM t WHERE b = 'what's on SECRET, SECRET' AND c = 'x'",
		"SELECT a FROM t WHERE b = 'the boys' home, SECRET' AND c = 'x'",
		"SELECT a FROM t WHERE b = 'the boys'. SECRET, SECRET",
		"SELECT a FROM t WHERE b = 'the boys' and SECRET, (SECRET)'",
		"SELECT a FROM t WHERE b = \"it\"s SECRET, SECRET\"",
		"UPDATE t SET a = 'what's SECRET(SECRET).SECRET' WHERE b = 1",
		"INSERT INTO t VALUES (hello SECRET (x), 1)",
		"SELECT a FROM t WHERE b = Mr SECRET (x)",
		"SELECT a # SECRET, SECRET\nFROM t",
		"SELECT a FROM t; SELECT SECRET",
		"SELECT a FROM t WHERE b = '\xc3\xa4 SECRET",
		"SELECT a FROM t WHERE b = \xc3\xa4SECRET",
		"ALTER USER a PASSWORD 'SECRET'",
		"SECRET SECRET",
		"SET SECRET = SECRET",
	};
	char out[SQL_REDACTED_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		for (int language = LANGUAGE_SQL; language <= LANGUAGE_REDIS; language++) {
			read_text(texts[i], (enum language)language, out);
			if (strcasestr(out, "secret") || strcasestr(out, "ecret") ||
			    strcasestr(out, "5ec4"))
				fail_msg("%s\n  %s", texts[i], out);
		}
	}
}

static void cut_anywhere(void **state)
{
	static const char text[] =
		"SELECT a, \"b\".c FROM t WHERE d = E'it\\'s' AND e = $q$ x $q$ /* y */ AND f = "
		"'g''h' AND i = X'00' -- end";
	char out[SQL_REDACTED_MAX], copy[sizeof(text)];

	(void)state;
	for (size_t n = 0; n < sizeof(text); n++) {
		memcpy(copy, text, n);
		copy[n] = '\0';
		assert_int_not_equal(read_text(copy, LANGUAGE_SQL, out), WIRE_CLASS_PENDING);
		assert_null(strstr(out, "it"));
		assert_null(strstr(out, "g'"));
	}
}

static void long_texts_end_in_dots(void **state)
{
	char text[WIRE_TEXT_MAX + 1], out[SQL_REDACTED_MAX];

	(void)state;
	strcpy(text, "SELECT ");
	while (strlen(text) + 10 < sizeof(text))
		strcat(text, "column_a, ");
	memset(text + strlen(text), 'b', sizeof(text) - strlen(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(read_text(text, LANGUAGE_SQL, out), WIRE_CLASS_SIMPLE);
	assert_string_equal(out + strlen(out) - 4, " ...");
	assert_true(strlen(out) < SQL_REDACTED_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(simple),	cmocka_unit_test(complex),
		cmocka_unit_test(fulltext),	cmocka_unit_test(analytics),
		cmocka_unit_test(unclassified), cmocka_unit_test(no_literal_is_shown),
		cmocka_unit_test(cut_anywhere), cmocka_unit_test(long_texts_end_in_dots),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
