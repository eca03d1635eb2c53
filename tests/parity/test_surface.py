"""The native backend has the names, signatures and refusals of the reference, which is the contract.

Docstrings are compared where users read them; elsewhere those of the reference are enough. A class of C has no
signature to look at, so constructors are compared by calling them by keyword, and methods both ways.
"""

from __future__ import annotations

import inspect
import math
from array import array
from collections.abc import Callable, Iterator
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType
from typing import Any

import pytest
from parity.known_differences import KNOWN_DIFFERENCES
from parity.making import RESULT, TABLE, arguments, made, reactor_parts

import lifeevt
from lifeevt import AsyncEventProcessor, AsyncEventQueue, ThreadSafeSelfState, _backends
from lifeevt._backends import reference
from lifeevt._backends.contract import ADMITTED, DROP_LOWEST, DROP_OLDEST, MAX_LEVELS, NO_END, REJECT

pytestmark = pytest.mark.native

CLASSES = [
    "Account", "Bucket", "CoDel", "EventHeap", "Histogram", "TypeTable", "LockEntry", "RWLock", "Reactor",
    "ReflexTable", "StateCells", "Submitter",
]  # fmt: skip
FACADES = {"ProcessorBase": AsyncEventProcessor, "QueueBase": AsyncEventQueue, "StateBase": ThreadSafeSelfState}
BASES = [*FACADES, "LockGuard"]  # classes that others inherit from
FOR_USERS = [*BASES, "Bucket", "Submitter"]  # with members that users reach
OFFER = {"key": 1, "level": 0, "arrival_ns": 2, "payload": "p", "policy": REJECT}


@pytest.fixture(scope="module")
def twins() -> tuple[ModuleType, ModuleType]:
    return import_module("lifeevt._core"), import_module("lifeevt._backends.reference")


def public(owner: Any) -> set[str]:
    """The names that others may use, `__len__` among them."""
    return {name for name in dir(owner) if not name.startswith("_") or name == "__len__"}


def promised(name: str) -> set[str]:
    return public(getattr(reference, name))


def parameters(function: Any) -> list[tuple[str, Any, Any]]:
    found = inspect.signature(function).parameters.values()
    return [(each.name, each.kind, each.default) for each in found if each.name != "self"]


def members(kind: Callable[[Any], bool]) -> list[Any]:
    return [
        pytest.param(name, member, id=f"{name}.{member}")
        for name in CLASSES
        for member in sorted(promised(name))
        if kind(getattr(getattr(reference, name), member))
    ]


METHODS = [method for method in members(inspect.isfunction) if method.values[1] != "__len__"]
PROPERTIES = members(lambda member: isinstance(member, property))


def differences(twins: tuple[ModuleType, ModuleType]) -> Iterator[tuple[str, str]]:
    """Every (member, kind of difference) between the twins' classes, found one by one."""
    native, reference = twins
    for name in [*CLASSES, *BASES]:
        left, right = getattr(native, name), getattr(reference, name)
        for member in sorted(public(left) ^ public(right)):
            yield f"{name}.{member}", "absent"
        for member in sorted(public(left) & public(right)):
            yield from _signature_differences(f"{name}.{member}", getattr(left, member), getattr(right, member))
            if name in FOR_USERS and inspect.getdoc(getattr(left, member)) != inspect.getdoc(getattr(right, member)):
                yield f"{name}.{member}", "docstring"
    if inspect.getdoc(native.Submitter) != inspect.getdoc(reference.Submitter):
        yield "Submitter", "docstring"


def _signature_differences(where: str, left: Any, right: Any) -> Iterator[tuple[str, str]]:
    kinds_differ = callable(left) != callable(right)
    comparable = callable(left) and callable(right) and not where.endswith("__len__")  # a slot of C has no signature
    if kinds_differ or (comparable and parameters(left) != parameters(right)):
        yield where, "signature"


# names, signatures, docstrings


def test_the_twins_differ_only_in_the_known_differences(twins: tuple[ModuleType, ModuleType]) -> None:
    accepted = {entry[:2] for entry in KNOWN_DIFFERENCES if entry[1] in ("absent", "signature", "docstring")}
    found = set(differences(twins))
    assert not found - accepted, "differences without a reason"
    assert not accepted - found, "these differences are gone: remove them from known_differences.py"


