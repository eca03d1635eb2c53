"""Watching the state: every change, in order, outside every lock, never lost; and its history."""

from __future__ import annotations

import logging
import threading
from typing import Any

import pytest
from actors import together

from lifeevt import AsyncEventProcessor, Event, Field, Reflex, ThreadSafeSelfState, UnknownField, Value
from lifeevt.errors import TransactionError
from lifeevt.processor import ReflexSet
from lifeevt.state import StateChange


def being(history: int = 0) -> ThreadSafeSelfState:
    fields = {"energy": Field(50.0, low=0.0, high=100.0), "tags": Value([]), "ticks": Field(0, integer=True)}
    return ThreadSafeSelfState(fields, history=history)


def seen(change: StateChange) -> tuple[Any, ...]:
    return change.version, dict(change.before), dict(change.after), change.reason, change.event


# --- the changes


def test_a_watcher_gets_every_kind_of_write() -> None:
    state, told = being(), []
    state.watch(lambda change: told.append(seen(change)))
    state["energy"] = 60.0
    state["tags"] = ["a"]
    state.apply_delta({"energy": 50.0, "ticks": 1.5}, reason="meal", event="bread")
    state.apply_delta({"ticks": 1})
    state.store({"ticks": 5, "tags": ["b"]}, reason="sorted")
    state.compare_and_set("tags", ["b"], [])
    state.update_min("energy", 7)
    with state.transaction(reason="spent", event=3) as t:
        t["energy"] -= 1.0
        t["tags"] = ["c"]
    assert told == [
        (1, {"energy": 50.0}, {"energy": 60.0}, None, None),
        (2, {"tags": []}, {"tags": ["a"]}, None, None),
        (3, {"energy": 60.0, "ticks": 0}, {"energy": 100.0, "ticks": 1}, "meal", "bread"),
        (4, {"ticks": 1}, {"ticks": 2}, None, None),
        (5, {"ticks": 2, "tags": ["a"]}, {"ticks": 5, "tags": ["b"]}, "sorted", None),
        (6, {"tags": ["b"]}, {"tags": []}, None, None),
        (7, {"energy": 100.0}, {"energy": 7.0}, None, None),
        (8, {"energy": 7.0, "tags": []}, {"energy": 6.0, "tags": ["c"]}, "spent", 3),
    ]


def test_a_write_without_effect_is_no_change() -> None:
    state, told = being(), []
    state.watch(told.append)
    state.compare_and_set("energy", 1.0, 2.0)
    state.compare_and_set("tags", [1], [2])
    state.update_max("energy", 1.0)
    with pytest.raises(ValueError):
        state.store({"energy": 101.0})
    with state.transaction() as t:
        t["energy"] = 1.0
        t.rollback()
    assert told == []


def test_a_watcher_of_some_fields_is_told_of_their_changes_alone() -> None:
    state, told = being(), []
    state.watch(lambda change: told.append(change.fields), ["tags", "ticks"])
    state["energy"] = 1.0
    state.store({"energy": 2.0, "ticks": 1})
    assert told == [("energy", "ticks")] or told == [("ticks", "energy")]
    with pytest.raises(UnknownField):
        state.watch(told.append, ["nobody"])


def test_a_watcher_is_told_changes_from_its_start_to_its_end() -> None:
    state, first, second = being(), [], []
    state.increment("ticks")
    with state.watch(lambda change: first.append(change.version)) as subscription:
        state.increment("ticks")
        state.watch(lambda change: second.append(change.version))
        state.increment("ticks")
    subscription.close()
    state.increment("ticks")
    assert (first, second) == ([2, 3], [3, 4])


def test_a_change_gives_nothing_live_away() -> None:
    state, told = being(), []
    state.watch(told.append)
    state["tags"] = ["a"]
    told[0].after["tags"].append("b")
    assert told[0].after["tags"] == state["tags"] == ["a"]


def test_watchers_get_a_reflex_when_its_engine_delivers() -> None:
    state, told = being(), []
    state.watch(lambda change: told.append(seen(change)))
    table = ReflexSet.life().restricted_to(state.numbers).compile(state.numbers)
    row = table.row("shock")
    assert row is not None
    table.table.respond(state.cells, row, 1.0, cause=41)
    assert told == []
    state.deliver_changes()
    (version, before, after, *why), *more = told
    assert (version, before, why, more) == (1, {"energy": 50.0}, ["reflex", 41], [])
    assert after == {"energy": state["energy"]} != before


# --- order


def test_a_watchers_own_write_is_delivered_after_it() -> None:
    state, told = being(), []

    def answer(change: StateChange) -> None:
        told.append((change.version, dict(change.after)))
        if "energy" in change.after:
            state.increment("ticks")
            told.append("answered")

    state.watch(answer)
    state.watch(lambda change: told.append(("second", change.version)))
    state["energy"] = 1.0
    assert told == [
        (1, {"energy": 1.0}), "answered", ("second", 1), (2, {"ticks": 1}), ("second", 2),
    ]  # fmt: skip


def test_no_lock_is_held_while_a_watcher_is_called() -> None:
    state, seen_elsewhere = being(), []

    def look(change: StateChange) -> None:
        thread = threading.Thread(target=lambda: seen_elsewhere.append((state.snapshot().version, state["energy"])))
        thread.start()
        thread.join(10)
        if change.version == 1:
            writer = threading.Thread(target=state.increment, args=("ticks",))
            writer.start()
            writer.join(10)

    state.watch(look)
    state["energy"] = 1.0
    assert seen_elsewhere == [(1, 1.0), (2, 1.0)]


