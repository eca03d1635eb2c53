"""Compile every .pyx below lifeevt/ into an extension. docs/reference/backends.md explains the switches."""

import os
import tempfile
from glob import glob

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

SWITCHES = {"PURE": [], "ANNOTATE": [], "PORTABLE": ["-DLIFEEVT_PORTABLE"], "WERROR": ["-Wall", "-Wextra", "-Werror"],
            "TRACE": ["-g", "-DCYTHON_TRACE=1", "-DCYTHON_TRACE_NOGIL=1"]}  # fmt: skip
ON = [name for name in SWITCHES if os.environ.get(f"LIFEEVT_{name}") == "1"]
SANITIZE = [f"-fsanitize={kind}", "-g"] if (kind := os.environ.get("LIFEEVT_SANITIZE")) else []
# No contraction: a fused multiply-add rounds once where Python rounds twice, and the backends would differ.
FLAGS = ["-O2", "-g0", "-ffp-contract=off", "-pthread", *SANITIZE, *(flag for name in ON for flag in SWITCHES[name])]
DIRECTIVES = {"boundscheck": False, "wraparound": False, "cdivision": True, "freethreading_compatible": True}
SOURCES = [] if "PURE" in ON else [path[:-4] for path in sorted(glob("lifeevt/**/*.pyx", recursive=True))]


class Build(build_ext):
    def build_extensions(self) -> None:
        from Cython.Build import cythonize
        with tempfile.TemporaryFile() as said, os.fdopen(os.dup(2), "wb") as stderr:
            os.dup2(said.fileno(), 2)  # hear every process: Cython has no switch that makes an error of a hint
            try:
                cythonize([f"{path}.pyx" for path in SOURCES], force=True, nthreads=self.parallel, build_dir="build/c",
                          annotate="ANNOTATE" in ON, compiler_directives=DIRECTIVES | {"linetrace": "TRACE" in ON})
            finally:
                os.dup2(stderr.fileno(), 2)
                stderr.write(said.seek(0) or said.read())
            if "WERROR" in ON and said.tell() > 0:
                raise SystemExit("LIFEEVT_WERROR: what Cython says above is an error")
        super().build_extensions()


if __name__ == "__main__":  # the processes of cythonize import this file, too
    setup(cmdclass={"build_ext": Build}, options={"build_ext": {"parallel": os.cpu_count(), "force": True}},
          ext_modules=[Extension(path.replace(os.sep, "."), [f"build/c/{path}.c"], extra_compile_args=FLAGS,
                                 extra_link_args=FLAGS) for path in SOURCES])  # fmt: skip
