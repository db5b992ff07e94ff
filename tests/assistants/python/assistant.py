#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""The demo assistant in Python: a thread for each user, the stages one after the other."""

import argparse
import threading
import time

import stages
from corpus import SAMPLE_BYTES, SAMPLE_RATE, Corpus, Microphone
from faults import Faults, parse_amount
from journal import Journal
from runner import Runner
from session import Session, StageError
from speech import DEFAULT_MODEL
from turn import Turn

FRAME_MS = 20
FRAME_BYTES = SAMPLE_RATE * FRAME_MS // 1000 * SAMPLE_BYTES
GRACE_FRAMES = 500 // FRAME_MS  # the spotter reports some 100 ms late


class Conversation(threading.Thread):
    """One user's thread."""

    def __init__(self, session, corpus, options, stop):
        super().__init__(name=f"user-{session.user}")
        self.session, self.corpus, self.options, self.stop = session, corpus, options, stop
        self.microphone = Microphone(corpus, FRAME_BYTES)
        self.next_frame_s = time.monotonic()

    def run(self):
        count = len(self.corpus.utterances)
        follow_up = False
        while self.options.turns == 0 and not self.stop.is_set():
            stages.wake_word(self.session, self.read_frame())
        while not self.stop.is_set():
            number = self.session.turns
            if self.options.turns is not None and number >= self.options.turns:
                break
            utterance = self.corpus.utterances[(number + 5 * self.session.user) % count]
            turn = Turn(self.session, utterance.text)
            self.one_turn(turn, utterance, follow_up)
            turn.log()
            follow_up = turn.outcome == "interrupted"
            if not follow_up:
                self.stop.wait(self.options.pause_ns / 1e9)

    def one_turn(self, turn, utterance, follow_up):
        self.microphone.say(utterance.sound[utterance.command_at if follow_up else 0:])
        if not follow_up and not self.wait_for_wake_word(turn):
            turn.outcome = "unfinished" if self.stop.is_set() else "missed"
            return
        recording = self.listen()
        self.understand(turn)
        turn.kept_bytes = self.session.keep(recording)
        if self.session.faults.active("barge-in"):
            turn.outcome = "interrupted"
            return
        self.answer(turn)

    def read_frame(self):
        if not self.options.fast:
            self.next_frame_s += FRAME_MS / 1e3
            time.sleep(max(0.0, self.next_frame_s - time.monotonic()))
            self.next_frame_s = max(self.next_frame_s, time.monotonic() - 1)
        return self.microphone.read()

    def wait_for_wake_word(self, turn):
        grace = GRACE_FRAMES
        while grace and not self.stop.is_set():
            frame = self.read_frame()
            with turn.span("wake_word") as span:
                hit = stages.wake_word(self.session, frame)
            if self.options.log_frames:
                fields = {name: span.fields[name] for name in ("user", "start_ns", "end_ns")}
                self.session.journal.line("frame", hit=hit, **fields)
            if hit:
                self.session.spotter.rearm()
                return True
            grace -= self.microphone.quiet()
        del turn.spans["wake_word"]
        return False

    def listen(self):
        """Feeds the recognizer until the user is silent; the recording."""
        recording = bytearray()
        self.session.recognizer.begin()
        while True:
            frame = self.read_frame()
            recording += frame
            self.session.recognizer.hear(frame)
            if self.microphone.quiet():
                return recording

    def understand(self, turn):
        try:
            with turn.span("stt"):
                turn.heard = stages.transcribe(self.session)
            gap_ns = self.session.faults.value("gap")
            if gap_ns:
                time.sleep(gap_ns / 1e9)
            with turn.span("intent"):
                turn.intent = stages.parse_intent(self.session, turn.heard)
        except StageError:
            turn.intent = None

    def answer(self, turn):
        answer = "I am sorry."
        try:
            with turn.span("response"):
                answer = stages.respond(self.session, turn.intent, turn.heard)
        except StageError:
            pass
        if self.session.faults.active("no-tts"):
            turn.outcome = "abandoned"
            return
        try:
            with turn.span("tts"):
                stages.synthesize(self.session, answer)
        except StageError:
            pass


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=1)
    parser.add_argument("--turns", type=int)
    parser.add_argument("--duration", dest="duration_ns", type=parse_amount)
    parser.add_argument("--pause", dest="pause_ns", type=parse_amount)
    parser.add_argument("--fast", action="store_true")
    parser.add_argument("--audio", default="build/corpus")
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--log")
    parser.add_argument("--log-frames", action="store_true")
    parser.add_argument("--fault", action="append", default=[])
    options = parser.parse_args()
    if options.turns is None and options.duration_ns is None:
        options.turns = 10
    if options.pause_ns is None:
        options.pause_ns = 0 if options.fast else 2_000_000_000
    return options


def main():
    options = parse_options()
    journal = Journal(options.log)
    runner = Runner(Faults(options.fault, journal), journal)
    journal.line("start", pid=runner.pid, users=options.users, fast=options.fast, tts="espeak",
                 at_ns=time.perf_counter_ns())
    corpus = Corpus(options.audio)
    users = [
        Conversation(Session(user, options, runner.shared), corpus, options, runner.stop)
        for user in range(options.users)
    ]
    runner.ready()
    for user in users:
        user.start()
    runner.until(lambda: not any(user.is_alive() for user in users), options.duration_ns)
    for user in users:
        user.join()
    runner.end(sum(user.session.turns for user in users))


if __name__ == "__main__":
    main()
