"""Print which compiled twin a fresh process imports."""

from importlib import import_module

print(import_module("lifeevt._core").__file__)
