"""States that follow the specification under one lock, each with one fault."""

from __future__ import annotations

import threading
from typing import Any

from linearizability.specification import NAMES, Contents, Operation, answer


class Correct:
    """One lock around everything."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.contents: Contents = (0, (0.0, 0, ()))

    def ask(self, operation: Operation) -> Any:
        with self.lock:
            return self.done(operation)

    def done(self, operation: Operation) -> Any:
        said, self.contents = answer(operation, self.contents)
        return said


class LosesIncrements(Correct):
    """Adds without the lock: reads, then writes."""

    def ask(self, operation: Operation) -> Any:
        return self.done(operation) if operation.verb == "increment" else super().ask(operation)


class ReadsStale(Correct):
    """A read may return the value before the last write, although that write has returned."""

    def __init__(self) -> None:
        super().__init__()
        self.before = self.contents

    def done(self, operation: Operation) -> Any:
        if operation.verb == "read":
            return answer(operation, self.before)[0]
        if operation.verb != "snapshot":
            self.before = self.contents
        return super().done(operation)


class TearsSnapshots(Correct):
    """Reads the fields one after the other."""

    def ask(self, operation: Operation) -> Any:
        if operation.verb != "snapshot":
            return super().ask(operation)
        version = self.contents[0]
        return version, *(super(TearsSnapshots, self).ask(Operation("read", name)) for name in NAMES)


class TearsStores(Correct):
    """Stores the fields one after the other, under one new version."""

    def ask(self, operation: Operation) -> Any:
        if operation.verb != "store":
            return super().ask(operation)
        version = self.contents[0] + 1
        for name, value in operation.value.items():
            with self.lock:
                values = answer(Operation("set", name, value), self.contents)[1][1]
                self.contents = version, values
        return version


class ComparesThenSets(Correct):
    """Releases the lock between the comparison and the write."""

    def ask(self, operation: Operation) -> Any:
        if operation.verb != "compare_and_set":
            return super().ask(operation)
        if super().ask(Operation("read", operation.name)) != operation.value:
            return None
        return super().ask(Operation("store", value={operation.name: operation.other}))


class UpdatesWhatItSaw(Correct):
    """Runs the function without the lock, and does not read again."""

    def ask(self, operation: Operation) -> Any:
        if not operation.verb.startswith("update_all"):
            return super().ask(operation)
        changed = answer(operation, self.contents)[1][1]
        return super().ask(Operation("store", value=dict(zip(NAMES, changed, strict=True))))


class ReturnsTheLatestVersion(Correct):
    """Returns the version at its end, which another call may have made."""

    def ask(self, operation: Operation) -> Any:
        said = super().ask(operation)
        return self.contents[0] if operation.verb == "increment" else said


class ForgetsWrites(Correct):
    """Skips a set while another thread holds the lock."""

    def ask(self, operation: Operation) -> Any:
        return None if operation.verb == "set" and self.lock.locked() else super().ask(operation)


BROKEN = {
    each.__name__: each
    for each in (
        LosesIncrements,
        ReadsStale,
        TearsSnapshots,
        TearsStores,
        ComparesThenSets,
        UpdatesWhatItSaw,
        ReturnsTheLatestVersion,
        ForgetsWrites,
    )
}
