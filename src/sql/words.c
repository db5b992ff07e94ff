/* SPDX-License-Identifier: GPL-2.0-only */
#include "sql/words.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define N(array) (sizeof(array) / sizeof((array)[0]))

/* In the order of strcasecmp(). */
static const struct word {
	const char *text;
	enum sql_word is;
} words[] = {
	{"ABORT", WORD_SESSION},
	{"AGAINST", WORD_VALUE},
	{"ALL", WORD_OTHER},
	{"ALTER", WORD_UTILITY},
	{"ANALYZE", WORD_UTILITY},
	{"AND", WORD_OTHER},
	{"ANY", WORD_OTHER},
	{"ARRAY", WORD_OTHER},
	{"AS", WORD_NAMED},
	{"ASC", WORD_OTHER},
	{"ASYMMETRIC", WORD_OTHER},
	{"AT", WORD_OTHER},
	{"ATTACH", WORD_UTILITY},
	{"BEGIN", WORD_SESSION},
	{"BETWEEN", WORD_VALUE},
	{"BOOLEAN", WORD_OTHER},
	{"BOTH", WORD_OTHER},
	{"BY", WORD_OTHER},
	{"CALL", WORD_UTILITY},
	{"CASE", WORD_OTHER},
	{"CAST", WORD_OTHER},
	{"CHECKPOINT", WORD_UTILITY},
	{"CLOSE", WORD_UTILITY},
	{"CLUSTER", WORD_UTILITY},
	{"COLLATE", WORD_OTHER},
	{"COMMENT", WORD_UTILITY},
	{"COMMIT", WORD_SESSION},
	{"CONFLICT", WORD_OTHER},
	{"CONSTRAINT", WORD_OTHER},
	{"COPY", WORD_UTILITY},
	{"CREATE", WORD_UTILITY},
	{"CROSS", WORD_OTHER},
	{"CUBE", WORD_ROLLUP},
	{"CURRENT", WORD_OTHER},
	{"CURRENT_DATE", WORD_OTHER},
	{"CURRENT_TIME", WORD_OTHER},
	{"CURRENT_TIMESTAMP", WORD_OTHER},
	{"CURRENT_USER", WORD_OTHER},
	{"DAY", WORD_OTHER},
	{"DEALLOCATE", WORD_UTILITY},
	{"DECLARE", WORD_UTILITY},
	{"DEFAULT", WORD_OTHER},
	{"DEFERRED", WORD_OTHER},
	{"DELETE", WORD_WRITE},
	{"DESC", WORD_OTHER},
	{"DETACH", WORD_UTILITY},
	{"DISCARD", WORD_SESSION},
	{"DISTINCT", WORD_DISTINCT},
	{"DO", WORD_UTILITY},
	{"DROP", WORD_UTILITY},
	{"DUPLICATE", WORD_OTHER},
	{"ELSE", WORD_OTHER},
	{"END", WORD_SESSION},
	{"ESCAPE", WORD_VALUE},
	{"EXCEPT", WORD_SETS},
	{"EXCLUDED", WORD_OTHER},
	{"EXCLUSIVE", WORD_OTHER},
	{"EXECUTE", WORD_UTILITY},
	{"EXISTS", WORD_OTHER},
	{"EXPLAIN", WORD_UTILITY},
	{"EXTRACT", WORD_OTHER},
	{"FALSE", WORD_OTHER},
	{"FETCH", WORD_UTILITY},
	{"FILTER", WORD_OTHER},
	{"FIRST", WORD_OTHER},
	{"FOLLOWING", WORD_OTHER},
	{"FOR", WORD_CLAUSE},
	{"FROM", WORD_FROM},
	{"FULL", WORD_OTHER},
	{"GLOB", WORD_VALUE},
	{"GRANT", WORD_UTILITY},
	{"GROUP", WORD_GROUP},
	{"GROUPING", WORD_ROLLUP},
	{"HAVING", WORD_HAVING},
	{"HOUR", WORD_OTHER},
	{"IF", WORD_OTHER},
	{"IGNORE", WORD_OTHER},
	{"ILIKE", WORD_VALUE},
	{"IMMEDIATE", WORD_OTHER},
	{"IMPORT", WORD_UTILITY},
	{"IN", WORD_VALUE},
	{"INDEXED", WORD_NAMED},
	{"INNER", WORD_OTHER},
	{"INSERT", WORD_WRITE},
	{"INTERSECT", WORD_SETS},
	{"INTERVAL", WORD_OTHER},
	{"INTO", WORD_NAMED},
	{"IS", WORD_OTHER},
	{"ISNULL", WORD_OTHER},
	{"JOIN", WORD_JOIN},
	{"KEY", WORD_OTHER},
	{"LAST", WORD_OTHER},
	{"LATERAL", WORD_OTHER},
	{"LEADING", WORD_OTHER},
	{"LEFT", WORD_OTHER},
	{"LIKE", WORD_VALUE},
	{"LIMIT", WORD_CLAUSE},
	{"LISTEN", WORD_UTILITY},
	{"LOAD", WORD_UTILITY},
	{"LOCALTIME", WORD_OTHER},
	{"LOCALTIMESTAMP", WORD_OTHER},
	{"LOCK", WORD_UTILITY},
	{"LOCKED", WORD_OTHER},
	{"MATCH", WORD_MATCH},
	{"MATERIALIZED", WORD_OTHER},
	{"MERGE", WORD_WRITE},
	{"MINUTE", WORD_OTHER},
	{"MODE", WORD_OTHER},
	{"MONTH", WORD_OTHER},
	{"MOVE", WORD_UTILITY},
	{"NATURAL", WORD_OTHER},
	{"NEXT", WORD_OTHER},
	{"NO", WORD_OTHER},
	{"NOT", WORD_OTHER},
	{"NOTHING", WORD_OTHER},
	{"NOTIFY", WORD_UTILITY},
	{"NOTNULL", WORD_OTHER},
	{"NOWAIT", WORD_OTHER},
	{"NULL", WORD_OTHER},
	{"NULLS", WORD_OTHER},
	{"OF", WORD_OTHER},
	{"OFFSET", WORD_CLAUSE},
	{"ON", WORD_CLAUSE},
	{"ONLY", WORD_NAMED},
	{"OR", WORD_OTHER},
	{"ORDER", WORD_CLAUSE},
	{"OUTER", WORD_OTHER},
	{"OVER", WORD_OVER},
	{"OVERLAPS", WORD_OTHER},
	{"PARTITION", WORD_OTHER},
	{"PRAGMA", WORD_UTILITY},
	{"PRECEDING", WORD_OTHER},
	{"PREPARE", WORD_UTILITY},
	{"RANGE", WORD_OTHER},
	{"REASSIGN", WORD_UTILITY},
	{"RECURSIVE", WORD_OTHER},
	{"REFRESH", WORD_UTILITY},
	{"REGEXP", WORD_VALUE},
	{"REINDEX", WORD_UTILITY},
	{"RELEASE", WORD_SESSION},
	{"REPLACE", WORD_WRITE},
	{"RESET", WORD_SESSION},
	{"RETURNING", WORD_CLAUSE},
	{"REVOKE", WORD_UTILITY},
	{"RIGHT", WORD_OTHER},
	{"RLIKE", WORD_VALUE},
	{"ROLLBACK", WORD_SESSION},
	{"ROLLUP", WORD_ROLLUP},
	{"ROW", WORD_OTHER},
	{"ROWID", WORD_OTHER},
	{"ROWS", WORD_OTHER},
	{"SAVEPOINT", WORD_SESSION},
	{"SECOND", WORD_OTHER},
	{"SECURITY", WORD_UTILITY},
	{"SELECT", WORD_SELECT},
	{"SET", WORD_SESSION},
	{"SHARE", WORD_OTHER},
	{"SHOW", WORD_SESSION},
	{"SIMILAR", WORD_VALUE},
	{"SKIP", WORD_OTHER},
	{"SOME", WORD_OTHER},
	{"START", WORD_SESSION},
	{"STRAIGHT_JOIN", WORD_JOIN},
	{"SYMMETRIC", WORD_OTHER},
	{"TABLE", WORD_NAMED},
	{"THEN", WORD_OTHER},
	{"TIES", WORD_OTHER},
	{"TO", WORD_OTHER},
	{"TRAILING", WORD_OTHER},
	{"TRANSACTION", WORD_OTHER},
	{"TRUE", WORD_OTHER},
	{"TRUNCATE", WORD_UTILITY},
	{"UNBOUNDED", WORD_OTHER},
	{"UNION", WORD_SETS},
	{"UNIQUE", WORD_OTHER},
	{"UNKNOWN", WORD_OTHER},
	{"UNLISTEN", WORD_UTILITY},
	{"UPDATE", WORD_WRITE},
	{"UPSERT", WORD_WRITE},
	{"USE", WORD_UTILITY},
	{"USING", WORD_CLAUSE},
	{"VACUUM", WORD_UTILITY},
	{"VALUES", WORD_VALUES},
	{"WHEN", WORD_OTHER},
	{"WHERE", WORD_CLAUSE},
	{"WINDOW", WORD_CLAUSE},
	{"WITH", WORD_WITH},
	{"WITHIN", WORD_WITHIN},
	{"WORK", WORD_OTHER},
	{"YEAR", WORD_OTHER},
	{"ZONE", WORD_OTHER},
};

