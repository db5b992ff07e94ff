/* SPDX-License-Identifier: GPL-2.0-only */
/* test_config_errors.c - what a wrong configuration is told, and hostile ones. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config_fixture.h"

static const char ten[] = "target: { nmae: alice }\n"
			  "limits: { overhead: 1 }\n"
			  "stages:\n"
			  "  stt:\n"
			  "    stream: { from: \"libx.so:a\", to: \"libx.so:b\", key: xmm0 }\n"
			  "  intent:\n"
			  "    call: { probe: \"assistant:parse_intent\", error: \"ret <\" }\n"
			  "  Tts: { call: \"libx.so:c\" }\n"
			  "budgets:\n"
			  "  stt.latncy: { target: 300ms }\n"
			  "  stt.latency: { target: 3sec, warning: 2MB }\n"
			  "  intent.latency: { target: 300ms, warning: 100ms, critical: 800ms }\n"
			  "  tts.latency: { target: 1ms }\n";

static const char ten_said[] =
	"t.yaml:1:11: unknown key 'nmae' (did you mean 'name'?)\n"
	"    target: { nmae: alice }\n"
	"              ^\n"
	"t.yaml:2:21: '1' has no unit: expected a percentage (such as 20%)\n"
	"    limits: { overhead: 1 }\n"
	"                        ^\n"
	"t.yaml:5:56: floating-point values are passed in vector registers, which a uprobe cannot "
	"read\n"
	"        stream: { from: \"libx.so:a\", to: \"libx.so:b\", key: xmm0 }\n"
	"                                                           ^\n"
	"t.yaml:7:60: expected an integer\n"
	"        call: { probe: \"assistant:parse_intent\", error: \"ret <\" }\n"
	"                                                               ^\n"
	"t.yaml:8:3: 'Tts' is no name: lower-case letters, digits and _, a letter first, at most "
	"63\n"
	"      Tts: { call: \"libx.so:c\" }\n"
	"      ^\n"
	"t.yaml:10:3: unknown metric 'stt.latncy' (did you mean 'stt.latency'?)\n"
	"      stt.latncy: { target: 300ms }\n"
	"      ^\n"
	"t.yaml:11:27: unknown unit 'sec': expected a duration (such as 300ms, 1.5s, 5m, 1h)\n"
	"      stt.latency: { target: 3sec, warning: 2MB }\n"
	"                              ^\n"
	"t.yaml:11:42: 'MB' does not fit here: expected a duration (such as 300ms, 1.5s, 5m, 1h)\n"
	"      stt.latency: { target: 3sec, warning: 2MB }\n"
	"                                             ^\n"
	"t.yaml:12:45: warning (100ms) is below target (300ms): limits go from target to critical "
	"in "
	"one direction\n"
	"      intent.latency: { target: 300ms, warning: 100ms, critical: 800ms }\n"
	"                                                ^\n"
	"t.yaml:13:3: no such stage is configured: 'tts.latency' (did you mean 'stt.latency'?)\n"
	"      tts.latency: { target: 1ms }\n"
	"      ^\n";

static void ten_mistakes_ten_messages(void **state)
{
	struct config_errors *errors = config_errors__new();
	struct config *c = NULL;
	char *text;

	(void)state;
	assert_int_equal(config_parse("t.yaml", ten, strlen(ten), errors, &c), -EINVAL);
	assert_null(c);
	text = said(errors);
	assert_string_equal(text, ten_said);
	assert_int_equal(config_errors__count(errors), 10);
	free(text);
	config_errors__free(errors);
}

static void yaml_that_is_refused(void **state)
{
	(void)state;
	refused("target: *a\n", 2, "aliases");
	refused("target: &a { name: alice }\n", 1, "anchors");
	refused("target: !!map { name: alice }\n", 1, "tags");
	refused("target:\n  <<: { name: alice }\n", 2, "merge keys");
	refused("target: { name: a }\ntarget: { name: b }\n", 1, "given twice, first in line 1");
	refused("turn: { idle: 1s, idle: 2s }\n", 1, "given twice");
	refused("? [ a ]\n: 1\n", 1, "a key must be a plain word");
	refused("target: { name: a }\n---\ntarget: { name: b }\n", 1, "only one document");
	refused("target: [\n", 1, "t.yaml:2:1: ");
	refused("target:\n\tname: a\n", 1, "t.yaml:2:1: tab");
	refused("target: { name: \"\\e[31m\" }\n", 2, "control character in text");
	refused("target: { name: \"\\0\" }\n", 2, "control character in text");
	refused("alice\n", 1, "expected a mapping");
	refused("[ 1, 2 ]\n", 1, "expected a mapping");
}

static void python_functions_that_are_refused(void **state)
{
	(void)state;
	refused("stages: { a: { call: \"python:x.py\" } }\n", 1,
		"t.yaml:1:31: expected python:FILE:QUALNAME");
	refused("stages: { a: { call: \"python:x.py:\" } }\n", 1, "the function is missing");
	refused("stages: { a: { call: \"python:x/:f\" } }\n", 1, "'x/' is a folder");
	refused("stages: { a: { call: \"python:x.py:f@entry\" } }\n", 1,
		"t.yaml:1:36: a Python function is timed as a whole call: '@entry'");
	refused("stages: { a: { call: \"python:x.py:f()\" } }\n", 1, "without its parentheses");
	refused("stages: { a: { call: \"python:x.py:f.<locals>.<lambda>\" } }\n", 1,
		"no name of its own");
	refused("stages: { a: { call: \"python:x.py:.f\" } }\n", 1, "no qualified name");
	refused("stages: { a: { call: { probe: \"python:x.py:f\", key: arg0 } } }\n", 1,
		"'key' cannot be read of a Python function");
	refused("stages: { a: { call: { probe: \"python:x.py:f\", error: \"ret < 0\", exit: "
		"uretprobe } } }\n",
		2, "'error' cannot be read");
	refused("stages: { a: { frame: \"python:x.py:f\" } }\n", 1,
		"Python functions are for calls, not for a frame");
	refused("stages: { a: { stream: { from: \"python:x.py:f\", to: \"x:f\" } } }\n", 1,
		"not for the start of a stream");
	refused("stages: { a: { call: [ \"python:x.py:f\", \"x:f\" ] } }\n", 1,
		"Python functions or others, not both");
}

static void stages_that_are_refused(void **state)
{
	(void)state;
	refused("stages: { a: { voice: yes } }\n", 1,
		"needs one of call, frame, stream and statement");
	refused("stages: { a: { call: \"x:f\", frame: \"x:g\" } }\n", 1, "one of call");
	refused("stages: { cpu: { call: \"x:f\" } }\n", 1, "metrics of that name exist");
	refused("stages: { a: { cal: \"x:f\" } }\n", 2, "did you mean 'call'");
	refused("stages: { a: { call: f } }\n", 1, "is no probe");
	refused("stages: { a: { call: \"usdt:x:y:z\" } }\n", 1, "usdt probes are not supported");
	refused("stages: { a: { call: [] } }\n", 1, "list of probes is empty");
	refused("stages: { a: { call: { key: arg0 } } }\n", 1, "'probe' is missing");
	refused("stages: { a: { call: { probe: \"x:f\", when: \"ret != 0\" } } }\n", 1,
		"'when' has no meaning for a call");
	refused("stages: { a: { call: { probe: \"x:f@entry\", error: \"ret < 0\" } } }\n", 1,
		"does not exist at the entry");
	refused("stages: { a: { call: { probe: \"x:f\", exit: kretprobe } } }\n", 1, "uretprobe");
	refused("stages: { a: { call: { probe: \"x:f\", work: { value: arg1 } } } }\n", 1,
		"'per_second' is missing");
	refused("stages: { a: { call: { probe: \"x:f\", work: { value: arg1, per_second: 0 } } } }"
		"\n",
		1, "cannot be 0");
	refused("stages: { a: { stream: { from: \"x:f\" } } }\n", 1, "'to' is missing");
	refused("stages: { a: { stream: { from: { probe: \"x:f\", key: ret }, to: \"x:g\" } } }\n",
		1, "does not exist at the entry");
	refused("stages: { a: { call: \"x:f\", gap: 1s } }\n", 1, "for streams only");
	refused("stages: { a: { call: \"x:f\", inside: f } }\n", 1, "'x:f' has none");
	refused("stages: { a: { call: { probe: \"x:f\", handle: ret }, inside: f } }\n", 1,
		"'x:f' has none");
	refused("stages: { a: { call: { probe: \"x:f\", handle: arg0 }, inside: g } }\n", 1,
		"no function of the stage matches 'g'");
	refused("stages: { a: { stream: { from: \"x:f\", to: \"x:g\", key: arg0 }, inside: f } }\n",
		1, "for calls and frames only");
	refused("stages: { a: { frame: { probe: \"x:f\", handle: { from: arg0, class: wke } } } }\n"
		"classes: { wake: [ { probe: \"x:g\", handle: arg0 } ] }\n",
		1, "did you mean 'wake'");
	refused("classes: { wake: [ \"x:g\" ] }\n", 1, "'handle' is missing");
	refused("stages: { a: { call: \"x:f\", hang: 1ns } }\n", 1, "too short");
	refused("stages: { a: { call: \"x:f\", models: \"*.bin\" } }\n", 1, "expected a list");
	refused("stages: { a: { call: \"x:f\", models: [ \"\" ] } }\n", 1, "expected a glob");
	refused("stages: { a: { call: \"x:f\", timeout: 5 } }\n", 1, "has no unit");
	refused("stages: { a: { call: \"x:f\", turn: maybe } }\n", 1, "yes or no");
}

static void budgets_that_are_refused(void **state)
{
	(void)state;
	refused("budgets: { fds.opne: { target: 1 } }\n", 1, "did you mean 'fds.open'");
	refused("budgets: { cpu.usage: {} }\n", 1, "at least one of");
	refused("budgets: { cpu.usage: { target: 20 } }\n", 1, "has no unit");
	refused("budgets: { fds.open: { target: 20% } }\n", 1, "does not fit");
	refused("budgets: { memory.growth: { target: 5MB } }\n", 1, "does not fit");
	refused("budgets: { fds.open.p95: { target: 20 } }\n", 1, "no statistic 'p95'");
	refused("budgets: { cpu.usage.peak: { stat: mean, target: 20% } }\n", 1, "contradicts");
	refused("budgets: { cpu.usage: { target: 3%, critical: 2%, below: no } }\n", 1,
		"critical (2%) is below target (3%)");
	refused("budgets: { cpu.usage: { target: 1%, priority_floor: P4 } }\n", 1, "P0, P1");
	refused("budgets: { cpu.usage: { target: 1%, min_count: 1.5 } }\n", 1, "whole number");
	refused("budgets: { cpu.usage: { target: 1%, p1_over: 10% } }\n", 1, "p1_over is less");
	refused("budgets: { cpu.usage: { target: -1% } }\n", 1, "is not a percentage");
	refused("budgets: { cpu.usage: { target: nan } }\n", 1, "is not a percentage");
	refused("budgets: { cpu.usage: { target: 1%, window: 1ms } }\n", 1, "too short");
	refused("stages: { a: { call: \"x:f\" } }\nbudgets: { a.first: { target: 1s } }\n", 1,
		"a measure of stream stages only");
	refused("budgets: { turn.gap.stt: { target: 1s } }\n", 1, "unknown metric");
	refused("budgets: { turn.gap.stt.tss: { target: 1s } }\n", 1, "no such stage");
	/* Without stages they come from the catalogue: only its names make sense. */
	refused("budgets: { sst.latency: { target: 1s } }\n", 1, "did you mean 'stt.latency'");
	config_free(parsed("budgets: { sqlite.latency: { target: 1s } }\n"));
	/* The built-in budgets do not mind missing stages. */
	config_free(parsed("stages: { a: { call: \"x:f\" } }\n"));
	refused("turn: { start: stt }\nstages: { sst: { call: \"x:f\" } }\n", 1,
		"did you mean 'sst'");
	refused("limits: { records: 1.5/s }\n", 1, "whole number");
	refused("limits: { overhead: 100% }\n", 1, "between");
}

