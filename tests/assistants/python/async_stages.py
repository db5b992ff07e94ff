# SPDX-License-Identifier: GPL-2.0-only
"""The same stages as coroutines: the engines work in threads of a pool, the loop serves others."""

import asyncio


async def delay(session, stage):
    """As Session.delay(), but the loop goes on."""
    slow_ns = session.faults.value(f"slow-{stage}")
    if slow_ns:
        await asyncio.sleep(slow_ns / 1e9)
    hang_ns = session.faults.once(f"hang-{stage}") if stage != "wake" else 0
    if hang_ns:
        try:
            await asyncio.wait_for(asyncio.Event().wait(), hang_ns / 1e9)
        except asyncio.TimeoutError:
            pass


async def wake_word(session, frames):
    """How many frames it took until the user had said it; None where it was not heard."""
    await delay(session, "wake")
    return await session.work(hear_wake_word, session.spotter, frames)


def hear_wake_word(spotter, frames):
    for count, frame in enumerate(frames, 1):
        if spotter.hear(frame):
            spotter.rearm()
            return count
    return None


async def transcribe(session):
    await session.work(session.recognizer.end)
    await delay(session, "stt")
    text = await session.work(session.recognizer.text)
    session.check("stt-error")
    return text


async def parse_intent(session, text):
    await delay(session, "intent")
    await session.work(session.burn, "cpu-intent")
    session.check("intent-error")
    return await session.work(session.knowledge.find_intent, text) if text else None


async def respond(session, intent, text):
    await delay(session, "response")
    session.check("response-error")
    return await session.work(session.knowledge.find_answer, intent, text)


async def synthesize(session, answer):
    await delay(session, "tts")
    sound = await session.work(session.voice.speak, answer)
    session.check("tts-error")
    return sound
