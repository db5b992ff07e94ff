/* SPDX-License-Identifier: GPL-2.0-only */
/* test_config.c - what a right configuration means. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config_fixture.h"

static void empty_files_are_the_defaults(void **state)
{
	static const char *const texts[] = {"", "# nothing\n", "{}\n", "---\n", "\n\n"};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct config *c = parsed(texts[i]);

		assert_string_equal(c->target_name, "alice");
		assert_int_equal(c->stages_n, 0);
		assert_false(c->stages_given);
		assert_false(c->budgets_given);
		assert_true(c->budgets_n >= 15);
		assert_true(c->overhead_percent == 1);
		assert_int_equal(c->records_per_s, 200);
		assert_int_equal(c->summary_interval_ns, 0);
		assert_int_equal(c->turn.key, TURN_KEY_THREAD);
		assert_int_equal(c->turn.idle_ns, 10000000000ull);
		config_free(c);
	}
}

static const char design_example[] =
	"target: { name: alice }\n"
	"classes: { wake: [ { probe: \"libpocketsphinx.so*:ps_set_kws\", handle: arg0 } ] }\n"
	"stages:\n"
	"  wake_word:\n"
	"    frame: { probe: \"libpocketsphinx.so*:ps_process_raw\",\n"
	"             handle: { from: arg0, class: wake },\n"
	"             hit: { probe: \"libpocketsphinx.so*:ps_get_hyp\", when: \"ret != 0\" } }\n"
	"  stt:\n"
	"    stream: { from: \"libpocketsphinx.so*:ps_end_utt@entry\",\n"
	"              to: \"libpocketsphinx.so*:ps_get_hyp@return\", key: arg0 }\n"
	"  intent:\n"
	"    call:\n"
	"      - { probe: \"assistant:parse_intent\", error: \"ret < 0\" }\n"
	"  tts:\n"
	"    call: { probe: \"libflite.so*:flite_text_to_wave\",\n"
	"            work: { value: \"*(ret + 12)\", type: i32, per_second: \"*(ret + 8)\" } }\n"
	"turn: { key: thread, idle: 10s }\n"
	"budgets:\n"
	"  stt.latency: { stat: p95, window: 5m, target: 300ms, warning: 500ms, critical: 1s,\n"
	"                 for: 1m, action: \"Optimize STT pipeline\" }\n";

static void the_example_of_the_documentation(void **state)
{
	struct config *c = parsed(design_example);
	const struct stage_config *wake = &c->stages[0], *stt = &c->stages[1],
				  *intent = &c->stages[2], *tts = &c->stages[3];

	(void)state;
	assert_int_equal(c->stages_n, 4);
	assert_true(c->stages_given && c->budgets_given);
	assert_string_equal(wake->name, "wake_word");
	assert_int_equal(wake->kind, STAGE_FRAME);
	assert_false(wake->voice);
	assert_true(wake->turn);
	assert_int_equal(wake->call.n, 1);
	assert_int_equal(wake->call.item[0].handle_class, 1);
	assert_int_equal(wake->call.item[0].handle.base, WIRE_BASE_ARG);
	assert_int_equal(wake->hit.n, 1);
	/* The hit is on the handle of the frame. */
	assert_int_equal(wake->hit.item[0].handle.base, WIRE_BASE_ARG);
	assert_int_equal(wake->hit.item[0].handle_class, 1);
	assert_int_equal(wake->hit.item[0].when.op, WIRE_OP_NE);
	assert_int_equal(c->classes_n, 1);
	assert_string_equal(c->classes[0], "wake");
	assert_int_equal(c->class_probes.n, 1);
	assert_int_equal(c->class_probes.item[0].handle_class, 1);
	assert_int_equal(stt->kind, STAGE_STREAM);
	assert_int_equal(stt->gap_ns, 2000000000ull);
	assert_int_equal(stt->hang_ns, 4000000000ull);
	assert_true(stt->voice);
	assert_int_equal(stt->from.item[0].key.base, WIRE_BASE_ARG);
	assert_int_equal(stt->to.item[0].key.base, WIRE_BASE_ARG);
	assert_int_equal(intent->call.item[0].error.op, WIRE_OP_LT);
	assert_int_equal(intent->call.item[0].error.type, WIRE_TYPE_I32);
	assert_int_equal(intent->pos.line, 11);
	assert_int_equal(intent->pos.column, 3);
	assert_int_equal(tts->call.item[0].work.off[0], 12);
	assert_int_equal(tts->call.item[0].work.type, WIRE_TYPE_I32);
	assert_int_equal(tts->call.item[0].per_second.off[0], 8);
	assert_int_equal(tts->call.item[0].per_second.type, WIRE_TYPE_I32);
	assert_int_equal(c->budgets_n, 1);
	assert_string_equal(c->budgets[0].action, "Optimize STT pipeline");
	config_free(c);
}

