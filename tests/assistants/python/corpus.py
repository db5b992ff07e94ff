# SPDX-License-Identifier: GPL-2.0-only
"""What users say, and the sound of the room between: 16 kHz, mono, s16le."""

from pathlib import Path

SAMPLE_RATE = 16000
SAMPLE_BYTES = 2


class Utterance:
    def __init__(self, folder, line):
        name, command_at, self.text = line.split("\t")
        self.command_at = int(command_at) * SAMPLE_BYTES
        self.sound = (folder / name).read_bytes()


class Corpus:
    def __init__(self, folder):
        folder = Path(folder)
        lines = (folder / "manifest.tsv").read_text(encoding="utf-8").splitlines()
        self.utterances = [Utterance(folder, line) for line in lines]
        self.room = (folder / "room.raw").read_bytes()


class Microphone:
    """Frames of what is said, of the room's sound when nobody speaks, in real time or at once."""

    def __init__(self, corpus, frame_bytes):
        self.corpus = corpus
        self.frame_bytes = frame_bytes
        self.sound, self.at, self.room_at = b"", 0, 0

    def say(self, sound):
        self.sound, self.at = sound, 0

    def quiet(self):
        return self.at >= len(self.sound)

    def room(self, count):
        out = self.corpus.room[self.room_at:self.room_at + count]
        self.room_at += count
        if len(out) < count:
            self.room_at = count - len(out)
            out += self.corpus.room[:self.room_at]
        return out

    def read(self):
        frame = self.sound[self.at:self.at + self.frame_bytes]
        self.at += self.frame_bytes
        return frame + self.room(self.frame_bytes - len(frame))
