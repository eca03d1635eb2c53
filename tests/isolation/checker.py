"""The anomalies that a history must not have, each with its definition.

Sources: [Adya] A. Adya, "Weak Consistency", PhD thesis, MIT 1999; [HAT] P. Bailis and others, "Highly Available
Transactions: Virtues and Limitations", VLDB 2014; [Hermitage] M. Kleppmann's tests of that name; [SI] H. Berenson and
others, "A Critique of ANSI SQL Isolation Levels", SIGMOD 1995; [Elle] K. Kingsbury and P. Alvaro, VLDB 2020; [TM] R.
Guerraoui and M. Kapalka, "On the Correctness of Transactional Memory", PPoPP 2008. The words are ours. Some phenomena
contain others (a lost update is a G-single too); each is named wherever its definition holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import NamedTuple

from isolation.graph import Graph
from isolation.history import History


class Anomaly(NamedTuple):
    """Something that isolation forbids, and the transactions that show it."""

    name: str
    witness: str


def write_cycle(graph: Graph) -> Iterator[str]:
    """G0 [Adya]: some transactions overwrite one another in a circle; a cycle of ww edges alone."""
    if not graph.acyclic:
        yield from (f"T{number}" for number, after in enumerate(graph.after_writes) if after >> number & 1)


def aborted_read(graph: Graph) -> Iterator[str]:
    """G1a [Adya]: a committed transaction read what an aborted one wrote."""
    for reader, writer, _, what in _named_reads(graph):
        if not graph.transactions[writer].committed:
            yield f"T{reader} read {what} of T{writer}, which never committed"


def intermediate_read(graph: Graph) -> Iterator[str]:
    """G1b [Adya]: a committed transaction read a value that its committed writer overwrote itself later on."""
    for reader, writer, final, what in _named_reads(graph):
        if not final and writer != reader and graph.transactions[writer].committed:
            yield f"T{reader} read {what}, not the last that T{writer} wrote"


def circular_information(graph: Graph) -> Iterator[str]:
    """G1c [Adya]: a cycle of ww and wr edges, here with at least one wr (else it is G0)."""
    if not graph.acyclic:
        for writer, reader in graph.wr_and_rw[0]:
            if graph.after_dependencies[reader] >> writer & 1:
                yield f"T{reader} read of T{writer}, which follows from it"


def observed_transaction_vanishes(graph: Graph) -> Iterator[str]:
    """OTV [HAT]: a transaction read what T wrote, and later read another field as it was before T wrote it."""
    if graph.acyclic:
        return
    for reader in graph.committed:
        for at, field, value, _ in graph.reads[reader.number]:
            observed = graph.source(field, value)
            for later in graph.reads[reader.number] if observed else ():
                if later.at > at and later.field != field and _is_before(graph, later.field, later.value, observed):
                    yield f"T{reader.number} read {field} of T{observed}, then {later.field}={later.value} before it"


def predicate_many_preceders(graph: Graph) -> Iterator[str]:
    """PMP [HAT]: two reads over several fields in one transaction overlap, and saw different versions of a field.

    The fields of a state are fixed, so all that a predicate over them can match is decided by their values; a read
    over all fields is the predicate read. Own writes are left out.
    """
    for reader in graph.committed:
        before: dict[str, object] = {}
        for _, field, value, together in graph.reads[reader.number]:
            known = together and graph.source(field, value) is not None
            if known and before.setdefault(field, value) != value:
                yield f"T{reader.number} looked twice and saw {field}={before[field]}, then {value}"


def lost_update(graph: Graph) -> Iterator[str]:
    """Lost update, P4 [SI]: T read a field and wrote it, and another one wrote it between the version read and T's."""
    for writer in graph.committed:
        for _, field, value, _ in graph.reads[writer.number]:
            source, place = graph.source(field, value), graph.place.get((field, writer.number))
            if source is None or place is None:
                continue
            between = graph.versions[field][graph.place[field, source] + 1 : place]
            if between:
                yield f"T{writer.number} read {field}={value} and overwrote T{between}"


