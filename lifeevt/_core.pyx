"""The native backend: the classes of ``_backends.reference``, over C that holds numbers only.

This module gathers them from ``_backends.native``, where each module joins the C of one noun to Python objects. All of
them keep two rules. A C lock is tried first, and waited for without the GIL. While the lock of the heap or of a state
is held, no Python code can run: nothing is collected, no reference falls to zero, no callback is called.
"""

from ._backends.native.account import Account
from ._backends.native.bucket import Bucket
from ._backends.native.cells import StateCells
from ._backends.native.codel import CoDel
from ._backends.native.engine import ProcessorBase
from ._backends.native.heap import EventHeap
from ._backends.native.histogram import Histogram
from ._backends.native.kinds import KindTable
from ._backends.native.rwlock import RWLock
from ._backends.native.queue import QueueBase
from ._backends.native.reactor import Reactor
from ._backends.native.reflex import ReflexTable
from ._backends.native.state import StateBase
from ._backends.native.lock_guard import LockEntry, LockGuard
from ._backends.native.submitter import Submitter

__all__ = [
    "TRACED", "Account", "Bucket", "CoDel", "EventHeap", "Histogram", "KindTable", "LockEntry", "LockGuard",
    "ProcessorBase", "QueueBase", "RWLock", "Reactor", "ReflexTable", "StateBase", "StateCells", "Submitter",
]

cdef extern from * nogil:
    """
    #if defined(CYTHON_TRACE) && CYTHON_TRACE
    #define LIFEEVT_TRACED 1
    #else
    #define LIFEEVT_TRACED 0
    #endif
    """
    bint LIFEEVT_TRACED

TRACED = bool(LIFEEVT_TRACED)
