#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""make-lm.py COMMANDS: a bigram language model (ARPA) of the sentences of commands.txt.

Every pattern has the same weight, however many sentences it stands for. Absolute discounting of
the bigrams leaves a little for the unigrams, so that an odd order of words is still heard.
"""
import itertools
import math
import re
import sys
from collections import Counter, defaultdict

MACROS = {
    "number": "(one|two|three|four|five|six|seven|eight|nine|ten)",
    "rank": "(ace|jack|queen|king|lady|two|three|four|five|six|seven|eight|nine|ten)",
    "suit": "(clubs|hearts|diamonds|spades)",
}
BACKOFF = 0.001


def expand(pattern):
    """All sentences of one pattern."""
    for name, choice in MACROS.items():
        pattern = pattern.replace("{%s}" % name, choice)
    parts = re.split(r"\(([^)]*)\)", pattern)
    choices = [part.split("|") if i % 2 else [part] for i, part in enumerate(parts)]
    return ["".join(words) for words in itertools.product(*choices)]


def count(lines):
    """Weighted counts of words and of pairs."""
    single, pairs = Counter(), defaultdict(Counter)
    for line in lines:
        sentences = expand(line)
        for sentence in sentences:
            words = ["<s>", *sentence.split(), "</s>"]
            for word in words:
                single[word] += 1 / len(sentences)
            for a, b in zip(words, words[1:]):
                pairs[a][b] += 1 / len(sentences)
    return single, pairs


def arpa(single, pairs, out):
    words = sorted(single)
    total = sum(n for w, n in single.items() if w != "<s>")
    prob = {w: single[w] / total for w in words}
    cnt = sum(len(nexts) for nexts in pairs.values())
    print("\\data\\\nngram 1=%d\nngram 2=%d\n\n\\1-grams:" % (len(words), cnt), file=out)
    for w in words:
        p = -99 if w == "<s>" else math.log10(prob[w])
        # What the seen successors leave, spread over the others by their own frequency.
        rest = 1 - sum(prob[b] for b in pairs[w] if b != "<s>") if w in pairs else 1
        print("%.4f %s %.4f" % (p, w, math.log10(BACKOFF / max(rest, 1e-6))), file=out)
    print("\n\\2-grams:", file=out)
    for a in sorted(pairs):
        seen = sum(pairs[a].values())
        for b in sorted(pairs[a]):
            p = (1 - BACKOFF) * pairs[a][b] / seen
            print("%.4f %s %s" % (math.log10(p), a, b), file=out)
    print("\n\\end\\", file=out)


def main():
    with open(sys.argv[1], encoding="ascii") as f:
        lines = [line.strip() for line in f if line.strip() and not line.startswith("#")]
    arpa(*count(lines), sys.stdout)


if __name__ == "__main__":
    main()
