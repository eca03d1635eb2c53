"""The native twin: the same classes as `_core_py`, over C that holds numbers only.

This is the one door; behind it, each room (`_core_heap`, `_core_lock`, ...) is where the C of one noun
meets Python objects. Rules kept in all of them: a C lock is tried first and waited for without the
GIL; while the heap's or a state's is held, no Python code can run: no object is collected, no
reference falls to zero, nobody is called back.
"""

from ._core_account import Account
from ._core_bucket import Bucket
from ._core_cells import StateCells
from ._core_codel import CoDel
from ._core_engine import EngineFront
from ._core_heap import EventHeap
from ._core_histogram import Histogram
from ._core_kinds import KindTable
from ._core_lock import RWLock
from ._core_queue import QueueFront
from ._core_reactor import Reactor
from ._core_reflex import ReflexTable
from ._core_state import StateFront
from ._core_stay import StayFront
from ._core_submitter import Submitter

__all__ = [
    "TRACED", "Account", "Bucket", "CoDel", "EngineFront", "EventHeap", "Histogram", "KindTable", "QueueFront",
    "RWLock", "Reactor", "ReflexTable", "StateCells", "StateFront", "StayFront", "Submitter",
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
