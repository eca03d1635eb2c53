"""A scheduler of threads: one thread runs up to an instruction drawn at random, then another one continues.

Left to the interpreter, threads of short calls hardly ever meet inside a call. Here each thread is traced through the
watched code, instruction by instruction, and hands over at the instructions of its plan. A thread that waits for longer
than PATIENCE_SECONDS continues unasked, for the running one may wait for a lock that it holds. Without a plan the
interpreter schedules the threads.
"""

from __future__ import annotations

import random
import sys
import threading
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from types import FrameType
from typing import Any

PATIENCE_SECONDS = 0.0005
STOPS = 3  # of each thread, in a round that is steered


class ThreadScheduler:
    """Threads that live for many rounds; in a round each runs one job."""

    def __init__(self, size: int, watched: Sequence[str]) -> None:
        self.watched = tuple(watched)
        self.jobs: list[SimpleQueue[Any]] = [SimpleQueue() for _ in range(size)]
        self.permits: list[SimpleQueue[None]] = [SimpleQueue() for _ in range(size)]
        self.done: SimpleQueue[BaseException | None] = SimpleQueue()
        self.busy: set[int] = set()
        self.reach = 100  # instructions that a thread executed in the round before
        self.threads = [threading.Thread(target=self._live, args=(number,), daemon=True) for number in range(size)]
        for thread in self.threads:
            thread.start()

    def round(self, jobs: Sequence[Callable[[], None]], dice: random.Random | None) -> None:
        """Run each job in a thread of its own; raise the first error of any."""
        self.busy = set(range(len(jobs)))
        for number, job in enumerate(jobs):
            while not self.permits[number].empty():
                self.permits[number].get()
            stops = {dice.randrange(self.reach) for _ in range(STOPS)} if dice else set()
            self.jobs[number].put((job, stops, random.Random(dice.random()) if dice else None))
        if dice:
            self.permits[dice.randrange(len(jobs))].put(None)
        for error in [self.done.get() for _ in jobs]:
            if error is not None:
                raise error

    def close(self) -> None:
        for jobs in self.jobs:
            jobs.put(None)
        for thread in self.threads:
            thread.join()

    def _live(self, number: int) -> None:
        while (work := self.jobs[number].get()) is not None:
            job, stops, dice = work
            error = None
            try:
                self._do(number, job, stops, dice)
            except BaseException as raised:
                error = raised
            self.busy.discard(number)
            if dice:
                self._let_go_on(number, dice)
            self.done.put(error)

    def _do(self, number: int, job: Callable[[], None], stops: set[int], dice: random.Random | None) -> None:
        if dice is None:
            job()
            return
        self._wait(number)
        before, executed = sys.gettrace(), [0]
        sys.settrace(self._tracer(number, stops, dice, executed))
        try:
            job()
        finally:
            sys.settrace(before)
        self.reach = max(executed[0], STOPS)

    def _tracer(self, number: int, stops: set[int], dice: random.Random, executed: list[int]) -> Any:
        def instruction(frame: FrameType, event: str, _: object) -> Any:
            if event == "opcode":
                executed[0] += 1
                if executed[0] in stops and self._let_go_on(number, dice):
                    self._wait(number)
            return instruction

        def call(frame: FrameType, _: str, __: object) -> Any:
            if not frame.f_code.co_filename.startswith(self.watched):
                return None
            frame.f_trace_lines, frame.f_trace_opcodes = False, True
            return instruction

        return call

    def _let_go_on(self, number: int, dice: random.Random) -> bool:
        """Let another unfinished thread continue; return whether there is one."""
        others = sorted(self.busy - {number})
        if others:
            self.permits[dice.choice(others)].put(None)
        return bool(others)

    def _wait(self, number: int) -> None:
        """Wait for the permit; go on without it after PATIENCE_SECONDS: its holder may wait for this thread."""
        try:
            self.permits[number].get(timeout=PATIENCE_SECONDS)
        except Empty:
            return
