"""How many events a second go from submit to their end, at what processor time, and how soon is each answered?"""

from lifeevt.bench import measure
from lifeevt.bench.throughput import NAME, rows

if __name__ == "__main__":
    measure.main(NAME, rows, __doc__)
