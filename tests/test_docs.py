"""The documents keep what they promise: their Python runs as printed, their links lead somewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

import lifeevt

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "profiling/README.md", *ROOT.glob("docs/**/*.md")])
DECISIONS = sorted(ROOT.glob("docs/adr/[0-9]*.md"))
BLOCK = re.compile(  # and, before the next block, what it prints
    r"^```python\n(?P<code>(?:(?!```).*\n)*)```\n(?:(?:(?!```).*\n)*```text\n(?P<output>(?:(?!```).*\n)*)```)?", re.M
)
LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")
CODE = re.compile(r"^```.*?^```", re.M | re.S)


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def blocks() -> list[object]:
    found = [(page, match) for page in PAGES for match in BLOCK.finditer(page.read_text(encoding="utf-8"))]
    return [pytest.param(each["code"], each["output"], id=f"{name_of(page)}-{each.start()}") for page, each in found]


def anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize(("code", "output"), blocks())
def test_every_python_block_runs_alone_and_prints_the_text_below_it(code: str, output: str | None) -> None:
    environment = {**os.environ, "PYTHONWARNINGS": "error"}
    ran = subprocess.run(  # not from the root, where `-c` would import the sources
        [sys.executable, "-c", code], cwd=ROOT / "docs", capture_output=True, text=True, timeout=60, env=environment
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == (output or "")


def test_the_readme_has_an_example() -> None:
    assert BLOCK.search((ROOT / "README.md").read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_relative_link_leads_to_a_page_and_a_title(page: Path) -> None:
    for target in LINK.findall(CODE.sub("", page.read_text(encoding="utf-8"))):
        if target.startswith(("https://", "http://", "mailto:")):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), f"{name_of(page)} links to {target}"
        assert not anchor or anchor in anchors(there), f"{name_of(page)} links to {target}"


@pytest.mark.parametrize("page", [page for page in PAGES if "docs" in page.parts], ids=name_of)
def test_every_page_of_docs_can_be_reached_from_its_index(page: Path) -> None:
    folder = ROOT / "docs"
    reached, left = set[Path](), [folder / "README.md"]
    while left:
        here = left.pop()
        if here in reached or here.suffix != ".md" or not here.exists():
            continue
        reached.add(here)
        targets = LINK.findall(CODE.sub("", here.read_text(encoding="utf-8")))
        left += [(here.parent / target.partition("#")[0]).resolve() for target in targets if "://" not in target]
    assert page in reached


def test_decisions_have_numbers_of_their_own_without_a_gap() -> None:
    assert [int(path.name[:4]) for path in DECISIONS] == list(range(1, len(DECISIONS) + 1))


@pytest.mark.parametrize("page", DECISIONS, ids=name_of)
def test_a_decision_has_status_context_decision_and_consequences(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert text.startswith(f"# {page.name[:4]}: ")
    assert re.search(r"^Status: (proposed|accepted|superseded by \[\d{4}\]\(.+\))$", text, re.M)
    assert re.findall(r"^## (.+)$", text, re.M) == ["Context", "Decision", "Consequences"]


@pytest.mark.parametrize("page", DECISIONS, ids=name_of)
def test_the_index_of_decisions_lists_each_with_its_status(page: Path) -> None:
    status = re.search(r"^Status: (\w+)", page.read_text(encoding="utf-8"), re.M)
    row = rf"\| \[{page.name[:4]}\]\({re.escape(page.name)}\) \|.*\| {status and status[1]}"
    assert re.search(row, (ROOT / "docs/adr/README.md").read_text(encoding="utf-8"))


def public_names() -> dict[str, list[str]]:
    """The names on the page of the public names, by package."""
    rows = re.findall(r"^\| `(lifeevt[.\w]*)` \| (.+?) \|", (ROOT / "docs/reference/names.md").read_text("utf-8"), re.M)
    return {home: re.findall(r"`(\w+)`", names) for home, names in rows}


def test_the_reference_lists_each_public_name_at_its_path() -> None:
    listed = public_names()
    assert listed.pop("lifeevt") == lifeevt.__all__
    modules = {f"lifeevt.{name}" for name in dir(lifeevt) if isinstance(getattr(lifeevt, name, None), ModuleType)}
    published = {home: import_module(home).__all__ for home in modules | {"lifeevt.life"}}
    others = {home: [name for name in names if name not in lifeevt.__all__] for home, names in published.items()}
    assert listed == {home: names for home, names in others.items() if names}


@pytest.mark.parametrize("name", sorted({name for names in public_names().values() for name in names}))
def test_the_reference_describes_each_public_name(name: str) -> None:
    pages = [path for path in (ROOT / "docs/reference").glob("*.md") if path.name != "names.md"]
    assert any(re.search(rf"\b{name}\b", path.read_text(encoding="utf-8")) for path in pages)