def test_every_accepted_difference_has_a_type_and_a_reason() -> None:
    for member, type_id, reason in KNOWN_DIFFERENCES:
        assert member.split(".")[0] in CLASSES and len(reason) > 20
        assert type_id in ("absent", "signature", "docstring", "calls", "finalizers")


def test_the_twins_export_the_same_names(twins: tuple[ModuleType, ModuleType]) -> None:
    native, reference = twins
    assert sorted(native.__all__) == sorted(reference.__all__) == sorted([*CLASSES, *BASES, "FORM", "TRACED"])
    assert type(native.TRACED) is type(reference.TRACED) is bool
    assert native.FORM in ("futex", "portable") and reference.FORM == "pure"


def test_each_class_has_the_same_name_in_both_twins(twins: tuple[ModuleType, ModuleType]) -> None:
    for name in CLASSES:
        assert [getattr(core, name).__name__ for core in twins] == [name, name]
        assert getattr(twins[0], name) is not getattr(twins[1], name)


@pytest.mark.parametrize("name", CLASSES)
def test_a_class_has_the_members_of_the_reference_and_no_more(core: ModuleType, name: str) -> None:
    assert public(getattr(core, name)) == promised(name)
    assert public(made(core, name)) == promised(name)


@pytest.mark.parametrize(("name", "member"), METHODS)
def test_a_method_takes_the_parameters_of_the_reference(core: ModuleType, name: str, member: str) -> None:
    agreed = getattr(getattr(reference, name), member)
    assert parameters(getattr(getattr(core, name), member)) == parameters(agreed)


@pytest.mark.parametrize(("name", "member"), METHODS + PROPERTIES)
def test_the_reference_documents_every_member(name: str, member: str) -> None:
    assert inspect.getdoc(getattr(getattr(reference, name), member, None))


def test_users_reach_no_other_class_of_a_backend() -> None:
    packages = [import_module(f"lifeevt.{each.name}") for each in iter_modules(lifeevt.__path__) if each.name[0] != "_"]
    offered = [getattr(package, name) for package in packages for name in getattr(package, "__all__", ())]
    reached = {parent for one in offered if isinstance(one, type) for parent in one.__mro__}
    assert {name for name in [*CLASSES, *BASES] if getattr(_backends, name) in reached} <= set(FOR_USERS)


@pytest.mark.parametrize(("name", "member"), PROPERTIES)
def test_a_property_cannot_be_set(core: ModuleType, name: str, member: str) -> None:
    one = made(core, name)
    before = getattr(one, member)
    with pytest.raises(AttributeError):
        setattr(one, member, before)


OPERATORS = {"__getitem__", "__setitem__", "__enter__", "__exit__"}


@pytest.mark.parametrize("name", BASES)
def test_the_bases_define_the_same_members(twins: tuple[ModuleType, ModuleType], name: str) -> None:
    native, reference = (getattr(core, name) for core in twins)
    operators = [{each for each in OPERATORS if hasattr(type_id, each)} for type_id in (native, reference)]
    assert operators[0] == operators[1] and public(native) == public(reference)


@pytest.mark.parametrize("name", FACADES)
def test_a_facade_inherits_the_hot_calls_as_they_are(core: ModuleType, name: str) -> None:
    """A method of the facade in between would be a frame of Python on the fast path."""
    base, facade = getattr(core, name), FACADES[name]
    assert facade.__mro__[1] is base
    for member in public(base) | {each for each in OPERATORS if hasattr(base, each)}:
        assert inspect.getattr_static(facade, member) is inspect.getattr_static(base, member)


# calls


@pytest.mark.parametrize("name", CLASSES)
def test_a_class_is_made_by_keyword_with_exactly_its_parameters(core: ModuleType, name: str) -> None:
    made(core, name)
    with pytest.raises(TypeError):
        getattr(core, name)(**arguments(core, name), surplus=1)
    for missing in arguments(core, name):
        with pytest.raises(TypeError):
            getattr(core, name)(**{key: value for key, value in arguments(core, name).items() if key != missing})


