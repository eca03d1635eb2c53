"""Whole numbers of 128 bits: products of two times, and sums that must not overflow. Not one Python object."""

cdef extern from * nogil:
    """
    /* Python allocates at least 8-byte aligned memory, and a __int128 inside it may ask for no more. */
    __extension__ typedef __int128 lifeevt_wide __attribute__((aligned(8)));
    __extension__ typedef unsigned __int128 lifeevt_unsigned_wide __attribute__((aligned(8)));
    #define LIFEEVT_LONG_AGO (-((lifeevt_wide) 1 << 120))
    """
    ctypedef long long wide "lifeevt_wide"
    ctypedef unsigned long long unsigned_wide "lifeevt_unsigned_wide"
    wide LONG_AGO "LIFEEVT_LONG_AGO"        # before every time of 64 bits, also times 2**40
