"""The checker finds each anomaly in its smallest history, and none in the same history put right."""

from __future__ import annotations

import pytest
from isolation.checker import RULES, anomalies
from isolation.notation import written

# by name: the history that shows it, all that the rules find there, and the history put right
HISTORIES = {
    "G0": (
        "w1(x1) w2(x2) w2(y2) w1(y1) c1 c2  x: 0 1 2  y: 0 2 1",
        {"G0", "disorder"},
        "w1(x1) w2(x2) w2(y2) w1(y1) c1 c2  x: 0 1 2  y: 0 1 2",
    ),
    "G1a": ("w1(x1) r2(x1) c2 a1", {"G1a"}, "w1(x1) r2(x1) a2 a1"),
    "G1b": ("w1(x1) r2(x1) w1(x2) c1 c2", {"G1b"}, "w1(x1) w1(x2) c1 r2(x2) c2"),
    "G1c": ("w1(x1) w2(y2) r1(y2) r2(x1) c1 c2", {"G1c"}, "w1(x1) w2(y2) r1(y0) r2(x1) c1 c2"),
    "OTV": (
        "w1(x1) w1(y1) c1 w2(x2) w2(y2) c2 r3(x2) r3(y1) c3",
        {"OTV", "G-single"},
        "w1(x1) w1(y1) c1 w2(x2) w2(y2) c2 r3(x1) r3(y1) c3",
    ),
    "PMP": ("l2(x0 y0) w1(x1) c1 l2(x1 y0) c2", {"PMP", "G-single"}, "l2(x0 y0) w1(x1) c1 l2(x0 y0) c2"),
    "lost update": (
        "r1(x0) r2(x0) w1(x1) c1 w2(x2) c2",
        {"lost update", "G-single"},
        "r1(x0) w1(x1) c1 r2(x1) w2(x2) c2",
    ),
    "G-single": ("r1(x0) w2(x2) w2(y2) c2 r1(y2) c1", {"G-single"}, "r1(x0) w2(x2) w2(y2) c2 r1(y0) c1"),
    "G2-item": (
        "r1(x0) r1(y0) r2(x0) r2(y0) w1(x1) w2(y2) c1 c2",
        {"G2-item"},
        "r1(x0) r1(y0) w1(x1) c1 r2(x1) r2(y0) w2(y2) c2",
    ),
    "garbage": ("r1(x7) c1", {"garbage"}, "r1(x0) c1"),
    "internal": ("w1(x1) r1(x0) c1", {"internal"}, "w1(x1) r1(x1) c1"),
    "opacity": (
        "b2@0 r2(x0) w1(x1) w1(y1) c1 r2(y1) a2",
        {"opacity"},
        "b2@0 r2(x0) w1(x1) w1(y1) c1 r2(y0) a2",
    ),
    "stale": ("w1(x1) c1 b2@0 r2(x0) c2", {"stale"}, "b2@0 w1(x1) c1 r2(x0) c2"),
    "disorder": ("w1(x1) c1@5 w2(x2) c2@4", {"disorder"}, "w1(x1) c1@4 w2(x2) c2@5"),
}

MORE = {
    "a cycle of three writers": (
        "w1(x1) w1(y1) w2(y2) w2(z2) w3(z3) w3(x3) c1 c2 c3  x: 0 3 1  y: 0 1 2  z: 0 2 3",
        {"G0", "disorder"},
    ),
    "a failed reader shows no G1a": ("w1(x1) r2(x1) a1 a2", set()),
    "a circle of three readers": ("w1(x1) r2(x1) w2(y2) r3(y2) w3(z3) r1(z3) c1 c2 c3", {"G1c"}),
    "the older value may be read first": ("r3(y0) w1(x1) w1(y1) c1 r3(x1) c3", {"G-single"}),
    "one look may be as torn as two reads": ("w1(x1) w1(y1) c1 l3(x1 y0) c3", {"G-single"}),
    "looks over different fields": ("l2(x0) w1(x1) w1(y1) c1 l2(y1) c2", {"G-single"}),
    "a read that does not repeat": ("r2(x0) w1(x1) c1 r2(x1) c2", {"G-single"}),
    "an own write between two looks": ("l2(x0 y0) w2(x1) l2(x1 y0) c2", set()),
    "an update lost behind two others": (
        "r3(x0) w1(x1) c1 w2(x2) c2 w3(x3) c3",
        {"lost update", "G-single"},
    ),
    "a blind write loses nothing": ("w1(x1) w2(x2) c1 c2", set()),
    "a skew of three writers": (
        "r1(x0) w1(y1) r2(y0) w2(z2) r3(z0) w3(x3) c1 c2 c3",
        {"G2-item"},
    ),
    "a reader that makes two others unserializable": (  # Fekete, O'Neil, O'Neil, SIGMOD Record 2004
        "r2(x0) r2(y0) r1(y0) w1(y1) c1 r3(x0) r3(y1) c3 w2(x2) c2",
        {"G2-item"},
    ),
    "a version made twice": ("w1(x1) c1@4 w2(x2) c2@4", {"disorder"}),
    "a reader may miss what is not committed yet": ("w1(x1) b2@0 r2(x0) c1 c2", set()),
}


def found(text: str) -> set[str]:
    return {anomaly.name for anomaly in anomalies(written(text))}


def test_every_rule_has_a_history() -> None:
    assert HISTORIES.keys() == RULES.keys()


@pytest.mark.parametrize("name", HISTORIES)
def test_the_smallest_history_of_an_anomaly_shows_it_and_what_it_implies(name: str) -> None:
    text, names, _ = HISTORIES[name]
    assert found(text) == names


@pytest.mark.parametrize("name", HISTORIES)
def test_the_history_put_right_shows_nothing(name: str) -> None:
    assert found(HISTORIES[name][2]) == set()


@pytest.mark.parametrize("name", MORE)
def test_the_rules_keep_to_their_words(name: str) -> None:
    text, names = MORE[name]
    assert found(text) == names


@pytest.mark.parametrize("name", RULES)
def test_a_rule_names_its_witnesses(name: str) -> None:
    witnesses = [anomaly.witness for anomaly in anomalies(written(HISTORIES[name][0])) if anomaly.name == name]
    assert witnesses and all(witness.startswith(("T", "x")) for witness in witnesses)
