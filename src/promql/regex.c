/* SPDX-License-Identifier: GPL-2.0-only */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "promql/regex.h"

#include <errno.h>
#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORKSPACE_INTS	   2048
#define WORKSPACE_INTS_MAX (1u << 18)
#define OPTIONS                                                                                    \
	(PCRE2_UTF | PCRE2_ANCHORED | PCRE2_ALT_CIRCUMFLEX | PCRE2_NEVER_BACKSLASH_C |             \
	 PCRE2_NO_AUTO_CAPTURE)

struct promql_regex {
	pcre2_code *code;
	pcre2_match_data *match;
};

static int compile(struct promql_regex *regex, const char *translated,
		   struct promql_regex_error *error)
{
	pcre2_compile_context *context = pcre2_compile_context_create(NULL);
	PCRE2_SIZE at;
	int code;

	if (!context)
		return -ENOMEM;
	pcre2_set_newline(context, PCRE2_NEWLINE_LF);
	pcre2_set_parens_nest_limit(context, PROMQL_REGEX_DEPTH_MAX * 2 + 2);
	regex->code = pcre2_compile((PCRE2_SPTR)translated, PCRE2_ZERO_TERMINATED, OPTIONS, &code,
				    &at, context);
	pcre2_compile_context_free(context);
	if (!regex->code) {
		PCRE2_UCHAR8 why[100];

		if (code == PCRE2_ERROR_HEAP_FAILED)
			return -ENOMEM;
		pcre2_get_error_message(code, why, sizeof(why));
		error->refusal = PROMQL_SYNTAX;
		snprintf(error->message, sizeof(error->message), "invalid regular expression: %s",
			 (const char *)why);
		return -EINVAL;
	}
	regex->match = pcre2_match_data_create(1, NULL);
	return regex->match ? 0 : -ENOMEM;
}

int promql_regex__compile(const char *pattern, struct promql_regex **out,
			  struct promql_regex_error *error)
{
	struct promql_regex *regex;
	char *translated;
	int err;

	*out = NULL;
	err = promql_regex_translate(pattern, &translated, error);
	if (err)
		return err;
	regex = calloc(1, sizeof(*regex));
	err = regex ? compile(regex, translated, error) : -ENOMEM;
	free(translated);
	if (err) {
		promql_regex__free(regex);
		return err;
	}
	*out = regex;
	return 0;
}

void promql_regex__free(struct promql_regex *regex)
{
	if (!regex)
		return;
	pcre2_match_data_free(regex->match);
	pcre2_code_free(regex->code);
	free(regex);
}

static int try(const struct promql_regex *regex, const char *text, int *workspace, size_t ints)
{
	return pcre2_dfa_match(regex->code, (PCRE2_SPTR)text, strlen(text), 0, PCRE2_DFA_SHORTEST,
			       regex->match, NULL, workspace, ints);
}

bool promql_regex__matches(const struct promql_regex *regex, const char *text)
{
	int small[WORKSPACE_INTS];
	int result = try(regex, text, small, WORKSPACE_INTS);

	for (size_t ints = 4 * WORKSPACE_INTS;
	     result == PCRE2_ERROR_DFA_WSSIZE && ints <= WORKSPACE_INTS_MAX; ints *= 4) {
		int *large = malloc(ints * sizeof(*large));

		if (!large)
			return false;
		result = try(regex, text, large, ints);
		free(large);
	}
	return result >= 0;
}
