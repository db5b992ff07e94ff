# SPDX-License-Identifier: GPL-2.0-only
"""The speech engines: pocketsphinx by Debian's binding, espeak-ng through ctypes."""

import ctypes
import threading

from pocketsphinx import Decoder

DEFAULT_MODEL = "/usr/share/pocketsphinx/model/en-us/en-us"


def open_decoder(audio, model):
    config = Decoder.default_config()
    config.set_string("-hmm", model)
    config.set_string("-dict", f"{audio}/commands.dic")
    config.set_string("-logfn", "/dev/null")
    config.set_float("-kws_threshold", 1e-20)
    return Decoder(config)


class WakeWord:
    """Keyphrase spotting, a frame at a time."""

    def __init__(self, audio, model):
        self.decoder = open_decoder(audio, model)
        self.decoder.set_keyphrase("wake", "alice")
        self.decoder.set_search("wake")
        self.decoder.start_utt()

    def hear(self, frame):
        self.decoder.process_raw(frame, False, False)
        return self.decoder.hyp() is not None

    def rearm(self):
        self.decoder.end_utt()
        self.decoder.start_utt()


class Recognizer:
    """Speech to text with the language model of the corpus."""

    def __init__(self, audio, model):
        self.decoder = open_decoder(audio, model)
        self.decoder.set_lm_file("commands", f"{audio}/commands.lm")
        self.decoder.set_search("commands")

    def begin(self):
        self.decoder.start_utt()

    def hear(self, frame):
        self.decoder.process_raw(frame, False, False)

    def end(self):
        self.decoder.end_utt()

    def text(self):
        hypothesis = self.decoder.hyp()
        return hypothesis.hypstr if hypothesis else ""


SYNCHRONOUS = 2  # AUDIO_OUTPUT_SYNCHRONOUS
DONT_EXIT = 1 << 15
POS_CHARACTER = 1
UTF8 = 1  # espeakCHARS_UTF8
TAKE_SOUND = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
)


class Voice:
    """espeak-ng: one for the process, not reentrant, so users queue for it."""

    def __init__(self):
        self.lock = threading.Lock()
        self.library = ctypes.CDLL("libespeak-ng.so.1")
        self.rate = self.library.espeak_Initialize(SYNCHRONOUS, 200, None, DONT_EXIT)
        if self.rate <= 0 or self.library.espeak_SetVoiceByName(b"en"):
            raise RuntimeError("espeak-ng does not start")
        self.sound, self.begun = bytearray(), None
        self.callback = TAKE_SOUND(self.take)  # the library keeps only its address
        self.library.espeak_SetSynthCallback(self.callback)

    def take(self, sound, samples, _events):
        if sound and samples > 0:
            if self.begun and not self.sound:
                self.begun()
            self.sound += ctypes.string_at(sound, 2 * samples)
        return 0

    def speak(self, answer, begun=None):
        """The sound of one answer, s16le at self.rate; begun() when the first of it is there."""
        text = answer.encode() + b"\0"
        size = ctypes.c_size_t(len(text))
        with self.lock:
            self.sound, self.begun = bytearray(), begun
            if self.library.espeak_Synth(text, size, 0, POS_CHARACTER, 0, UTF8, None, None):
                raise RuntimeError("espeak-ng does not speak")
            return self.sound
