"""How late do the ticks of a loop start, while events come ever faster?"""

from lifeevt.bench import measure
from lifeevt.bench.jitter import NAME, rows

if __name__ == "__main__":
    measure.main(NAME, rows, __doc__)