static void shorthands(void **state)
{
	struct config *c = parsed(
		"stages:\n"
		"  a: { call: \"x:f\" }\n"
		"  b: { call: [ \"x:f\", { probe: \"x+0x10\", exit: uretprobe, key: { value: arg1, "
		"type: u32 } } ] }\n"
		"  c: { frame: { probe: \"x:f\", when: \"*(arg2) >= 0\" }, voice: yes }\n"
		"  d: { frame: { probe: \"x:f\", hit: { when: \"i32 *(arg2) >= 0\" } }, turn: no "
		"}\n"
		"  e: { stream: { from: [ \"x:f\", \"x:g@return\" ], to: \"x:h\", latency: first, "
		"gap: 500ms },\n"
		"       timeout: 30s, hang: 1m, models: [ \"*.gguf\", \"*/voices/*\" ] }\n");

	(void)state;
	assert_string_equal(c->stages[0].call.item[0].probe, "x:f");
	assert_int_equal(c->stages[1].call.n, 2);
	assert_true(c->stages[1].call.item[1].uretprobe);
	assert_int_equal(c->stages[1].call.item[1].key.type, WIRE_TYPE_U32);
	assert_true(c->stages[2].voice);
	assert_int_equal(c->stages[2].call.item[0].when.op, WIRE_OP_GE);
	assert_int_equal(c->stages[3].call.item[0].when.op, WIRE_OP_GE);
	assert_int_equal(c->stages[3].hit.n, 0);
	assert_false(c->stages[3].turn);
	assert_int_equal(c->stages[4].from.n, 2);
	assert_true(c->stages[4].latency_is_first);
	assert_int_equal(c->stages[4].gap_ns, 500000000ull);
	assert_int_equal(c->stages[4].timeout_ns, 30000000000ull);
	assert_int_equal(c->stages[4].hang_ns, 60000000000ull);
	assert_int_equal(c->stages[4].models_n, 2);
	assert_string_equal(c->stages[4].models[1], "*/voices/*");
	assert_int_equal(c->stages[0].models_n, 0);
	config_free(c);
}

static void calls_inside_of_others(void **state)
{
	struct config *c =
		parsed("stages:\n"
		       "  a:\n"
		       "    inside: whole*\n"
		       "    call:\n"
		       "      - { probe: \"x:whole_a@return\", handle: arg0 }\n"
		       "      - { probe: \"x:part\", handle: arg1 }\n"
		       "  b: { frame: { probe: \"x:f\", handle: arg0 }, inside: \"*\" }\n"
		       "  c: { call: { probe: \"x:f\", handle: arg0 } }\n");

	(void)state;
	for (int i = 0; i < 2; i++) {
		assert_true(c->stages[0].call.item[i].inside);
		assert_int_equal(c->stages[0].call.item[i].encloses, i == 0);
	}
	assert_true(c->stages[1].call.item[0].encloses);
	assert_false(c->stages[2].call.item[0].inside);
	assert_false(c->stages[2].call.item[0].encloses);
	config_free(c);
}

static void limits_and_summary(void **state)
{
	struct config *c = parsed("limits: { overhead: 2.5%, records: 50/s }\n"
				  "summary: { interval: 10s }\n"
				  "turn: { key: value, idle: 3s, start: stt, end: tts }\n");

	(void)state;
	assert_true(c->overhead_percent == 2.5);
	assert_int_equal(c->records_per_s, 50);
	assert_int_equal(c->summary_interval_ns, 10000000000ull);
	assert_int_equal(c->turn.key, TURN_KEY_VALUE);
	assert_string_equal(c->turn.start, "stt");
	assert_string_equal(c->turn.end, "tts");
	assert_null(c->turn.wake);
	config_free(c);
}

