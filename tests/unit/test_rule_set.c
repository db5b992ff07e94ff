/* SPDX-License-Identifier: GPL-2.0-only */
/* Rule files against what cheshire exports: names that nobody writes, names that two would write.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "config_fixture.h"
#include "watch/rule_set.h"

/* Loads a file of one group with these rules; what was said is the caller's to free. */
static char *load(const char *rules, int expected)
{
	char path[] = "/tmp/cheshire-rule-set-XXXXXX";
	const char *const paths[] = {path};
	struct config *config = parsed("");
	struct config_errors *errors = config_errors__new(), *warnings = config_errors__new();
	struct rule_set *set = NULL;
	int fd = mkstemp(path);
	char *text;

	assert_true(fd >= 0);
	assert_true(dprintf(fd, "groups:\n- name: g\n  rules:\n%s", rules) > 0);
	close(fd);
	assert_int_equal(rule_set_load(paths, 1, config, errors, warnings, &set), expected);
	assert_true((set != NULL) == (expected == 0));
	unlink(path);
	text = said(errors);
	rule_set_free(set);
	config_errors__free(errors);
	config_errors__free(warnings);
	config_free(config);
	return text;
}

static void expect(const char *rules, const char *part)
{
	char *text = load(rules, part ? -EINVAL : 0);

	if (part ? !strstr(text, part) : text[0])
		fail_msg("%s\ninstead of '%s'", text, part ? part : "nothing");
	free(text);
}

static void metrics_must_be_exported(void **state)
{
	(void)state;
	expect("  - { alert: A, expr: alice_cpu_usage_percent > 50 }\n", NULL);
	expect("  - { alert: A, expr: alice_cpu_usage_procent > 50 }\n",
	       "nobody exports 'alice_cpu_usage_procent' (did you mean "
	       "'alice_cpu_usage_percent'?)");
	expect("  - { alert: A, expr: node_load1 > 50 }\n", "`cheshire export names`");
	/* Regular expressions may match nothing; alerts and recorded series are there. */
	expect("  - { alert: A, expr: '{__name__=~\"node_.*\"} > 5' }\n", NULL);
	expect("  - { alert: A, expr: ALERTS > 0 }\n", NULL);
	expect("  - { record: 'x:y', expr: vector(1) }\n  - { alert: A, expr: 'x:y > 0' }\n", NULL);
}

static void recorded_names_must_be_free(void **state)
{
	(void)state;
	expect("  - { record: alice_cpu_usage_percent, expr: vector(1) }\n",
	       "is a metric that cheshire exports");
	expect("  - { record: 'alice:cpu_usage_percent', expr: vector(1) }\n", NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(metrics_must_be_exported),
		cmocka_unit_test(recorded_names_must_be_free),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
