"""Histories written by hand.

``w1(x5)`` T1 writes 5 into x, ``r2(x5)`` T2 reads it, ``l2(x5 y0)`` T2 reads both at once,
``b2@3`` T2 begins at version 3 (left out: unknown), ``c2`` it commits, ``c2@7`` as version 7, ``a2`` it aborts.
Every field is 0 at first. ``x: 0 6 5`` at the end is the order in which values took effect, if not that of commits.
"""

from __future__ import annotations

import re

from isolation.history import History, Look, Read, Transaction, Write, creation

TOKEN = re.compile(r"(?P<verb>[rwlbca])(?P<number>\d)(?:\((?P<what>[^)]*)\))?(?:@(?P<version>\d+))?")
ORDER = re.compile(r"(?P<field>[xyz]): (?P<values>[\d ]+)")


def written(text: str) -> History:
    """Parse the text as a history."""
    last = max(int(token["number"]) for token in TOKEN.finditer(text))
    transactions = [creation({"x": 0, "y": 0, "z": 0}), *(Transaction(number, 0) for number in range(1, last + 1))]
    order = {field: [0] for field in "xyz"}
    begun = set()
    for moment, token in enumerate(TOKEN.finditer(text), start=1):
        transaction = transactions[int(token["number"])]
        if transaction.number not in begun:
            transaction.started = moment
            begun.add(transaction.number)
        _take(transaction, token, moment, transactions, order)
    order.update({each["field"]: [int(value) for value in each["values"].split()] for each in ORDER.finditer(text)})
    return History(transactions, order)


def _take(
    transaction: Transaction,
    token: re.Match[str],
    moment: int,
    transactions: list[Transaction],
    order: dict[str, list[int]],
) -> None:
    verb, version = token["verb"], token["version"]
    pairs = {word[0]: int(word[1:]) for word in (token["what"] or "").split()}
    if verb == "b":
        transaction.began = int(version)
    elif verb == "l":
        transaction.operations.append(Look(pairs))
    elif verb in "rw":
        transaction.operations += [(Read if verb == "r" else Write)(*pair) for pair in pairs.items()]
    else:
        transaction.ended = moment
    if verb == "c":
        made = max(each.version or 0 for each in transactions) + 1
        transaction.version = int(version) if version else made
        for field, value in transaction.finals().items():
            order[field].append(value)
