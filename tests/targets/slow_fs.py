#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""A file system with one file whose far end comes slowly, as from a disk that is failing.

  slow_fs.py FILE MOUNTPOINT OFFSET SECONDS

MOUNTPOINT/library.so is FILE; a reading that reaches OFFSET takes SECONDS.  Says `ready` when it is
mounted, and a line `slow` for each slow reading; ends with its mount, or by a signal.
"""

import errno
import os
import stat
import sys
import time

sys.path.append("/usr/lib/python3/dist-packages")

import fusepy as fuse  # noqa: E402  (of the package python3-fusepy)

NAME = "/library.so"


class SlowFile(fuse.Operations):
    """Read only."""

    def __init__(self, path, offset, seconds):
        self.data = open(path, "rb").read()
        self.offset = offset
        self.seconds = seconds

    def init(self, _path):
        print("ready", flush=True)

    def getattr(self, path, _handle=None):
        if path == "/":
            return {"st_mode": stat.S_IFDIR | 0o755, "st_nlink": 2}
        if path != NAME:
            raise fuse.FuseOSError(errno.ENOENT)
        return {"st_mode": stat.S_IFREG | 0o755, "st_nlink": 1, "st_size": len(self.data)}

    def readdir(self, _path, _handle):
        return [".", "..", NAME[1:]]

    def read(self, _path, size, offset, _handle):
        if offset + size > self.offset:
            print("slow", flush=True)
            time.sleep(self.seconds)
        return self.data[offset : offset + size]


def main():
    path, mountpoint, offset, seconds = sys.argv[1:]
    slow = SlowFile(path, int(offset), float(seconds))
    fuse.FUSE(slow, mountpoint, foreground=True, nothreads=True, ro=True, fsname="slow")
    return 0


if __name__ == "__main__":
    sys.exit(main())
