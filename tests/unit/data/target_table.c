/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Functions that are reached through tables only, in the manner of an API with versions: what the
 * exported function returns has a function in slot 0 that returns the table, or NULL with a
 * message.
 */
#include <stddef.h>
#include <stdio.h>

struct api {
	int (*slot[12])(int);
};

struct api_base {
	const struct api *(*get_api)(unsigned version);
	const char *(*get_version)(void);
};

static __attribute__((noinline)) int first(int x)
{
	return x * 3 + 1;
}

static __attribute__((noinline)) int second(int x)
{
	return x * 5 + 2;
}

static const struct api table = {{[0] = first, [9] = second}};
static const struct api other = {{[0] = second, [3] = first}};

static const struct api *get_api(unsigned version)
{
	if (version >= 1 && version <= 28)
		return &table;
	fprintf(stderr, "version %u is not there\n", version);
	return NULL;
}

static const char *get_version(void)
{
	return "1.2.3";
}

static const struct api_base base = {get_api, get_version};

const struct api_base *table_get_base(void);
const struct api_base *table_get_base(void)
{
	return &base;
}

/* Two tables with a function in slot 0, one with a function in slot 3. */
const struct api *table_get_any(int which);
const struct api *table_get_any(int which)
{
	return which ? &table : &other;
}
