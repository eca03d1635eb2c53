"""Names that the package is about to have."""

from dataclasses import dataclass
from typing import Any

try:
    from lifeevt import ConflictError, Value
except ImportError:

    class ConflictError(Exception):
        def __init__(self, fields, began, version):
            super().__init__(fields, began, version)
            self.fields = fields

    @dataclass(frozen=True)
    class Value:
        default: Any = None
        kind: Any = object
