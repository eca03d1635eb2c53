"""Each anomaly as the shortest run that would show it, one after the other, and what the state does instead.

The runs follow M. Kleppmann's Hermitage; fields ``a`` and ``c`` are numbers, ``b`` and ``d`` other values.
"""

from __future__ import annotations

from functools import partial

import pytest
from isolation.checker import anomalies
from isolation.history import History, Look, Read
from isolation.programs import Program, Step
from isolation.replayer import replay

from lifeevt import ConflictError, Field, ThreadSafeSelfState, Value

FIELDS = "abcd"
ISOLATIONS = ["snapshot", "serializable"]
both = pytest.mark.parametrize("isolation", ISOLATIONS)


def run(isolation: str, text: str) -> History:
    """``0 begin, 0 read a``: client 0 begins, then reads a."""
    steps = []
    for words in text.replace("\n", ",").split(","):
        if words.strip():
            client, verb, *field = words.split()
            steps.append(Step(int(client), verb, FIELDS.index(field[0]) if field else 0))
    program = Program(4, len(FIELDS), steps)
    return replay(partial(ThreadSafeSelfState), program, isolation)


def ends(history: History) -> list[str]:
    """The end of each transaction, in the order of their begins."""
    return [transaction.why for transaction in history.transactions[1:]]


def seen(history: History, number: int) -> list[object]:
    """The values that a transaction read, in its order."""
    steps = history.transactions[number].operations
    return [step.value if isinstance(step, Read) else step.values for step in steps if isinstance(step, (Read, Look))]


def writes(history: History, number: int) -> dict[str, object]:
    return history.transactions[number].finals()


@both
def test_the_first_committer_of_two_writers_of_the_same_fields_wins(isolation: str) -> None:
    """G0."""
    history = run(
        isolation, "0 begin, 1 begin, 0 write a, 1 write a, 1 write b, 0 write b, 0 commit, 1 commit"
    )
    assert ends(history) == ["committed", "conflict over ['a', 'b']"]
    assert {name: values[-1] for name, values in history.order.items()} == {
        **history.transactions[0].finals(),
        **writes(history, 1),
    }


@both
@pytest.mark.parametrize("end", ["fail", "roll_back"])
def test_no_transaction_reads_an_aborted_write(isolation: str, end: str) -> None:
    """G1a."""
    history = run(isolation, f"0 begin, 1 begin, 0 write a, 1 read a, 0 {end}, 1 read a, 1 commit, 2 fetch a")
    assert seen(history, 2) == [0.0, 0.0] and seen(history, 3) == [0.0]


@both
def test_no_transaction_reads_a_write_that_is_overwritten_before_its_commit(isolation: str) -> None:
    """G1b."""
    history = run(
        isolation, "0 begin, 0 write a, 1 begin, 1 read a, 2 fetch a, 0 write a, 0 commit, 1 read a, 1 commit"
    )
    assert seen(history, 2) == [0.0, 0.0] and seen(history, 3) == [0.0]


@both
def test_two_do_not_read_of_each_other(isolation: str) -> None:
    """G1c."""
    history = run(isolation, "0 begin, 1 begin, 0 write a, 1 write b, 0 read b, 1 read a, 0 commit, 1 commit")
    assert seen(history, 1) == [()] and seen(history, 2) == [0.0]


@both
def test_an_observed_transaction_does_not_vanish(isolation: str) -> None:
    """OTV."""
    writers = "0 begin, 0 write a, 0 write b, 0 commit, 1 begin, 2 begin, 1 write a, 1 write b"
    history = run(isolation, f"{writers}, 2 read a, 1 commit, 2 read b, 2 commit")
    assert seen(history, 3) == list(writes(history, 1).values())


@both
def test_two_reads_of_all_fields_see_the_same(isolation: str) -> None:
    """PMP."""
    history = run(isolation, "0 begin, 0 look, 1 store b, 0 look, 0 look_back, 0 commit")
    first, second, third = seen(history, 1)
    assert first == second == third == history.transactions[0].finals()


@both
@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("other", ["assign", "bump", "swap", "fold", "store", "raise_to"])
def test_no_update_is_lost_to_a_single_operation(isolation: str, field: str, other: str) -> None:
    """P4, against each operation that writes outside of a transaction."""
    history = run(isolation, f"0 begin, 0 modify {field}, 1 {other} {field}, 0 commit")
    assert ends(history)[0] == f"conflict over ['{field}']"


