#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""The demo assistant in Python as a server: one asyncio loop, sessions over HTTP on 127.0.0.1.

POST /sessions/N/turns with the sound of one utterance (16 kHz, mono, s16le) is one turn of user N;
the answer is its sound. client.py speaks to it.
"""

import argparse
import asyncio
import functools
import signal
import time
from concurrent.futures import ThreadPoolExecutor

from aiohttp import web

import async_stages
from assistant import FRAME_BYTES
from corpus import Corpus
from faults import Faults, parse_amount
from journal import Journal
from runner import TICK_S, Runner
from session import Session, StageError
from speech import DEFAULT_MODEL
from turn import Turn


class AsyncSession(Session):
    def __init__(self, user, options, shared, pool):
        super().__init__(user, options, shared)
        self.pool = pool
        self.busy = asyncio.Lock()

    async def work(self, function, *args):
        """Calls it in a thread of the pool."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.pool, functools.partial(function, *args))


class Server:
    def __init__(self, options, runner, sessions):
        self.options, self.runner, self.sessions = options, runner, sessions
        room = Corpus(options.audio).room
        self.room = [room[at:at + FRAME_BYTES] for at in range(0, 25 * FRAME_BYTES, FRAME_BYTES)]

    async def handle_turn(self, request):
        user = int(request.match_info["user"])
        if user >= len(self.sessions):
            raise web.HTTPNotFound(text="no such session\n")
        sound = await request.read()
        session = self.sessions[user]
        async with session.busy:
            turn = Turn(session, request.headers.get("X-Expected", ""))
            answer = await self.one_turn(session, turn, sound)
            turn.log()
        return web.Response(body=bytes(answer), content_type="audio/L16")

    async def one_turn(self, session, turn, sound):
        frames = [sound[at:at + FRAME_BYTES] for at in range(0, len(sound), FRAME_BYTES)]
        with turn.span("wake_word"):
            taken = await async_stages.wake_word(session, frames + self.room)
        if taken is None:
            turn.outcome = "missed"
            return b""
        await session.work(listen, session.recognizer, frames[taken:] or self.room)
        await self.understand(session, turn)
        turn.kept_bytes = session.keep(bytearray(sound))
        if session.faults.active("barge-in"):
            turn.outcome = "interrupted"
            return b""
        return await self.answer(session, turn)

    async def understand(self, session, turn):
        try:
            with turn.span("stt"):
                turn.heard = await async_stages.transcribe(session)
            await asyncio.sleep(session.faults.value("gap") / 1e9)
            with turn.span("intent"):
                turn.intent = await async_stages.parse_intent(session, turn.heard)
        except StageError:
            turn.intent = None

    async def answer(self, session, turn):
        answer = "I am sorry."
        try:
            with turn.span("response"):
                answer = await async_stages.respond(session, turn.intent, turn.heard)
        except StageError:
            pass
        if session.faults.active("no-tts"):
            turn.outcome = "abandoned"
            return b""
        try:
            with turn.span("tts"):
                return await async_stages.synthesize(session, answer)
        except StageError:
            return b""

    async def serve(self):
        """Until a signal or the end of the duration."""
        app = web.Application()
        app.router.add_post("/sessions/{user}/turns", self.handle_turn)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", self.options.port)
        await site.start()
        port = site._server.sockets[0].getsockname()[1]
        stopped = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopped.set)
        self.runner.ready(f", port {port}")
        begun_s = flushed_s = time.monotonic()
        while not stopped.is_set():
            try:
                await asyncio.wait_for(stopped.wait(), TICK_S)
            except asyncio.TimeoutError:
                pass
            now_s = time.monotonic()
            self.runner.tick()
            if now_s - flushed_s >= 1:
                self.runner.journal.flush()
                flushed_s = now_s
            if self.options.duration_ns and now_s - begun_s >= self.options.duration_ns / 1e9:
                break
        self.runner.stop.set()
        await runner.cleanup()


def listen(recognizer, frames):
    """What was said after the wake word, up to its end."""
    recognizer.begin()
    for frame in frames:
        recognizer.hear(frame)


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--users", type=int, default=1)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--duration", dest="duration_ns", type=parse_amount)
    parser.add_argument("--audio", default="build/corpus")
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--log")
    parser.add_argument("--fault", action="append", default=[])
    return parser.parse_args()


def main():
    options = parse_options()
    journal = Journal(options.log)
    runner = Runner(Faults(options.fault, journal), journal)
    journal.line("start", pid=runner.pid, users=options.users, fast=True, tts="espeak",
                 at_ns=time.perf_counter_ns())
    with ThreadPoolExecutor(options.users, "engine") as pool:
        sessions = [
            AsyncSession(user, options, runner.shared, pool) for user in range(options.users)
        ]
        asyncio.run(Server(options, runner, sessions).serve())
    runner.end(sum(session.turns for session in sessions))


if __name__ == "__main__":
    main()
