"""Transactions: one snapshot, private writes, first committer wins."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from contextvars import Context, copy_context
from typing import Any

import pytest

from lifeevt import ConflictError, Field, InvalidValue, ThreadSafeSelfState, UnknownField, Value
from lifeevt.errors import StateError, TransactionError
from lifeevt.state import Transaction


def accounts() -> ThreadSafeSelfState:
    fields = {"x": Field(50.0, low=0.0, high=100.0), "y": Field(50, integer=True), "notes": Value([])}
    return ThreadSafeSelfState(fields)


def begun(state: ThreadSafeSelfState, isolation: Any = "snapshot") -> tuple[Transaction, Context]:
    """Begin a transaction as another task would, so that several can be open in one thread."""
    context, transaction = copy_context(), state.transaction(isolation)
    context.run(transaction.__enter__)
    return transaction, context


def ended(transaction: Transaction, context: Context) -> None:
    context.run(transaction.__exit__, None, None, None)


# --- one transaction


def test_a_transaction_commits_all_of_it_at_its_end() -> None:
    state = accounts()
    with state.transaction() as t:
        t["x"] -= 10.0
        t["notes"] = [*t["notes"], "paid"]
        t.apply_delta({"y": 10.0})
        assert (state["x"], state["y"], state["notes"], state.version) == (50.0, 50, [], 0)
    assert (state["x"], state["y"], state["notes"], state.version) == (40.0, 60, ["paid"], 1)
    assert t.version == 1


def test_an_exception_changes_nothing() -> None:
    state = accounts()
    with pytest.raises(KeyboardInterrupt), state.transaction() as t:
        t["x"] = 1.0
        raise KeyboardInterrupt
    assert (state["x"], state.version) == (50.0, 0)
    with state.transaction() as again:
        again["x"] = 2.0
    assert state["x"] == 2.0


def test_a_rollback_changes_nothing_and_closes() -> None:
    state = accounts()
    with state.transaction() as t:
        t["x"] = 1.0
        t.rollback()
        for use in (lambda: t["x"], lambda: t.update({"x": 1.0}), lambda: t.snapshot):
            with pytest.raises(TransactionError, match="not open"):
                use()
    assert (state["x"], state.version, t.version) == (50.0, 0, 0)


def test_a_transaction_reads_its_own_writes_as_they_will_be_stored() -> None:
    state = accounts()
    with state.transaction() as t:
        t["y"] = 1.9
        t.apply_delta({"x": 99.0})
        t["notes"] = mine = ["a"]
        mine.append("b")
        t["notes"].append("c")
        assert (t["y"], t["x"], t["notes"]) == (1, 100.0, ["a"])
        assert (t.snapshot["y"], t.snapshot["x"], t.snapshot.version) == (50, 50.0, 0)
    assert (state["y"], state["x"], state["notes"]) == (1, 100.0, ["a"])


def test_a_transaction_is_a_mapping_of_all_fields() -> None:
    with accounts().transaction() as t:
        t["x"] = 1.0
        assert isinstance(t, Mapping)
        assert (dict(t), len(t), "x" in t, "z" in t) == ({"x": 1.0, "y": 50, "notes": []}, 3, True, False)


def test_a_refused_value_is_an_error_at_once() -> None:
    state = accounts()
    with state.transaction() as t:
        t["x"] = 1.0
        for bad in ({"x": 101.0}, {"y": 1, "x": float("nan")}, {"y": "1"}):
            with pytest.raises(InvalidValue):
                t.update(bad)
        with pytest.raises(UnknownField):
            t["nobody"] = 1
        with pytest.raises(UnknownField):
            t["nobody"]
        with pytest.raises(InvalidValue, match="is no number"):
            t.apply_delta({"x": 1.0, "notes": 1.0})
    assert dict(state.snapshot()) == {"x": 1.0, "y": 50, "notes": []}


def test_a_transaction_that_only_reads_is_no_write() -> None:
    state = accounts()
    state["x"] = 1.0
    with state.transaction("serializable") as t:
        assert t["x"] == 1.0
        state["x"] = 2.0
        assert t["x"] == 1.0
    assert (t.version, state.version) == (1, 2)


@pytest.mark.parametrize("isolation", ["serialisable", "", None])
def test_an_unknown_isolation_is_an_error(isolation: Any) -> None:
    with pytest.raises(ValueError, match="must be one of snapshot, serializable"):
        accounts().transaction(isolation)


# --- several


def test_the_first_committer_wins() -> None:
    state = accounts()
    first, second = begun(state), begun(state)
    for t, _ in (first, second):
        t["x"] += 1.0
    ended(*second)
    with pytest.raises(ConflictError, match=r"'x' changed after version 0; the state is at version 1") as caught:
        ended(*first)
    assert (caught.value.fields, caught.value.began, caught.value.version) == (("x",), 0, 1)
    assert (state["x"], state.statistics().conflicts) == (51.0, 1)
    with pytest.raises(TransactionError):
        first[0]["x"]


def test_single_writes_are_committers_too() -> None:
    for disturb in (
        lambda state: state.apply_delta({"x": 0.0}),
        lambda state: state.update_max("x", 60.0),
        lambda state: state.store({"x": 50.0}),
        lambda state: state.compare_and_set("x", 50.0, 50.0),
    ):
        state = accounts()
        t, context = begun(state)
        t["x"] += 1.0
        disturb(state)
        with pytest.raises(ConflictError):
            ended(t, context)


def test_writes_of_different_fields_do_not_conflict() -> None:
    state = accounts()
    first, second = begun(state), begun(state)
    first[0]["x"], second[0]["y"] = 1.0, 2
    ended(*first), ended(*second)
    assert (state["x"], state["y"], state.version) == (1.0, 2, 2)


def test_values_conflict_like_numbers() -> None:
    state = accounts()
    t, context = begun(state)
    t["notes"] = ["mine"]
    state["notes"] = ["yours"]
    with pytest.raises(ConflictError, match="'notes'"):
        ended(t, context)
    assert state["notes"] == ["yours"]


@pytest.mark.parametrize("isolation", ["snapshot", "serializable"])
def test_write_skew_appears_under_snapshot_and_not_under_serializable(isolation: Any) -> None:
    state = accounts()
    first, second = begun(state, isolation), begun(state, isolation)
    if first[0]["x"] + first[0]["y"] >= 100:
        first[0]["x"] -= 50.0
    if second[0]["x"] + second[0]["y"] >= 100:
        second[0]["y"] -= 50
    ended(*first)
    if isolation == "serializable":
        with pytest.raises(ConflictError, match="'x'"):
            ended(*second)
    else:
        ended(*second)
    assert (state["x"], state["y"]) == ((0.0, 50) if isolation == "serializable" else (0.0, 0))


def test_reading_the_whole_snapshot_counts_as_reading_every_field() -> None:
    state = accounts()
    t, context = begun(state, "serializable")
    t["x"] = sum(value for value in (t.snapshot["x"], t.snapshot["y"]))
    state["notes"] = ["elsewhere"]
    with pytest.raises(ConflictError, match="'notes'"):
        ended(t, context)


def test_a_field_that_is_written_unread_is_no_read() -> None:
    state = accounts()
    t, context = begun(state, "serializable")
    t["x"] = 1.0
    assert t["x"] == 1.0
    state["y"] = 7
    ended(t, context)
    assert (state["x"], state["y"]) == (1.0, 7)


# --- nesting


def test_transactions_on_one_state_do_not_nest() -> None:
    state = accounts()
    with state.transaction() as outer:
        with pytest.raises(TransactionError, match="do not nest"):
            state.transact(lambda t: None)
        with pytest.raises(TransactionError, match="do not nest"), state.transaction():
            raise AssertionError
        outer["x"] = 1.0
    assert state["x"] == 1.0


def test_transactions_on_two_states_do() -> None:
    one, other = accounts(), accounts()
    with one.transaction() as t, other.transaction() as u:
        t["x"], u["x"] = 1.0, 2.0
    with one.transaction():
        pass
    assert (one["x"], other["x"]) == (1.0, 2.0)


def test_a_transaction_is_used_once() -> None:
    state = accounts()
    with state.transaction() as t:
        pass
    with pytest.raises(TransactionError, match="one block"), t:
        raise AssertionError
    with pytest.raises(TransactionError, match="not open"):
        state.transaction()["x"]


def test_a_transaction_whose_block_was_never_entered_does_not_hinder_others() -> None:
    state = accounts()
    state.transaction().__enter__()
    with state.transaction() as t:
        t["x"] = 1.0
    assert state["x"] == 1.0


def test_a_block_may_end_in_another_context_than_it_began() -> None:
    state = accounts()
    t, _ = begun(state)
    t["x"] = 1.0
    t.__exit__(None, None, None)
    assert state["x"] == 1.0


# --- transact


def test_transact_returns_the_functions_result() -> None:
    state = accounts()

    def spend(t: Transaction) -> str:
        t["x"] -= 1.0
        return "spent"

    assert (state.transact(spend), state["x"]) == ("spent", 49.0)


def test_transact_tries_again_after_a_conflict() -> None:
    waited: list[float] = []
    state = ThreadSafeSelfState({"x": Field(50.0)}, pause=waited.append)

    def disturbed(t: Transaction) -> None:
        t["x"] += 1.0
        if len(waited) < 3:
            state.increment("x", 10)

    state.transact(disturbed)
    assert (len(waited), state["x"]) == (3, 81.0)


def test_transact_gives_up_after_its_retries() -> None:
    state, tries = accounts(), []

    def disturbed(t: Transaction) -> None:
        tries.append(t["x"])
        t["x"] = 0.0
        state.increment("x")

    with pytest.raises(ConflictError):
        state.transact(disturbed, retries=2)
    assert tries == [50.0, 51.0, 52.0]


def test_transact_does_not_try_again_after_another_error() -> None:
    state, tries = accounts(), []

    def wrong(t: Transaction) -> None:
        tries.append(t["x"])
        t["x"] = 0.0
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        state.transact(wrong)
    assert (len(tries), state["x"]) == (1, 50.0)


def test_a_conflict_survives_pickling() -> None:
    error = pickle.loads(pickle.dumps(ConflictError(("x", "y"), 3, 5)))
    assert (error.fields, error.began, error.version, isinstance(error, StateError)) == (("x", "y"), 3, 5, True)
    assert str(error) == "'x', 'y' changed after version 3; the state is at version 5"
