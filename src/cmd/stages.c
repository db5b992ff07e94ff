/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/options.h"
#include "config/config.h"
#include "log/escape.h"
#include "log/log.h"
#include "target/maps.h"
#include "target/names.h"
#include "target/process.h"
#include "target/symbols.h"
#include "watch/recognise.h"
#include "watch/session.h"

/* Without a pattern only names that sound like stages are listed, up to so many an object. */
#define LISTED_MAX 200

static const char doc[] =
	"List the functions of a process that can be probed, and suggest stages.\v"
	"PATTERN is a glob on the function's name (mangled or demangled), or OBJECT:GLOB.  Without "
	"it, the names that sound like a stage of an assistant are listed.";

static const char *const telling[] = {
	"*wake*",   "*hotword*",    "*keyword*", "*transcri*", "*recogni*", "*speech*",
	"*intent*", "*understand*", "*nlu*",	 "*respon*",   "*answer*",  "*reply*",
	"*synth*",  "*speak*",	    "*_tts*",	 "*_stt*",     "*_asr*",    "*detect*",
};

struct listing {
	const struct object *object;
	size_t shown;
	size_t left_out;
};

static int print_symbol(const struct symbol *sym, void *ctx)
{
	char demangled[SYMBOL_DEMANGLED_MAX], name[1024], plain[1024], object[512];
	struct listing *l = ctx;

	if (l->shown >= LISTED_MAX) {
		l->left_out++;
		return 0;
	}
	l->shown++;
	escape_name(ESCAPE_TEXT, object, sizeof(object), l->object->basename);
	escape_name(ESCAPE_TEXT, name, sizeof(name), sym->name);
	printf("%s:%s  %llu bytes", object, name, (unsigned long long)sym->size);
	if (symbol_demangle(sym->name, demangled, sizeof(demangled))) {
		escape_name(ESCAPE_TEXT, plain, sizeof(plain), demangled);
		printf("  %s", plain);
	}
	puts(sym->ifunc ? "  (a resolver: cannot be probed)" : "");
	return 0;
}

static void list_object(struct object *obj, const struct process *proc, const char *pattern)
{
	struct listing l = { .object = obj };
	struct symbol_table *table;

	if (object_open(obj, proc))
		return;
	table = symbol_table__open(obj);
	if (table && pattern)
		symbol_table__match(table, pattern, print_symbol, &l);
	for (size_t i = 0; table && !pattern && i < sizeof(telling) / sizeof(telling[0]); i++)
		symbol_table__match(table, telling[i], print_symbol, &l);
	if (l.left_out)
		printf("%s: and %zu more\n", obj->basename, l.left_out);
	symbol_table__free(table);
	object_close(obj);
}

/* "OBJECT:GLOB" or "GLOB"; `object` is "*" for the latter. */
static const char *split_pattern(const char *text, char *object, size_t size)
{
	const char *colon = text ? strchr(text, ':') : NULL;

	snprintf(object, size, "*");
	if (!colon || colon[1] == ':')
		return text;
	snprintf(object, size, "%.*s", (int)(colon - text), text);
	return colon + 1;
}

/* Sounding names are looked for in the program itself and what comes with it, not in libc. */
static bool worth_listing(const struct object *obj, const char *pattern)
{
	static const char *const system[] = { "libc.so*", "libm.so*",	   "ld-linux*",
					      "ld.so*",	  "libstdc++.so*", "libgcc_s*",
					      "libpthread*" };

	if (obj->gone)
		return false;
	for (size_t i = 0; !pattern && i < sizeof(system) / sizeof(system[0]); i++)
		if (glob_match(system[i], obj->basename))
			return false;
	return true;
}

static void suggest(const struct object_table *objects)
{
	struct config_errors *errors = config_errors__new();
	char *engines = NULL, *skipped = NULL, why[256];
	struct config *config = NULL;

	if (errors && !config_load(NULL, errors, &config) &&
	    !recognise_engines(config, objects, &engines, &skipped, why, sizeof(why))) {
		printf("\nengines recognised: %s\n", engines && engines[0] ? engines : "none");
		for (size_t i = 0; i < config->stages_n; i++)
			printf("  stage %s from %s\n", config->stages[i].name,
			       config->stages[i].engine ? config->stages[i].engine : "?");
		puts("to bind a function, write it into a configuration (`cheshire config`):\n"
		     "  stages:\n    intent:\n      call: \"OBJECT:FUNCTION\"");
	}
	free(engines);
	free(skipped);
	config_free(config);
	config_errors__free(errors);
}

static int run(int argc, char **argv)
{
	struct object_table objects = {};
	struct process proc;
	struct options o;
	const char *pattern;
	char object[256];
	int err, code = options_parse(OPTIONS_PID | OPTIONS_PATTERN, doc, argc, argv, &o);

	if (code >= 0)
		return code;
	if (!o.pid) {
		log_err("which process? give its PID with --pid");
		return EXIT_USAGE;
	}
	err = process_open(&proc, o.pid);
	if (err) {
		log_err("process %d cannot be opened: %s", o.pid, err_str(err));
		return session_exit_code(err);
	}
	err = object_table_read(&objects, &proc);
	if (err)
		log_err("the maps of process %d cannot be read: %s", o.pid, err_str(err));
	pattern = split_pattern(o.pattern, object, sizeof(object));
	for (size_t i = 0; !err && i < objects.n_objects; i++)
		if (worth_listing(objects.objects[i], pattern) &&
		    glob_match(object, objects.objects[i]->basename))
			list_object(objects.objects[i], &proc, pattern);
	if (!err && !o.pattern)
		suggest(&objects);
	object_table_free(&objects);
	process_close(&proc);
	return err ? session_exit_code(err) : EXIT_FINE;
}

const struct cmd cmd_stages = { "stages", "list the functions of a process that can be probed",
				run };
