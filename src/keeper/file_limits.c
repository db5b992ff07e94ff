/* SPDX-License-Identifier: GPL-2.0-only */
#include "keeper/file_limits.h"

#include <errno.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Linux 6.2, newer than the headers may be. */
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif

#define REFER_VERSION	 2
#define TRUNCATE_VERSION 3

#define STATE_RIGHTS                                                                               \
	((uint64_t)(LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG |                  \
		    LANDLOCK_ACCESS_FS_REMOVE_FILE))

/* Everything but reading, as far as the kernel knows of it. */
static uint64_t rights_of(long version)
{
	uint64_t rights = STATE_RIGHTS | LANDLOCK_ACCESS_FS_EXECUTE |
			  LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_MAKE_CHAR |
			  LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_SOCK |
			  LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |
			  LANDLOCK_ACCESS_FS_MAKE_SYM;

	if (version >= REFER_VERSION)
		rights |= LANDLOCK_ACCESS_FS_REFER;
	if (version >= TRUNCATE_VERSION)
		rights |= LANDLOCK_ACCESS_FS_TRUNCATE;
	return rights;
}

static int allow(int ruleset, int dir_fd)
{
	const struct landlock_path_beneath_attr attr = {.allowed_access = STATE_RIGHTS,
							.parent_fd = dir_fd};

	if (dir_fd < 0)
		return 0;
	return syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &attr, 0)
		       ? -errno
		       : 0;
}

int file_limits_apply(int dir_fd)
{
	long version = syscall(SYS_landlock_create_ruleset, NULL, 0UL,
			       (unsigned long)LANDLOCK_CREATE_RULESET_VERSION);
	struct landlock_ruleset_attr attr = {};
	int ruleset, err;

	if (version < 1)
		return version < 0 && errno != ENOSYS ? -errno : -EOPNOTSUPP;
	attr.handled_access_fs = rights_of(version);
	ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0UL);
	if (ruleset < 0)
		return -errno;
	err = allow(ruleset, dir_fd);
	if (!err && syscall(SYS_landlock_restrict_self, ruleset, 0UL))
		err = -errno;
	close(ruleset);
	return err;
}
