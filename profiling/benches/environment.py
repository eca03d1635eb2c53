"""Describe the machine and the build of a figure: above every table, and with every kept result.

Names of hosts and folders are left out.
"""

from __future__ import annotations

import os
import platform
import sys
import sysconfig
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from lifeevt import _backends

BACKEND = _backends.backend  # of this process; the column of ours has its name


def traced() -> bool:
    """Whether this build traces lines, which makes every timing worthless."""
    return _backends.TRACED


def describe() -> dict[str, Any]:
    """The facts that a comparison with a figure of another day needs."""
    return {
        "lifeevt": _version(),
        "backends": [BACKEND],
        "traced": traced(),
        "python": f"{platform.python_implementation()} {platform.python_version()}{_threading()}",
        "compiler": _compiler(),
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.release().split('-')[0]} {platform.machine()}",
        "libc": " ".join(platform.libc_ver()).strip(),
        "load_average": [round(load, 2) for load in os.getloadavg()],
    }


def headline(known: dict[str, Any]) -> str:
    """The environment in two lines."""
    loads = " ".join(map(str, known["load_average"]))
    return (
        f"{known['cpu']}, {known['cores']} cores, {known['system']}, {known['libc']}\n"
        f"{known['python']}, built by {known['compiler']}; lifeevt {known['lifeevt']} with "
        f"{' and '.join(known['backends'])}{', TRACED' if known['traced'] else ''}; load average {loads}"
    )


def _version() -> str:
    try:
        return version("lifeevt")
    except PackageNotFoundError:
        return "from its source tree"


def _threading() -> str:
    """Describe the locking of an interpreter that can run without its lock."""
    if not sysconfig.get_config_var("Py_GIL_DISABLED"):
        return ""
    return " free-threaded, with its lock on" if getattr(sys, "_is_gil_enabled", bool)() else " free-threaded"


def _compiler() -> str:
    built_by = platform.python_compiler()
    return built_by or str(sysconfig.get_config_var("CC") or "unknown")


def _cpu() -> str:
    for line in _lines(Path("/proc/cpuinfo")):
        if line.startswith(("model name", "Model")):
            return line.partition(":")[2].strip()
    return platform.processor() or "unknown"


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []
