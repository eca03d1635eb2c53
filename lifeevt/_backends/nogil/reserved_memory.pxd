"""Runs of memory that grow without moving: addresses first, memory when it is touched. Not one Python object."""

ctypedef struct page_run:
    char* start             # on the boundary of a page, or NULL
    size_t ready            # bytes that may be used; they are zero until written
    size_t reserved

cdef int pages_reserve(page_run* pages, size_t size) noexcept nogil
cdef int pages_ready(page_run* pages, size_t size) noexcept nogil
cdef void pages_free(page_run* pages) noexcept nogil
