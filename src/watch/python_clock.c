/* SPDX-License-Identifier: GPL-2.0-only */
#include "watch/python_clock.h"

#include "cheshire/wire_python.h"
#include "keeper/keeper.h"
#include "kernel/python.h"
#include "log/log.h"

static int set(struct python_clock *c, struct loader *loader, struct keeper *keeper)
{
	struct wire_python *conf = python_conf(loader);
	uint32_t hz = 0;
	int err;

	for (int i = 0; i < PYTHON_CLOCK_USERS; i++)
		hz = c->wanted_hz[i] > hz ? c->wanted_hz[i] : hz;
	if (hz == c->hz)
		return 0;
	if (conf && hz)
		__atomic_store_n(&conf->tick_ns, 1000000000U / hz, __ATOMIC_RELAXED);
	err = keeper__ticks(keeper, hz);
	/* Where the new ones could not be made, the old ones are gone too. */
	c->hz = err ? 0 : hz;
	return err;
}

int python_clock_want(struct python_clock *c, struct loader *loader, struct keeper *keeper,
		      enum python_clock_user user, uint32_t hz)
{
	int err;

	c->wanted_hz[user] = hz;
	err = set(c, loader, keeper);
	if (!err)
		return 0;
	c->wanted_hz[user] = 0;
	if (set(c, loader, keeper))
		log_info("the clocks of Python threads could not be set again");
	return err;
}
