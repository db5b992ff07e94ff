# SPDX-License-Identifier: GPL-2.0-only
"""One turn as it is logged: its spans in their order, and how it ended."""

from journal import Span

STAGES = ("wake_word", "stt", "intent", "response", "tts")


class Turn:
    def __init__(self, session, utterance):
        self.session = session
        self.expected = utterance
        self.number = session.turns
        self.outcome = "complete"
        self.heard, self.intent, self.kept_bytes = "", None, 0
        self.spans = {}
        session.turns += 1

    def span(self, stage):
        """Times one stage; the wake word's frames, of which the last is the one that counts."""
        self.spans[stage] = Span(stage, self.session.user, self.number)
        return self.spans[stage]

    def log(self):
        """A turn without the end of speech is logged with a start of 0."""
        spans = [self.spans[stage].fields for stage in STAGES if stage in self.spans]
        for fields in spans:
            self.session.journal.line("span", **fields)
        stt = self.spans.get("stt")
        wake = self.spans.get("wake_word")
        self.session.journal.line(
            "turn",
            user=self.session.user,
            turn=self.number,
            outcome=self.outcome,
            start_ns=stt.fields["start_ns"] if stt else 0,
            end_ns=spans[-1]["end_ns"] if spans else 0,
            wake_ns=wake.fields["end_ns"] if wake else 0,
            expected=self.expected,
            heard=self.heard,
            matched=self.heard == self.expected,
            intent=self.intent or "",
            kept_bytes=self.kept_bytes,
        )
