# SPDX-License-Identifier: GPL-2.0-only
"""The stages, as an operator names them: python:stages.py:transcribe."""


def wake_word(session, frame):
    """True where the user has said it by the end of this frame."""
    session.delay("wake")
    return session.spotter.hear(frame)


def transcribe(session):
    """The text of what was said."""
    session.recognizer.end()
    session.delay("stt")
    text = session.recognizer.text()
    session.check("stt-error")
    return text


def parse_intent(session, text):
    session.delay("intent")
    session.burn("cpu-intent")
    session.wait_for_catalogue()
    session.check("intent-error")
    return session.knowledge.find_intent(text) if text else None


def respond(session, intent, text):
    session.delay("response")
    session.check("response-error")
    return session.knowledge.find_answer(intent, text)


def synthesize(session, answer):
    """The sound of the answer."""
    sound = session.voice.speak(answer, lambda: session.delay("tts"))
    session.check("tts-error")
    return sound