static void terminal_control_is_never_echoed(void **state)
{
	struct config_errors *errors = config_errors__new();
	struct config_pos pos = {.file = "a\033]0;x\a.yaml", .line = 3, .column = 1};
	struct config *c = NULL;
	static const char text[] = "target: { x\033[2J: 1 }\n";
	char *printed;

	(void)state;
	config_errors__add(errors, &pos, "name '%s'",
			   "b\033[2J\xc2\x9b"
			   "\xe2\x80\xae\nc");
	assert_int_equal(config_parse("t\033.yaml", text, strlen(text), errors, &c), -EINVAL);
	printed = said(errors);
	for (const char *p = printed; *p; p++)
		assert_true((*p >= ' ' && *p < 0x7f) || *p == '\n');
	assert_non_null(strstr(printed, "\\x1b[2J"));
	free(printed);
	config_errors__free(errors);
}

static void sorted_by_place(void **state)
{
	struct config_errors *errors = config_errors__new();
	struct config_pos pos = {.file = "f", .line = 10, .column = 2};
	char *text;

	(void)state;
	config_errors__add(errors, &pos, "fourth");
	pos.line = 9;
	pos.column = 11;
	config_errors__add(errors, &pos, "second");
	config_errors__add(errors, &pos, "third");
	pos.column = 3;
	config_errors__add(errors, &pos, "first");
	config_errors__add(errors, NULL, "nowhere");
	text = said(errors);
	assert_string_equal(text, "nowhere\nf:9:3: first\nf:9:11: second\nf:9:11: third\n"
				  "f:10:2: fourth\n");
	free(text);
	config_errors__free(errors);
}