def keyword_calls(core: ModuleType) -> Iterator[Any]:
    """The results of every method called by keyword, in an order that makes sense."""
    heap, lock, cells, histogram = (made(core, name) for name in ("EventHeap", "RWLock", "StateCells", "Histogram"))
    yield heap.offer(**OFFER)
    yield heap.offer_many(offers=[(5, 1, 3, "q"), (6, 1, 3, "r")], policy=DROP_LOWEST)
    yield heap.pop_above(level=1, end=NO_END)
    yield heap.finish(end=0)
    yield heap.pop(end=1)
    yield heap.drain(limit=1, end=3)
    yield heap.counts(), heap.depths(), heap.check(), len(heap), heap.capacity
    yield from calls_with_a_ticket(made(core, "EventHeap"))
    for mode in ("read", "write"):
        yield getattr(lock, f"acquire_{mode}")(timeout_ns=0), getattr(lock, f"release_{mode}")()
    yield cells.read(index=0), cells.write(index=0, value=2.0), cells.add(indices=[0], deltas=[0.5]), cells.read_all()
    yield made(core, "ReflexTable").respond(cells=cells, row=0, intensity=1.0, recall_max=0.0, recall_mean=0.0)
    yield histogram.record(duration_ns=1000), histogram.percentile(percent=50.0)
    yield histogram.buckets(), histogram.count, histogram.total, histogram.minimum, histogram.maximum
    yield from calls_of_the_worker(core)


def calls_with_a_ticket(heap: Any) -> Iterator[Any]:
    verdict, ticket = heap.offer_tracked(**OFFER, type_id=3, intensity=0.5, held=True)
    yield verdict, heap.replace(ticket=ticket, key=0, level=1, payload="q", type_id=4, intensity=0.25)
    yield heap.pop(), heap.bring_back(ticket=ticket), heap.pause(level=None, type_id=4, paused=True), heap.pop()
    yield heap.pause(level=None, type_id=4, paused=False), heap.shift(offsets=[5] * MAX_LEVELS), heap.signal(file=None)
    yield heap.postpone(before=3, by_ns=4, level=1), heap.withdraw(ticket=ticket, end=3), heap.book(end=6)


def calls_of_the_worker(core: ModuleType) -> Iterator[Any]:
    works_on = reactor_parts(core)
    heap, type_table, reactor = works_on["heap"], works_on["type_table"], core.Reactor(**works_on)
    yield type_table.add(name="hit", level=1, budget_ns=5, exact=True)
    yield type_table.set_reflex(type_id=0, row=0, needs_python=False)
    yield heap.shift(offsets=[0] * MAX_LEVELS), heap.postpone(before=3, by_ns=4, level=1), heap.head()
    yield type_table.change(type_id=0, level=1, budget_ns=5, exact=True), type_table.account(type_id=0, account=None)
    yield type_table.type_id(name="hit"), type_table.name(type_id=0), type_table.describe(type_id=0)
    yield len(type_table), heap.watch(idle=False)
    yield heap.offer(**OFFER, type_id=0, intensity=0.5), heap.wait(epoch=0, timeout_ns=0)
    yield heap.offer_many(offers=[(9, 1, 3, "q")], policy=DROP_LOWEST, numbers=[(0, -0.5)]), heap.unwatch(idle=False)
    numbers = {"types": array("i", [0]), "intensities": array("d", [1.0]), "timestamps": array("d", [7.0])}
    yield heap.offer_numbers(type_table=type_table, **numbers, arrival_ns=2, policy=DROP_OLDEST)
    yield reactor.run_pending(limit=1, above=1), len(reactor.take(limit=None)), len(reactor.take_buffer(limit=1))
    yield reactor.put(**RESULT), reactor.counts(), reactor.take(limit=1), reactor.counts(), len(reactor)
    yield reactor.set_stages(type_id=0, meaning=None, decision=None, action=None, bare=True)
    yield reactor.set_helpers(state=None, make_event=None, stage_values=None, on_error=None, process_task=None)
    yield reactor.halt(halted=True), reactor.run(), reactor.yield_gil(wait_ns=0), reactor.heap is heap
    yield reactor.wake_at(due_ns=None)
    submitter = core.Submitter(heap=heap, type_table=type_table)
    yield submitter.submit(type_id=0, intensity=0.5, timestamp=1.0), submitter.accept(accepts=False)
    account = core.Account()
    yield account.record(budget_ns=1, wait_ns=2, service_ns=3), account.late, account.latency.total
    codel = made(core, "CoDel")
    yield account.record_shed(), account.shed, reactor.shed_by(codel=codel), codel.shedding()
    yield reactor.admits(level=1, queued_ns=2, now_ns=9), codel.admits(level=1, now_ns=2, waited_ns=3, last=False)
    bucket = core.Bucket(heap=heap, count=1, period_ns=9, most=1)
    yield type_table.limit(type_id=0, bucket=bucket), bucket.admits(now_ns=5), submitter.accept(accepts=True)
    yield bucket.has_token(now_ns=5), bucket.ready_ns(now_ns=5), bucket.is_full(now_ns=5)
    yield heap.offer_numbers(type_table=type_table, **numbers, arrival_ns=6, policy=DROP_OLDEST), heap.limited


