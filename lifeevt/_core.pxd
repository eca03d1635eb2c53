"""What Cython code outside the package cimports: the native classes, and the C that needs no GIL.

    from lifeevt._core cimport SUBMITTER_ACCEPTED, Submitter

The modules below `_backends` are not a public path: names move between them.
"""

from ._backends.native.account cimport Account
from ._backends.native.bucket cimport Bucket
from ._backends.native.cells cimport StateCells
from ._backends.native.codel cimport CoDel
from ._backends.native.heap cimport EventHeap
from ._backends.native.histogram cimport Histogram
from ._backends.native.type_table cimport TypeTable
from ._backends.native.reactor cimport Reactor
from ._backends.native.reflex cimport ReflexTable
from ._backends.native.rwlock cimport RWLock
from ._backends.native.submitter cimport SUBMITTER_ACCEPTED, SUBMITTER_INVALID, SUBMITTER_REFUSED, Submitter
from ._backends.nogil.futex cimport futex_is_portable, monotonic_ns
