"""How late do the ticks of a loop start under 0 to 100,000 events a second?"""

from lifeevt.bench import measure
from lifeevt.bench.jitter import NAME, rows

if __name__ == "__main__":
    measure.main(NAME, rows, __doc__)
