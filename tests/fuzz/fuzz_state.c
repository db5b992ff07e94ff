/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fuzz_state.c - any bytes as a state file.
 *
 * What is accepted goes into rules, is written again, and must be accepted then; a tick must come
 * to an end with it.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "promql/store.h"
#include "watch/state_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char rules[] = "groups:\n"
			    "- name: g\n"
			    "  rules:\n"
			    "  - { alert: A, expr: 'm > 5', for: 20s, keep_firing_for: 5s,\n"
			    "      annotations: { s: '{{ $value }} {{ $labels.a }}' } }\n";

static void check(int holds)
{
	if (!holds)
		abort();
}

static void check_again(const struct rulegroups *groups, int64_t saved_ms)
{
	char why[STATE_TEXT_WHY_MAX];
	struct state_text state;
	size_t n;
	char *text = state_text_write(groups, "alice", saved_ms, &n);

	check(text != NULL);
	if (strlen(text) <= STATE_TEXT_BYTES_MAX) {
		check(!state_text_read(text, strlen(text), &state, why));
		check(state.n == n);
		state_text_free(&state);
	}
	free(text);
}

static void use(const struct state_text *state, const struct rulefile *file)
{
	const struct rulegroups_opts opts = {.interval_ms = 1000};
	const struct rulegroups_listener nobody = {0};
	struct label_table *labels = label_table__new();
	struct store *store = store__new(labels, 100);
	struct rulegroups *groups = rulegroups__new(store, &file, 1, &opts);

	check(groups != NULL);
	for (size_t i = 0; i < state->n; i++)
		rulegroups__import(groups, &state->record[i]);
	check_again(groups, state->saved_ms);
	if (state->saved_ms < INT64_MAX / 2)
		rulegroups__tick(groups, state->saved_ms, &nobody);
	rulegroups__free(groups);
	store__free(store);
	label_table__free(labels);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct rulefile *file;
	char why[STATE_TEXT_WHY_MAX];
	struct state_text state;

	if (!file) {
		struct config_errors *errors = config_errors__new();

		check(!rulefile_parse("r", rules, strlen(rules), NULL, errors, errors, &file));
		config_errors__free(errors);
	}
	if (state_text_read((const char *)data, size, &state, why)) {
		check(why[0] != '\0');
		return 0;
	}
	use(&state, file);
	state_text_free(&state);
	return 0;
}
