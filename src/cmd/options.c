/* SPDX-License-Identifier: GPL-2.0-only */
#include "cmd/options.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/units.h"
#include "log/log.h"
#include "sinks/sink.h"
#include "watch/session.h"

enum option_key {
	OPT_PID = 1000,
	OPT_CONFIG,
	OPT_RULES,
	OPT_STATE,
	OPT_BTF,
	OPT_OUTPUT,
	OPT_SYSLOG,
	OPT_DURATION,
	OPT_SUMMARY_INTERVAL,
	OPT_FAIL_ON,
	OPT_ATTACH,
	OPT_DEBUGINFOD,
	OPT_HELP,
};

struct option_entry {
	unsigned int set; /* 0: every subcommand has it */
	struct argp_option option;
};

static const struct option_entry entries[] = {
	{OPTIONS_PID, {"pid", OPT_PID, "PID", 0, "The process to look at", 0}},
	{OPTIONS_CONFIG,
	 {"config", OPT_CONFIG, "FILE", 0,
	  "Configuration (default: built in, see `cheshire config`)", 0}},
	{OPTIONS_RULES,
	 {"rules", OPT_RULES, "FILE", 0, "Prometheus rule file, evaluated here; may be repeated",
	  0}},
	{OPTIONS_WATCH,
	 {"state", OPT_STATE, "FILE", 0, "Keep the state of the rules' alerts over a restart", 0}},
	{OPTIONS_WATCH | OPTIONS_OUTPUT,
	 {"output", OPT_OUTPUT, "text|json", 0, "Form of stdout", 0}},
	{OPTIONS_WATCH,
	 {"syslog", OPT_SYSLOG, "FACILITY", OPTION_ARG_OPTIONAL, "Alerts to syslog as well", 0}},
	{OPTIONS_WATCH | OPTIONS_DURATION,
	 {"duration", OPT_DURATION, "T", 0, "Stop after T, such as 90s", 0}},
	{OPTIONS_WATCH,
	 {"summary-interval", OPT_SUMMARY_INTERVAL, "T", 0, "Print a summary every T", 0}},
	{OPTIONS_WATCH,
	 {"fail-on", OPT_FAIL_ON, "warning|critical", 0,
	  "Exit with 3 if a budget was violated that much", 0}},
	{OPTIONS_BTF,
	 {"btf", OPT_BTF, "FILE", 0, "BTF of this kernel, where it does not carry its own", 0}},
	{OPTIONS_WATCH,
	 {"attach", OPT_ATTACH, "auto|perf", 0,
	  "Kind of uprobes: the best there is, or perf events", 0}},
	{OPTIONS_DEBUGINFOD,
	 {"debuginfod", OPT_DEBUGINFOD, NULL, 0,
	  "Ask the servers of $DEBUGINFOD_URLS for debug files that are missing here", 0}},
	{0, {"verbose", 'v', NULL, 0, "Say more on stderr; twice: libbpf's words too", 0}},
	{0, {"help", OPT_HELP, NULL, 0, "Print this", 0}},
};

#define ENTRIES_N (sizeof(entries) / sizeof(entries[0]))

struct parsing {
	struct options *out;
	unsigned int set;
	unsigned int mistakes;
	bool help;
	bool pid_given; /* one that is none, too */
};

static void __attribute__((format(printf, 2, 3))) mistake(struct parsing *p, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	log_va(LOG_LEVEL_ERR, fmt, args);
	va_end(args);
	p->mistakes++;
}

static void parse_pid(struct parsing *p, const char *arg)
{
	char *rest;
	long pid;

	errno = 0;
	pid = strtol(arg, &rest, 10);
	if (errno || *rest || rest == arg || pid <= 0 || pid > INT_MAX)
		mistake(p, "--pid: '%s' is not the PID of a process", arg);
	else
		p->out->pid = (pid_t)pid;
}

static void parse_time(struct parsing *p, const char *name, const char *arg, uint64_t *out)
{
	char why[128];
	size_t at;

	if (units_parse_ns(arg, out, why, sizeof(why), &at))
		mistake(p, "--%s: '%s': %s", name, arg, why);
	else if (*out < 100000000ULL)
		mistake(p, "--%s: '%s' is too short: at least 100ms", name, arg);
}

static void parse_output(struct parsing *p, const char *arg)
{
	if (!strcmp(arg, "text"))
		p->out->output = OUTPUT_TEXT;
	else if (!strcmp(arg, "json"))
		p->out->output = OUTPUT_JSON;
	else
		mistake(p, "--output: '%s' is neither text nor json", arg);
}

static void parse_fail_on(struct parsing *p, const char *arg)
{
	if (!strcmp(arg, "warning"))
		p->out->fail_on = SEVERITY_WARNING;
	else if (!strcmp(arg, "critical"))
		p->out->fail_on = SEVERITY_CRITICAL;
	else
		mistake(p, "--fail-on: '%s' is neither warning nor critical", arg);
}

static void parse_syslog(struct parsing *p, const char *arg)
{
	p->out->syslog = true;
	if (sink_syslog__facility(arg, &p->out->syslog_facility))
		mistake(p, "--syslog: there is no facility '%s'", arg);
}

static void parse_attach(struct parsing *p, const char *arg)
{
	if (!strcmp(arg, "perf"))
		p->out->force_perf = true;
	else if (strcmp(arg, "auto"))
		mistake(p, "--attach: '%s' is neither auto nor perf", arg);
}

static void parse_rules(struct parsing *p, const char *arg)
{
	if (p->out->rules_n == OPTIONS_RULES_MAX)
		mistake(p, "--rules: more than %d files", OPTIONS_RULES_MAX);
	else
		p->out->rules_paths[p->out->rules_n++] = arg;
}

static void parse_word(struct parsing *p, const char *arg)
{
	const char **word = p->set & OPTIONS_PATTERN ? &p->out->pattern : &p->out->word;

	if (!(p->set & (OPTIONS_PATTERN | OPTIONS_WHAT)) || *word)
		mistake(p, "'%s' is not expected here", arg);
	*word = arg;
}

static error_t parse_opt(int key, char *arg, struct argp_state *state)
{
	struct parsing *p = state->input;

	switch (key) {
	case OPT_PID:
		p->pid_given = true;
		parse_pid(p, arg);
		break;
	case OPT_CONFIG:
		p->out->config_path = arg;
		break;
	case OPT_RULES:
		parse_rules(p, arg);
		break;
	case OPT_STATE:
		p->out->state_path = arg;
		break;
	case OPT_BTF:
		p->out->btf_path = arg;
		break;
	case OPT_OUTPUT:
		parse_output(p, arg);
		break;
	case OPT_SYSLOG:
		parse_syslog(p, arg);
		break;
	case OPT_DURATION:
		parse_time(p, "duration", arg, &p->out->duration_ns);
		break;
	case OPT_SUMMARY_INTERVAL:
		parse_time(p, "summary-interval", arg, &p->out->summary_interval_ns);
		break;
	case OPT_FAIL_ON:
		parse_fail_on(p, arg);
		break;
	case OPT_ATTACH:
		parse_attach(p, arg);
		break;
	case OPT_DEBUGINFOD:
		p->out->debuginfod = true;
		break;
	case 'v':
		log_set_level(log_get_level() + 1);
		break;
	case OPT_HELP:
		p->help = true;
		argp_state_help(state, stdout,
				ARGP_HELP_SHORT_USAGE | ARGP_HELP_DOC | ARGP_HELP_LONG);
		break;
	case ARGP_KEY_ARG:
		parse_word(p, arg);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const char *args_doc(unsigned int set)
{
	if (set & OPTIONS_PATTERN)
		return "[PATTERN]";
	return set & OPTIONS_WHAT ? "WHAT" : NULL;
}

int options_parse(unsigned int set, const char *doc, int argc, char **argv, struct options *out)
{
	struct argp_option options[ENTRIES_N + 1] = {};
	struct argp argp = {options, parse_opt, args_doc(set), doc, NULL, NULL, NULL};
	struct parsing p = {.out = out, .set = set};
	size_t n = 0;

	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < ENTRIES_N; i++)
		if (!entries[i].set || (entries[i].set & set))
			options[n++] = entries[i].option;
	if (argp_parse(&argp, argc, argv, ARGP_NO_HELP | ARGP_NO_EXIT, NULL, &p))
		return EXIT_USAGE;
	if (p.help)
		return EXIT_FINE;
	if ((set & OPTIONS_TARGET) == OPTIONS_TARGET && !p.pid_given)
		mistake(&p, "which process? give its PID with --pid");
	if (out->state_path && !out->rules_n)
		mistake(&p, "--state: there are no alerts of rules to keep without --rules");
	return p.mistakes ? EXIT_USAGE : -1;
}
