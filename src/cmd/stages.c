/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "cmd/options.h"
#include "cmd/python_listing.h"
#include "config/config.h"
#include "config/embedded.h"
#include "log/escape.h"
#include "log/log.h"
#include "target/maps.h"
#include "target/names.h"
#include "target/process.h"
#include "target/symbols.h"
#include "watch/recognise.h"
#include "watch/session.h"
#include "watch/target_open.h"

/* So many functions of an object are listed. */
#define LISTED_MAX 200

static const char doc[] =
	"List the functions of a process that can be probed, and suggest stages.\v"
	"PATTERN is a glob on the function's name (mangled or demangled), OBJECT:GLOB, or of "
	"Python "
	"functions python:FILE:QUALNAME.  Without it: the stages that are recognised, functions of "
	"the program that sound like a stage, and a configuration to start from.";

/* Names that sound like a stage, most telling first. */
static const struct sound {
	const char *stage;
	const char *patterns[5]; /* ended by NULL */
} sounds[] = {
	{"wake_word", {"*[Ww]ake*", "*[Hh]otword*", "*[Kk]eyword*"}},
	{"stt", {"*[Tt]ranscri*", "*[Rr]ecogni*", "*_stt*", "*_asr*"}},
	{"intent", {"*[Ii]ntent*", "*[Uu]nderstand*", "*nlu*"}},
	{"response", {"*[Rr]espon*", "*[Aa]nswer*", "*[Rr]eply*"}},
	{"tts", {"*[Ss]ynth*", "*[Ss]peak*", "*_tts*"}},
};

#define SOUNDS_N     (sizeof(sounds) / sizeof(sounds[0]))
#define SOUND_INTENT 2

/* The first function found for each sound, as a probe; "": none. */
struct suggestions {
	char probe[SOUNDS_N][640];
	size_t listed; /* functions, whatever they sound like */
};

struct listing {
	const struct object *object;
	const struct sound *sound; /* NULL: listed by a pattern of the user's */
	struct suggestions *suggestions;
	size_t pattern; /* of the sound, looked for just now */
	size_t shown;
	size_t left_out;
};

/* What would have to be escaped in YAML is left to the user. */
static void suggest_probe(struct suggestions *s, size_t sound, const char *probe)
{
	if (!s->probe[sound][0] && strlen(probe) < sizeof(s->probe[0]) && !strpbrk(probe, "\"\\"))
		strcpy(s->probe[sound], probe);
}

/* The stage that a name of a Python function sounds like. */
static const char *sound_of(void *ctx, const char *name, const char *probe)
{
	struct suggestions *s = ctx;

	s->listed++;
	for (size_t i = 0; i < SOUNDS_N; i++)
		for (size_t n = 0; sounds[i].patterns[n]; n++)
			if (glob_match(sounds[i].patterns[n], name)) {
				suggest_probe(s, i, probe);
				return sounds[i].stage;
			}
	return NULL;
}

static int print_symbol(const struct symbol *sym, void *ctx)
{
	char demangled[SYMBOL_DEMANGLED_MAX], name[1024], plain[1024], object[512], probe[1600];
	struct listing *l = ctx;

	/* What is reserved for the C library is no stage. */
	if (l->sound && !strncmp(sym->name, "__", 2))
		return 0;
	for (size_t i = 0; l->sound && i < l->pattern; i++)
		if (glob_match(l->sound->patterns[i], sym->name))
			return 0; /* is listed already */
	if (l->shown >= LISTED_MAX) {
		l->left_out++;
		return 0;
	}
	l->shown++;
	l->suggestions->listed++;
	escape_name(ESCAPE_TEXT, object, sizeof(object), l->object->basename);
	escape_name(ESCAPE_TEXT, name, sizeof(name), sym->name);
	snprintf(probe, sizeof(probe), "%s:%s", object, name);
	if (l->sound)
		printf("  %-9s  ", l->sound->stage);
	if (l->sound && !sym->ifunc)
		suggest_probe(l->suggestions, (size_t)(l->sound - sounds), probe);
	printf("%s  %llu bytes", probe, (unsigned long long)sym->size);
	if (symbol_demangle(sym->name, demangled, sizeof(demangled))) {
		escape_name(ESCAPE_TEXT, plain, sizeof(plain), demangled);
		printf("  %s", plain);
	}
	puts(sym->ifunc ? "  (a resolver: cannot be probed)" : "");
	return 0;
}

static void list_sounds(const struct symbol_table *table, struct listing *l)
{
	for (size_t i = 0; i < SOUNDS_N; i++) {
		l->sound = &sounds[i];
		for (l->pattern = 0; sounds[i].patterns[l->pattern]; l->pattern++)
			symbol_table__match(table, sounds[i].patterns[l->pattern], print_symbol, l);
	}
}

static void list_object(struct object *obj, const struct process *proc, const char *pattern,
			struct suggestions *suggestions)
{
	struct listing l = {.object = obj, .suggestions = suggestions};
	struct symbol_table *table;

