"""Compile the probes beside their sources, against the lifeevt that this interpreter imports."""

import os
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

import lifeevt

ROOT = Path(__file__).resolve().parents[2]
SOURCES = Path("profiling", "probes")
DIRECTIVES = {"boundscheck": False, "wraparound": False, "cdivision": True, "freethreading_compatible": True}
FLAGS = ["-O2", "-ffp-contract=off", "-pthread"]  # as lifeevt itself

os.chdir(ROOT)
modules = [
    Extension(f"probes.{path.stem}", [str(path)], extra_compile_args=FLAGS, extra_link_args=FLAGS)
    for path in sorted(SOURCES.glob("*.pyx"))
]
setup(
    script_args=["--quiet", "build_ext", "--inplace"],
    package_dir={"": "profiling"},
    ext_modules=cythonize(
        modules, quiet=True, build_dir="build/c", include_path=[str(Path(lifeevt.__file__).parents[1])],
        compiler_directives=DIRECTIVES,
    ),
)  # fmt: skip
