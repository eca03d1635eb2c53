"""How do the figures grow with the depth of the queue, with producers, readers and fields?"""

from lifeevt.bench import measure
from lifeevt.bench.curves import NAME, rows

if __name__ == "__main__":
    measure.main(NAME, rows, __doc__)