/* Repeats `unit` to make a text of about `bytes`, parses it and expects a refusal. */
static void flood(const char *head, const char *unit, size_t bytes, const char *part)
{
	size_t n = strlen(unit), len = strlen(head);
	char *text = malloc(bytes + n + len + 1);

	assert_non_null(text);
	memcpy(text, head, len);
	while (len < bytes) {
		memcpy(text + len, unit, n);
		len += n;
	}
	text[len] = '\0';
	{
		struct config_errors *errors = config_errors__new();
		struct config *c = NULL;
		char *printed;

		assert_int_equal(config_parse("t.yaml", text, len, errors, &c), -EINVAL);
		assert_null(c);
		printed = said(errors);
		if (!strstr(printed, part))
			fail_msg("'%.2000s' lacks '%s'", printed, part);
		free(printed);
		config_errors__free(errors);
	}
	free(text);
}

static void floods(void **state)
{
	(void)state;
	flood("", "#", (1u << 20) + 1, "larger than");
	flood("target: ", "[", 4000, "nested deeper than");
	flood("target: ", "{ a: ", 4000, "nested deeper than");
	flood("", "- a\n", 500000, "more than 1000 entries");
	flood("a: [", "[a,a,a,a,a,a,a,a,a,a],", 200000, "more than");
	flood("\xff", "a", 10, "bad UTF-8");
}

static void mistakes_are_bounded(void **state)
{
	struct config_errors *errors = config_errors__new();
	char *text;

	(void)state;
	for (int i = 0; i < 1000; i++)
		config_errors__add(errors, NULL, "x");
	assert_int_equal(config_errors__count(errors), 1000);
	text = said(errors);
	assert_non_null(strstr(text, "800 more\n"));
	free(text);
	config_errors__free(errors);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ten_mistakes_ten_messages),
		cmocka_unit_test(yaml_that_is_refused),
		cmocka_unit_test(stages_that_are_refused),
		cmocka_unit_test(python_functions_that_are_refused),
		cmocka_unit_test(budgets_that_are_refused),
		cmocka_unit_test(terminal_control_is_never_echoed),
		cmocka_unit_test(sorted_by_place),
		cmocka_unit_test(floods),
		cmocka_unit_test(mistakes_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
