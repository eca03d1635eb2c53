"""Runs of memory that grow without moving: addresses first, memory when it is touched. Not one Python object."""

from libc.string cimport memset

ctypedef struct page_run:
    char* start             # on the boundary of a page, or NULL
    size_t ready            # bytes that may be used; they are zero until written
    size_t reserved

cdef extern from "<sys/mman.h>" nogil:
    """
    #include <sys/mman.h>
    #ifndef MAP_NORESERVE
    #define MAP_NORESERVE 0
    #endif
    """
    int PROT_NONE, PROT_READ, PROT_WRITE
    int MAP_PRIVATE, MAP_ANONYMOUS, MAP_NORESERVE
    void* MAP_FAILED
    void* mmap(void* place, size_t size, int protection, int flags, int file, long offset)
    int mprotect(void* place, size_t size, int protection)
    int munmap(void* place, size_t size)

cdef enum:
    FIRST_STEP = 1 << 16


cdef inline int pages_reserve(page_run* pages, size_t size) noexcept nogil:
    """Reserve the addresses of `size` bytes; 0, or -1 when there are not as many."""
    memset(pages, 0, sizeof(page_run))
    pages.reserved = (size + FIRST_STEP - 1) & ~<size_t> (FIRST_STEP - 1)
    cdef void* start = mmap(NULL, pages.reserved, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
    if start == MAP_FAILED:
        memset(pages, 0, sizeof(page_run))
        return -1
    pages.start = <char*> start
    return 0


cdef inline int pages_ready(page_run* pages, size_t size) noexcept nogil:
    """Make `size` bytes usable, or a step more; 0, or -1 without memory. O(1): no page is touched."""
    cdef size_t wanted = pages.ready
    if size > pages.reserved:
        return -1
    while wanted < size:
        wanted = wanted * 2 if wanted > 0 else FIRST_STEP
    wanted = min(wanted, pages.reserved)
    if wanted == pages.ready:
        return 0
    if mprotect(pages.start + pages.ready, wanted - pages.ready, PROT_READ | PROT_WRITE) != 0:
        return -1
    pages.ready = wanted
    return 0


cdef inline void pages_free(page_run* pages) noexcept nogil:
    if pages.start != NULL:
        munmap(pages.start, pages.reserved)
    memset(pages, 0, sizeof(page_run))
