"""Memory that grows without moving: addresses are reserved first, memory is committed as needed. No Python object.

A thread may go on reading through a pointer while another one commits more. The kernel hands out a page when it
is first touched, and clears it then, so committing is O(1).
"""

from libc.string cimport memset

cdef extern from "<sys/mman.h>" nogil:
    """
    #include <sys/mman.h>
    #ifndef MAP_NORESERVE
    #define MAP_NORESERVE 0
    #endif
    #ifndef MAP_ANONYMOUS
    #define MAP_ANONYMOUS MAP_ANON
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

ctypedef struct reserved_memory:
    char* start             # on the boundary of a page, or NULL
    size_t committed        # bytes that may be used; they are zero until written
    size_t reserved


cdef inline int memory_reserve(reserved_memory* memory, size_t size) noexcept nogil:
    """Reserve the addresses of `size` bytes; -1 when there are not as many, else 0."""
    memset(memory, 0, sizeof(reserved_memory))
    memory.reserved = (size + FIRST_STEP - 1) & ~<size_t> (FIRST_STEP - 1)
    cdef void* start = mmap(NULL, memory.reserved, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
    if start == MAP_FAILED:
        memset(memory, 0, sizeof(reserved_memory))
        return -1
    memory.start = <char*> start
    return 0


cdef inline int memory_commit(reserved_memory* memory, size_t size) noexcept nogil:
    """Make the first `size` bytes usable, or more, by doubling; -1 without memory, else 0. O(1)."""
    cdef size_t wanted = memory.committed
    if size > memory.reserved:
        return -1
    while wanted < size:
        wanted = wanted * 2 if wanted > 0 else FIRST_STEP
    wanted = min(wanted, memory.reserved)
    if wanted == memory.committed:
        return 0
    if mprotect(memory.start + memory.committed, wanted - memory.committed, PROT_READ | PROT_WRITE) != 0:
        return -1
    memory.committed = wanted
    return 0


cdef inline void memory_free(reserved_memory* memory) noexcept nogil:
    """Give addresses and memory back."""
    if memory.start != NULL:
        munmap(memory.start, memory.reserved)
    memset(memory, 0, sizeof(reserved_memory))
