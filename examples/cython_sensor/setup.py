"""Compile sensor.pyx against the declarations that lifeevt ships, wherever it is installed."""

from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

import lifeevt

setup(
    ext_modules=cythonize(
        [Extension("sensor", ["sensor.pyx"])],
        include_path=[str(Path(lifeevt.__file__).parents[1])],
        compiler_directives={"language_level": 3, "freethreading_compatible": True},
    )
)
