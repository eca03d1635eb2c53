"""The native backend: the classes of ``_backends.reference``, over C that holds numbers only.

This module gathers them from ``_backends.native``, where each module joins the C of one noun to Python objects. All of
them keep two rules. A C lock is tried first, and waited for without the GIL. While the lock of the heap or of a state
is held, no Python code can run: nothing is collected, no reference falls to zero, no callback is called.
"""

from ._backends.native import (
    account, bucket, cells, codel, engine, heap, histogram, lock_guard, queue, reactor, reflex, rwlock, state,
    submitter, type_table,
)
from ._backends.nogil.futex cimport futex_is_portable

__all__ = [
    "FORM", "TRACED", "Account", "Bucket", "CoDel", "EventHeap", "Histogram", "LockEntry", "LockGuard",
    "ProcessorBase", "QueueBase", "RWLock", "Reactor", "ReflexTable", "StateBase", "StateCells", "Submitter",
    "TypeTable",
]

# Published like this because `_core.pxd` has the names already, as types of C.
for module in (
    account, bucket, cells, codel, engine, heap, histogram, lock_guard, queue, reactor, reflex, rwlock, state,
    submitter, type_table,
):
    globals().update({name: getattr(module, name) for name in __all__ if hasattr(module, name)})

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
FORM = "portable" if futex_is_portable() else "futex"    # see docs/reference/platforms.md
