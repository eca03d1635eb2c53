"""Tables in CSV: rows of trimmed text with the place each comes from, or an error that names it."""

from __future__ import annotations

import csv
from pathlib import Path

from ..errors import InvalidReflex

__all__ = ["load_table", "read_table"]

Row = tuple[str, dict[str, str]]  # where it stands, and its text by column


def load_table(path: str | Path, *columns: str) -> list[Row]:
    """Read a UTF-8 file; see :func:`read_table`. OSError when it cannot be read."""
    try:
        return read_table(Path(path).read_text(encoding="utf-8"), str(path), *columns)
    except UnicodeDecodeError as error:
        raise InvalidReflex(f"{path} is not UTF-8: {error.reason}") from None


def read_table(text: str, name: str, *columns: str) -> list[Row]:
    """Return the rows of a table whose first line names at least ``columns``.

    InvalidReflex names the line: of a missing column, or of a row with too many or too few.
    """
    reader = csv.DictReader(text.splitlines())
    named = [column.strip() for column in reader.fieldnames or ()]
    for column in columns:
        if column not in named:
            raise InvalidReflex(f"{name}, line 1: the column {column!r} is missing")
    return [_row(row, f"{name}, line {line}") for line, row in enumerate(reader, 2)]


def _row(row: dict[str, str], where: str) -> Row:
    if any(not isinstance(part, str) for part in (*row, *row.values())):
        raise InvalidReflex(f"{where}: the row does not have the columns of the first line")
    return where, {name.strip(): text.strip() for name, text in row.items()}
