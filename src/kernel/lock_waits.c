/* SPDX-License-Identifier: GPL-2.0-only */
#include "kernel/lock_waits.h"

#include "kernel/loader_state.h"
#include "kernel/snapshot.h"

int lock_waits_open(struct loader *l, struct snapshot **out)
{
	return snapshot__open(l->link_fds[LOADER_LINK_LOCK_WAITS], sizeof(struct wire_lock_wait),
			      out);
}