def single_anti_dependency(graph: Graph) -> Iterator[str]:
    """G-single [Adya]: a cycle with exactly one rw edge: a transaction saw a part of an effect and missed another."""
    if not graph.acyclic:
        for reader, writer in graph.wr_and_rw[1]:
            if graph.after_dependencies[writer] >> reader & 1:
                yield f"T{reader} missed a write of T{writer}, and depends on it"


def write_skew(graph: Graph) -> Iterator[str]:
    """G2-item [Adya]: a cycle that needs two rw edges or more (with one alone it is G-single)."""
    if not graph.acyclic:
        for reader, writer in graph.wr_and_rw[1]:
            dependent = graph.after_dependencies[writer] >> reader & 1
            if graph.after_all[writer] >> reader & 1 and not dependent:
                yield f"T{reader} missed a write of T{writer}, which missed one in turn"


def garbage_read(graph: Graph) -> Iterator[str]:
    """Garbage read [Elle]: a value was read that no transaction wrote, for example from a leaked list."""
    for reader in graph.transactions:
        for _, field, value, _ in graph.reads[reader.number]:
            if (field, value) not in graph.writer:
                yield f"T{reader.number} read {field}={value}"


def forgotten_write(graph: Graph) -> Iterator[str]:
    """Internal inconsistency [Elle]: a transaction read a field that it wrote itself, and did not see that write."""
    yield from graph.forgotten


def inconsistent_view(graph: Graph) -> Iterator[str]:
    """Opacity [TM]: a transaction, be it one that fails later, read something else than the version it began at."""
    for reader in graph.transactions:
        if reader.began is None:
            continue
        for _, field, value, _ in graph.reads[reader.number]:
            expected = _last_until(graph, field, reader.began)
            if graph.source(field, value) != expected:
                yield f"T{reader.number} read {field}={value} at {reader.began}, which T{expected} had written"


def stale_view(graph: Graph) -> Iterator[str]:
    """Strictness: a transaction that started after another one's commit had returned began at a version before it."""
    for reader in graph.transactions:
        for writer in graph.committed if reader.began is not None else ():
            if writer.ended < reader.started and writer.version > reader.began:
                yield f"T{reader.number} began at {reader.began}, after T{writer.number} had made {writer.version}"


def disordered_versions(graph: Graph) -> Iterator[str]:
    """The versions that commits returned do not grow along a field's values, or two writers made one version."""
    for field, writers in graph.versions.items():
        for one, other in pairwise(writers):
            if graph.transactions[one].version >= graph.transactions[other].version:
                yield f"{field}: T{one}, T{other}"


RULES: dict[str, Callable[[Graph], Iterator[str]]] = {
    "G0": write_cycle,
    "G1a": aborted_read,
    "G1b": intermediate_read,
    "G1c": circular_information,
    "OTV": observed_transaction_vanishes,
    "PMP": predicate_many_preceders,
    "lost update": lost_update,
    "G-single": single_anti_dependency,
    "G2-item": write_skew,
    "garbage": garbage_read,
    "internal": forgotten_write,
    "opacity": inconsistent_view,
    "stale": stale_view,
    "disorder": disordered_versions,
}


def anomalies(history: History) -> list[Anomaly]:
    """Everything that the rules find. O(transactions² + reads²)."""
    graph = Graph(history)
    return [Anomaly(name, witness) for name, rule in RULES.items() for witness in rule(graph)]


def _named_reads(graph: Graph) -> Iterator[tuple[int, int, bool, str]]:
    """Reads of committed transactions with a known writer: reader, writer, whether final, field and value."""
    for reader in graph.committed:
        for _, field, value, _ in graph.reads[reader.number]:
            if (field, value) in graph.writer:
                yield reader.number, *graph.writer[field, value], f"{field}={value}"


def _is_before(graph: Graph, field: str, value: object, writer: int) -> bool:
    """Whether the value is an older version of the field than the one that the writer made."""
    source, place = graph.source(field, value), graph.place.get((field, writer))
    return source is not None and place is not None and graph.place[field, source] < place


def _last_until(graph: Graph, field: str, version: int) -> int:
    """Return the writer of the field's version that was current at this version of the state."""
    writers = [number for number in graph.versions[field] if graph.transactions[number].version <= version]
    return max(writers, key=lambda number: graph.transactions[number].version)
