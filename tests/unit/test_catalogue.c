/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/catalogue.h"
#include "config_fixture.h"

static struct catalogue *load(void)
{
	struct config_errors *errors = config_errors__new();
	struct catalogue *catalogue = NULL;
	int err = catalogue_load(errors, &catalogue);
	char *text = said(errors);

	if (err)
		fail_msg("%s", text);
	assert_string_equal(text, "");
	free(text);
	config_errors__free(errors);
	return catalogue;
}

static const struct engine *find(const struct catalogue *catalogue, const char *name)
{
	for (size_t i = 0; i < catalogue->n; i++)
		if (!strcmp(catalogue->engines[i].name, name))
			return &catalogue->engines[i];
	fail_msg("no engine %s", name);
	return NULL;
}

static void all_engines_load(void **state)
{
	struct catalogue *catalogue = load();

	(void)state;
	assert_true(catalogue->n >= 4);
	for (size_t i = 0; i < catalogue->n; i++) {
		assert_true(catalogue->engines[i].objects_n > 0);
		assert_true(catalogue->engines[i].config->stages_n > 0);
	}
	assert_int_equal(find(catalogue, "pocketsphinx")->config->stages_n, 2);
	assert_int_equal(find(catalogue, "flite")->config->stages[0].call.n, 2);
	assert_int_equal(find(catalogue, "espeak-ng")->config->stages[0].call.n, 2);
	assert_false(find(catalogue, "sqlite3")->config->stages[0].voice);
	assert_false(find(catalogue, "sqlite3")->config->stages[0].turn);
	catalogue_free(catalogue);
}

/* What no test runs is not passed off as known to work. */
static void what_is_untested_says_so(void **state)
{
	static const char *const never_run[] = {"vosk", "porcupine", "piper"};
	struct catalogue *catalogue = load();

	(void)state;
	for (size_t i = 0; i < catalogue->n; i++) {
		const struct engine *engine = &catalogue->engines[i];

		assert_non_null(engine->note);
		if (!engine->tested)
			assert_non_null(strstr(engine->note, "untested"));
	}
	for (size_t i = 0; i < 3; i++)
		assert_false(find(catalogue, never_run[i])->tested);
	catalogue_free(catalogue);
}

static void worker_threads_of_whisper_are_inside(void **state)
{
	struct catalogue *catalogue = load();
	const struct stage_config *stt = &find(catalogue, "whisper.cpp")->config->stages[0];
	static const char *const objects[] = {"libwhisper.so.1.9.5", "libonnxruntime.so.1"};
	struct config *config = parsed("");

	(void)state;
	assert_int_equal(stt->call.n, 3);
	for (size_t i = 0; i < 3; i++) {
		assert_true(stt->call.item[i].inside);
		assert_int_equal(stt->call.item[i].encloses,
				 !!strstr(stt->call.item[i].probe, "_parallel"));
	}
	/* What was applied keeps it. */
	assert_int_equal(catalogue_apply(catalogue, config, objects, 2, NULL, NULL), 2);
	catalogue_free(catalogue);
	assert_int_equal(config->stages_n, 2);
	assert_true(config->stages[1].call.item[2].encloses);
	config_free(config);
}

static struct stage_config *stage_of(struct config *config, const char *name)
{
	for (size_t i = 0; i < config->stages_n; i++)
		if (!strcmp(config->stages[i].name, name))
			return &config->stages[i];
	fail_msg("no stage %s", name);
	return NULL;
}

static void mapped_objects_make_stages(void **state)
{
	static const char *const objects[] = {
		"libc.so.6",
		"libpocketsphinx.so.3.0.0",
		"libespeak-ng.so.1.1.51",
		"libsqlite3.so.0.8.6",
	};
	struct catalogue *catalogue = load();
	struct config *config = parsed("");
	char *recognised, *skipped;

	(void)state;
	assert_int_equal(catalogue_apply(catalogue, config, objects, 4, &recognised, &skipped), 3);
	assert_string_equal(recognised, "espeak-ng, pocketsphinx, sqlite3");
	assert_null(skipped);
	/* What was applied stands on its own. */
	catalogue_free(catalogue);
	assert_int_equal(config->stages_n, 6);
	assert_string_equal(stage_of(config, "stt")->engine, "pocketsphinx");
	assert_int_equal(stage_of(config, "stt")->kind, STAGE_STREAM);
	assert_int_equal(stage_of(config, "stt")->to.item[0].where.op, WIRE_OP_NE);
	assert_int_equal(stage_of(config, "wake_word")->hit.item[0].where.op, WIRE_OP_EQ);
	assert_string_equal(stage_of(config, "tts")->pos.file, "engines/espeak-ng.yaml");
	free(recognised);
	config_free(config);
}

static void engines_of_one_stage_are_alternatives(void **state)
{
	static const char *const objects[] = {"libespeak-ng.so.1", "libflite.so.2.2"};
	struct catalogue *catalogue = load();
	struct config *config = parsed("");
	struct stage_config *tts;

	(void)state;
	assert_int_equal(catalogue_apply(catalogue, config, objects, 2, NULL, NULL), 2);
	catalogue_free(catalogue);
	assert_int_equal(config->stages_n, 1);
	tts = stage_of(config, "tts");
	assert_int_equal(tts->call.n, 4);
	assert_string_equal(tts->engine, "espeak-ng, flite");
	assert_string_equal(tts->call.item[2].probe, "libflite.so.*:flite_text_to_wave");
	config_free(config);
}