def test_every_method_called_by_keyword_gives_the_same_result(twins: tuple[ModuleType, ModuleType]) -> None:
    native, reference = (list(keyword_calls(core)) for core in twins)
    assert native == reference
    assert native[0] is ADMITTED, "both return the contract's own verdicts"


def test_the_results_are_of_the_same_types(twins: tuple[ModuleType, ModuleType]) -> None:
    def shape(value: Any) -> Any:
        if isinstance(value, tuple):  # a record has names where the native backend has a plain tuple
            return [tuple, *map(shape, value)]
        return [list, *map(shape, value)] if isinstance(value, list) else type(value)

    native, reference = ([shape(answer) for answer in keyword_calls(core)] for core in twins)
    assert native == reference


BAD_NUMBERS = [True, -1, 0, 1, 1.0, 1.5, -2.5, math.nan, math.inf, 2**31, 2**63, -(2**64), 10**400]
BAD_VALUES: list[Any] = [*BAD_NUMBERS, None, "1", b"1", [], (), {}]
GOOD_CALLS: list[tuple[str, str, list[Any]]] = [
    ("EventHeap", "__init__", [2]),
    ("EventHeap", "offer", [1, 0, 2, "p", REJECT, 0, 0.5]),
    ("EventHeap", "offer_tracked", [1, 0, 2, "p", REJECT, 0, 0.5, False]),
    ("EventHeap", "withdraw", [(0, 0), 0]),
    ("EventHeap", "replace", [(0, 0), 1, 0, "p", 0, 0.5]),
    ("EventHeap", "bring_back", [(0, 0)]),
    ("EventHeap", "pause", [0, 0, True]),
    ("EventHeap", "book", [0]),
    ("EventHeap", "signal", [None]),
    ("EventHeap", "offer_many", [[(1, 0, 2, "p")], REJECT, [(0, 0.5)]]),
    ("EventHeap", "shift", [[0] * MAX_LEVELS]), ("EventHeap", "postpone", [3, 4, 1]), ("EventHeap", "head", []),
    ("EventHeap", "offer_numbers", ["<TypeTable>", array("i"), array("d"), array("d"), 2, REJECT]),
    ("EventHeap", "watch", [False]),
    ("EventHeap", "unwatch", [False]),
    ("EventHeap", "wait", [1, 0]),  # of another time: nothing to wait for
    ("EventHeap", "pop", [NO_END]),
    ("EventHeap", "pop_above", [MAX_LEVELS, NO_END]),
    ("EventHeap", "drain", [1, 0]),
    ("EventHeap", "finish", [0]),
    ("RWLock", "acquire_read", [0]),
    ("RWLock", "acquire_write", [0]),
    ("StateCells", "__init__", [[1.0], [0.0], [9.0], [False]]),
    ("StateCells", "read", [0]),
    ("StateCells", "write", [0, 2.0]),
    ("StateCells", "add", [[0], [1.0]]),
    ("ReflexTable", "__init__", list(TABLE.values())),
    ("LockEntry", "__init__", ["a test"]),
    ("Histogram", "record", [1]),
    ("Histogram", "percentile", [50.0]),
    ("Account", "record", [1, 1, 1]),
    ("CoDel", "__init__", [9, [0] + [5] * 15]), ("CoDel", "admits", [1, 2, 3, False]),
    ("TypeTable", "add", ["hit", 0, 1, True]),
    ("TypeTable", "change", [0, 1, 2, True]), ("TypeTable", "set_reflex", [0, 0, True]),
    ("TypeTable", "account", [0, None]), ("TypeTable", "limit", [0, None]),
    ("Bucket", "__init__", ["<EventHeap>", 1, 2, 3]), ("Bucket", "admits", [1]),
    ("Bucket", "has_token", [1]), ("Bucket", "ready_ns", [1]), ("Bucket", "is_full", [1]),
    ("TypeTable", "type_id", ["hit"]), ("TypeTable", "name", [0]), ("TypeTable", "describe", [0]),
    ("Reactor", "__init__", ["<EventHeap>", "<TypeTable>", "<ReflexTable>", "<StateCells>", ["<Account>"], 2, True]),
    ("Reactor", "run_pending", [1, MAX_LEVELS]),
    ("Reactor", "put", list(RESULT.values())),
    ("Reactor", "take", [1]),
    ("Reactor", "halt", [True]),
    ("Reactor", "wake_at", [None]),
    ("Reactor", "yield_gil", [0]),
    ("Reactor", "shed_by", [None]), ("Reactor", "admits", [1, 2, 3]),
    ("Reactor", "set_stages", [0, None, None, None, False]),
    ("Submitter", "__init__", ["<EventHeap>", "<TypeTable>"]),
    ("Submitter", "submit", [0, 0.5, 0.0]),
    ("Submitter", "accept", [True]),
]
SWAPS = [
    pytest.param(name, method, good, place, id=f"{name}.{method} argument {place}")
    for name, method, good in GOOD_CALLS
    for place in range(len(good))
]
# Arguments that a facade hands on as a user gave them. All others are checked, or made, by the facades; the native
# backend checks them again where a wrong one would spoil memory.
OF_A_USER = [
    ("EventHeap", "__init__", 0), ("EventHeap", "wait", 1), ("EventHeap", "drain", 0),
    *(("EventHeap", "offer_numbers", place) for place in (1, 2, 3)),
    ("RWLock", "acquire_read", 0), ("RWLock", "acquire_write", 0),
    ("Reactor", "__init__", 5), ("Reactor", "run_pending", 0), ("Reactor", "wake_at", 0), ("Reactor", "yield_gil", 0),
    *(("Submitter", "submit", place) for place in (0, 1, 2)),
]  # fmt: skip
GIVEN_BY_A_USER = [swap for swap in SWAPS if (swap.values[0], swap.values[1], swap.values[3]) in OF_A_USER]
REFUSALS = {"IndexError", "OverflowError", "TypeError", "ValueError", "LockTimeout"}


