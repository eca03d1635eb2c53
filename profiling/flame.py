"""Draw a flame graph: standard input is what ``perf script -F comm,tid,ip,sym`` prints, standard output an SVG.

Each box is a function, as wide as the share of samples that saw it, upon its caller; a tower for each
thread. ``--run N`` is the run to look at: N events, submitted one by one by this thread, processed by the worker.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from zlib import crc32

WIDTH, ROW, MARGIN = 1200, 17, 10  # pixels
CHARACTER = 6.6  # pixels of a letter, about
THINNEST = 0.6  # pixels; narrower boxes are left out
PORTION = 1000  # events between two looks at the results
SAMPLE = re.compile(r"^(?P<thread>\S.*?)\s+\d+\s*$")
FRAME = re.compile(r"^\s+[0-9a-f]+ (?P<name>.+?)(?:\+0x[0-9a-f]+)?$")
CYTHON = re.compile(r"^__pyx_(?:pw|pf|f|mp|getprop|pymod)_?\w*?7lifeevt_(?=\d)")
UNKNOWN = "[unknown]"
THREADS = ("submitter", "worker")


@dataclass
class Box:
    """A function in one place of the stacks: how many samples saw it, and what it called there."""

    samples: int = 0
    called: dict[str, Box] = field(default_factory=dict)

    def add(self, stack: list[str]) -> None:
        """Count one sample; its outermost function is first."""
        box = self
        box.samples += 1
        for name in stack:
            box = box.called.setdefault(name, Box())
            box.samples += 1

    def height(self) -> int:
        """The height of the stack of boxes, this one included."""
        return 1 + max((each.height() for each in self.called.values()), default=0)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--run", type=int, metavar="N", help="do not draw; be the run")
    arguments.add_argument("--title", default="")
    given = arguments.parse_args()
    if given.run:
        run(given.run)
        return
    whole = Box()
    for stack in stacks(sys.stdin):
        whole.add(stack)
    if not whole.samples:
        raise SystemExit("no stack was given")
    sys.stdout.write(drawn(whole, given.title))


def run(count: int) -> None:
    """Submit and take back ``count`` events; the system learns the names of both threads."""
    from benches import measure, workloads
    from lifeevt import AsyncEventProcessor, ThreadSafeSelfState

    measure.refuse_traced()
    portion = workloads.events(PORTION)
    with AsyncEventProcessor(ThreadSafeSelfState.life()) as engine:
        name_threads()
        for _ in range(count // PORTION):
            for event in portion:
                engine.submit(event)
            engine.wait_idle()
            engine.results()


def name_threads() -> None:
    import threading

    for thread in threading.enumerate():
        name = THREADS[thread is not threading.main_thread()]
        Path(f"/proc/self/task/{thread.native_id}/comm").write_text(name)


# --- the output of perf


def stacks(lines: Iterable[str]) -> Iterator[list[str]]:
    """Yield each sample's functions, outermost first, under its thread; the imports before have none of ours."""
    thread, frames = "", list[str]()
    for line in [*lines, ""]:
        if (start := SAMPLE.match(line)) and not line[0].isspace():
            thread, frames = start["thread"], []
        elif frame := FRAME.match(line):
            frames.append(readable(frame["name"]))
        elif not line.strip() and thread:
            if thread in THREADS:
                yield [thread, *shortened(frames[::-1])]
            thread = ""


def readable(symbol: str) -> str:
    """The name of a function without what Cython and the C compiler put around it."""
    name = re.sub(r" \(inlined\)$|\.(?:isra|part|constprop|cold|lto_priv)\.?\d*", "", symbol.strip())
    if not (found := CYTHON.match(name)):
        return name
    parts, rest = [], name[found.end():]
    while (length := re.match(r"\d+", rest)) and len(rest) > len(length[0]):
        size, rest = int(length[0]), rest[len(length[0]):]
        parts.append(rest[:size])
        rest = rest[size:].removeprefix("_")
    return ".".join([*parts, *([re.sub(r"^\d+", "", rest)] if rest else [])])


def shortened(frames: list[str]) -> Iterator[str]:
    """Leave out the start of the thread, frames without a name, and all but one of equal frames in a row."""
    first = next((place for place, name in enumerate(frames) if name.startswith("_PyEval")), 0)
    before = UNKNOWN
    for name in frames[first:]:
        if name not in (UNKNOWN, before):
            yield name
        before = name


# --- the picture


def drawn(whole: Box, title: str) -> str:
    height = (whole.height() - 1) * ROW + 4 * MARGIN + ROW
    boxes = "\n".join(rectangles(whole, MARGIN, height - MARGIN - ROW, (WIDTH - 2 * MARGIN) / whole.samples, whole))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" font-family="monospace" '
        f'font-size="11">\n<rect width="100%" height="100%" fill="#fff"/>\n'
        f'<text x="{WIDTH / 2:.0f}" y="20" text-anchor="middle" font-size="14">{escape(title)} '
        f"({whole.samples} samples)</text>\n{boxes}\n</svg>\n"
    )


def rectangles(box: Box, left: float, top: float, scale: float, whole: Box) -> Iterator[str]:
    """Yield the boxes that ``box`` called, from the left by name, each with those above it."""
    for name, each in sorted(box.called.items()):
        width = each.samples * scale
        if width >= THINNEST:
            yield rectangle(name, each.samples / whole.samples, left, top, width)
            yield from rectangles(each, left, top - ROW, scale, whole)
        left += width


def rectangle(name: str, share: float, left: float, top: float, width: float) -> str:
    shown = name if len(name) * CHARACTER < width - 4 else name[: max(int((width - 4) / CHARACTER) - 2, 0)] + ".."
    text = f'<text x="{left + 2:.1f}" y="{top + 12:.0f}">{escape(shown)}</text>' if width > 5 * CHARACTER else ""
    return (
        f'<g><title>{escape(name)}: {share:.1%}</title><rect x="{left:.1f}" y="{top:.0f}" width="{width:.1f}" '
        f'height="{ROW - 1}" fill="{colour(name)}"/>{text}</g>'
    )


def colour(name: str) -> str:
    """Ours are green, the interpreter's orange, the system's grey; the shade is the name's own."""
    shade = crc32(name.encode()) % 40
    if "." in name or name in THREADS:
        return f"#{120 + shade:02x}{200 + shade:02x}{110 + shade:02x}"
    if name.startswith(("Py", "_Py", "py")):
        return f"#{215 + shade:02x}{150 + shade:02x}{80 + shade:02x}"
    return f"#{175 + shade:02x}{175 + shade:02x}{185 + shade:02x}"


if __name__ == "__main__":
    main()