static void budgets_in_every_form(void **state)
{
	struct config *c = parsed(
		"stages: { stt: { call: \"x:f\" }, tts: { call: \"x:g\" } }\n"
		"budgets:\n"
		"  cpu.usage: [ { target: 20%, window: 1m }, { stat: peak, critical: 95%, for: 0s "
		"} ]\n"
		"  stt.latency.p99: { target: 1s, min_count: 20, p0_above: 4s, p1_over: 60%,\n"
		"                     p2_over: 0.3, priority_floor: P1, impact: \"a\\tb\" }\n"
		"  stt.rtf: { warning: 0.5, critical: 1 }\n"
		"  tts.error_rate: { critical: 5% }\n"
		"  turn.gap.stt.tts: { critical: 1s }\n"
		"  turn.outcome.abandoned: { critical: 3 }\n"
		"  target.up: { critical: 0.5 }\n"
		"  memory.peak: { critical: 2GB }\n"
		"  stt.rate: { target: 10/s, warning: 5/s, critical: 1/s }\n");
	const struct budget_config *b = c->budgets;

	(void)state;
	assert_int_equal(c->budgets_n, 10);
	assert_string_equal(b[0].metric, "cpu.usage");
	assert_int_equal(b[0].stat, STAT_MEAN);
	assert_int_equal(b[0].window_ns, 60000000000ull);
	assert_true(b[0].target == 20 && isnan(b[0].warning) && isnan(b[0].critical));
	assert_string_equal(b[0].alert, "CPU usage mean");
	assert_int_equal(b[1].stat, STAT_MAX);
	assert_int_equal(b[1].for_ns, 0);
	assert_string_equal(b[2].metric, "stt.latency");
	assert_int_equal(b[2].stat, STAT_P99);
	assert_int_equal(b[2].min_count, 20);
	assert_true(b[2].p0_above == 4 && b[2].priority1_over == 0.6 && b[2].priority2_over == 0.3);
	assert_int_equal(b[2].priority_floor, 1);
	assert_string_equal(b[2].impact, "a b");
	assert_int_equal(b[3].unit, UNIT_RATIO);
	assert_true(b[4].critical == 0.05);
	assert_string_equal(b[5].metric, "turn.gap.stt.tts");
	assert_int_equal(b[6].stat, STAT_COUNT);
	assert_true(b[7].below);
	assert_string_equal(b[8].metric, "memory.peak");
	assert_int_equal(b[8].stat, STAT_MAX);
	assert_string_equal(b[9].metric, "stt.rate");
	assert_true(b[9].below);
	assert_int_equal(b[9].pos.line, 12);
	config_free(c);
}

static void an_empty_budget_list_is_none(void **state)
{
	struct config *c = parsed("budgets: {}\n");

	(void)state;
	assert_true(c->budgets_given);
	assert_int_equal(c->budgets_n, 0);
	config_free(c);
}

/* The first budget on the metric with that statistic. */
static const struct budget_config *budget_on(const struct config *c, const char *metric,
					     enum statistic stat)
{
	for (size_t i = 0; i < c->budgets_n; i++)
		if (!strcmp(c->budgets[i].metric, metric) && c->budgets[i].stat == stat)
			return &c->budgets[i];
	fail_msg("no budget on %s %s", metric, stat_name(stat));
	return NULL;
}

/* Targets of components: one limit each. */
static void the_built_in_targets_of_components(void **state)
{
	static const struct {
		const char *metric;
		enum statistic stat;
		double limit;
		bool below;
	} want[] = {
		{"stt.rtf", STAT_MEAN, 0.3 / 60, false},
		{"tts.rtf", STAT_MEAN, 0.2 / 10, false},
		{"stt.active_cpu", STAT_MEAN, 40, false},
		{"tts.active_cpu", STAT_MEAN, 30, false},
		{"stt.memory", STAT_NOW, 200 * 1048576.0, false},
		{"intent.cached.latency", STAT_P95, 0.1, false},
		{"tts.sample_rate", STAT_MIN, 16000, true},
		{"wake_word.error_rate", STAT_MEAN, 0.05, false},
		{"stt.error_rate", STAT_MEAN, 0.05, false},
		{"intent.error_rate", STAT_MEAN, 0.05, false},
		{"response.error_rate", STAT_MEAN, 0.05, false},
		{"tts.error_rate", STAT_MEAN, 0.05, false},
		{"stt.timeout_rate", STAT_MEAN, 0.05, false},
	};
	struct config_errors *errors = config_errors__new();
	struct config *c = NULL;

	(void)state;
	assert_int_equal(config_load(NULL, errors, &c), 0);
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		const struct budget_config *b = budget_on(c, want[i].metric, want[i].stat);

		assert_true(fabs(b->target - want[i].limit) < 1e-12);
		assert_true(b->warning == b->target && isnan(b->critical));
		assert_int_equal(b->below, want[i].below);
		if (strstr(b->metric, "_rate") && b->unit == UNIT_RATIO)
			assert_int_equal(b->priority_floor, 1);
	}
	assert_true(budget_on(c, "wake_word.rtf", STAT_MEAN)->critical == 1);
	config_free(c);
	config_errors__free(errors);
}

