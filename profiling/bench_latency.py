"""How long from submit until the state has changed?"""

from lifeevt.bench import measure
from lifeevt.bench.latency import NAME, rows

if __name__ == "__main__":
    measure.main(NAME, rows, __doc__)
