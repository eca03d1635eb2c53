"""`python -m lifeevt`: the command, or the hint to install its extra."""

from __future__ import annotations

import sys

__all__ = ["main"]

EXTRA = ("typer", "rich")
MISSING = 2


def main() -> None:
    """Run the command line and exit with its status; with status 2 where the ``cli`` extra is missing."""
    try:
        from .cli.app import app
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in EXTRA:
            raise
        print("The lifeevt command needs its extra: pip install 'lifeevt[cli]'", file=sys.stderr)
        sys.exit(MISSING)
    app(prog_name="lifeevt")


if __name__ == "__main__":
    main()
