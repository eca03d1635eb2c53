"""Read cells beside a writer that never takes the GIL; print the reads and how many were torn.

Compiles the functions of ``nogil/cells.pxd`` with this race at their end, as a module of its own. Arguments: a
folder to build in, and "whole", or "broken" for cells that are read without a second look at the sequence.
"""

import importlib.util
import json
import shlex
import subprocess
import sys
import sysconfig
from pathlib import Path

import lifeevt

CHECK = "return not sequence & 1 and load_i64(&block.sequence, ACQUIRE) == sequence"
RACE = '''

from libc.stdint cimport uintptr_t

cdef extern from "<pthread.h>" nogil:
    int pthread_create(uintptr_t* thread, const void* attributes, void* (*start)(void*) noexcept nogil, void* given)
    int pthread_join(uintptr_t thread, void** result)

cdef enum:
    CELLS = 16
    WRITES = 5_000_000

cdef void* _write(void* given) noexcept nogil:
    cdef cell_block* block = <cell_block*> given
    cdef int32_t index
    while cells_version(block) < WRITES:
        cells_begin_write(block)
        for index in range(CELLS):
            cells_add(block, index, 1.0)
        cells_end_write(block)
    return NULL


cdef bint _one_instant(const double* seen, int64_t version) noexcept nogil:
    cdef int32_t index
    for index in range(CELLS):
        if seen[index] != <double> version:
            return False
    return True


def race():
    cdef cell_block block
    cdef uintptr_t thread
    cdef double seen[CELLS]
    cdef int64_t version = 0, reads = 0, torn = 0
    cdef int32_t index
    cells_init(&block, CELLS, 0)
    for index in range(CELLS):
        block.cells[index].high = 1e9
    with nogil:
        pthread_create(&thread, NULL, _write, &block)
        while version < WRITES:
            if cells_read_all(&block, seen, &version) == 0:
                reads += 1
                if not _one_instant(seen, version):
                    torn += 1
        pthread_join(thread, NULL)
    cells_clear(&block)
    return reads, torn
'''


def moved(text):
    """Return a relative import of the package as an absolute one."""
    return text.replace("from ..", "from lifeevt._backends.")


def built(folder, broken):
    package = Path(lifeevt.__file__).parent
    text = moved((package / "_backends" / "nogil" / "cells.pxd").read_text())
    assert CHECK in text
    (folder / "cells_race.pyx").write_text((text.replace(CHECK, "return True") if broken else text) + RACE)
    library = folder / f"cells_race{sysconfig.get_config_var('EXT_SUFFIX')}"
    compiler = shlex.split(sysconfig.get_config_var("CC"))
    flags = ["-O2", "-shared", "-fPIC", "-pthread", f"-I{sysconfig.get_path('include')}"]
    translate = [sys.executable, "-m", "cython", "-3", f"-I{package.parent}", "cells_race.pyx"]
    subprocess.run(translate, cwd=folder, check=True)
    subprocess.run([*compiler, *flags, "cells_race.c", "-o", str(library)], cwd=folder, check=True)
    return library


def main():
    library = built(Path(sys.argv[1]), broken=sys.argv[2] == "broken")
    spec = importlib.util.spec_from_file_location("cells_race", library)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    print(json.dumps(module.race()))


main()
