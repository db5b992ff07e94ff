# SPDX-License-Identifier: GPL-2.0-only
"""One user: decoders and a data base of their own; faults, journal and voice are everybody's."""

import threading
import time

from knowledge import Knowledge
from speech import Recognizer, WakeWord


class StageError(Exception):
    """A stage that was told to fail."""


class Session:
    def __init__(self, user, options, shared):
        self.user = user
        self.faults, self.journal, self.voice = shared.faults, shared.journal, shared.voice
        self.lock = shared.catalogue_lock
        self.kept = shared.kept
        self.spotter = WakeWord(options.audio, options.model)
        self.recognizer = Recognizer(options.audio, options.model)
        self.knowledge = Knowledge()
        self.turns = 0

    def check(self, fault):
        if self.faults.share(fault, self.turns):
            raise StageError(fault)

    def delay(self, stage):
        """Sleeps, or waits for what never comes, where the faults say so."""
        slow_ns = self.faults.value(f"slow-{stage}")
        if slow_ns:
            time.sleep(slow_ns / 1e9)
        if stage == "wake":
            return
        hang_ns = self.faults.once(f"hang-{stage}")
        if hang_ns:
            threading.Event().wait(hang_ns / 1e9)

    def burn(self, fault):
        """Uses the CPU for so long as the fault says."""
        busy_ns = self.faults.value(fault)
        until_ns = time.thread_time_ns() + busy_ns
        while busy_ns and time.thread_time_ns() < until_ns:
            pass

    def wait_for_catalogue(self):
        """Another thread holds the lock for as long as the fault says."""
        value_ns = self.faults.value("lock")
        if not value_ns:
            return
        begun = threading.Event()
        threading.Thread(target=self.change_catalogue, args=(value_ns, begun)).start()
        begun.wait()
        with self.lock:
            pass

    def change_catalogue(self, value_ns, begun):
        with self.lock:
            begun.set()
            time.sleep(value_ns / 1e9)

    def keep(self, recording):
        """Keeps the sound of a turn for ever, where the fault says so; how many bytes."""
        if not self.faults.share("keep-audio", self.turns):
            return 0
        self.kept.append(recording)
        return len(recording)


class Shared:
    """What all users have in common."""

    def __init__(self, faults, journal, voice):
        self.faults, self.journal, self.voice = faults, journal, voice
        self.catalogue_lock = threading.Lock()
        self.kept = []
