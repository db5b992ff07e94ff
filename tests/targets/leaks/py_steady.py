#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Sessions that point to themselves, so that the garbage collector alone frees them, and the last
two thousand answers."""

import collections

from leaks import Program, usual_work

ANSWERS = collections.OrderedDict()
LIMIT = 2000


class Session:
    def __init__(self, number):
        self.number = number
        self.itself = self
        self.heard = bytearray(200)


def answer(number):
    Session(number)
    ANSWERS[number] = {"text": str(number) * 5, "score": number / 3}
    if len(ANSWERS) > LIMIT:
        ANSWERS.popitem(last=False)
    return usual_work(number)


for each in range(LIMIT):
    answer(-each)
Program(work=answer).run()