def test_every_argument_of_a_user_is_swapped() -> None:
    assert len(GIVEN_BY_A_USER) == len(OF_A_USER)


def own(core: ModuleType, value: Any) -> Any:
    """An argument with an object of the twin in the place of each class in angle brackets."""
    if isinstance(value, list):
        return [own(core, each) for each in value]
    return made(core, value[1:-1]) if isinstance(value, str) and value.startswith("<") else value


def unnamed(answer: Any) -> Any:
    """A record of the reference as the plain tuple that the native backend returns."""
    if isinstance(answer, tuple):
        return tuple(map(unnamed, answer))
    return [unnamed(each) for each in answer] if isinstance(answer, list) else answer


def outcome(core: ModuleType, name: str, method: str, arguments: list[Any]) -> tuple[str, list[str]]:
    """The result of a call, or the type of its error, and the object's state afterwards."""
    one = None if method == "__init__" else made(core, name)
    call = getattr(core, name) if one is None else getattr(one, method)
    try:
        answer = call(*[own(core, each) for each in arguments])
        said = "made" if one is None else repr(unnamed(answer))
    except Exception as error:
        said = type(error).__name__
    asked = [getattr(one, each) for each in ("counts", "read_all", "buckets") if hasattr(one, each)]
    return said, [repr(unnamed(ask())) for ask in asked]


@pytest.mark.parametrize(("name", "method", "good", "place"), GIVEN_BY_A_USER)
def test_the_twins_take_and_refuse_the_same_values(
    twins: tuple[ModuleType, ModuleType], name: str, method: str, good: list[Any], place: int
) -> None:
    calls = {repr(bad): [*good[:place], bad, *good[place + 1 :]] for bad in BAD_VALUES}
    native, reference = (
        {bad: outcome(core, name, method, call) for bad, call in calls.items()} for core in twins
    )
    if (f"{name}.{method}", "calls") in {entry[:2] for entry in KNOWN_DIFFERENCES}:
        assert native != reference, "this difference is gone: remove it from known_differences.py"
    else:
        assert native == reference


