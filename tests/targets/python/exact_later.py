# SPDX-License-Identifier: GPL-2.0-only
"""A module that exact.py imports when told to."""

import time


def arrived():
    time.sleep(0.001)
