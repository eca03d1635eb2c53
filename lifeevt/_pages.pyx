"""Memory below the heap; its contract stands in `_pages.pxd`."""

from libc.stdint cimport uintptr_t
from libc.string cimport memset

cdef extern from "<sys/mman.h>" nogil:
    """
    #include <sys/mman.h>
    #ifndef MAP_NORESERVE
    #define MAP_NORESERVE 0
    #endif
    #ifdef MADV_HUGEPAGE
    #define LIFEEVT_BIG_PAGES(start, size) ((void) madvise((start), (size), MADV_HUGEPAGE))
    #else
    #define LIFEEVT_BIG_PAGES(start, size) ((void) (start), (void) (size))
    #endif
    """
    int PROT_NONE, PROT_READ, PROT_WRITE
    int MAP_PRIVATE, MAP_ANONYMOUS, MAP_NORESERVE
    void* MAP_FAILED
    void* mmap(void* place, size_t size, int protection, int flags, int file, long offset)
    int mprotect(void* place, size_t size, int protection)
    int munmap(void* place, size_t size)
    void LIFEEVT_BIG_PAGES(void* start, size_t size)

cdef enum:
    BIG_PAGE = 1 << 21
    FIRST_STEP = 1 << 16
    SMALL_PAGES = 2 * BIG_PAGE      # as far as this, memory is taken in small pages


cdef int pages_reserve(page_run* pages, size_t size) noexcept nogil:
    """Reserve the addresses of `size` bytes; 0, or -1 when there are not as many."""
    memset(pages, 0, sizeof(page_run))
    pages.reserved = (size + FIRST_STEP - 1) & ~<size_t> (FIRST_STEP - 1)
    pages.mapped = pages.reserved + BIG_PAGE
    pages.mapping = mmap(NULL, pages.mapped, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
    if pages.mapping == MAP_FAILED:
        memset(pages, 0, sizeof(page_run))
        return -1
    pages.start = <char*> ((<uintptr_t> pages.mapping + BIG_PAGE - 1) & ~<uintptr_t> (BIG_PAGE - 1))
    return 0


cdef int pages_ready(page_run* pages, size_t size) noexcept nogil:
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
    if wanted > SMALL_PAGES:
        LIFEEVT_BIG_PAGES(pages.start + SMALL_PAGES, wanted - SMALL_PAGES)
    pages.ready = wanted
    return 0


cdef void pages_free(page_run* pages) noexcept nogil:
    if pages.start != NULL:
        munmap(pages.mapping, pages.mapped)
    memset(pages, 0, sizeof(page_run))
