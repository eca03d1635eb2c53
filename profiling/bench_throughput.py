"""How many events a second, and at what cost, against answering inside the tick?"""

from lifeevt.bench import measure
from lifeevt.bench.throughput import NAME, rows

if __name__ == "__main__":
    measure.main(NAME, rows, __doc__)
