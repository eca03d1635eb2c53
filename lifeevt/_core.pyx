"""The native twin: the same classes as `_core_py`, over C that holds numbers only.

This is the one door; behind it, each room (`_core_heap`, `_core_lock`, ...) is where the C of one noun
meets Python objects. Rules kept in all of them: a C lock is tried first and waited for without the
GIL; while the heap's or a state's is held, no Python code can run: no object is collected, no
reference falls to zero, nobody is called back.
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
from ._backends.native.lock_guard import LockGuard
from ._backends.native.submitter import Submitter

__all__ = [
    "TRACED", "Account", "Bucket", "CoDel", "EventHeap", "Histogram", "KindTable", "LockGuard",
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
