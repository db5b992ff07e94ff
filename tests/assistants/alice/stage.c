/* SPDX-License-Identifier: GPL-2.0-only */
#include "stage.h"

#include <pthread.h>

#include "clock.h"

void stage_hangs(enum fault_kind hang)
{
	pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	pthread_cond_t never = PTHREAD_COND_INITIALIZER;
	struct timespec until;
	uint64_t value_ns;

	if (!fault_once(hang, &value_ns))
		return;
	until = to_timespec(now_ns() + value_ns);
	pthread_mutex_lock(&lock);
	while (pthread_cond_clockwait(&never, &lock, CLOCK_MONOTONIC, &until) == 0)
		;
	pthread_mutex_unlock(&lock);
}

void stage_delays(enum fault_kind slow, enum fault_kind hang)
{
	uint64_t value_ns;

	if (fault_active(slow, &value_ns))
		sleep_ns(value_ns);
	stage_hangs(hang);
}
