#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""A cache of answers, by a question that never comes again."""

import sys

from leaks import Program, line_of

ANSWERS = {}


class Answer:
    __slots__ = ("text", "score", "when")

    def __init__(self, text, score, when):
        self.text, self.score, self.when = text, score, when


def cache_answer(number):
    question = f"question {number}"
    answer = Answer(f"the answer to {number} " * 4, number / 7, float(number))
    ANSWERS[question] = answer
    return sum(map(sys.getsizeof, (question, answer, answer.text, answer.score, answer.when)))


Program(
    leak=cache_answer,
    site={"python_type": "Answer", "function": "cache_answer", "file": "held_py_dict.py",
          "line": line_of(cache_answer, "Answer(")},
).run()
