"""The command line. Exit statuses: 0 done, 1 the ledger did not balance, 2 bad input, 130 Ctrl-C."""

from __future__ import annotations

import json
import math
import os
import platform
import sys
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.highlighter import RegexHighlighter
from rich.theme import Theme

from .. import _backends
from ..errors import LifeEventError
from .run import Run, Settings, Source, View, open_source, replay
from .summary import summarize_run, summary_text, version_number
from .view import LiveView, PlainView, is_terminal, readable

__all__ = ["app"]

BAD_INPUT, UNBALANCED, SIGNALLED = 2, 1, 128
BUNDLED_SPEED, BUNDLED_TICK = 100.0, 0.5

app = typer.Typer(
    name="lifeevt", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)  # fmt: skip


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"lifeevt {version_number()}")
        raise typer.Exit


@app.callback()
def lifeevt(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """Reactivity between the ticks of a long-running loop."""


@app.command()
def run(
    file: Annotated[
        str | None, typer.Argument(metavar="FILE|-", help="JSON lines; - is standard input. Default: the bundled one.")
    ] = None,
    rate: Annotated[float | None, typer.Option(metavar="R", help="Play R events per second, in order.")] = None,
    speed: Annotated[
        float | None, typer.Option(metavar="X", help="Play X times as fast as recorded. Default: 1; bundled: 100.")
    ] = None,
    tick: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="Time between ticks. Default: 1; bundled recording: 0.5.")
    ] = None,
    ticks: Annotated[int | None, typer.Option(metavar="N", min=1, help="End after N ticks.")] = None,
    backend: Annotated[str | None, typer.Option(metavar="NAME", help="Run on native, reference or auto.")] = None,
    sync: Annotated[bool, typer.Option("--sync", help="Run the synchronous loop: events wait for the tick.")] = False,
    virtual: Annotated[
        bool, typer.Option("--virtual", help="Run at full speed on a manual clock; every run gives the same results.")
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="End at the first bad line, with status 2.")] = False,
    capacity: Annotated[int, typer.Option(metavar="N", help="Set the capacity of the queue.")] = 1024,
    overflow: Annotated[
        str, typer.Option(metavar="POLICY", help="Set the policy: drop_lowest, drop_oldest, reject or block.")
    ] = "drop_lowest",
    as_json: Annotated[bool, typer.Option("--json", help="Print only the summary, as JSON.")] = False,
) -> None:
    """Play a recording of events into an engine and its loop, and print a summary."""
    _choose_backend(backend)
    settings = Settings(
        rate=_positive("--rate", rate),
        speed=_positive("--speed", speed) or (BUNDLED_SPEED if file is None else 1.0),
        tick=_positive("--tick", tick) or (BUNDLED_TICK if file is None else 1.0),
        ticks=ticks, sync=sync, strict=strict, virtual=virtual, capacity=capacity, overflow=overflow,
    )  # fmt: skip
    if rate is not None and speed is not None:
        _refuse("--rate and --speed exclude each other")
    source = _opened(file, strict)
    try:
        _perform(settings, source, as_json)
    except BrokenPipeError:
        raise  # the reader closed the pipe; typer ends quietly
    except OSError as error:
        _refuse(f"cannot write: {error.strerror or error}")
    finally:
        source.close()


@app.command()
def info(as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False) -> None:
    """Print the version, the backend, and where they are installed."""
    facts = _facts()
    if as_json:
        typer.echo(json.dumps(facts, indent=2))
        return
    for name, value in facts.items():
        values = value if isinstance(value, list) else [value]
        for each in values or ["none"]:
            typer.echo(f"{name:<12}{each}")
            name = ""


def _choose_backend(name: str | None) -> None:
    """Start this command anew with this backend, in place of this process, unless it has that backend already.

    The backend is chosen at import, so a process cannot change it. ``sys.orig_argv`` keeps the interpreter's options.
    """
    if name is None:
        return
    try:
        wanted = _backends.resolve(name)
    except LifeEventError as error:
        _refuse(str(error))
    if wanted != _backends.backend:
        environment = {**os.environ, _backends.VARIABLE: wanted}
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment)


def _perform(settings: Settings, source: Source, as_json: bool) -> None:
    try:
        performance = Run(settings, source)
    except (LifeEventError, ValueError) as error:
        _refuse(str(error))
    with _view(performance, as_json) as view:
        performance.perform(view)
    bad_input = performance.playback.error
    if performance.error is not None and performance.error is not bad_input:
        raise performance.error
    baseline = None if settings.sync else replay(performance.playback.log, settings)
    summary = summarize_run(performance, baseline)
    if as_json:
        typer.echo(json.dumps(summary, indent=2, allow_nan=False))
    else:
        _print_text(summary)
    if bad_input is not None:
        _refuse(f"{source.name}: {bad_input}")
    if performance.signal is not None:
        raise typer.Exit(SIGNALLED + performance.signal)
    if not summary["ledger"]["balanced"]:
        raise typer.Exit(UNBALANCED)


def _view(performance: Run, as_json: bool) -> View:
    if as_json:
        return View()
    if is_terminal(sys.stdout):
        return LiveView(performance, Console())
    return PlainView(sys.stdout)


def _print_text(summary: dict[str, Any]) -> None:
    text = readable(summary_text(summary), sys.stdout.encoding)
    if is_terminal(sys.stdout):
        console = Console(highlighter=_Emphasis(), theme=_THEME)
        console.print(text, end="", markup=False, soft_wrap=True)
    else:
        typer.echo(text, nl=False)


class _Emphasis(RegexHighlighter):
    """Colours the labels of a summary, and its good and bad figures."""

    base_style = "lifeevt."
    highlights = (
        r"(?m)^(?P<label>events|bad|ledger|queue|latency|ticks|state|results)\b",
        r"balanced: ((?P<good>yes)|(?P<bad>NO))",
        r"(?P<good>\b100%)",
        r"(?P<bad>(?<![\d.])\d{1,2}(\.\d)?%)",
        r"(?m)^(?P<bad>error: .*)",
        r"(?m)^(?P<label>.+: (all processed|ticks done|interrupted|failed))$",
    )


_THEME = Theme({"lifeevt.label": "bold cyan", "lifeevt.good": "green", "lifeevt.bad": "red"})


def _opened(file: str | None, strict: bool) -> Source:
    try:
        return open_source(file, strict)
    except (OSError, LifeEventError) as error:
        _refuse(f"{file}: {getattr(error, 'strerror', None) or error}")


def _positive(option: str, value: float | None) -> float | None:
    if value is not None and not 0.0 < value < math.inf:  # false for NaN as well
        _refuse(f"{option} is {value:g}; it must be a positive number")
    return value


def _refuse(reason: str) -> NoReturn:
    typer.echo(readable(f"lifeevt: {reason}", sys.stderr.encoding), err=True)
    raise typer.Exit(BAD_INPUT)


def _facts() -> dict[str, Any]:
    package = Path(__file__).parent.parent
    return {
        "version": version_number(), "backend": _backends.backend, "why": _why(),
        "form": _backends.FORM, "traced": _backends.TRACED,
        "package": str(package),
        "extensions": sorted(str(path) for path in package.rglob(f"*{EXTENSION_SUFFIXES[0]}")),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "platform": platform.platform(),
    }  # fmt: skip


def _why() -> str:
    if wanted := os.environ.get(_backends.VARIABLE):
        return f"{_backends.VARIABLE}={wanted}"
    found = "is built" if _backends.backend == _backends.NATIVE else "is not built"
    return f"auto: the extension {found} here"
