/* SPDX-License-Identifier: GPL-2.0-only */
/* `cheshire rules check|test`: what promtool does, on the part of the language that cheshire has.
 */
#include <errno.h>
#include <glob.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "config/config.h"
#include "config/read_file.h"
#include "log/log.h"
#include "rulefile/rulefile.h"
#include "rulefile/testfile.h"
#include "rules/export_names.h"
#include "watch/session.h"

#define DEFAULT_TARGET "alice" /* of the built-in configuration */

static const char help[] =
	"usage: cheshire rules check FILE...   are these rule files valid?\n"
	"       cheshire rules test FILE...    run these unit tests of rules\n\n"
	"The files are those of `promtool check rules` and `promtool test rules`; see\n"
	"docs/rules.md. The exit status is 1 when a file is invalid or a test fails.\n";

/* What was said of a file; printed when all of it was said. */
struct findings {
	struct config_errors *errors;
	struct config_errors *warnings;
};

static bool findings_init(struct findings *f)
{
	f->errors = config_errors__new();
	f->warnings = config_errors__new();
	return f->errors && f->warnings;
}

static void findings_free(struct findings *f)
{
	config_errors__free(f->errors);
	config_errors__free(f->warnings);
}

static int read_whole(const char *path, size_t max, struct findings *f, char **text, size_t *len)
{
	const struct config_pos pos = {.file = path};
	int err = read_file(path, max, text, len);

	if (err)
		config_errors__add(f->errors, &pos, "cannot be read: %s", err_str(err));
	return err;
}

/* The metrics of a target without a name of its own: all others may be of any type. */
static enum metric_type type_of(void *ctx, const char *metric)
{
	struct export_name name;

	(void)ctx;
	if (!export_name_find(DEFAULT_TARGET, metric, &name))
		return METRIC_TYPE_UNKNOWN;
	return name.form == EXPORT_TOTAL ? METRIC_TYPE_COUNTER : METRIC_TYPE_GAUGE;
}

static int load_rules(const char *path, struct findings *f, struct rulefile **out)
{
	const struct rulefile_opts opts = {.type_of = type_of};
	char *text = NULL;
	size_t len;
	int err = read_whole(path, RULEFILE_BYTES_MAX, f, &text, &len);

	*out = NULL;
	if (!err)
		err = rulefile_parse(path, text, len, &opts, f->errors, f->warnings, out);
	free(text);
	return err;
}

static void print_findings(const struct findings *f)
{
	if (config_errors__count(f->warnings)) {
		fputs("  WARNING:\n", stdout);
		config_errors__print(f->warnings, stdout);
	}
	if (config_errors__count(f->errors)) {
		fputs("  FAILED:\n", stdout);
		config_errors__print(f->errors, stdout);
	}
}

static bool check_file(const char *path)
{
	struct rulefile *rulefile = NULL;
	struct findings f;
	bool good = findings_init(&f) && !load_rules(path, &f, &rulefile);

	printf("Checking %s\n", path);
	print_findings(&f);
	if (good)
		printf("  SUCCESS: %zu rules found\n", rulefile->rules_n);
	puts("");
	rulefile_free(rulefile);
	findings_free(&f);
	return good;
}

/* The files that a test file names, loaded. */
struct loaded {
	struct rulefile **files;
	size_t n;
	char **paths;
	size_t paths_n;
};

static void loaded_free(struct loaded *l)
{
	for (size_t i = 0; i < l->n; i++)
		rulefile_free(l->files[i]);
	for (size_t i = 0; i < l->paths_n; i++)
		free(l->paths[i]);
	free(l->files);
	free(l->paths);
}

