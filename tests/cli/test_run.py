"""`lifeevt run`: its playback, its ends and its errors."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cli.processes import EVENT, LINES, PATIENCE, environment, words
from typer.testing import Result

from lifeevt import Ledger
from lifeevt.cli.run import Run, Settings, View, open_source

Invoke = Callable[..., Result]
Summary = Callable[..., dict[str, Any]]
Command = Callable[..., "subprocess.CompletedProcess[str]"]
Write = Callable[..., Path]


def event(**changes: Any) -> str:
    return json.dumps(EVENT | changes)


# --- virtual time: the same to the bit


def test_every_event_of_the_bundled_recording_is_processed(summary: Summary, backend: str) -> None:
    found = summary("--virtual", "--backend", backend)
    assert found["backend"] == backend
    assert found["ended"] == "all processed"
    assert found["ledger"]["balanced"] is True
    assert found["ledger"]["accepted"] == found["playback"]["played"] == 2000
    assert found["ledger"]["ends"]["processed"] + found["ledger"]["ends"]["ignored"] == 2000
    assert found["state"]["ticks"] == found["ticks"]["count"] == 46
    assert found["state"]["age"] == 23.0


@pytest.mark.native
@pytest.mark.parametrize("options", [(), ("--sync",), ("--rate", 700), ("--capacity", 2, "--speed", 1e9)])
def test_both_backends_give_the_same_summary_to_the_bit(command: Command, options: tuple[object, ...]) -> None:
    """The command begins its process anew where the other backend is asked for."""
    native, reference = (
        json.loads(command("run", "--json", "--virtual", "--backend", name, *options).stdout)
        for name in ("native", "reference")
    )
    assert (native.pop("backend"), reference.pop("backend")) == ("native", "reference")
    assert native == reference


@pytest.mark.native
def test_another_backend_restarts_the_same_command_with_the_interpreters_options(
    invoke: Invoke, backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = "reference" if backend == "native" else "native"
    started: list[tuple[list[str], str]] = []

    def execve(path: str, arguments: list[str], variables: dict[str, str]) -> None:
        started.append((arguments, variables["LIFEEVT_BACKEND"]))
        raise SystemExit(0)

    monkeypatch.setattr("os.execve", execve)
    monkeypatch.setattr("sys.orig_argv", ["python", "-X", "dev", "-m", "lifeevt", "run", "--backend", other])
    invoke("run", "--backend", other)
    assert started == [([sys.executable, "-X", "dev", "-m", "lifeevt", "run", "--backend", other], other)]


@pytest.mark.parametrize("options", [(), ("--sync",), ("--overflow", "drop_oldest", "--capacity", 3, "--speed", 1e9)])
def test_two_runs_give_the_same_summary_to_the_bit(
    summary: Summary, backend: str, options: tuple[object, ...]
) -> None:
    assert summary("--virtual", "--backend", backend, *options) == summary("--virtual", "--backend", backend, *options)


def test_the_digest_depends_on_the_order_of_results(summary: Summary, recording: Write, backend: str) -> None:
    there = summary(recording(*LINES), "--virtual", "--backend", backend)
    back = summary(recording(*reversed(LINES)), "--virtual", "--backend", backend)
    assert there["results_digest"] != back["results_digest"]


def test_equal_times_enter_together_and_leave_by_urgency(recording: Write) -> None:
    path = recording(*(event(type=name) for name in ("social_conflict", "idle", "noise", "shock")))
    source = open_source(str(path), strict=False)
    run, seen = Run(Settings(virtual=True), source), []
    run.digest.add = lambda result: seen.append(result.event.type)  # type: ignore[method-assign]
    run.perform(View())
    source.close()
    assert seen == ["noise", "shock", "idle", "social_conflict"]


# --- playback


def test_recorded_times_can_be_sped_up(summary: Summary, recording: Write) -> None:
    found = summary(recording(), "--virtual", "--speed", 2, "--tick", 0.5)
    assert (found["elapsed_s"], found["ticks"]["count"], found["speed"], found["rate"]) == (1.5, 3, 2.0, None)


def test_a_rate_replaces_the_recorded_times(summary: Summary, recording: Write) -> None:
    found = summary(recording(*LINES * 5), "--virtual", "--rate", 10, "--tick", 0.1)
    assert (found["elapsed_s"], found["ticks"]["count"], found["speed"], found["rate"]) == (1.9, 19, None, 10.0)
    assert found["playback"]["went_back"] == 12


def test_a_run_ends_after_its_ticks_and_counts_the_events_it_did_not_play(summary: Summary, recording: Write) -> None:
    found = summary(recording(*LINES, "", "no event"), "--virtual", "--ticks", 2)
    assert found["ended"] == "ticks done"
    assert (found["playback"]["played"], found["playback"]["not_played"]) == (3, 2)
    assert found["ticks"]["count"] == 2


def test_an_empty_file_takes_one_tick(summary: Summary, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    found = summary(tmp_path / "empty", "--virtual")
    assert (found["playback"]["played"], found["ticks"]["count"], found["ledger"]["balanced"]) == (0, 1, True)


def test_standard_input_is_played(summary: Summary) -> None:
    found = summary("-", "--virtual", stdin="\n".join(LINES))
    assert (found["source"], found["playback"]["played"]) == ("standard input", 4)


def test_every_event_is_processed_in_real_time(summary: Summary, recording: Write, backend: str) -> None:
    found = summary(recording(*LINES * 10), "--rate", 500, "--tick", 0.02, "--backend", backend)
    assert found["clock"] == "system"
    assert found["ledger"]["accepted"] == 40
    assert found["ledger"]["balanced"] is True
    assert sum(level["events"] for level in found["levels"].values()) == 40


def test_every_event_is_processed_in_real_time_in_the_synchronous_loop(
    summary: Summary, recording: Write, backend: str
) -> None:
    found = summary(recording(*LINES * 10), "--rate", 500, "--tick", 0.02, "--backend", backend, "--sync")
    assert (found["mode"], found["ledger"]["accepted"], found["baseline"]) == ("sync", 40, None)


def test_a_pipe_that_stays_open_does_not_hold_up_the_end(command: Command) -> None:
    process = subprocess.Popen(
        words("run", "-", "--tick", 0.02, "--ticks", 3, "--json"),
        env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdin is not None and process.stdout is not None and process.stderr is not None
    process.stdin.write(LINES[0] + "\n")
    process.stdin.flush()
    found = json.loads(process.stdout.read())  # ends with the process, while its input is still open
    assert process.wait(PATIENCE) == 0
    assert (found["ended"], found["playback"]["not_played"]) == ("ticks done", None)
    assert process.stderr.read() == ""
    for stream in (process.stdin, process.stdout, process.stderr):
        stream.close()


# --- a full queue


@pytest.mark.parametrize("options", [("--virtual",), ("--virtual", "--sync"), ()], ids=["virtual", "sync", "real"])
def test_a_blocking_queue_delays_the_playback_and_loses_no_event(
    summary: Summary, recording: Write, options: tuple[str, ...]
) -> None:
    path = recording(*LINES * 5)
    found = summary(path, "--overflow", "block", "--capacity", 2, "--rate", 1e6, "--tick", 0.02, *options)
    assert (found["ledger"]["accepted"], found["ledger"]["refused"], found["playback"]["not_played"]) == (20, 0, 0)
    assert found["queue"]["high_water"] <= 2


def test_a_playback_that_waits_for_room_ends_with_the_run(summary: Summary, recording: Write) -> None:
    path = recording(*LINES * 5)
    found = summary(
        path, "--overflow", "block", "--capacity", 1, "--rate", 1e6, "--tick", 0.02, "--sync", "--ticks", 2
    )
    assert found["ledger"]["balanced"] is True
    assert found["playback"]["played"] + found["playback"]["not_played"] == 20
    assert found["playback"]["played"] < 20


@pytest.mark.parametrize("policy", ["reject", "drop_lowest", "drop_oldest"])
def test_the_ledger_counts_the_losses_of_a_full_queue(
    summary: Summary, recording: Write, policy: str, backend: str
) -> None:
    path = recording(*LINES * 5)
    found = summary(
        path, "--virtual", "--rate", 1e9, "--overflow", policy, "--capacity", 3, "--sync", "--backend", backend
    )
    ends = found["ledger"]["ends"]
    assert found["ledger"]["balanced"] is True
    assert ends["processed"] + ends["ignored"] == 3
    assert ends["shed"] + found["ledger"]["refused"] == 17


# --- bad input


def test_bad_lines_are_skipped_and_reported_with_their_numbers(invoke: Invoke, recording: Write) -> None:
    path = recording(LINES[0], "no event", event(intensity=7), b"\xff", LINES[1])
    found = json.loads(invoke("run", path, "--virtual", "--json").stdout)
    assert found["playback"]["bad_lines"] == 3
    assert [report["line"] for report in found["playback"]["bad_line_reports"]] == [2, 3, 4]
    text = invoke("run", path, "--virtual")
    assert text.exit_code == 0
    assert "3 lines are no event" in text.stdout
    assert "line 3: intensity is 7.0; it must lie in [-1, 1]" in text.stdout


def test_strict_refuses_a_file_before_playing_an_event(invoke: Invoke, recording: Write) -> None:
    result = invoke("run", recording(*LINES, "{}"), "--strict", "--virtual")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.rstrip().endswith("line 5: the field 'type' is missing")
    assert result.stderr.count("\n") == 1


def test_strict_plays_a_file_without_fault(summary: Summary, recording: Write) -> None:
    assert summary(recording(), "--strict", "--virtual")["playback"]["played"] == 4


@pytest.mark.parametrize("clock", [("--virtual",), ("--rate", 1000, "--tick", 0.02)], ids=["virtual", "real"])
def test_strict_stops_standard_input_at_the_bad_line_and_sums_up(invoke: Invoke, clock: tuple[object, ...]) -> None:
    result = invoke("run", "-", "--strict", "--json", *clock, stdin="\n".join([*LINES[:2], "{}", LINES[3]]))
    assert result.exit_code == 2
    assert result.stderr == "lifeevt: standard input: line 3: the field 'type' is missing\n"
    found = json.loads(result.stdout)
    assert (found["ended"], found["playback"]["played"], found["ledger"]["balanced"]) == ("failed", 2, True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("no-such-file",), "no-such-file: No such file or directory"),
        ((".",), ".: Is a directory"),
        (("--backend", "quick"), "unknown backend 'quick'; choose native, reference or auto"),
        (("--overflow", "explode"), "unknown overflow policy 'explode'"),
        (("--capacity", 0), "capacity is 0"),
        (("--tick", "nan"), "--tick is nan; it must be a positive number"),
        (("--tick", "1e9"), "tick_interval is 1000000000.0"),
        (("--rate", 0), "--rate is 0; it must be a positive number"),
        (("--speed", -1), "--speed is -1; it must be a positive number"),
        (("--rate", 1, "--speed", 1), "--rate and --speed exclude each other"),
    ],
)
def test_a_bad_request_is_refused_in_one_line(invoke: Invoke, arguments: tuple[object, ...], said: str) -> None:
    result = invoke("run", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("lifeevt: ")
    assert said in result.stderr
    assert result.stderr.count("\n") == 1


def test_an_unknown_option_is_bad_usage(invoke: Invoke) -> None:
    assert invoke("run", "--colour").exit_code == 2
    assert invoke("run", "--ticks", 0).exit_code == 2


def test_a_ledger_that_does_not_balance_is_status_one(
    invoke: Invoke, recording: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Ledger, "balanced", property(lambda self: False))
    result = invoke("run", recording(), "--virtual")
    assert result.exit_code == 1
    assert "balanced: NO" in result.stdout


# --- interruption


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_with_a_summary(recording: Write, number: signal.Signals) -> None:
    path = recording(LINES[0], event(timestamp=3600))
    process = subprocess.Popen(
        words("run", path, "--tick", 0.05), env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert "1 of 2 events" in process.stdout.readline()  # the first plain line: the run is under way
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=PATIENCE)
    assert (process.returncode, stderr) == (128 + number, "")
    assert "interrupted" in stdout
    assert "1 played" in stdout and "1 not played" in stdout and "balanced: yes" in stdout


class Signaller(View):
    """Sends this process a signal at its second tick."""

    def tick(self, run: Run) -> None:
        if run.state["ticks"] == 2:
            signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("virtual", [True, False])
def test_ctrl_c_finishes_the_tick_and_restores_the_handler(virtual: bool) -> None:
    before = signal.getsignal(signal.SIGINT)
    run = Run(Settings(virtual=virtual, tick=0.02), open_source(None, strict=False))
    run.perform(Signaller())
    assert (run.signal, run.ended, run.loop.statistics().ticks) == (signal.SIGINT, "interrupted", 2)
    assert signal.getsignal(signal.SIGINT) is before
    assert run.not_played() == 2000 - run.playback.played
    assert run.engine.ledger().in_flight == 0


class Impatient(View):
    """Presses Ctrl-C twice in one tick."""

    def tick(self, run: Run) -> None:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)


def test_a_second_ctrl_c_does_not_wait_for_the_tick_to_end() -> None:
    run = Run(Settings(virtual=True), open_source(None, strict=False))
    run.perform(Impatient())
    assert run.ended == "interrupted"
    assert run.engine.ledger().balanced


def test_ctrl_c_ends_a_virtual_run_that_waits_for_a_line() -> None:
    run = Run(Settings(virtual=True), open_source(None, strict=False))
    events = iter(run.source.recording)

    def due() -> Any:
        yield 0, next(events).event
        signal.raise_signal(signal.SIGINT)  # as if pressed while the pipe is silent
        yield 1, next(events).event

    run.playback._dues = due()
    run.perform(View())
    assert (run.ended, run.playback.played) == ("interrupted", 1)


class Clumsy(View):
    """A view that cannot draw."""

    def tick(self, run: Run) -> None:
        raise OSError(28, "No space left on device")


@pytest.mark.parametrize("virtual", [True, False])
def test_a_view_that_fails_ends_the_run_and_is_not_hidden(virtual: bool) -> None:
    run = Run(Settings(virtual=virtual, tick=0.02), open_source(None, strict=False))
    run.perform(Clumsy())
    assert run.ended == "failed"
    assert isinstance(run.error, OSError)
    assert run.loop.statistics().ticks == 1


def test_output_that_cannot_be_written_gives_one_line_of_error(
    invoke: Invoke, recording: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lifeevt.cli.app._view", lambda *_: Clumsy())
    result = invoke("run", recording(), "--virtual")
    assert (result.exit_code, result.stderr) == (2, "lifeevt: cannot write: No space left on device\n")


# --- the command itself


def test_without_a_terminal_there_are_no_escape_codes(command: Command, recording: Write) -> None:
    done = command("run", recording(), "--rate", 2, "--tick", 0.1, FORCE_COLOR="1")
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
    assert "of 4 events" in done.stdout.splitlines()[0]
    assert "balanced: yes" in done.stdout


def test_with_json_only_json_is_printed(command: Command, backend: str) -> None:
    done = command("run", "--json", "--virtual", "--backend", backend)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["backend"] == backend


def test_the_environment_chooses_the_backend(command: Command) -> None:
    done = command("info", "--json", LIFEEVT_BACKEND="reference")
    found = json.loads(done.stdout)
    assert (found["backend"], found["why"]) == ("reference", "LIFEEVT_BACKEND=reference")


def test_info_prints_the_backend_and_its_place(invoke: Invoke) -> None:
    found = json.loads(invoke("info", "--json").stdout)
    assert Path(found["package"], "runtime.py").is_file()
    assert found["backend"] in ("native", "reference")
    assert found["extensions"] or found["backend"] == "reference"
    text = invoke("info").stdout
    assert all(name in text for name in found)


def test_the_version_is_printed(invoke: Invoke) -> None:
    result = invoke("--version")
    assert (result.exit_code, result.stdout.split()[0]) == (0, "lifeevt")


def test_help_names_every_option_of_the_reference(invoke: Invoke) -> None:
    said = invoke("run", "--help").stdout
    options = ("--rate", "--speed", "--tick", "--ticks", "--backend", "--sync", "--virtual", "--strict", "--capacity")
    assert all(option in said for option in (*options, "--overflow", "--json"))


MISSING = """
import sys
sys.modules[{name!r}] = None
from lifeevt.__main__ import main
main()
"""


@pytest.mark.parametrize("name", ["typer", "rich"])
def test_without_its_extra_the_command_names_the_extra(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", MISSING.format(name=name)],
        env=environment(), capture_output=True, text=True, timeout=PATIENCE,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "The lifeevt command needs its extra: pip install 'lifeevt[cli]'\n"


def test_another_missing_module_is_not_taken_for_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    from lifeevt.__main__ import main

    monkeypatch.setitem(sys.modules, "lifeevt.cli.app", None)
    with pytest.raises(ModuleNotFoundError, match=r"lifeevt\.cli\.app"):
        main()


def test_the_package_itself_imports_neither_typer_nor_rich() -> None:
    script = "import sys, lifeevt, lifeevt.cli.recording; sys.exit(bool({'typer', 'rich'} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", script], env=environment(), timeout=PATIENCE).returncode == 0
