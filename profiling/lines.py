"""Where does the time go, line by line? line_profiler over the way of an event.

LIFEEVT_BACKEND chooses the backend. On a traced build (``make profile``) the lines of the native one are shown beside
those of the Python above it; on any other build the Python alone. A traced line costs far more than the line itself,
so read the shares, and never a time: times come from the benches, on an untraced build.
"""

from __future__ import annotations

import argparse
import inspect
import linecache
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import lifeevt
from benches import environment, workloads
from benches.environment import BACKEND
from lifeevt import AsyncEventProcessor, AsyncEventQueue, ThreadSafeSelfState

MISSING_EXIT = 2
PACKAGE = Path(lifeevt.__file__).parent
TOP = 16


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--events", type=int, default=5000)
    arguments.add_argument("--top", type=int, default=TOP, help="how many lines the closing list has")
    arguments.add_argument("--full", action="store_true", help="every function with all its lines")
    arguments.add_argument("--quick", action="store_true", help="200 events")
    given = arguments.parse_args()
    profiler = made_profiler()
    seen = followed(profiler)
    print(environment.headline(environment.describe()))
    print(f"shows {seen}\n")
    profiler.add_function(workload)
    count = 200 if given.quick else given.events
    profiler.runcall(workload, engine(count), count)
    show(profiler.get_stats(), given.top, given.full)


def made_profiler() -> Any:
    try:
        from line_profiler import LineProfiler
    except ModuleNotFoundError:
        print("line_profiler is not installed; pip install '.[profiling]'", file=sys.stderr)
        raise SystemExit(MISSING_EXIT) from None
    return LineProfiler()


def followed(profiler: Any) -> str:
    """Follow every function of the package that has lines; say in words what that shows."""
    here = {name: module for name, module in sorted(sys.modules.items()) if name.startswith("lifeevt.")}
    below = [module for name, module in here.items() if name.startswith(f"lifeevt._backends.{BACKEND}.")]
    above = [module for name, module in here.items() if not name.startswith("lifeevt._backends.")]
    said = f"{sum(follow(profiler, module) for module in above)} functions of the Python above the backend"
    if BACKEND == "native" and not environment.traced():
        return f"{said}; the native backend is not traced, its time is in its callers"
    count = sum(follow(profiler, module) for module in below)
    return f"{said} and {count} of the {BACKEND} backend, from its {len(below)} modules"


def follow(profiler: Any, module: ModuleType) -> int:
    """Add the functions and methods that ``module`` itself defines."""
    found = list(vars(module).values())
    members = [unwrapped(member) for each in found if inspect.isclass(each) for member in vars(each).values()]
    functions = {each for each in [*found, *members] if has_lines(each) and each.__module__ == module.__name__}
    for function in functions:
        profiler.add_callable(function)
    return len(functions)


def unwrapped(member: Any) -> Any:
    if isinstance(member, property):
        return member.fget
    return getattr(member, "__func__", member)


def has_lines(member: Any) -> bool:
    """Whether ``member`` was written in lifeevt, and not added by a dataclass or an enum."""
    file = getattr(getattr(member, "__code__", None), "co_filename", "")
    written_here = PACKAGE in Path(file).parents
    return written_here and not hasattr(member, "__wrapped__")


def engine(count: int) -> AsyncEventProcessor:
    state, queue = ThreadSafeSelfState.life(), AsyncEventQueue(count)
    return AsyncEventProcessor(state, queue=queue, result_capacity=count)


def workload(made: AsyncEventProcessor, count: int) -> None:
    """Take every event through all stages: make, submit, process in this thread, read as a result."""
    for event in workloads.events(count):
        made.submit(event)
    made.process_pending()
    made.results()
    for _ in range(count // 10):
        made.state.snapshot()
        made.state.apply_delta({"energy": 0.5, "fatigue": 0.25})
    made.statistics()


def show(stats: Any, top: int, full: bool) -> None:
    if full:
        show_text(stats)
    lines = [(spent, hits, place, number) for place, seen in stats.timings.items() for number, hits, spent in seen]
    total = sum(spent for spent, _, (_, _, name), _ in lines if name == workload.__name__) or 1
    own = [line for line in lines if not calls_followed(line, followed_names(stats))]
    print(f"the {top} dearest lines that call nothing followed here, and their share of the whole:")
    print(f" {'share':>6} {'hits':>9}  line")
    for spent, hits, (file, _, name), number in sorted(own, reverse=True)[:top]:
        where = f"{file.rpartition('lifeevt/')[2]}:{number} {name}"
        print(f" {spent / total:6.1%} {hits:>9,}  {where}: {source_line(file, number)}")


def show_text(stats: Any) -> None:
    from line_profiler import show_text

    show_text(stats.timings, stats.unit, stream=sys.stdout, stripzeros=True)


def followed_names(stats: Any) -> set[str]:
    """The name by which a followed function is called: its own, or for ``__init__`` its class's."""
    parts = [name.split(".") for _, _, name in stats.timings]
    return {part[-2] if part[-1] == "__init__" and len(part) > 1 else part[-1] for part in parts}


def calls_followed(line: tuple[float, int, tuple[str, int, str], int], names: set[str]) -> bool:
    """Whether the line's text calls a followed function; then that function's own lines say more."""
    _, _, (file, _, function), number = line
    called = re.findall(r"(\w+)\(", source_line(file, number))
    return function == workload.__name__ or any(name in names for name in called)


def source_line(file: str, number: int) -> str:
    """The text of a line; native code names its file from where the package was built."""
    place = file if Path(file).is_absolute() else str(PACKAGE.parent / file)
    return linecache.getline(place, number).strip() or "(source not found)"


if __name__ == "__main__":
    main()