/* Each file once, whatever patterns it matches. */
static int add_path(struct loaded *l, const char *path)
{
	char **grown;

	for (size_t i = 0; i < l->paths_n; i++)
		if (!strcmp(l->paths[i], path))
			return 0;
	grown = reallocarray(l->paths, l->paths_n + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	l->paths = grown;
	grown[l->paths_n] = strdup(path);
	return grown[l->paths_n] ? (l->paths_n++, 0) : -ENOMEM;
}

/* Patterns are relative to the folder of the test file. */
static int add_pattern(struct loaded *l, const char *test_path, const char *pattern)
{
	char folder[PATH_MAX], full[PATH_MAX];
	glob_t found = {0};
	int err = 0;

	snprintf(folder, sizeof(folder), "%s", test_path);
	if (pattern[0] == '/' || !strcmp(dirname(folder), "."))
		snprintf(full, sizeof(full), "%s", pattern);
	else if (snprintf(full, sizeof(full), "%s/%s", folder, pattern) >= (int)sizeof(full))
		return -ENAMETOOLONG;
	switch (glob(full, 0, NULL, &found)) {
	case 0:
		break;
	case GLOB_NOMATCH:
		printf("  WARNING: no file match pattern %s\n", full);
		break;
	default:
		err = -EIO;
	}
	for (size_t i = 0; i < found.gl_pathc && !err; i++)
		err = add_path(l, found.gl_pathv[i]);
	globfree(&found);
	return err;
}

static int load_rule_files(struct loaded *l, const char *test_path, const struct testfile *test,
			   struct findings *f)
{
	int err = 0, all = 0;

	for (size_t i = 0; i < test->rule_files_n && !err; i++)
		err = add_pattern(l, test_path, test->rule_files[i]);
	if (!err) {
		l->files = calloc(l->paths_n + 1, sizeof(*l->files));
		err = l->files ? 0 : -ENOMEM;
	}
	for (size_t i = 0; i < l->paths_n && !err; i++) {
		all = all ? all : load_rules(l->paths[i], f, &l->files[l->n]);
		l->n += l->files[l->n] != NULL;
	}
	return err ? err : all;
}

static int load_test(const char *path, struct findings *f, struct testfile **out)
{
	char *text = NULL;
	size_t len;
	int err = read_whole(path, TESTFILE_BYTES_MAX, f, &text, &len);

	*out = NULL;
	if (!err)
		err = testfile_parse(path, text, len, f->errors, f->warnings, out);
	free(text);
	return err;
}

/* Runs the tests; what they say of their failures comes behind FAILED. */
static int run_tests(const struct testfile *test, const struct loaded *l)
{
	char *said = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&said, &len);
	int failures;

	if (!out)
		return -ENOMEM;
	failures = testfile_run(test, (const struct rulefile *const *)l->files, l->n, out);
	if (fclose(out))
		failures = -ENOMEM;
	if (failures > 0)
		printf("  FAILED:\n%s", said);
	free(said);
	return failures;
}

static bool test_file(const char *path)
{
	struct testfile *test = NULL;
	struct loaded loaded = {0};
	struct findings f;
	int err = findings_init(&f) ? 0 : -ENOMEM;

	printf("Unit Testing:  %s\n", path);
	if (!err)
		err = load_test(path, &f, &test);
	if (!err)
		err = load_rule_files(&loaded, path, test, &f);
	print_findings(&f);
	if (!err)
		err = run_tests(test, &loaded);
	if (!err)
		puts("  SUCCESS");
	else if (err < 0 && err != -EINVAL)
		printf("  FAILED: %s\n", err_str(err));
	puts("");
	loaded_free(&loaded);
	testfile_free(test);
	findings_free(&f);
	return !err;
}

static int run(int argc, char **argv)
{
	bool (*each)(const char *path) = NULL;
	bool good = true;

	if (argc >= 2 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "help"))) {
		fputs(help, stdout);
		return EXIT_FINE;
	}
	if (argc >= 2 && !strcmp(argv[1], "check"))
		each = check_file;
	else if (argc >= 2 && !strcmp(argv[1], "test"))
		each = test_file;
	if (!each || argc < 3) {
		fputs(help, stderr);
		return EXIT_USAGE;
	}
	for (int i = 2; i < argc; i++)
		if (!each(argv[i]))
			good = false;
	return good ? EXIT_FINE : EXIT_ERROR;
}

const struct cmd cmd_rules = {"rules", "check rule files, and run unit tests of rules", run};