/* `engines: yes`: the operator's stages stand, the engines add what is not there. */
static void engines_add_to_given_stages(void **state)
{
	static const char *const objects[] = {"libespeak-ng.so.1", "libpocketsphinx.so.3"};
	struct catalogue *catalogue = load();
	struct config *config =
		parsed("engines: yes\n"
		       "stages:\n"
		       "  tts: { call: \"alice:speak\" }\n"
		       "  intent: { call: \"alice:parse_intent\" }\n"
		       "budgets:\n"
		       "  stt.latency: { stat: p95, window: 5m, warning: 500ms, for: 1m }\n");

	(void)state;
	assert_true(config->engines);
	assert_int_equal(catalogue_apply(catalogue, config, objects, 2, NULL, NULL), 2);
	catalogue_free(catalogue);
	assert_int_equal(config->stages_n, 4);
	assert_int_equal(stage_of(config, "tts")->call.n, 1);
	assert_null(stage_of(config, "tts")->engine);
	assert_string_equal(stage_of(config, "stt")->engine, "pocketsphinx");
	config_free(config);
	config = parsed("stages:\n  intent: { call: \"alice:parse_intent\" }\n");
	assert_false(config->engines);
	config_free(config);
	config = parsed("engines: no\n");
	assert_false(config->engines);
	config_free(config);
}

static void nothing_known(void **state)
{
	static const char *const objects[] = {"libc.so.6", "libpocketsphinx.so.5"};
	struct catalogue *catalogue = load();
	struct config *config = parsed("");
	char *recognised, *skipped;

	(void)state;
	assert_int_equal(catalogue_apply(catalogue, config, objects, 2, &recognised, &skipped), 0);
	assert_null(recognised);
	assert_null(skipped);
	assert_int_equal(config->stages_n, 0);
	config_free(config);
	catalogue_free(catalogue);
}

static void read_engine_text(const char *text, int want, struct engine *engine, const char *part)
{
	struct config_errors *errors = config_errors__new();
	char *messages;

	assert_int_equal(engine_parse("e.yaml", text, strlen(text), errors, engine), want);
	messages = said(errors);
	if (!strstr(messages, part))
		fail_msg("'%s' lacks '%s'", messages, part);
	free(messages);
	config_errors__free(errors);
}

static void kinds_that_clash_and_classes(void **state)
{
	static const char *const objects[] = {"liba.so", "libb.so"};
	struct engine engines[2];
	struct catalogue catalogue = {.engines = engines, .n = 2};
	struct config *config = parsed("classes: { own: [ { probe: \"x:y\", handle: arg0 } ] }\n");
	char *recognised, *skipped;

	(void)state;
	read_engine_text(
		"engine: a\nobjects: [ \"liba.so\" ]\n"
		"classes: { wake: [ { probe: \"a:set\", handle: arg0 } ] }\n"
		"stages: { stt: { call: { probe: \"a:f\", handle: { from: arg0, class: wake }"
		" } } }\n",
		0, &engines[0], "");
	read_engine_text("engine: b\nobjects: [ \"libb.so\" ]\n"
			 "stages: { stt: { stream: { from: \"b:f\", to: \"b:g\" } } }\n",
			 0, &engines[1], "");
	assert_int_equal(catalogue_apply(&catalogue, config, objects, 2, &recognised, &skipped), 2);
	assert_string_equal(skipped, "b (stt is another kind of stage in a)");
	/* Classes are numbered anew: 1 is the file's own. */
	assert_int_equal(config->classes_n, 2);
	assert_string_equal(config->classes[1], "wake");
	assert_int_equal(config->class_probes.n, 2);
	assert_int_equal(config->class_probes.item[1].handle_class, 2);
	assert_int_equal(config->stages[0].call.item[0].handle_class, 2);
	free(recognised);
	free(skipped);
	config_free(engines[0].config);
	config_free(engines[1].config);
	config_free(config);
}

static void wrong_engines(void **state)
{
	struct engine engine;

	(void)state;
	read_engine_text("", -EINVAL, &engine, "empty");
	read_engine_text("engine: a\n", -EINVAL, &engine, "'objects' is missing");
	read_engine_text("engine: a\nobjects: x\nstages: {}\n", -EINVAL, &engine,
			 "expected a list of globs");
	read_engine_text("engin: a\nobjects: [ x ]\n", -EINVAL, &engine, "did you mean 'engine'");
	read_engine_text("engine: a\nobjects: [ x ]\nbudgets: {}\n", -EINVAL, &engine,
			 "unknown key 'budgets'");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_engines_load),
		cmocka_unit_test(what_is_untested_says_so),
		cmocka_unit_test(worker_threads_of_whisper_are_inside),
		cmocka_unit_test(mapped_objects_make_stages),
		cmocka_unit_test(engines_of_one_stage_are_alternatives),
		cmocka_unit_test(engines_add_to_given_stages),
		cmocka_unit_test(nothing_known),
		cmocka_unit_test(kinds_that_clash_and_classes),
		cmocka_unit_test(wrong_engines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