@both
@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("way", ["modify", "add", "write"])
def test_no_update_is_lost_to_another_transaction(isolation: str, field: str, way: str) -> None:
    """P4; a blind write behind the snapshot is refused as well."""
    history = run(isolation, f"0 begin, 1 begin, 0 {way} {field}, 1 {way} {field}, 0 commit, 1 commit")
    assert ends(history) == ["committed", f"conflict over ['{field}']"]


@both
def test_a_reader_sees_no_part_of_a_later_commit(isolation: str) -> None:
    """G-single."""
    history = run(
        isolation, "0 begin, 0 read a, 1 begin, 1 write a, 1 write b, 1 commit, 0 read b, 0 read a, 0 commit"
    )
    assert ends(history) == ["committed", "committed"]
    assert seen(history, 1) == [0.0, (), 0.0]


@both
def test_a_reader_that_writes_other_fields_sees_one_snapshot_to_its_end(isolation: str) -> None:
    """G-single with a write that depends on the read: refused when serializable, one snapshot in any case."""
    history = run(isolation, "0 begin, 0 read a, 1 store b, 0 read b, 0 write c, 0 commit")
    assert seen(history, 1) == [0.0, ()]
    assert ends(history)[0] == ("committed" if isolation == "snapshot" else "conflict over ['a', 'b']")


SKEWS = {
    "reads": "0 begin, 1 begin, 0 read a, 0 read b, 1 read a, 1 read b, 0 write a, 1 write b, 0 commit, 1 commit",
    "looks": "0 begin, 1 begin, 0 look, 1 look, 0 write a, 1 write b, 0 commit, 1 commit",
    "snapshots": "0 begin, 1 begin, 0 look_back, 1 look_back, 0 write a, 1 write b, 0 commit, 1 commit",
    "updates": "0 begin, 1 begin, 0 modify a, 0 read b, 1 modify b, 1 read a, 0 commit, 1 commit",
    "three": """0 begin, 1 begin, 2 begin, 0 read a, 0 write b, 1 read b, 1 write c, 2 read c, 2 write a
                0 commit, 1 commit, 2 commit""",
}


@pytest.mark.parametrize("name", SKEWS)
def test_snapshot_isolation_permits_write_skew(name: str) -> None:
    """G2-item."""
    history = run("snapshot", SKEWS[name])
    assert set(ends(history)) == {"committed"}
    assert {anomaly.name for anomaly in anomalies(history)} == {"G2-item"}


@pytest.mark.parametrize("name", SKEWS)
def test_write_skew_is_refused_when_serializable(name: str) -> None:
    history = run("serializable", SKEWS[name])
    assert ends(history)[0] == "committed" and "conflict" in " ".join(ends(history)[1:])
    assert anomalies(history) == []


READER = """0 begin, 0 read a, 0 read b, 1 begin, 1 modify b, 1 commit
            2 begin, 2 read a, 2 read b, 2 commit, 0 write a, 0 commit"""


def test_snapshot_isolation_permits_the_read_only_anomaly() -> None:
    """Fekete, O'Neil and O'Neil, "A Read-Only Transaction Anomaly under Snapshot Isolation", 2004."""
    history = run("snapshot", READER)
    assert set(ends(history)) == {"committed"} and {anomaly.name for anomaly in anomalies(history)} == {"G2-item"}


def test_a_mere_reader_sees_nothing_of_the_kind_when_serializable() -> None:
    history = run("serializable", READER)
    assert ends(history) == ["conflict over ['b']", "committed", "committed"] and anomalies(history) == []


@both
def test_a_field_that_was_changed_and_changed_back_is_a_conflict(isolation: str) -> None:
    """A conflict depends on the write, not on its value: the search cannot show this, for its values are unique."""
    state = ThreadSafeSelfState({"a": Field(0.0), "b": Value(())})
    for name, other in (("a", 5.0), ("b", (5,))):
        before = state[name]
        with pytest.raises(ConflictError) as refused, state.transaction(isolation=isolation) as transaction:
            state[name] = other
            state[name] = before
            transaction[name] = other
        assert refused.value.fields == (name,) and state[name] == before
