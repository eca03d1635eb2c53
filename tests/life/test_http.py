"""The handlers of Life's two HTTP addresses: their replies, and the errors of Life's own server corrected."""

from __future__ import annotations

import json
from typing import Any

import pytest
from actors import Actor
from life import double
from life.double import Event, MemoryEntry, SelfState

from lifeevt import ManualClock
from lifeevt.life import EventQueue, get_status, post_event, wrap_state

CLOCK = ManualClock(wall_start=1234.5)


def said(reply: Any) -> tuple[int, str]:
    return reply.status, reply.body.decode()


# POST /event


def test_an_event_is_queued_with_lifes_defaults() -> None:
    queue = EventQueue()
    assert said(post_event(queue, b'{"type": "shock"}', event_class=Event, clock=CLOCK)) == (200, "Event accepted")
    full = {"type": "joy", "intensity": -3, "timestamp": 7, "metadata": {"by": "hand"}}
    assert post_event(queue, json.dumps(full), event_class=Event, clock=CLOCK).status == 200
    assert queue.pop_all() == [Event("shock", 0.0, 1234.5), Event("joy", -3.0, 7.0, {"by": "hand"})]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "Invalid JSON"), (b"{", "Invalid JSON"), (b"\xff\xfe", "Invalid JSON"), (b"[1]", "Invalid JSON"),
        (b"[" * 100_000, "Invalid JSON"), (b"{}", "'type' is required"), (b'{"type": ""}', "'type' is required"),
        (b'{"type": 5}', "Invalid event: type must be a string, not a int"),
        (b'{"type": "a", "intensity": "strong"}', 'Invalid event: intensity must be a number, not "strong"'),
        (b'{"type": "a", "intensity": null}', "Invalid event: intensity must be a number, not null"),
        (b'{"type": "a", "intensity": true}', "Invalid event: intensity must be a number, not true"),
        (b'{"type": "a", "intensity": NaN}', "Invalid event: intensity must be a finite number"),
        (b'{"type": "a", "timestamp": 1e999}', "Invalid event: timestamp must be a finite number"),
        (b'{"type": "a", "metadata": [1]}', "Invalid event: metadata must be an object, not a list"),
    ],
    ids=lambda given: repr(given)[:40],
)  # fmt: skip
def test_a_body_without_an_event_gets_a_reply_and_is_not_queued(body: bytes, says: str) -> None:
    queue = EventQueue()
    assert said(post_event(queue, body)) == (400, says)
    assert queue.is_empty()


def test_an_adopters_event_class_may_refuse_an_event() -> None:
    def refuses(*_: Any) -> Any:
        raise RuntimeError("not today")

    queue = EventQueue()
    assert said(post_event(queue, b'{"type": "a"}', event_class=refuses)) == (400, "Invalid event: not today")


def test_a_dropped_event_gets_status_503_or_the_chosen_one() -> None:
    queue = EventQueue(maxsize=1)
    queue.push(Event("noise", 0.1, 0.0))
    assert said(post_event(queue, b'{"type": "a"}')) == (503, "Event dropped: the queue is full")
    assert said(post_event(queue, b'{"type": "a"}', full_status=200)) == (200, "Event accepted")
    assert queue.get_dropped_events_count() == 2


def test_without_a_queue_the_status_is_500() -> None:
    assert post_event(None, b'{"type": "a"}').status == 500


def test_an_empty_queue_and_lifes_own_queue_accept_events() -> None:
    assert post_event(EventQueue(), b'{"type": "a"}').status == 200
    assert post_event(double.EventQueue(), b'{"type": "a"}').status == 200


# GET /status


def test_a_status_is_lifes_status_as_json() -> None:
    bare = SelfState()
    bare.memory.extend(MemoryEntry("noise", 0.1, float(number)) for number in range(5))
    bare.recent_events.extend(["a", "b", "c"])
    bare._body.numbers["tension"] = float("inf")
    reply = get_status(wrap_state(bare, ["energy"]), "memory_limit=2&events_limit=1&other=x")
    status = json.loads(reply.body)
    assert (reply.status, reply.content_type) == (200, "application/json")
    assert [entry["timestamp"] for entry in status["memory"]] == [3.0, 4.0]
    assert (status["recent_events"], status["energy"], status["tension"]) == (["c"], 100.0, None)


@pytest.mark.parametrize("query", ["memory_limit=-1", "memory_limit=many", {"events_limit": 1.5}])
def test_a_limit_that_is_no_whole_number_is_refused(query: Any) -> None:
    assert get_status(wrap_state(SelfState()), query).status == 400


def test_without_a_state_the_status_is_500() -> None:
    assert get_status(None).status == 500


def test_an_exclusive_access_that_lasts_too_long_gives_status_503() -> None:
    state = wrap_state(SelfState(), exclusive_timeout=0.01)
    with state.exclusive("a long handler"), Actor() as client:
        status, body = said(client.do(get_status, state))
    assert status == 503
    assert "a long handler" in body