@pytest.mark.parametrize(("name", "method", "good", "place"), SWAPS)
def test_the_native_backend_refuses_arguments_that_would_corrupt_memory(
    core: ModuleType, name: str, method: str, good: list[Any], place: int
) -> None:
    for bad in [*BAD_VALUES, one_shot(good[place])]:
        said, _ = outcome(core, name, method, [*good[:place], bad, *good[place + 1 :]])
        assert said in REFUSALS or not said.endswith("Error")


def one_shot(value: Any) -> Any:
    """The lists in an argument as iterators, which can be read once and have no length."""
    return iter([one_shot(each) for each in value]) if isinstance(value, list) else value


@pytest.mark.parametrize("part", ["impacts", "gains", "conditions", "costs"])
def test_the_native_backend_survives_iterators_inside_a_table(core: ModuleType, part: str) -> None:
    rows = [(1.0, iter([(0, 1.0)]) if part == "impacts" else [], iter([(0, 0)]) if part == "gains" else [])]
    sensitizers = [(iter([(0, 0, 5.0)]), 1.0)] if part == "conditions" else []
    changed = TABLE | {"rows": rows, "sensitizers": sensitizers,
                       "patterns": [(False, 1.0, iter([(0, 1.0)]) if part == "costs" else [])]}  # fmt: skip
    assert outcome(core, "ReflexTable", "__init__", list(changed.values()))[0] in ("made", "TypeError")


def shapes(part: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    """The part as it is, with one element less, with one more, and with none."""
    return [part, part[:-1], (*part, part[-1]), ()]


MISSHAPEN: dict[str, Callable[[tuple[Any, ...]], dict[str, Any]]] = {
    "row": lambda row: {"rows": [row]},
    "impact": lambda impact: {"rows": [(1.0, [impact], [])]},
    "gain": lambda gain: {"rows": [(1.0, [], [gain])]},
    "rule": lambda rule: {"dampers": [rule]},
    "condition": lambda condition: {"dampers": [([condition], 1.0)]},
    "decision": lambda decision: {"decisions": [decision]},
    "pattern": lambda pattern: {"patterns": [pattern]},
}
WELL_SHAPED: dict[str, tuple[Any, ...]] = {
    "row": (1.0, [], []),
    "impact": (0, 1.0),
    "gain": (0, 0),
    "rule": ([], 1.0),
    "condition": (0, 0, 5.0),
    "decision": ([], 0),
    "pattern": (False, 1.0, []),
}


@pytest.mark.parametrize("part", MISSHAPEN)
def test_the_native_backend_refuses_misshapen_parts(core: ModuleType, part: str) -> None:
    tables = [list((TABLE | MISSHAPEN[part](shape)).values()) for shape in shapes(WELL_SHAPED[part])]
    said = [outcome(core, "ReflexTable", "__init__", table)[0] for table in tables]
    assert said == ["made", "ValueError", "ValueError", "ValueError"]


SENTENCES: dict[str, Callable[[ModuleType], object]] = {
    "capacity": lambda core: core.EventHeap(-1),
    "finish": lambda core: core.EventHeap(1).finish(0),
    "reentry": lambda core: (lock := core.RWLock(), lock.acquire_read(), lock.acquire_write()),
    "no reader": lambda core: core.RWLock().release_read(),
    "no writer": lambda core: core.RWLock().release_write(),
    "bounds": lambda core: made(core, "StateCells").write(0, 99.5),
    "array of bytes": lambda core: numbers_of(core, b"1234"),
    "array of no type": lambda core: numbers_of(core, array("i", [3])),
    "array's length": lambda core: numbers_of(core, array("i")),
    "ring": lambda core: core.Reactor(**reactor_parts(core) | {"capacity": 0}),
    "finishes nothing": lambda core: made(core, "Reactor").put(**RESULT | {"finishes": True}),
    "lone number": lambda core: made(core, "Submitter").submit(0, 0.5, 1e300),
}


def numbers_of(core: ModuleType, types: Any) -> Any:
    return core.EventHeap(1).offer_numbers(made(core, "TypeTable"), types, array("d", [0.5]), None, 0, REJECT)


@pytest.mark.parametrize("name", SENTENCES)
def test_the_twins_refuse_in_the_same_words(twins: tuple[ModuleType, ModuleType], name: str) -> None:
    said = []
    for core in twins:
        with pytest.raises(Exception) as caught:
            SENTENCES[name](core)
        said.append((caught.type, str(caught.value)))
    assert said[0] == said[1]
