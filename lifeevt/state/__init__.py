"""The state that threads share: bounded numbers and other values, read and written atomically."""

from __future__ import annotations

from .._public import publish
from .changes import StateChange, Subscription
from .exclusive import ExclusiveAccess
from .field import Field, Value
from .snapshot import DeltaReport, RestoreReport, StateSnapshot, StateStatistics
from .state import ThreadSafeSelfState
from .transaction import Transaction

__all__ = [
    "DeltaReport", "ExclusiveAccess", "Field", "RestoreReport", "StateChange", "StateSnapshot", "StateStatistics",
    "Subscription", "ThreadSafeSelfState", "Transaction", "Value",
]  # fmt: skip

__dir__ = publish(__name__)
