"""Reflexes: Life's numbers to 1e-12, the rules, and tables of one's own."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import pytest
from life_contract import CONTRACT, EXACT, GOLDEN, TRACE_EVENTS, VITALS

from lifeevt import AsyncEventProcessor, Event, Field, ManualClock, Reflex, Status, ThreadSafeSelfState
from lifeevt.errors import InvalidReflex
from lifeevt.processor import ReflexCondition, ReflexPattern, ReflexRule, ReflexRules, ReflexSet
from lifeevt.processor.reflex import ReflexResponse


def respond(
    state: ThreadSafeSelfState, kind: str, intensity: float, recalled: list[float] | None = None
) -> ReflexResponse:
    table = ReflexSet.life().compile(list(state.fields))
    row = table.row(kind)
    assert row is not None
    recalled = recalled or [0.0]
    return table.respond(state.cells, row, intensity, max(recalled), sum(recalled) / len(recalled))


def vitals_of(state: ThreadSafeSelfState) -> dict[str, float]:
    return {name: state[name] for name in VITALS}


# --- Life's numbers


def test_the_golden_file_is_lifes() -> None:
    assert GOLDEN["life"] == "86c6e37"
    assert (len(GOLDEN["vectors"]), len(GOLDEN["trace"]), len(TRACE_EVENTS)) == (200, 120, 120)


@pytest.mark.parametrize("number", range(200))
def test_one_event_is_processed_as_life_processes_it(number: int) -> None:
    vector = GOLDEN["vectors"][number]
    state = ThreadSafeSelfState.life()
    for name in (*VITALS, "circadian_phase", "recovery_efficiency", "age", "subjective_time"):
        state[name] = vector["before"][name]
    response = respond(state, *vector["event"].values(), vector["before"]["activated_significances"])
    assert response.significance == pytest.approx(vector["significance"], **EXACT)
    assert response.impact == pytest.approx(vector["meaning_impact"], **EXACT)
    assert response.pattern == vector["decision"]
    assert response.applied == pytest.approx(vector["applied"] or dict.fromkeys(VITALS, 0.0), **EXACT)
    assert vitals_of(state) == pytest.approx(vector["after"], **EXACT)


def test_a_run_of_events_takes_lifes_course() -> None:
    state = ThreadSafeSelfState.life()
    for number, (event, expected) in enumerate(zip(TRACE_EVENTS, GOLDEN["trace"], strict=True)):
        row = dict(zip(GOLDEN["trace_columns"], expected, strict=True))
        response = respond(state, event["type"], event["intensity"])
        found = {"significance": response.significance, "decision": response.pattern, **vitals_of(state)}
        assert found.pop("decision") == row.pop("decision"), number
        assert found == pytest.approx(row, **EXACT), number


def test_the_worked_example_of_the_contract() -> None:
    state = ThreadSafeSelfState.life()
    response = respond(state, "shock", -0.9)
    assert (response.significance, response.pattern) == (1.0, "dampen")
    assert response.impact == pytest.approx({"energy": -0.675, "stability": -0.045, "integrity": -0.0225}, **EXACT)
    assert vitals_of(state) == pytest.approx({"energy": 99.6575, "stability": 0.9775, "integrity": 0.98875}, **EXACT)
    assert (response.version_before, response.version) == (0, 1)


def test_the_sign_of_the_intensity_does_not_matter() -> None:
    first, second = (ThreadSafeSelfState.life() for _ in range(2))
    assert respond(first, "shock", 0.9) == respond(second, "shock", -0.9)
    assert first.snapshot() == second.snapshot()


@pytest.mark.parametrize("kind", CONTRACT)
def test_the_shipped_table_is_the_contracts(kind: str) -> None:
    (reflex,) = (each for each in ReflexSet.life().reflexes if each.type == kind)
    assert (reflex.weight, *(reflex.impact[name] for name in VITALS)) == CONTRACT[kind]
    assert dict(reflex.gain) == ({"energy": "recovery_efficiency"} if kind == "recovery" else {})


def test_the_shipped_table_holds_nothing_else() -> None:
    assert [reflex.type for reflex in ReflexSet.life().reflexes] == list(CONTRACT)


@pytest.mark.parametrize("vitals", [0.0, 1e-9])
def test_events_are_processed_when_all_vitals_are_zero(vitals: float) -> None:
    state = ThreadSafeSelfState.life()
    for name in VITALS:
        state[name] = vitals
    response = respond(state, "recovery", 0.5)
    assert response.pattern == "dampen"
    assert state["stability"] > vitals


# --- the rules, on a table small enough to count by hand

SMALL = {"a": Field(10.0, 0.0, 100.0), "b": Field(0.5, 0.0, 1.0)}


def response_of(
    rules: ReflexRules | None, intensity: float = 0.5, gain: dict[str, str] | None = None
) -> tuple[ReflexResponse, ThreadSafeSelfState]:
    state = ThreadSafeSelfState(SMALL)
    reflexes = ReflexSet([Reflex("x", 1.0, {"a": 8.0}, gain or {})], rules)
    return reflexes.compile(list(SMALL)).respond(state.cells, 0, intensity), state


def when(text: str) -> tuple[ReflexCondition, ...]:
    return ReflexCondition.parse(text)


def test_without_rules_the_impact_is_absorbed() -> None:
    response, state = response_of(None)
    assert (response.significance, response.pattern, response.impact, response.applied) == (
        0.5,
        "absorb",
        {"a": 2.0},
        {"a": 2.0},
    )
    assert not response.ignored
    assert state["a"] == 12.0


def test_every_sensitizer_that_holds_multiplies() -> None:
    given = (("a >= 10", 1.2), ("b < 0.5", 9.0), ("b <= 0.5 and a > 9", 1.5))
    rules = tuple(ReflexRule(when(text), factor) for text, factor in given)
    response, _ = response_of(ReflexRules(sensitizers=rules))
    assert response.significance == pytest.approx(0.9)


def test_the_significance_ends_at_one() -> None:
    response, _ = response_of(ReflexRules(sensitizers=(ReflexRule(factor=100.0),)))
    assert response.significance == 1.0


def test_the_first_damper_that_holds_scales() -> None:
    rules = (ReflexRule(when("a > 50"), 9.0), ReflexRule(when("significance >= 0.5"), 0.5), ReflexRule((), 7.0))
    response, _ = response_of(ReflexRules(dampers=rules))
    assert response.impact == {"a": 1.0}


def test_the_first_decision_that_holds_chooses_factor_and_cost() -> None:
    response, state = response_of(
        ReflexRules(
            decisions=(
                ReflexRule(when("a > 50"), pattern="halve"),
                ReflexRule(when("b > 0"), pattern="pay"),
                ReflexRule(pattern="halve"),
            ),
            patterns=(ReflexPattern("halve", 0.5), ReflexPattern("pay", 2.0, {"b": -0.25})),
        ),
    )
    assert (response.pattern, response.impact, response.applied) == ("pay", {"a": 2.0}, {"a": 4.0})
    assert (state["a"], state["b"]) == (14.0, 0.25)


def test_ignore_changes_nothing() -> None:
    pattern = ReflexPattern("ignore", 1.0, {"a": -1.0})
    ignore = ReflexRules(decisions=(ReflexRule(pattern="ignore"),), patterns=(pattern,))
    response, state = response_of(ignore)
    assert (response.ignored, response.pattern, response.applied) == (True, "ignore", {"a": 0.0})
    assert (state["a"], state.version) == (10.0, 0)


def test_an_event_that_means_nothing_has_no_pattern() -> None:
    response, state = response_of(None, intensity=0.0)
    assert (response.ignored, response.pattern, response.significance, state.version) == (True, None, 0.0, 0)


def test_no_decision_that_holds_is_no_pattern() -> None:
    response, state = response_of(ReflexRules(decisions=(ReflexRule(when("a > 50"), pattern="absorb"),)))
    assert (response.ignored, response.pattern, state.version) == (True, None, 0)


def test_a_gain_multiplies_by_another_field() -> None:
    response, state = response_of(None, gain={"a": "b"})
    assert (response.impact, response.applied, state["a"]) == ({"a": 2.0}, {"a": 1.0}, 11.0)


def test_conditions_may_compare_recalled_significances() -> None:
    state = ThreadSafeSelfState(SMALL)
    patterns = (ReflexPattern("high"), ReflexPattern("mean"), ReflexPattern("none"))
    high = ReflexRule(when("recall_max > 0.8"), pattern="high")
    mean = ReflexRule(when("recall_mean > 0.5"), pattern="mean")
    rules = ReflexRules(decisions=(high, mean, ReflexRule(pattern="none")), patterns=patterns)
    table = ReflexSet([Reflex("x")], rules).compile(list(SMALL))
    found = [table.respond(state.cells, 0, 0.5, *recalled).pattern for recalled in ((0.9, 0.0), (0.8, 0.6), (0.8, 0.5))]
    assert found == ["high", "mean", "none"]


# --- conditions


@pytest.mark.parametrize("operator", ["<", ">", ">=", "<="])
def test_a_condition_is_three_words(operator: str) -> None:
    assert ReflexCondition.parse(f"  energy {operator}  -3e-1 ") == (ReflexCondition("energy", operator, -0.3),)


def test_conditions_are_joined_by_and() -> None:
    assert ReflexCondition.parse("a < 1 and b > 2") == (ReflexCondition("a", "<", 1.0), ReflexCondition("b", ">", 2.0))


@pytest.mark.parametrize("text", ["", "  "])
def test_no_condition_is_no_condition(text: str) -> None:
    assert ReflexCondition.parse(text) == ()


@pytest.mark.parametrize(
    "text", ["energy", "energy <", "energy = 3", "energy<3", "a < 1 or b > 2", "a < 1 and ", "and"]
)
def test_a_text_that_is_no_condition_is_shown(text: str) -> None:
    with pytest.raises(InvalidReflex, match="is no condition; write one like 'energy < 30'"):
        ReflexCondition.parse(text)


@pytest.mark.parametrize("number", ["x", "nan", "inf", "1e999"])
def test_a_condition_compares_with_a_finite_number(number: str) -> None:
    with pytest.raises(InvalidReflex, match=r"number|finite"):
        ReflexCondition.parse(f"energy < {number}")


# --- invalid reflexes


@pytest.mark.parametrize("bad", [math.nan, math.inf, "1", None, True, 10**400], ids=lambda bad: repr(bad)[:9])
def test_every_number_of_a_reflex_is_finite(bad: Any) -> None:
    for build in (lambda: Reflex("x", bad), lambda: Reflex("x", 1.0, {"a": bad}), lambda: ReflexPattern("p", bad)):
        with pytest.raises(InvalidReflex, match="every number in it must be finite"):
            build()
    with pytest.raises(InvalidReflex, match="pattern 'p'"):
        ReflexPattern("p", 1.0, {"a": bad})


def test_a_reflex_needs_a_type() -> None:
    with pytest.raises(InvalidReflex, match="needs the name of an event type"):
        Reflex("")


def test_a_reflex_touches_16_fields_at_most() -> None:
    with pytest.raises(InvalidReflex, match="touches 17 of 16 fields"):
        Reflex("x", 1.0, {f"f{number}": 1.0 for number in range(17)})
    with pytest.raises(InvalidReflex, match="has 17 of 16 gains"):
        Reflex("x", 1.0, gain={f"f{number}": "a" for number in range(17)})


def test_a_type_has_one_reflex() -> None:
    with pytest.raises(InvalidReflex, match="two reflexes"):
        ReflexSet([Reflex("x"), Reflex("x")])


def test_a_reflex_does_not_change_with_its_arguments() -> None:
    impact, gain = {"a": 1.0}, {"a": "b"}
    reflex = Reflex("x", 1.0, impact, gain)
    impact["a"], gain["a"] = 2.0, "c"
    assert (dict(reflex.impact), dict(reflex.gain)) == ({"a": 1.0}, {"a": "b"})


def test_lifes_reflexes_cannot_be_changed() -> None:
    reflex = ReflexSet.life().reflexes[0]
    with pytest.raises(TypeError):
        reflex.impact["energy"] = reflex.impact["energy"]  # type: ignore[index]
    with pytest.raises(dataclasses.FrozenInstanceError):
        reflex.weight = 9.0  # type: ignore[misc]


@pytest.mark.parametrize(
    ("reflex", "rules"),
    [
        (Reflex("x", 1.0, {"soul": 1.0}), None),
        (Reflex("x", 1.0, {"a": 1.0}, {"a": "soul"}), None),
        (Reflex("x"), ReflexRules(sensitizers=(ReflexRule(when("soul < 1"), 2.0),))),
        (Reflex("x"), ReflexRules(dampers=(ReflexRule(when("soul < 1"), 2.0),))),
        (Reflex("x"), ReflexRules(decisions=(ReflexRule(when("soul < 1"), pattern="absorb"),))),
        (Reflex("x"), ReflexRules(patterns=(ReflexPattern("absorb", 1.0, {"soul": 1.0}),))),
    ],
)
def test_a_field_that_the_state_does_not_have_is_named(
    reflex: Reflex, rules: ReflexRules | None
) -> None:
    with pytest.raises(InvalidReflex, match="'soul', which the state does not have"):
        ReflexSet([reflex], rules).compile(list(SMALL))


def test_a_decision_for_a_pattern_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidReflex, match="chooses 'flee', which is no pattern"):
        ReflexSet([], ReflexRules(decisions=(ReflexRule(pattern="flee"),))).compile(list(SMALL))


@pytest.mark.parametrize(
    "build",
    [
        lambda: ReflexRules(sensitizers=(ReflexRule((ReflexCondition("a", "~", 1.0),)),)),
        lambda: ReflexRules(sensitizers=(ReflexRule((ReflexCondition("a", "<", math.nan),)),)),
        lambda: ReflexRules(sensitizers=(ReflexRule(factor=math.inf),)),
        lambda: ReflexRules(patterns=(ReflexPattern("absorb", 1.0, {f"f{number}": 1.0 for number in range(17)}),)),
    ],
    ids=["operator", "threshold", "factor", "costs"],
)
def test_rules_that_do_not_hold_together_are_refused(build: Any) -> None:
    fields = [*SMALL, *(f"f{number}" for number in range(17))]
    with pytest.raises(InvalidReflex):
        ReflexSet([], build()).compile(fields)


def test_a_table_for_another_number_of_fields_is_refused() -> None:
    table = ReflexSet([Reflex("x")]).compile(["a"])
    with pytest.raises(ValueError, match="the table is for 1 cells, the state has 2"):
        table.respond(ThreadSafeSelfState(SMALL).cells, 0, 0.5)


# --- finding, and states with less


def test_a_type_is_found_by_name_or_under_the_star() -> None:
    reflexes = ReflexSet([Reflex("x"), Reflex("*")])
    assert [reflexes.row(name) for name in ("x", "*", "y", "x_y")] == [0, 1, 1, 1]
    assert ReflexSet([Reflex("x")]).row("y") is None


def test_a_state_with_less_gets_the_part_it_can_carry_out() -> None:
    part = ReflexSet.life().restricted_to(["energy"])
    recovery = part.reflexes[2]
    assert (dict(recovery.impact), dict(recovery.gain)) == ({"energy": 1.0}, {})
    assert part.rules.sensitizers == ()
    assert [rule.pattern for rule in part.rules.decisions] == ["dampen", "dampen", "absorb"]
    state = ThreadSafeSelfState({"energy": Field(100.0, 0.0, 100.0)})
    part.compile(["energy"]).respond(state.cells, 3, 0.5)
    assert state["energy"] < 100.0


def test_a_cost_in_a_field_that_is_missing_is_left_out() -> None:
    patterns = ReflexSet.life().restricted_to(["stability"]).rules.patterns
    assert [(each.name, dict(each.cost)) for each in patterns] == [("absorb", {}), ("dampen", {})]


def test_a_gain_needs_both_its_fields() -> None:
    both = ReflexSet.life().restricted_to(["energy", "recovery_efficiency"]).reflexes[2]
    assert dict(both.gain) == {"energy": "recovery_efficiency"}


# --- tables of one's own


def test_a_custom_table_replaces_lifes_in_an_engine(tmp_path: Path) -> None:
    table, rules = tmp_path / "reflexes.csv", tmp_path / "rules.csv"
    table.write_text("type, weight, a, b, gain\n ping , 1, 8, , a*b\n shock, 1, , -1,\n", encoding="utf-8")
    rules.write_text(
        "stage,when,outcome,factor\nappraise,b < 0.6,,2\ndecide,,go,\nact,a + 1,go,0.5\n", encoding="utf-8"
    )
    state = ThreadSafeSelfState(SMALL)
    reflexes = ReflexSet.load(table, ReflexRules.load(rules))
    engine = AsyncEventProcessor(state, reflexes, clock=ManualClock())
    engine.submit_many([Event("ping", 0.25, 0.0), Event("joy", 0.5, 0.0)])
    engine.process_pending()
    ping, joy = engine.results()
    assert (ping.meaning, ping.decision, ping.action) == (
        {"significance": 0.5, "impact": {"a": 1.0, "b": 0.0}}, "go", {"a": 0.25, "b": 0.0}
    )  # fmt: skip
    assert (state["a"], joy.status, joy.meaning) == (11.25, Status.IGNORED, None)


def test_reflexes_may_be_a_plain_list() -> None:
    state = ThreadSafeSelfState(SMALL)
    engine = AsyncEventProcessor(state, [Reflex("ping", 1.0, {"a": 8.0})], clock=ManualClock())
    engine.submit(Event("ping", 0.5, 0.0))
    engine.process_pending()
    assert state["a"] == 12.0


@pytest.mark.parametrize(
    "row",
    [
        "ping,1,x,",
        "ping,1,nan,",
        "ping,,1,",
        "ping,heavy,1,",
        ",1,1,",
        "ping,1,1",
        "ping,1,1,,5",
        "ping,1,1,a*b*a",
        "ping,1,1,ab",
    ],
)
def test_a_broken_row_is_refused_with_its_place(row: str, tmp_path: Path) -> None:
    path = tmp_path / "reflexes.csv"
    path.write_text(f"type,weight,a,gain\nfine,1,1,\n{row}\n", encoding="utf-8")
    with pytest.raises(InvalidReflex, match=r"reflexes\.csv, line 3: "):
        ReflexSet.load(path)


@pytest.mark.parametrize("columns", ["weight,a", "type,a"])
def test_a_table_without_a_column_is_refused(columns: str, tmp_path: Path) -> None:
    path = tmp_path / "reflexes.csv"
    path.write_text(f"{columns}\n1,1\n", encoding="utf-8")
    with pytest.raises(InvalidReflex, match=r"reflexes\.csv, line 1: "):
        ReflexSet.load(path)


@pytest.mark.parametrize(
    "row",
    [
        "appraise,energy,,2",
        "appraise,energy < x,,2",
        "respond,,,x",
        "act,a minus 1,go,1",
        "act,a * 1,go,1",
        "act,a - x,go,1",
        "act,,go,",
        "decide,",
        "decide,,go,1,more",
        "apraise,a < 1,,2",
    ],
)
def test_a_broken_rule_is_refused_with_its_place(row: str, tmp_path: Path) -> None:
    path = tmp_path / "rules.csv"
    path.write_text(f"stage,when,outcome,factor\ndecide,,go,\n{row}\n", encoding="utf-8")
    with pytest.raises(InvalidReflex, match=r"rules\.csv, line 3: "):
        ReflexRules.load(path)


@pytest.mark.parametrize(
    "columns", ["when,outcome,factor", "stage,outcome,factor", "stage,when,factor", "stage,when,outcome"]
)
def test_rules_without_a_column_are_refused(columns: str, tmp_path: Path) -> None:
    path = tmp_path / "rules.csv"
    values = {"stage": "act", "when": "", "outcome": "go", "factor": "1"}
    path.write_text(f"{columns}\n{','.join(values[name] for name in columns.split(','))}\n", encoding="utf-8")
    with pytest.raises(InvalidReflex, match=r"rules\.csv, line 1: "):
        ReflexRules.load(path)


def test_the_shipped_rules_are_read_from_their_file_too() -> None:
    import lifeevt

    folder = Path(lifeevt.__file__).parent / "processor"
    loaded = ReflexSet.load(folder / "reflexes.csv", ReflexRules.load(folder / "reflex_rules.csv"))
    assert (loaded.reflexes, loaded.rules) == (ReflexSet.life().reflexes, ReflexSet.life().rules)