	if (object_open(obj, proc))
		return;
	table = symbol_table__open(obj);
	if (table && pattern)
		symbol_table__match(table, pattern, print_symbol, &l);
	else if (table)
		list_sounds(table, &l);
	if (l.left_out)
		printf("and %zu more\n", l.left_out);
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

/* Sounding names are looked for in the program and what comes with it, not in the system. */
static bool worth_listing(const struct object *obj, const char *pattern)
{
	static const char *const system[] = {"/usr/lib/*", "/usr/lib32/*", "/usr/lib64/*",
					     "/lib/*",	   "/lib32/*",	   "/lib64/*",
					     "*/python3*", "*/libpython3*"};

	if (obj->gone)
		return false;
	for (size_t i = 0; !pattern && i < sizeof(system) / sizeof(system[0]); i++)
		if (glob_match(system[i], obj->path))
			return false;
	return true;
}

/* Text of an engine's file from its `stages:` on, NULL if there is none. */
static const char *engine_stages(const char *engine)
{
	static const char begin[] = "\nstages:\n";
	const char *stages = NULL;
	char name[128];

	snprintf(name, sizeof(name), "engines/%s.yaml", engine);
	for (size_t i = 0; i < embedded_files_n && !stages; i++)
		if (!strcmp(embedded_files[i].name, name))
			stages = strstr(embedded_files[i].start, begin);
	return stages ? stages + strlen(begin) : NULL;
}

/* Whether another engine came first for one of its stages ("espeak-ng, flite"). */
static bool is_second(const struct config *config, const char *engine)
{
	for (size_t i = 0; i < config->stages_n; i++) {
		const char *engines = config->stages[i].engine;
		const char *found = engines ? strstr(engines, engine) : NULL;

		if (found && found != engines)
			return true;
	}
	return false;
}

static void print_engine(const struct config *config, const char *engine)
{
	const char *line = engine_stages(engine), *prefix = "";

	if (line && is_second(config, engine)) {
		prefix = "#";
		printf("  # %s as well: its functions may be added to the stage's list\n", engine);
	}
	while (line && *line) {
		size_t len = strcspn(line, "\n");

		printf("%s%.*s\n", prefix, (int)len, line);
		line += len + (line[len] == '\n');
	}
}

static bool is_recognised(const struct config *config, const char *stage)
{
	for (size_t i = 0; i < config->stages_n; i++)
		if (!strcmp(config->stages[i].name, stage))
			return true;
	return false;
}

/* Functions that sound like the stages that no engine is recognised for; returns how many. */
static size_t print_suggestions(const struct config *config, const struct suggestions *s)
{
	size_t n = 0;

	for (size_t i = 0; i < SOUNDS_N; i++) {
		if (!s->probe[i][0] || is_recognised(config, sounds[i].stage))
			continue;
		printf("  %s: # by its name: is it this one?\n    call: \"%s\"\n", sounds[i].stage,
		       s->probe[i]);
		n++;
	}
	return n;
}

/* What is recognised, written out, with the functions of the user's own. */
static void print_config(const struct config *config, char *engines, const struct suggestions *s)
{
	char *rest = NULL;
	const char *mark;

	puts("\nto name functions of your own, start from this (`cheshire watch --config FILE`).\n"
	     "`stages:` replaces the recognition, so what is recognised stands in it:\n\nstages:");
	for (char *engine = strtok_r(engines, ", ", &rest); engine;
	     engine = strtok_r(NULL, ", ", &rest))
		print_engine(config, engine);
	/* A configuration needs a stage. */
	mark = print_suggestions(config, s) + config->stages_n ? "# " : "";
	if (!s->probe[SOUND_INTENT][0])
		printf("  %sintent:\n  %s  call: \"OBJECT:FUNCTION\"\n", mark, mark);
}

static void suggest(const struct object_table *objects, const struct suggestions *suggestions)
{
	struct config_errors *errors = config_errors__new();
	char *engines = NULL, none[] = "", why[256];
	struct config *config = NULL;

	if (errors && !config_load(NULL, errors, &config) &&
	    !recognise_engines(config, objects, &engines, why, sizeof(why))) {
		printf("\nstages recognised, from engines: %s\n",
		       engines && engines[0] ? engines : "none");
		for (size_t i = 0; i < config->stages_n; i++)
			printf("  %-9s  %s\n", config->stages[i].name,
			       config->stages[i].engine ? config->stages[i].engine : "?");
		print_config(config, engines ? engines : none, suggestions);
	}
	free(engines);
	config_free(config);
	config_errors__free(errors);
}

static void list_all(const struct process *proc, struct object_table *objects, const char *wanted)
{
	const bool python_only = wanted && !strncmp(wanted, "python:", 7);
	struct suggestions suggestions = {};
	char object[256];
	const char *pattern = split_pattern(wanted, object, sizeof(object));

	if (!wanted)
		puts("functions that sound like a stage:");
	for (size_t i = 0; !python_only && i < objects->n_objects; i++)
		if (worth_listing(objects->objects[i], pattern) &&
		    glob_match(object, objects->objects[i]->basename))
			list_object(objects->objects[i], proc, pattern, &suggestions);
	python_listing_print(proc, objects, wanted, sound_of, &suggestions, LISTED_MAX);
	if (!wanted)
		suggest(objects, &suggestions);
	else if (!suggestions.listed)
		log_warn("no function of the process matches '%s'", wanted);
}

static int run(int argc, char **argv)
{
	struct object_table objects = {};
	struct process proc;
	struct options o;
	char why[160];
	int err, code = options_parse(OPTIONS_TARGET | OPTIONS_PATTERN, doc, argc, argv, &o);

	if (code >= 0)
		return code;
	err = target_open(&proc, o.pid);
	if (err)
		return session_exit_code(err);
	err = target_objects(&objects, &proc, why, sizeof(why));
	if (err)
		log_err("cannot look into process %d: %s", o.pid, why);
	if (!err)
		list_all(&proc, &objects, o.pattern);
	object_table_free(&objects);
	process_close(&proc);
	return err ? session_exit_code(err) : EXIT_FINE;
}

const struct cmd cmd_stages = {"stages", "list the functions of a process that can be probed", run};