/* The tables of the requirement, typed in again by hand. */
static void the_built_in_budgets_are_the_documents(void **state)
{
	static const double mb = 1048576, gb = 1073741824;
	const struct {
		const char *metric;
		enum statistic stat;
		double target, warning, critical;
		const char *text;
	} want[] = {
		{"cpu.usage", STAT_MEAN, 20, 30, 50, "Scale resources, optimize algorithms"},
		{"cpu.usage", STAT_MAX, 60, 80, 95, "Identify bottlenecks, implement throttling"},
		{"cpu.voice", STAT_MEAN, 40, 60, 80, "Optimize STT/TTS pipelines"},
		{"cpu.background", STAT_MEAN, 10, 20, 30, "Defer non-critical operations"},
		{"memory.baseline", STAT_MEDIAN, 512 * mb, 768 * mb, gb,
		 "Reduce model sizes, optimize caching"},
		{"memory.peak", STAT_MAX, gb, 1.5 * gb, 2 * gb,
		 "Implement memory pooling, garbage collection"},
		{"memory.growth", STAT_NOW, 5 * mb, 10 * mb, 20 * mb,
		 "Fix memory leaks, optimize data structures"},
		{"wake_word.latency", STAT_P95, .1, .15, .25, "Delayed responsiveness"},
		{"stt.latency", STAT_P95, .3, .5, 1, "Perceived sluggishness"},
		{"intent.latency", STAT_P95, .2, .4, .8, "Slow understanding"},
		{"response.latency", STAT_P95, .8, 1.2, 2, "Frustrating delays"},
		{"tts.latency", STAT_P95, .2, .4, .6, "Robotic interaction"},
		{"turn.latency", STAT_P95, 1.5, 2.5, 4, "Poor user experience"},
		{"fds.open", STAT_NOW, 100, 200, 500, "System resource exhaustion"},
		{"threads.count", STAT_NOW, 50, 100, 200, "Context switching overhead"},
		{"io.disk", STAT_COUNT, 50 * mb, 100 * mb, 200 * mb, "Storage wear, performance"},
		{"io.network", STAT_MEAN, 10e6, 20e6, 50e6, "API rate limits, costs"},
	};
	struct config_errors *errors = config_errors__new();
	struct config *c = NULL;
	size_t n = sizeof(want) / sizeof(want[0]);

	(void)state;
	assert_int_equal(config_load(NULL, errors, &c), 0);
	assert_int_equal(config_errors__count(errors), 0);
	assert_false(c->budgets_given);
	for (size_t i = 0; i < n; i++) {
		const struct budget_config *b = budget_on(c, want[i].metric, want[i].stat);

		assert_true(b->target == want[i].target && b->warning == want[i].warning &&
			    b->critical == want[i].critical);
		assert_string_equal(b->action ? b->action : b->impact, want[i].text);
		assert_false(b->below);
		if (!strcmp(b->metric, "memory.peak"))
			assert_true(b->p0_above == 2 * gb);
		else if (!strcmp(b->metric, "turn.latency"))
			assert_true(b->p0_above == 4);
		else
			assert_true(isnan(b->p0_above));
	}
	assert_int_equal(budget_on(c, "target.up", STAT_NOW)->priority_floor, 0);
	assert_true(budget_on(c, "target.up", STAT_NOW)->below);
	config_free(c);
	config_errors__free(errors);
}

static void the_built_in_text_is_a_configuration(void **state)
{
	struct config *c = parsed(config_builtin_text());

	(void)state;
	assert_true(c->budgets_given);
	assert_false(c->stages_given);
	config_free(c);
}

static void files(void **state)
{
	char path[] = "/tmp/cheshire-test-XXXXXX";
	struct config_errors *errors = config_errors__new();
	struct config *c = NULL;
	int fd = mkstemp(path);
	FILE *f;
	char *text;

	(void)state;
	assert_true(fd >= 0);
	f = fdopen(fd, "w");
	fputs("target: { name: bob }\n", f);
	fclose(f);
	assert_int_equal(config_load(path, errors, &c), 0);
	assert_string_equal(c->target_name, "bob");
	config_free(c);
	remove(path);
	assert_int_equal(config_load(path, errors, &c), -ENOENT);
	assert_null(c);
	assert_int_equal(config_load("/", errors, &c), -EISDIR);
	assert_int_equal(config_load("/dev/zero", errors, &c), -EINVAL);
	text = said(errors);
	assert_non_null(strstr(text, "No such file"));
	assert_non_null(strstr(text, "/dev/zero: cannot read the file: not a regular file"));
	free(text);
	config_errors__free(errors);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_files_are_the_defaults),
		cmocka_unit_test(the_example_of_the_documentation),
		cmocka_unit_test(shorthands),
		cmocka_unit_test(calls_inside_of_others),
		cmocka_unit_test(limits_and_summary),
		cmocka_unit_test(budgets_in_every_form),
		cmocka_unit_test(an_empty_budget_list_is_none),
		cmocka_unit_test(the_built_in_budgets_are_the_documents),
		cmocka_unit_test(the_built_in_targets_of_components),
		cmocka_unit_test(the_built_in_text_is_a_configuration),
		cmocka_unit_test(files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
