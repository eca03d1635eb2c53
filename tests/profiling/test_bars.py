"""A bar is met, missed, or was not measured; against a peer or on its own."""

from __future__ import annotations

import json

import pytest

from benches.bars import Bar, Verdict
from benches.measure import Row


def verdict(bar: Bar, ours: float = 10.0, peer: float = 100.0, more_is_better: bool = False) -> Verdict:
    (made,) = Row("a case", "ns", "ours", {"ours": [ours], "peer": [peer]}, more_is_better, bars=[bar]).verdicts()
    return made


@pytest.mark.parametrize(("factor", "met"), [(9.0, True), (10.0, True), (11.0, False)])
def test_a_factor_against_a_peer_is_how_much_better_ours_is(factor: float, met: bool) -> None:
    seen = verdict(Bar("peer", factor))
    assert (seen.ratio, seen.met) == (10.0, met)


def test_where_more_is_better_the_ratio_is_inverted() -> None:
    assert verdict(Bar("peer", 5.0), ours=100.0, peer=10.0, more_is_better=True).met


@pytest.mark.parametrize(("share", "met"), [(0.05, False), (0.1, True), (0.2, True)])
def test_a_limit_from_above_is_a_share_of_the_peer_s_figure(share: float, met: bool) -> None:
    assert verdict(Bar("peer", share, "at most")).met is met


@pytest.mark.parametrize(
    ("limit", "factor", "met"), [("at least", 10.0, True), ("at most", 10.0, True), ("below", 10.0, False)]
)
def test_without_a_peer_ours_itself_is_compared(limit: str, factor: float, met: bool) -> None:
    seen = verdict(Bar("", factor, limit))
    assert (seen.ratio, seen.met) == (None, met)


@pytest.mark.parametrize("bar", [Bar("another", 2.0), Bar("peer", 2.0)])
def test_a_bar_without_a_measure_is_neither_met_nor_missed(bar: Bar) -> None:
    seen = verdict(bar, peer=float("nan"))
    assert seen.met is None
    assert json.loads(json.dumps(seen.as_dict(), allow_nan=False))["met"] is None


def test_a_limit_that_is_none_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least, at most, below"):
        Bar("peer", 2.0, "above")
