/* SPDX-License-Identifier: GPL-2.0-only */
#include <string.h>

#include "promql/ast.h"
#include "promql/regex.h"

bool promql_matches(const struct promql_matcher *matcher, const char *value)
{
	if (!value)
		value = "";
	switch (matcher->op) {
	case PROMQL_MATCH_EQ:
		return !strcmp(value, matcher->value);
	case PROMQL_MATCH_NE:
		return strcmp(value, matcher->value) != 0;
	case PROMQL_MATCH_RE:
		return promql_regex__matches(matcher->regex, value);
	case PROMQL_MATCH_NRE:
		return !promql_regex__matches(matcher->regex, value);
	}
	return false;
}

const char *promql_metric(const struct promql_node *selector)
{
	for (size_t i = 0; i < selector->matchers_n; i++)
		if (selector->matchers[i].op == PROMQL_MATCH_EQ &&
		    !strcmp(selector->matchers[i].name, PROMQL_METRIC_LABEL))
			return selector->matchers[i].value;
	return NULL;
}
