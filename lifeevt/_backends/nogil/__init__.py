"""The native backend without one Python object: C structs and functions that need no GIL.

Modules here cimport one another as ``..nogil.heap``, not as ``.heap``: Cython keeps the inline functions of a
declaration file under the name by which it was cimported first, and ``.heap`` is also the name of ``native/heap``.
"""
