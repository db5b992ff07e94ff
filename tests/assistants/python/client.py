#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Users of server.py: each a thread and a connection, turn after turn; fails if an answer does."""

import argparse
import http.client
import sys
import threading
import time

from corpus import Corpus
from faults import parse_amount


def speak(user, options, corpus, failures):
    connection = http.client.HTTPConnection("127.0.0.1", options.port, timeout=60)
    count = len(corpus.utterances)
    try:
        for number in range(options.turns):
            utterance = corpus.utterances[(number + 5 * user) % count]
            connection.request(
                "POST", f"/sessions/{user}/turns", utterance.sound,
                {"X-Expected": utterance.text},
            )
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                failures.append(f"user {user}, turn {number}: status {answer.status}")
            time.sleep(options.pause_ns / 1e9)
    except (OSError, http.client.HTTPException) as error:
        failures.append(f"user {user}: {error}")
    finally:
        connection.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--users", type=int, default=1)
    parser.add_argument("--turns", type=int, default=10)
    parser.add_argument("--pause", dest="pause_ns", type=parse_amount, default=0)
    parser.add_argument("--audio", default="build/corpus")
    options = parser.parse_args()
    corpus, failures = Corpus(options.audio), []
    users = [
        threading.Thread(target=speak, args=(user, options, corpus, failures))
        for user in range(options.users)
    ]
    for user in users:
        user.start()
    for user in users:
        user.join()
    print("\n".join(failures), end="", file=sys.stderr)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
