/* SPDX-License-Identifier: GPL-2.0-only */
#include "watch/hints.h"

#include <string.h>

#include "log/escape.h"
#include "watch/watching.h"

static bool any_armed(const struct watching *w)
{
	for (size_t i = 0; i < w->config->stages_n; i++)
		if (w->attachment.stages[i].state == ATTACH_ARMED)
			return true;
	return false;
}

static bool has_stage(const struct watching *w, const char *name)
{
	for (size_t i = 0; i < w->config->stages_n; i++)
		if (!strcmp(w->config->stages[i].name, name))
			return true;
	return false;
}

void hints_print(const struct watching *w, FILE *out)
{
	const char *exe = strrchr(w->proc->exe, '/');
	char name[128];

	if (!w->config->engines)
		return;
	if (any_armed(w)) {
		if (!has_stage(w, "intent") && !has_stage(w, "response"))
			fprintf(out,
				"cheshire: intent and response are the assistant's own functions: "
				"`cheshire stages --pid %d` helps to name them\n",
				w->proc->pid);
		return;
	}
	escape_name(ESCAPE_TEXT, name, sizeof(name), exe ? exe + 1 : w->proc->comm);
	/* The program is what the interpreter runs. */
	if (!strncmp(name, "python", strlen("python")))
		snprintf(name, sizeof(name), "python:FILE.py");
	fprintf(out,
		"cheshire: no speech engine that the catalogue knows is mapped by process %d;\n"
		"its CPU, memory, threads and descriptors are watched all the same.\n"
		"`cheshire stages --pid %d` lists functions that sound like a stage, with a "
		"PATTERN "
		"others;\n"
		"then start from these lines:\n\n"
		"stages:\n"
		"  stt:\n"
		"    call: \"%s:FUNCTION_THAT_TRANSCRIBES\"\n"
		"  intent:\n"
		"    call: \"%s:FUNCTION_THAT_PARSES_THE_INTENT\"\n"
		"  response:\n"
		"    call: \"%s:FUNCTION_THAT_ANSWERS\"\n"
		"  tts:\n"
		"    call: \"%s:FUNCTION_THAT_SPEAKS\"\n\n",
		w->proc->pid, w->proc->pid, name, name, name, name);
}
