/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * look PID: what src/python finds in a process, as JSON lines, for tests that know better.
 *
 *	{"type":"runtime","version":"3.11.2","layout":"…","current":1,"gil":true,…}
 *	{"type":"function","code":…,"function":…,"line":…,"flags":…,"file":"…","qualname":"…"}
 *	{"type":"thread","tid":…,"thread_id":…,"frames":[{"file":"…","qualname":"…","line":…}]}
 *
 * Exit status 2 and {"type":"refused","why":"…"} where there is nothing to be found.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log/strbuf.h"
#include "python/functions.h"
#include "python/runtime.h"
#include "python/stack.h"
#include "sinks/json_writer.h"
#include "target/maps.h"
#include "target/process.h"

#define THREADS_MAX 64

static void say(struct strbuf *text)
{
	puts(text->data);
	strbuf_free(text);
}

static void say_runtime(struct python_runtime *runtime, const struct python_functions *functions)
{
	const struct python_offsets *o = python_runtime__offsets(runtime);
	struct strbuf text = {};
	struct json_writer w = {.out = &text};

	json_begin(&w, NULL, '{');
	json_name(&w, "type", "runtime");
	json_sentence(&w, "version", python_runtime__version(runtime));
	json_sentence(&w, "layout", python_runtime__source(runtime));
	json_uint(&w, "current", o->current);
	json_bool(&w, "gil", o->gil != 0);
	json_bool(&w, "partial", functions->partial);
	json_sentence(&w, "why", functions->why);
	json_uint(&w, "objects", functions->objects_n);
	json_uint(&w, "time_ns", functions->time_ns);
	json_end(&w, '}');
	say(&text);
}

static void say_function(const struct python_function *f)
{
	struct strbuf text = {};
	struct json_writer w = {.out = &text};

	json_begin(&w, NULL, '{');
	json_name(&w, "type", "function");
	json_uint(&w, "code", f->code);
	json_uint(&w, "function", f->function);
	json_uint(&w, "line", f->first_line);
	json_uint(&w, "flags", f->flags);
	json_sentence(&w, "file", f->file);
	json_sentence(&w, "qualname", f->qualname);
	json_end(&w, '}');
	say(&text);
}

static void say_thread(struct python_runtime *runtime, const struct python_thread *thread)
{
	struct strbuf text = {};
	struct json_writer w = {.out = &text};
	struct python_stack stack;

	if (python_stack_read(runtime, thread->tstate, &stack))
		exit(1);
	json_begin(&w, NULL, '{');
	json_name(&w, "type", "thread");
	json_uint(&w, "tid", thread->tid);
	json_uint(&w, "thread_id", thread->thread_id);
	json_bool(&w, "partial", stack.partial);
	json_begin(&w, "frames", '[');
	for (size_t i = 0; i < stack.n; i++) {
		json_begin(&w, NULL, '{');
		json_sentence(&w, "file", stack.frames[i].file);
		json_sentence(&w, "qualname", stack.frames[i].qualname);
		json_uint(&w, "line", stack.frames[i].line);
		json_end(&w, '}');
	}
	json_end(&w, ']');
	json_end(&w, '}');
	say(&text);
	python_stack_free(&stack);
}

static int look(const struct process *proc, struct object_table *objects)
{
	const struct python_reader reader = python_reader_of(proc);
	struct python_thread threads[THREADS_MAX];
	struct python_functions functions;
	struct python_runtime *runtime;
	char why[256];
	int n;

	if (python_runtime__open(proc, objects, &reader, &runtime, why, sizeof(why))) {
		printf("{\"type\":\"refused\",\"why\":\"%s\"}\n", why);
		return 2;
	}
	if (python_functions_list(runtime, NULL, &functions))
		return 1;
	say_runtime(runtime, &functions);
	for (size_t i = 0; i < functions.n; i++)
		say_function(&functions.items[i]);
	n = python_threads_list(runtime, threads, THREADS_MAX);
	for (int i = 0; i < n; i++)
		say_thread(runtime, &threads[i]);
	python_functions_free(&functions);
	python_runtime__free(runtime);
	return n < 0;
}

int main(int argc, char **argv)
{
	struct object_table objects = {};
	struct process proc;
	int status = 1;

	if (argc != 2 || process_open(&proc, atoi(argv[1])))
		return 1;
	if (!object_table_read(&objects, &proc))
		status = look(&proc, &objects);
	object_table_free(&objects);
	process_close(&proc);
	return status;
}
