/* SPDX-License-Identifier: GPL-2.0-only */
#include "stop.h"

#include <stdatomic.h>

static atomic_bool stop;

void stop_request(void)
{
	stop = true;
}

bool stop_requested(void)
{
	return stop;
}
