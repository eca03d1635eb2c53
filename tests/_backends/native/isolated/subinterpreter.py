"""Import a module in a subinterpreter after the main one has it, and print the outcome. Argument: the module."""

import sys
from importlib import import_module


def interpreters():
    """The low-level module, by the name that this version of Python gives it."""
    for name in ("_interpreters", "_xxsubinterpreters"):
        try:
            return import_module(name)
        except ModuleNotFoundError as error:
            if error.name != name:
                raise
    raise SystemExit("this Python has no module for subinterpreters")


SCRIPT = f"""
import os
import sys
sys.path[:] = {sys.path!r}
if "{sys.argv[1]}".endswith("reference"):
    os.environ["LIFEEVT_BACKEND"] = "reference"  # else the package takes the native twin
try:
    import {sys.argv[1]}
except ImportError as error:
    print(f"ImportError: {{error}}", flush=True)
else:
    print("imported", flush=True)
"""

module = import_module(sys.argv[1])
which = interpreters()
one = which.create()
failed = which.run_string(one, SCRIPT)
assert failed is None, failed
which.destroy(one)
heap = module.EventHeap(1)
heap.offer(0, 0, 0, "payload", 0)
assert heap.pop()[0] == "payload"
print("the main interpreter still works")
