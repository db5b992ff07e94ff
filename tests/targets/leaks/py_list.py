#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Every session is put on a list that nobody looks at again."""

import sys

from leaks import Program, line_of

SESSIONS = []


class Session:
    def __init__(self, number):
        self.number = number
        self.heard = bytearray(200)


def remember(number):
    session = Session(number)
    SESSIONS.append(session)
    return sum(map(sys.getsizeof, (session, session.__dict__, session.heard)))


Program(
    leak=remember,
    site={"python_type": "Session", "function": "remember", "file": "py_list.py",
          "line": line_of(remember, "Session(")},
).run()