def test_changes_of_many_threads_come_in_order_and_none_is_missing() -> None:
    state, told, each = being(), [], 200
    busy = []

    def watcher(change: StateChange) -> None:
        busy.append(1)
        assert len(busy) == 1, "two changes are told at once"
        told.append((change.version, change.before["ticks"], change.after["ticks"]))
        busy.pop()

    state.watch(watcher, ["ticks"])

    def work() -> None:
        for turn in range(each):
            state.increment("ticks")
            if turn % 3 == 0:
                state["tags"] = [turn]

    together(*[work] * 4)
    state.deliver_changes()
    assert [after for _, _, after in told] == list(range(1, 4 * each + 1))
    assert all(after == before + 1 for _, before, after in told)
    assert [version for version, _, _ in told] == sorted({version for version, _, _ in told})
    assert state.statistics().watcher_errors == 0


# --- failing watchers


def test_a_failing_watcher_is_logged_and_the_others_hear(caplog: pytest.LogCaptureFixture) -> None:
    state, told = being(), []

    def fails(change: StateChange) -> None:
        raise ZeroDivisionError

    state.watch(fails)
    state.watch(told.append)
    with caplog.at_level(logging.ERROR, "lifeevt"):
        state["energy"] = 1.0
    assert (len(told), state.statistics().watcher_errors) == (1, 1)
    assert "a watcher failed at version 1" in caplog.text


def test_an_interrupted_delivery_resumes_where_it_stopped() -> None:
    state, told = being(), []

    def interrupted(change: StateChange) -> None:
        told.append(("first", change.version))
        if change.version == 1:
            raise KeyboardInterrupt

    state.watch(interrupted)
    state.watch(lambda change: told.append(("second", change.version)))
    with pytest.raises(KeyboardInterrupt):
        state["energy"] = 1.0
    assert state["energy"] == 1.0
    state["energy"] = 2.0
    assert told == [("first", 1), ("second", 1), ("first", 2), ("second", 2)]


def test_a_watcher_may_close_itself() -> None:
    state, told = being(), []

    def once(change: StateChange) -> None:
        told.append(change.version)
        subscription.close()

    subscription = state.watch(once)
    state.increment("ticks"), state.increment("ticks")
    assert told == [1]


# --- history


def test_the_history_keeps_the_last_changes() -> None:
    state = being(history=3)
    for reason in "abcde":
        state.apply_delta({"ticks": 1}, reason=reason)
    assert [(change.version, change.reason) for change in state.history()] == [(3, "c"), (4, "d"), (5, "e")]


def test_without_a_history_nothing_is_kept() -> None:
    state = being()
    state.watch(lambda change: None)
    state.increment("ticks")
    assert state.history() == []
    with pytest.raises(ValueError, match="history is -1"):
        being(history=-1)


def test_the_history_is_kept_when_the_last_watcher_leaves() -> None:
    state = being(history=9)
    with state.watch(lambda change: None):
        state.increment("ticks")
    state.increment("ticks")
    assert [change.version for change in state.history()] == [1, 2]



def test_a_change_is_delivered_after_its_transaction() -> None:
    state, inner = being(), []

    def again(change: StateChange) -> None:
        try:
            with state.transaction() as t:
                inner.append(t["energy"])
        except TransactionError as error:
            inner.append(error)

    state.watch(again)
    with state.transaction() as t:
        t["energy"] = 1.0
    assert inner == [1.0]


# --- beside an engine


def shocks(**more: Any) -> tuple[ThreadSafeSelfState, AsyncEventProcessor]:
    state = ThreadSafeSelfState({"energy": Field(0.0, low=-1e9), "seen": Field(0)})
    return state, AsyncEventProcessor(state, [Reflex("shock", 1.0, {"energy": -1.0})], **more)


def test_reflexes_of_the_worker_are_delivered_without_a_call() -> None:
    state, engine = shocks()
    told, all_told = [], threading.Event()

    def watcher(change: StateChange) -> None:
        told.append((change.version, change.reason, change.event))
        if len(told) == 100:
            all_told.set()

    state.watch(watcher)
    with engine:
        for _ in range(100):
            engine.submit(Event("shock", 1.0))
        assert all_told.wait(30)
    assert [version for version, _, _ in told] == list(range(1, 101))
    assert sorted(event for _, _, event in told) == list(range(100))
    assert {reason for _, reason, _ in told} == {"reflex"}


def test_reflexes_in_the_callers_thread_are_delivered_before_the_call_returns() -> None:
    state, engine = shocks()
    told: list[StateChange] = []
    state.watch(told.append)
    for _ in range(3):
        engine.submit(Event("shock", 1.0))
    assert engine.process_pending() == 3
    assert [change.version for change in told] == [1, 2, 3]


def test_a_slow_watcher_elsewhere_does_not_hold_up_the_worker() -> None:
    state, engine = shocks()
    entered, go_on, told = threading.Event(), threading.Event(), []

    def slow(change: StateChange) -> None:
        told.append(change.version)
        if change.version == 1:
            entered.set()
            assert go_on.wait(30)

    state.watch(slow)
    writer = threading.Thread(target=state.increment, args=("seen",))
    writer.start()
    assert entered.wait(30)
    with engine:
        for _ in range(50):
            engine.submit(Event("shock", 1.0))
        assert engine.wait_idle(30)
        assert (state.version, told) == (51, [1])
        go_on.set()
        writer.join(30)
    assert told == list(range(1, 52))


def test_a_watcher_that_ends_the_interpreter_does_not_end_the_worker() -> None:
    state, engine = shocks()
    told = threading.Semaphore(0)

    def leaves(change: StateChange) -> None:
        told.release()
        raise SystemExit

    state.watch(leaves)
    with engine:
        for _ in range(3):
            engine.submit(Event("shock", 1.0))
            assert told.acquire(timeout=30)  # on the worker: when the engine closes, it delivers in this thread
        assert engine.running
    assert state.version == 3
