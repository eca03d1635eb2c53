"""Programs of concurrent clients, already interleaved: Hypothesis draws bytes, and two of them are one step.

Bytes are the cheapest thing to draw, and they shrink towards few clients, few fields and plain reads.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

from hypothesis import strategies as st

MIN_CLIENTS, MAX_CLIENTS = 2, 6
MIN_FIELDS, MAX_FIELDS = 2, 5

# steps of an idle client, and of one in a transaction: each is drawn as often as it is listed
IDLE = ("begin",) * 9 + (
    "fetch",
    "glance",
    "assign",
    "bump",
    "bump",
    "swap",
    "fold",
    "store",
    "raise_to",
    "rework",
    "react",
)
BUSY = ("read",) * 6 + ("look",) * 2 + ("look_back", "write", "write", "write") + ("modify",) * 4 + ("add",)
BUSY += ("commit",) * 4 + ("fail", "roll_back")
ENDS = {"commit", "fail", "roll_back"}


class Step(NamedTuple):
    """One step of one client; ``field`` is a number, and is ignored by steps without a field."""

    client: int
    verb: str
    field: int


class Program(NamedTuple):
    """The steps of the clients in their order; transactions open at the end commit, in the order of clients."""

    clients: int
    fields: int
    steps: list[Step]


def decoded(drawn: bytes) -> Program:
    """Decode the bytes as a program."""
    clients = MIN_CLIENTS + drawn[0] % (MAX_CLIENTS - MIN_CLIENTS + 1)
    fields = MIN_FIELDS + min(drawn[1] % 8, MAX_FIELDS - MIN_FIELDS) % (MAX_FIELDS - MIN_FIELDS + 1)
    busy: set[int] = set()
    steps = []
    for first, second in list(pairwise(drawn[2:]))[::2]:
        client, field = first % clients, first // clients % fields
        verb = BUSY[second % len(BUSY)] if client in busy else IDLE[second % len(IDLE)]
        busy = busy | {client} if verb == "begin" else busy - {client} if verb in ENDS else busy
        steps.append(Step(client, verb, field))
    return Program(clients, fields, steps + [Step(client, "commit", 0) for client in sorted(busy)])


programs = st.binary(min_size=42, max_size=90).map(decoded)


def blind(program: Program) -> Program:
    """The same program without reads."""
    only_writes = {verb: "write" for verb in BUSY} | {verb: "assign" for verb in IDLE}
    kept = dict.fromkeys([*ENDS, "begin", "assign", "store"])
    steps = [step if step.verb in kept else step._replace(verb=only_writes[step.verb]) for step in program.steps]
    return program._replace(steps=steps)