static const char *const aggregates[] = {
	"array_agg",
	"avg",
	"bit_and",
	"bit_or",
	"bool_and",
	"bool_or",
	"corr",
	"count",
	"covar_pop",
	"covar_samp",
	"every",
	"group_concat",
	"json_agg",
	"json_group_array",
	"json_group_object",
	"json_object_agg",
	"jsonb_agg",
	"jsonb_object_agg",
	"max",
	"median",
	"min",
	"mode",
	"percentile",
	"percentile_cont",
	"percentile_disc",
	"range_agg",
	"regr_slope",
	"stddev",
	"stddev_pop",
	"stddev_samp",
	"string_agg",
	"sum",
	"total",
	"var_pop",
	"var_samp",
	"variance",
	"xmlagg",
};

static const char *const searches[] = {
	"bm25",	      "highlight",   "phraseto_tsquery", "plainto_tsquery", "snippet",
	"to_tsquery", "ts_headline", "ts_rank",		 "ts_rank_cd",	    "websearch_to_tsquery",
};

static int compare(const struct sql_token *token, const char *text)
{
	int order = strncasecmp(token->at, text, token->n);

	return order ? order : text[token->n] ? -1 : 0;
}

static int compare_word(const void *token, const void *word)
{
	return compare(token, ((const struct word *)word)->text);
}

static int compare_name(const void *token, const void *name)
{
	return compare(token, *(const char *const *)name);
}

enum sql_word sql_word(const struct sql_token *token, const char **text)
{
	const struct word *word = NULL;

	if (token->kind == SQL_WORD)
		word = bsearch(token, words, N(words), sizeof(words[0]), compare_word);
	*text = word ? word->text : NULL;
	return word ? word->is : WORD_NAME;
}

bool sql_is_aggregate(const struct sql_token *token)
{
	return bsearch(token, aggregates, N(aggregates), sizeof(aggregates[0]), compare_name);
}

bool sql_is_search(const struct sql_token *token)
{
	return bsearch(token, searches, N(searches), sizeof(searches[0]), compare_name);
}
