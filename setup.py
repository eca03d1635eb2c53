"""Compile every .pyx below lifeevt/ into an extension of its own; all metadata is in pyproject.toml.

Switches, read from the environment, on when "1". A build that fails stays failed, nothing falls back.
  LIFEEVT_PURE      no extension: needs neither Cython nor a C compiler
  LIFEEVT_TRACE     line tracing: the directive and the macros, which do nothing apart
  LIFEEVT_WERROR    warnings of the C compiler and of Cython, performance hints included, are errors
  LIFEEVT_ANNOTATE  a page beside each .pyx that shows where its C calls Python
  LIFEEVT_SANITIZE  "thread" or "address" instead of "1": build with that sanitizer of the C compiler
"""

import contextlib
import importlib.util
import io
import os
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command import build_ext, sdist

PURE, TRACE, WERROR, ANNOTATE = (os.environ.get(f"LIFEEVT_{s}") == "1" for s in ("PURE", "TRACE", "WERROR", "ANNOTATE"))
SANITIZE = [f"-fsanitize={kind}", "-g"] if (kind := os.environ.get("LIFEEVT_SANITIZE")) else []
STRICT = ["-Wall", "-Wextra", "-Werror"] if WERROR else []
SOURCES = [] if PURE else sorted(str(path) for path in Path("lifeevt").rglob("*.pyx"))
DIRECTIVES = {
    "language_level": 3, "binding": True, "boundscheck": False, "wraparound": False, "cdivision": True,
    "freethreading_compatible": True,  # the stress tests pass there; without it one import brings the GIL back
}  # fmt: skip
FLAGS = {
    # No contraction: a fused multiply-add rounds once where Python rounds twice, and the twins would differ.
    "extra_compile_args": ["-O2", "-ffp-contract=off", "-pthread", *SANITIZE, *STRICT],
    "extra_link_args": ["-pthread", *SANITIZE],
    "define_macros": [("CYTHON_TRACE", "1"), ("CYTHON_TRACE_NOGIL", "1")] if TRACE else [],
}


def translate() -> None:
    """Write the C beside each .pyx, always anew: its age does not tell which switches made it."""
    if not SOURCES or not (TRACE or importlib.util.find_spec("Cython")):
        return  # without Cython the C that an sdist ships is compiled; it has no tracing
    from Cython.Build import cythonize
    from Cython.Compiler import Options
    Options.warning_errors = WERROR
    try:
        with contextlib.redirect_stderr(io.StringIO()) as said:
            cythonize(SOURCES, force=True, annotate=ANNOTATE, compiler_directives=DIRECTIVES | {"linetrace": TRACE})
    finally:
        os.write(2, said.getvalue().encode())
    if WERROR and "performance hint:" in said.getvalue():  # Cython has no switch for these
        raise SystemExit("LIFEEVT_WERROR: a performance hint is an error")


class Translated:
    def run(self) -> None:
        translate()
        self.force = True  # objects of an earlier build may come from other switches
        super().run()


setup(
    ext_modules=[Extension(source[:-4].replace(os.sep, "."), [f"{source[:-4]}.c"], **FLAGS) for source in SOURCES],
    cmdclass={way.__name__: type(way.__name__, (Translated, way), {}) for way in (build_ext.build_ext, sdist.sdist)},
)
