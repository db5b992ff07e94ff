/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fuzz_config.c - any bytes as a configuration, as an engine of the catalogue and as a value.
 *
 * Beyond not crashing: a refusal has a reason, what is accepted has none, messages hold nothing
 * that a terminal would obey, and a printed value reads back as itself.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/catalogue.h"
#include "config/config.h"
#include "config/expr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int holds)
{
	if (!holds)
		abort();
}

static void check_messages(const struct config_errors *errors)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	check(out != NULL);
	config_errors__print(errors, out);
	fclose(out);
	for (size_t i = 0; i < len; i++)
		check(text[i] == '\n' || ((unsigned char)text[i] >= 0x20 && text[i] != 0x7f));
	free(text);
}

static void try_config(const char *data, size_t size)
{
	struct config_errors *errors = config_errors__new();
	struct config *config;
	int err = config_parse("fuzz.yaml", data, size, errors, &config);

	check(!err == !config_errors__count(errors));
	check(!err == (config != NULL));
	check_messages(errors);
	config_free(config);
	config_errors__free(errors);
}

static void try_engine(const char *data, size_t size)
{
	struct config_errors *errors = config_errors__new();
	struct engine engine;
	int err = engine_parse("fuzz.yaml", data, size, errors, &engine);

	check(!err == !config_errors__count(errors));
	config_free(engine.config);
	config_errors__free(errors);
}

static void try_value(const char *data, size_t size, unsigned int flags)
{
	char text[256], printed[EXPR_TEXT_MAX], err[256] = "";
	struct wire_value value, again;
	size_t at;

	if (size >= sizeof(text))
		return;
	memcpy(text, data, size);
	text[size] = '\0';
	if (expr_parse(text, flags, -1, &value, err, sizeof(err), &at)) {
		check(err[0] && at <= strlen(text));
		return;
	}
	expr_print(&value, printed, sizeof(printed));
	check(!expr_parse(printed, flags, -1, &again, err, sizeof(err), &at));
	check(!memcmp(&value, &again, sizeof(value)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	try_config((const char *)data, size);
	try_engine((const char *)data, size);
	try_value((const char *)data, size, 0);
	try_value((const char *)data, size, EXPR_CONDITION);
	try_value((const char *)data, size, EXPR_CONSTANT | EXPR_NO_RET);
	return 0;
}
